// Asks every query of one dashboard of a Prometheus, draws it with Grafana's components in headless Chromium, and writes a PNG.
// Usage: node draw.mjs PROMETHEUS_URL DASHBOARD.json OUT.png FROM_S TO_S
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

const [url, file, out, from, to] = process.argv.slice(2);
const range = { from: Number(from), to: Number(to) };
const board = JSON.parse(readFileSync(file, "utf8"));
const fill = (text) =>
  text.replaceAll("$__rate_interval", "4m").replaceAll("$__range", "1h").replaceAll("$job", ".+").replaceAll("$instance", ".+")
    .replaceAll("$region", ".*").replaceAll("$config", ".+").replaceAll("$hash", ".+");
const named = (legend, labels) => legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? "").trim() || "value";

async function answers(target) {
  const query = new URLSearchParams({ query: fill(target.expr), start: range.from, end: range.to, step: 60 });
  const answer = await (await fetch(`${url}/api/v1/query_range?${query}`)).json();
  if (answer.status !== "success") throw new Error(`${target.expr}: ${answer.error}`);
  const numbers = (values) => values.map(([time, value]) => [time, Number(value)]).filter(([, value]) => Number.isFinite(value));
  return answer.data.result
    .map((one) => ({ refId: target.refId, labels: one.metric, name: named(target.legendFormat, one.metric), points: numbers(one.values) }))
    .filter((one) => one.points.length > 0);
}

const panels = await Promise.all(board.panels.map(async (panel) => ({ panel, series: (await Promise.all(panel.targets.map(answers))).flat() })));
// No panel shows the editor of code, and a browser has no modules of Node.
const without = {
  name: "without",
  setup(build) {
    build.onResolve({ filter: /^(@monaco-editor|monaco-editor|react-monaco-editor|stream$|tty$|util$)/ }, () => ({ path: "editor", namespace: "empty" }));
    // A default export of CommonJS, which a file *.mjs sees as an object.
    build.onResolve({ filter: /^react-custom-scrollbars-2$/ }, ({ path, namespace }) => (namespace === "default" ? null : { path, namespace: "default" }));
    build.onLoad({ filter: /.*/, namespace: "default" }, ({ path }) => ({ contents: `module.exports = require("${path}").default`, resolveDir: import.meta.dirname }));
    build.onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "module.exports = {}" }));
  },
};
const bundle = await build({
  entryPoints: [join(import.meta.dirname, "page.jsx")], bundle: true, write: false, outdir: "/", format: "iife", plugins: [without], jsx: "automatic", logLevel: "error",
  define: { "process.env.NODE_ENV": '"production"', global: "window" }, loader: { ".svg": "dataurl", ".ttf": "empty", ".woff": "empty", ".woff2": "empty" }, mainFields: ["module", "main"],
});
const output = (ending) => bundle.outputFiles.find((file) => file.path.endsWith(ending))?.text ?? "";
const data = JSON.stringify({ board: { title: board.title }, panels, range }).replaceAll("<", "\\u003c");
const page = join(mkdtempSync(join(tmpdir(), "draw-")), "page.html");
writeFileSync(page, `<!doctype html><meta charset="utf-8"><style>${output(".css")}</style><div id="root"></div><script>window.BOARD = ${data}</script><script>${output(".js").replaceAll("</script", "<\\/script")}</script>`);
const height = 60 + 36 * Math.max(...board.panels.map((panel) => panel.gridPos.y + panel.gridPos.h));
const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=8000"];
const chromium = (...more) => execFileSync("chromium", [...flags, ...more, `file://${page}`], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 64 << 20 });
const dom = chromium("--dump-dom", `--window-size=1440,${height}`);
if (/<title>FAULT/.test(dom) || !dom.includes("<canvas")) throw new Error(`nothing drawn: ${dom.match(/<title>[^<]*/)?.[0] ?? "no canvas"} (${page})`);
chromium(`--screenshot=${out}`, `--window-size=1440,${height}`);
console.log(out);
