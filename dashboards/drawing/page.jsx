// One dashboard on one page, with Grafana's own components of panels. `window.BOARD` has the panels and what Prometheus answered.
import { createRoot } from "react-dom/client";
import { FieldType, createTheme, dateTime, getDisplayProcessor, toDataFrame } from "@grafana/data";
import { initPluginTranslations } from "@grafana/i18n";
import { BigValue, Table, ThemeContext, TimeSeries } from "@grafana/ui";

const theme = createTheme({ colors: { mode: "dark" } });
const { board, panels, range } = window.BOARD;
const timeRange = { from: dateTime(range.from * 1000), to: dateTime(range.to * 1000), raw: { from: dateTime(range.from * 1000), to: dateTime(range.to * 1000) } };
const COLUMN = 1440 / 24;
const ROW = 36;

/** A frame of one series, with the panel's unit, colours and display. */
function frameOf(panel, series, index) {
  const defaults = panel.fieldConfig.defaults;
  const frame = toDataFrame({
    refId: series.refId,
    fields: [
      { name: "Time", type: FieldType.time, values: series.points.map((point) => point[0] * 1000), config: {} },
      { name: series.name, type: FieldType.number, values: series.points.map((point) => point[1]), labels: series.labels, config: { ...defaults, links: [], displayName: series.name } },
    ],
  });
  for (const field of frame.fields) {
    field.state = { seriesIndex: index, displayName: field.name };
    field.display = getDisplayProcessor({ field, theme, timeZone: "utc" });
  }
  return frame;
}

function Numbers({ panel, series, width, height }) {
  const frame = frameOf(panel, series[0], 0);
  const [time, number] = frame.fields;
  const last = number.values[number.values.length - 1];
  const value = number.display(last);
  return <BigValue theme={theme} width={width} height={height} value={value} colorMode="value" graphMode="area" justifyMode="auto" textMode="value" sparkline={{ x: time, y: number }} />;
}

function Rows({ panel, series, width, height }) {
  const labels = [...new Set(series.flatMap((one) => Object.keys(one.labels)))];
  const fields = labels.map((label) => ({ name: label, type: FieldType.string, values: series.map((one) => one.labels[label] ?? ""), config: {} }));
  fields.push({ name: "Value", type: FieldType.number, values: series.map((one) => one.points[one.points.length - 1][1]), config: { ...panel.fieldConfig.defaults, links: [] } });
  const data = toDataFrame({ fields });
  for (const field of data.fields) field.display = getDisplayProcessor({ field, theme, timeZone: "utc" });
  return <Table data={data} width={width} height={height} />;
}

function Content({ panel, series, width, height }) {
  if (series.length === 0) return <div style={{ padding: 24, color: theme.colors.text.secondary, textAlign: "center" }}>{panel.fieldConfig.defaults.noValue}</div>;
  if (panel.type === "stat") return <Numbers {...{ panel, series, width, height }} />;
  if (panel.type === "table") return <Rows {...{ panel, series, width, height }} />;
  if (panel.type !== "timeseries") return <div style={{ padding: 24, color: theme.colors.text.secondary }}>{`${panel.type}: Grafana has no component of it on npm; ${series.length} series`}</div>;
  const frames = series.map((one, index) => frameOf(panel, one, index));
  return <TimeSeries frames={frames} width={width} height={height} timeRange={timeRange} timeZone="utc" legend={panel.options.legend} options={{}} />;
}

function Panel({ panel, series }) {
  const { x, y, w, h } = panel.gridPos;
  const [width, height] = [w * COLUMN - 8, h * ROW - 8];
  return (
    <div style={{ position: "absolute", left: x * COLUMN + 4, top: 48 + y * ROW, width, height, background: theme.colors.background.primary, border: `1px solid ${theme.colors.border.weak}`, overflow: "hidden" }}>
      <div style={{ padding: "6px 10px", fontSize: 14, fontWeight: 500 }}>{panel.title}</div>
      <Content panel={panel} series={series} width={width - 16} height={height - 36} />
    </div>
  );
}

function Board() {
  return (
    <ThemeContext.Provider value={theme}>
      <div style={{ position: "relative", fontFamily: "Inter, Helvetica, Arial, sans-serif", color: theme.colors.text.primary }}>
        <h1 style={{ fontSize: 18, fontWeight: 500, margin: 0, padding: "12px 10px" }}>{board.title}</h1>
        {panels.map((one) => <Panel key={one.panel.id} {...one} />)}
      </div>
    </ThemeContext.Provider>
  );
}

// Grafana sets this for its buttons by a style sheet of its own; names in legends are buttons.
document.head.append(Object.assign(document.createElement("style"), { textContent: "button{color:inherit;background:none;border:0;font:inherit}" }));
document.body.style.cssText = `margin:0;background:${theme.colors.background.canvas}`;
window.onerror = (message) => { document.title = `FAULT ${message}`; };
initPluginTranslations("firstbad").then(() => createRoot(document.getElementById("root")).render(<Board />));
