//! Where links lead: to playbooks in this repository, and to the dashboard of versions with the version that was clicked.

use crate::panel::Link;
use crate::query::Query;
use crate::source::Source;

/// The repository's files as a browser shows them.
const FILES: &str = "https://github.com/firstbad/firstbad/blob/main";

/// A playbook by the name of its file.
pub(crate) fn playbook(name: &str) -> Link {
    Link { title: format!("Playbook: {}", name.replace('-', " ")), url: format!("{FILES}/playbooks/{name}.md") }
}

/// The list of playbooks.
pub(crate) fn playbooks() -> Link {
    Link { title: "Playbooks".to_owned(), url: format!("{FILES}/playbooks/README.md") }
}

/// The uid of a dashboard of this source.
pub(crate) fn uid(name: &str, source: Source) -> String {
    match source {
        Source::Collector => format!("firstbad-{name}"),
        Source::Proxy | Source::Otlp => format!("firstbad-{name}-{}", source.slug()),
    }
}

/// From a series by version to the dashboard of versions, with that version chosen and the same time.
pub(crate) fn this_version(query: Query) -> Link {
    let labels = query.labels;
    Link {
        title: "Compare this version with all others".to_owned(),
        url: format!(
            "/d/{}?${{__url_time_range}}&var-datasource=${{datasource}}&${{job:queryparam}}&${{instance:queryparam}}\
             &var-config=${{__field.labels.{}}}&var-hash=${{__field.labels.{}}}",
            uid("versions", query.source),
            labels.config,
            labels.hash
        ),
    }
}

/// The same from a row of a table, whose cells are fields.
pub(crate) fn this_row(query: Query) -> Link {
    let link = this_version(query);
    Link { url: link.url.replace("__field.labels.", "__data.fields."), ..link }
}
