//! A diagnosis as Markdown: each incident as a report that stands alone (signatures section 4). It names inputs and code
//! sites, never people.

use super::escape::{code, escape};
use super::sections;
use crate::facts;
use crate::screen::runtime::Contents;
use firstbad_protocol::sentence::{moment, sentence};
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Diagnosis, Incident};

/// Every incident of `diagnosis`. `contents` gives the versions for the row difference, where they were kept.
pub(crate) fn diagnosis(snapshot: &Snapshot, diagnosis: &Diagnosis, contents: Option<&Contents>) -> String {
    let mut text = String::new();
    for incident in &diagnosis.incidents {
        text += &report(snapshot, incident, contents);
    }
    if diagnosis.incidents.is_empty() {
        let window = &diagnosis.window;
        text += "# No incident in what was seen\n\n";
        text += &format!("{} hosts, {} of them silent at the end.\n\n", window.hosts, window.hosts_silent);
        text += &sections::list("Blind spots", &facts::blind_spots(snapshot, None), "None known.");
    }
    text
}

fn report(snapshot: &Snapshot, incident: &Incident, contents: Option<&Contents>) -> String {
    let mut text =
        format!("# Incident {}\n\n**{}**\n\n", escape(&facts::identity(incident)), escape(&sentence(incident)));
    text += &sections::status_update(snapshot, incident);
    text += &sections::summary(incident);
    text += &sections::impact(snapshot, incident);
    text += &sections::timeline(snapshot, incident);
    text += &sections::evidence(incident);
    text += &sections::ruled_out(incident);
    text += &sections::input(incident, contents);
    text += &sections::last_known_good(incident);
    text += &sections::hosts(snapshot, incident);
    text += &sections::actions(incident);
    text += &sections::contributing(snapshot, incident);
    text += &sections::list("Blind spots", &facts::blind_spots(snapshot, Some(incident)), "None known.");
    text + &format!(
        "---\nComputed by firstbad {} from telemetry up to {}. {} computes every number again.\n\n",
        env!("CARGO_PKG_VERSION"),
        snapshot.at.map_or_else(|| "an unknown time".to_owned(), moment),
        code(&format!("firstbad explain {} --verify", incident.id))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::screen::runtime::Content;
    use firstbad_protocol::content::Format;
    use std::sync::Arc;

    fn contents() -> Contents {
        Arc::new(|hash| {
            let bytes = if hash == fixture::bad() { fixture::bad_file() } else { fixture::good_file() };
            Ok(Content { bytes, format: Format::Lines })
        })
    }

    #[test]
    fn the_report_of_18_november() {
        let snapshot = fixture::named();
        insta::assert_snapshot!("report", diagnosis(&snapshot, &snapshot.diagnosis, Some(&contents())));
    }

    #[test]
    fn a_report_without_a_cause_accuses_nobody() {
        let snapshot = fixture::with(fixture::insufficient());
        insta::assert_snapshot!("report_insufficient", diagnosis(&snapshot, &snapshot.diagnosis, None));
    }

    #[test]
    fn a_report_of_a_refusal_is_no_outage() {
        let snapshot = fixture::with(fixture::refused());
        insta::assert_snapshot!("report_refused", diagnosis(&snapshot, &snapshot.diagnosis, None));
    }

    #[test]
    fn hostile_text_makes_neither_markup_nor_control_characters() {
        let mut snapshot = fixture::hostile();
        snapshot.hosts[0].host = "![x](http://evil)|<b>".into();
        snapshot.diagnosis.incidents[0].blind_spots.push("[x](http://evil)".to_owned().into());
        let text = diagnosis(&snapshot, &snapshot.diagnosis, None);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && !text.contains('\u{202e}'));
        for markup in ["![x]", "](http", "<b>"] {
            assert!(!text.contains(markup), "{markup}");
        }
    }
}
