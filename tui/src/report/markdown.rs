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
    text += &sections::summary(snapshot, incident);
    text += &sections::said(incident);
    text += &sections::impact(snapshot, incident);
    text += &sections::timeline(snapshot, incident);
    text += &sections::evidence(incident);
    text += &sections::ruled_out(incident);
    text += &sections::input(incident, contents);
    text += &sections::last_known_good(snapshot, incident);
    text += &sections::hosts(snapshot, incident);
    text += &sections::actions(snapshot, incident);
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
    use firstbad_protocol::Finding;
    use firstbad_protocol::content::Format;
    use firstbad_protocol::verdict::{CauseKind, EngineerWord, Suspect, Verdict};
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

    /// An incident as its first verdict tells of it, with nothing known but that requests fail.
    fn early() -> Incident {
        Incident {
            first_error: None,
            input: None,
            last_known_good: None,
            history: Vec::new(),
            ..fixture::insufficient()
        }
    }

    #[test]
    fn a_report_does_not_contradict_itself() {
        let mut incident = early();
        incident.suspects[0].against.clear();
        incident.suspects.push(Suspect { rank: 2, kind: CauseKind::Binary, ..incident.suspects[0].clone() });
        let mut snapshot = fixture::with(incident);
        for host in &mut snapshot.hosts {
            (host.failing, host.needs_restart, host.silent) = (host.host.ends_with("00"), false, false);
        }
        let text = diagnosis(&snapshot, &snapshot.diagnosis, None);
        assert!(
            text.contains("## Hosts still affected\n1 host.") && text.contains("| edge-eu-00 | failing |"),
            "{text}"
        );
        assert!(
            !text.contains("edge-eu-00 | failing | unknown"),
            "the nearest suspect's config tells the version: {text}"
        );
        let (_, ruled_out) = text.split_once("## Ruled out").expect("the section");
        assert!(!ruled_out.contains("binary: fl2 and fl ran"), "it is ranked: {text}");
        assert!(text.contains("- #2 against: fl2 and fl ran for 9 d before"), "{text}");
        assert!(text.contains("time to detect (TTD): at most 3 min 20 s"), "the verdict is there: {text}");
        let (_, good) =
            text.split_once("## Last known good\nNone is proven. The version before, `sha256:").expect("a version");
        assert!(good.lines().next().is_some_and(|line| line.contains(" requests, of which ")), "{good}");
    }

    #[test]
    fn a_report_of_which_nothing_is_known_has_a_summary() {
        let mut incident = early();
        incident.suspects[0].against.clear();
        incident.suspects[0].kind = CauseKind::Time;
        let mut snapshot = fixture::with(incident);
        snapshot.diagnosis.incidents[0].ruled_out.clear();
        let text = diagnosis(&snapshot, &snapshot.diagnosis, None);
        assert!(text.contains("## Summary\n0.07% of requests failed (31). No error text was reported"), "{text}");
    }

    #[test]
    fn what_the_good_version_shares_is_no_reason_and_a_suspect_is_not_named() {
        let mut snapshot = fixture::named();
        let incident = &mut snapshot.diagnosis.incidents[0];
        incident.verdict = Verdict::Suspect;
        incident.first_error.as_mut().expect("an error").message = "expected `=`\n  |\n3 | foo\n  |   ^".to_owned();
        let input = incident.input.as_mut().expect("an input");
        input.limits.clear();
        input.findings = vec![Finding::RepeatedRows { rows: 120 }];
        let against = input.against;
        for version in snapshot.versions.iter_mut().filter(|version| Some(version.hash) == against) {
            version.facts.insert("rows".to_owned(), 240);
            version.facts.insert("duplicate_rows".to_owned(), 120);
        }
        let text = diagnosis(&snapshot, &snapshot.diagnosis, None);
        let after = text.split_once("\nWhy:\n- ").expect("reasons").1;
        let why = after.split_once("\n\n").expect("an end").0;
        assert!(why.lines().count() > 2 && !why.contains("240 rows") && !why.contains("120 "), "{why}");
        assert!(text.contains("| suspected: bot-features") && !text.contains("| named: "), "{text}");
        assert!(text.contains("``expected `=` / \u{2502} / 3 \u{2502} foo / \u{2502}   ^``"), "{text}");
    }

    #[test]
    fn what_an_engineer_said_is_told_and_escaped() {
        let mut snapshot = fixture::named();
        let quiet_report = diagnosis(&snapshot, &snapshot.diagnosis, None);
        assert!(!quiet_report.contains("Said by engineers"), "the control");
        let text = "see ![x](http://evil)\u{1b}[2J".to_owned();
        snapshot.diagnosis.incidents[0].words = vec![EngineerWord { text, ..fixture::disputed() }];
        let markdown = diagnosis(&snapshot, &snapshot.diagnosis, None);
        assert!(markdown.contains("## Said by engineers\n- disputed by anna at 2025-11-18T"), "{markdown}");
        assert!(markdown.contains("20251118-112804-errors, disputed by anna"), "{markdown}");
        assert!(!markdown.contains("![x]") && !markdown.contains('\u{1b}'), "{markdown}");
        let plain = crate::report::text::diagnosis(&snapshot, &snapshot.diagnosis);
        assert!(plain.contains("\nSAID     disputed by anna at 2025-11-18T") && !plain.contains('\u{1b}'), "{plain}");
        let explained = crate::report::text::explained(&snapshot.diagnosis.incidents[0]);
        assert!(explained.contains("said, and in no number above: disputed by anna"), "{explained}");
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
