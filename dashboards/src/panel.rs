//! One panel as Grafana's classic JSON has it. The dashboards decide the queries; this file decides the looks.

use serde_json::{Value, json};

/// The form of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The last value, large.
    Stat,
    /// Lines over time.
    Lines,
    /// Stacked areas over time.
    Areas,
    /// Counts by bucket and time.
    Heatmap,
    /// The last values as rows.
    Table,
}

/// One query of a panel.
#[derive(Clone, Debug)]
struct Target {
    /// PromQL.
    expr: String,
    /// Name of a series, with labels in double braces.
    legend: String,
}

/// The texts of a panel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// Title.
    pub(crate) title: &'static str,
    /// What it shows, and what to do about it.
    pub(crate) description: &'static str,
    /// Shown where there are no data: the reason.
    pub(crate) empty: &'static str,
}

/// A link of a panel.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Title.
    pub(crate) title: String,
    /// Absolute, or from Grafana's root.
    pub(crate) url: String,
}

/// Everything that differs between panels.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    words: Words,
    pub(crate) kind: Kind,
    /// Grafana's name of the unit.
    unit: &'static str,
    /// Value from which on it is red; none if no value is bad.
    bad_from: Option<f64>,
    targets: Vec<Target>,
    /// Links of the panel's menu.
    links: Vec<Link>,
    /// Links of its points and cells.
    data_links: Vec<Link>,
}

/// A place on the grid of 24 columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Number of the panel, from 1.
    pub(crate) id: usize,
    /// Column.
    pub(crate) x: usize,
    /// Row.
    pub(crate) y: usize,
}

/// The data source that the variable names.
pub(crate) fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

impl Kind {
    /// Columns and rows.
    pub(crate) const fn size(self) -> (usize, usize) {
        match self {
            Self::Stat => (4, 4),
            Self::Lines | Self::Areas | Self::Table => (12, 8),
            Self::Heatmap => (24, 9),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Lines | Self::Areas => "timeseries",
            Self::Heatmap => "heatmap",
            Self::Table => "table",
        }
    }

    const fn is_instant(self) -> bool {
        matches!(self, Self::Table)
    }
}

impl Panel {
    /// A panel that asks nothing yet.
    pub(crate) const fn new(kind: Kind, unit: &'static str, words: Words) -> Self {
        Self { words, kind, unit, bad_from: None, targets: Vec::new(), links: Vec::new(), data_links: Vec::new() }
    }

    /// Adds a query, with the name of its series.
    pub(crate) fn ask(mut self, expr: impl Into<String>, legend: impl Into<String>) -> Self {
        self.targets.push(Target { expr: expr.into(), legend: legend.into() });
        self
    }

    /// Shows values from `value` on in red.
    pub(crate) const fn bad_from(mut self, value: f64) -> Self {
        self.bad_from = Some(value);
        self
    }

    /// Adds a link to the panel's menu.
    pub(crate) fn link(mut self, link: Link) -> Self {
        self.links.push(link);
        self
    }

    /// Adds a link to its points or cells.
    pub(crate) fn data_link(mut self, link: Link) -> Self {
        self.data_links.push(link);
        self
    }

    /// The panel at `place`.
    pub(crate) fn json(&self, place: Place) -> Value {
        let (width, height) = self.kind.size();
        json!({
            "id": place.id,
            "type": self.kind.name(),
            "title": self.words.title,
            "description": self.words.description,
            "datasource": datasource(),
            "gridPos": {"x": place.x, "y": place.y, "w": width, "h": height},
            "fieldConfig": {"defaults": self.defaults(), "overrides": []},
            "options": self.options(),
            "targets": self.targets.iter().enumerate().map(|(index, target)| self.target(index, target)).collect::<Vec<_>>(),
            "links": links(&self.links),
            "transformations": self.transformations(),
        })
    }

    /// Rows of several queries become one row by their labels; the time of the query is no column.
    fn transformations(&self) -> Value {
        if self.kind != Kind::Table {
            return json!([]);
        }
        let columns = json!({"excludeByName": {"Time": true}, "indexByName": {}, "renameByName": {}});
        json!([{"id": "merge", "options": {}}, {"id": "organize", "options": columns}])
    }

    fn target(&self, index: usize, target: &Target) -> Value {
        let letter = char::from(b'A'.saturating_add(u8::try_from(index).unwrap_or(u8::MAX)));
        let format = match self.kind {
            Kind::Table => "table",
            Kind::Heatmap => "heatmap",
            Kind::Stat | Kind::Lines | Kind::Areas => "time_series",
        };
        let instant = self.kind.is_instant();
        json!({
            "datasource": datasource(),
            "refId": letter.to_string(),
            "editorMode": "code",
            "expr": target.expr,
            "legendFormat": target.legend,
            "format": format,
            "instant": instant,
            "range": !instant,
        })
    }

    fn defaults(&self) -> Value {
        let good = json!({"color": if self.bad_from.is_some() { "green" } else { "text" }, "value": null});
        let bad = self.bad_from.map(|from| json!({"color": "red", "value": from}));
        let steps: Vec<Value> = std::iter::once(good).chain(bad).collect();
        let mut defaults = json!({
            "unit": self.unit,
            "noValue": self.words.empty,
            "thresholds": {"mode": "absolute", "steps": steps},
            "links": links(&self.data_links),
        });
        let more = match self.kind {
            Kind::Lines => lines(0, "none"),
            Kind::Areas => lines(40, "normal"),
            Kind::Stat | Kind::Heatmap | Kind::Table => json!({"color": {"mode": "thresholds"}}),
        };
        if let (Some(defaults), Value::Object(more)) = (defaults.as_object_mut(), more) {
            defaults.extend(more);
        }
        defaults
    }

    fn options(&self) -> Value {
        match self.kind {
            Kind::Stat => json!({
                "colorMode": "value",
                "graphMode": "area",
                "justifyMode": "auto",
                "orientation": "auto",
                "textMode": "value",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            }),
            Kind::Lines | Kind::Areas => json!({
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
            Kind::Heatmap => json!({
                "calculate": false,
                "cellGap": 1,
                "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "fill": "dark-orange", "scale": "exponential", "reverse": false},
                "filterValues": {"le": 1e-9},
                "legend": {"show": true},
                "rowsFrame": {"layout": "auto"},
                "tooltip": {"mode": "single", "yHistogram": false, "showColorScale": false},
                "yAxis": {"axisPlacement": "left", "reverse": false, "unit": "none"},
            }),
            Kind::Table => {
                json!({"showHeader": true, "cellHeight": "sm", "footer": {"show": false, "reducer": ["sum"], "countRows": false, "fields": ""}})
            }
        }
    }
}

/// How lines over time look: the opacity in percent below them, and Grafana's name of the stacking.
fn lines(fill: u8, stacking: &str) -> Value {
    json!({
        "color": {"mode": "palette-classic"},
        "min": 0,
        "custom": {
            "drawStyle": "line",
            "lineWidth": 2,
            "fillOpacity": fill,
            "showPoints": "auto",
            "spanNulls": false,
            "stacking": {"mode": stacking, "group": "A"},
        },
    })
}

fn links(links: &[Link]) -> Value {
    links
        .iter()
        .map(|link| json!({"title": link.title, "url": link.url, "targetBlank": link.url.starts_with("http")}))
        .collect()
}
