//! A dashboard: its head, variables, annotations and links, and the panels in the order in which they are read.

use crate::links;
use crate::panel::{Panel, Place, datasource};
use crate::query::Query;
use crate::source::Source;
use crate::variables;
use serde_json::{Value, json};

/// Columns of Grafana's grid.
const COLUMNS: usize = 24;

/// One dashboard.
#[derive(Debug)]
pub(crate) struct Board {
    /// Its identity; links and repeated imports depend on it.
    pub(crate) uid: String,
    /// Its title.
    pub(crate) title: String,
    /// What it is for.
    pub(crate) description: &'static str,
    /// Whence its metrics come.
    pub(crate) source: Source,
    /// Whether it has variables for config and version, and the loads as annotations.
    pub(crate) versions: bool,
    /// Its panels.
    pub(crate) panels: Vec<Panel>,
}

impl Board {
    /// Classic JSON, schema 39: what every Grafana from 10.3 on imports and provisions.
    pub(crate) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.json()).unwrap_or_default();
        text.push('\n');
        text
    }

    fn json(&self) -> Value {
        let query = Query::new(self.source);
        let playbooks = links::playbooks();
        json!({
            "id": null,
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": self.tags(),
            "schemaVersion": 39,
            "version": 1,
            "editable": false,
            "timezone": "utc",
            "refresh": "30s",
            "graphTooltip": 1,
            "time": {"from": "now-1h", "to": "now"},
            "fiscalYearStartMonth": 0,
            "liveNow": false,
            "weekStart": "",
            "links": [
                {
                    "type": "dashboards", "tags": [tag(self.source)], "title": "firstbad", "asDropdown": false,
                    "includeVars": true, "keepTime": true, "targetBlank": false, "icon": "external link", "tooltip": "", "url": ""
                },
                {
                    "type": "link", "tags": [], "title": playbooks.title, "asDropdown": false, "includeVars": false,
                    "keepTime": false, "targetBlank": true, "icon": "doc", "tooltip": "What to do", "url": playbooks.url
                }
            ],
            "annotations": {"list": if self.versions { vec![loads(query)] } else { Vec::new() }},
            "templating": {"list": variables::list(query, self.versions)},
            "panels": self.placed(),
        })
    }

    /// The collector's own health is of interest from every source.
    fn tags(&self) -> Vec<String> {
        let all = if self.versions { vec![self.source] } else { Source::ALL.to_vec() };
        std::iter::once("firstbad-mixin".to_owned()).chain(all.into_iter().map(tag)).collect()
    }

    /// The panels from left to right; one that does not fit begins the next row.
    fn placed(&self) -> Vec<Value> {
        let (mut x, mut y, mut row) = (0, 0, 0);
        let mut placed = Vec::new();
        for (index, panel) in self.panels.iter().enumerate() {
            let (width, height) = panel.kind.size();
            if x + width > COLUMNS {
                (x, y, row) = (0, y + row, 0);
            }
            placed.push(panel.json(Place { id: index + 1, x, y }));
            x += width;
            row = row.max(height);
        }
        placed
    }
}

fn tag(source: Source) -> String {
    format!("firstbad-{}", source.slug())
}

/// A line at the moment at which a version became active: the value of the series is its time, in milliseconds.
fn loads(query: Query) -> Value {
    let legend = query.legend();
    json!({
        "name": "First load of a version",
        "enable": true,
        "hide": false,
        "iconColor": "orange",
        "datasource": datasource(),
        "expr": query.named(&format!("({}) * 1000", query.loaded_at())),
        "useValueForTime": "on",
        "titleFormat": legend,
        "textFormat": format!("first load of {legend}"),
        "step": "30s",
    })
}
