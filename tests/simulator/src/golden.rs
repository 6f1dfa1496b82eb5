//! A final verdict as text that a person reviews: what the engine said at the end of one run, versions by tag, times in
//! seconds of the run, numbers rounded so that only a change of meaning shows. Whether it is right was judged elsewhere;
//! it is said in the first lines, so that a reader knows what to compare with.

mod words;

use crate::bench::Run;
use crate::plan::Plan;
use crate::scenario::Scenario;
use firstbad_protocol::Hash;
use firstbad_protocol::sentence::{sentence, what, what_suspect};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Arm, Cause, HistoryEntry, Incident, Suspect};
use std::fmt::{Display, Write};
pub use words::difference;
use words::round;

/// Suspects that are told with their evidence; the others by name.
const SHOWN: usize = 3;

/// The text of a run.
#[must_use]
pub fn text(scenario: &Scenario, run: &Run) -> String {
    let (outcome, window) = (&run.outcome, &run.diagnosis.window);
    let mut out = format!("{}, seed {}: {}\n", outcome.scenario, outcome.seed, scenario.summary);
    let _ = writeln!(out, "{} {}", if outcome.right { "right:" } else { "NOT RIGHT, admissible:" }, outcome.admissible);
    for (what, found) in [("property", outcome.property), ("scope", outcome.scope), ("versions", outcome.complete)] {
        if found == Some(false) {
            let _ = writeln!(out, "WRONG {what}");
        }
    }
    let worst = [
        ("FALSE ACCUSATION", &outcome.false_accusation),
        ("WRONG EXONERATION", &outcome.wrong_exoneration),
        ("RULED OUT THE GUILTY", &outcome.ruled_out),
    ];
    for (what, said) in worst {
        said.iter().for_each(|said| {
            let _ = writeln!(out, "{what} {said}");
        });
    }
    let _ = writeln!(
        out,
        "{:.0} s seen every {} s, {} hosts, {} silent",
        run.plan.length_s, window.report_interval_s, window.hosts, window.hosts_silent
    );
    lines(&mut out, "blind", &run.diagnosis.blind_spots);
    if run.diagnosis.incidents.is_empty() {
        out.push_str("\nno incident\n");
    }
    for incident in &run.diagnosis.incidents {
        tell(&mut out, incident, &run.plan);
    }
    by_tag(out, &run.plan)
}

fn tell(out: &mut String, incident: &Incident, plan: &Plan) {
    let impact = &incident.impact;
    let signals: Vec<&str> = incident.signals.iter().map(|signal| signal.as_str()).collect();
    let at = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| second(at, plan));
    let _ = write!(
        out,
        "\n{}\n  {:?}, {:?}; signals {}\n  onset {}, named {}, resolved {}\n  impact: {} requests failed ({:.1} %), {} of {} hosts\n",
        sentence(incident),
        incident.state,
        incident.pattern,
        signals.join(" "),
        second(incident.onset, plan),
        at(incident.named_at),
        at(incident.resolved_at),
        round(impact.requests_failed as f64),
        100.0 * impact.failed_share,
        impact.hosts_affected,
        impact.hosts_reporting,
    );
    let _ =
        writeln!(out, "  verdict {}: {}", incident.verdict.as_str(), incident.cause.as_ref().map_or("-".into(), named));
    for (index, one) in incident.suspects.iter().enumerate() {
        suspect(out, one, index < SHOWN);
    }
    for ruled in &incident.ruled_out {
        let _ = writeln!(out, "  not {}: {}", ruled.what.as_str(), ruled.reason);
    }
    if let Some(error) = &incident.first_error {
        let (site, at) = (error.site.as_deref().unwrap_or("unknown"), second(error.first_seen, plan));
        let _ = writeln!(
            out,
            "  first error: {} at {site}, {} times, first at {at}",
            error.message,
            round(error.count as f64)
        );
    }
    rest(out, incident, plan);
}

fn rest(out: &mut String, incident: &Incident, plan: &Plan) {
    if let Some(input) = &incident.input {
        let number = |value: Option<u64>| value.map_or("?".into(), |value| value.to_string());
        let limits: Vec<String> =
            input.limits.iter().map(|limit| format!("{} {} of {}", limit.name, limit.value, limit.limit)).collect();
        let against = input.against.map_or("nothing".into(), |hash| hash.short());
        let _ = writeln!(
            out,
            "  input: rows {}, duplicates {}, limits [{}], against {against}",
            number(input.rows),
            number(input.duplicate_rows),
            limits.join(", ")
        );
        lines(out, "    finding", &input.findings);
    }
    if let Some(good) = &incident.last_known_good {
        let spoilt = if good.contaminated { ", CONTAMINATED" } else { "" };
        let _ = writeln!(out, "  last known good: {}, served {} s{spoilt}", good.hash.short(), good.bake_time_s);
    }
    for HistoryEntry { at, verdict, cause } in &incident.history {
        let told = cause.as_ref().map_or("-".into(), named);
        let _ = writeln!(out, "  at {}: {} {told}", second(*at, plan), verdict.as_str());
    }
    incident.playbook.iter().for_each(|playbook| {
        let _ = writeln!(out, "  playbook {playbook}");
    });
    lines(out, "  blind", &incident.blind_spots);
}

fn suspect(out: &mut String, suspect: &Suspect, with_evidence: bool) {
    let _ = writeln!(out, "  {}. {:.2} {:?} {}", suspect.rank, suspect.confidence, suspect.kind, what_suspect(suspect));
    if !with_evidence {
        return;
    }
    let _ = writeln!(
        out,
        "    exposed {}; control {}; ratio {}, explains {:.0} %",
        arm(&suspect.exposed),
        arm(&suspect.control),
        round(suspect.rate_ratio),
        100.0 * suspect.explained_share
    );
    lines(out, "    +", &suspect.evidence);
    lines(out, "    -", &suspect.against);
}

fn lines<T: Display>(out: &mut String, mark: &str, sentences: &[T]) {
    for sentence in sentences {
        let _ = writeln!(out, "{mark} {sentence}");
    }
}

fn named(cause: &Cause) -> String {
    let kind = format!("{:?}", cause.kind).to_lowercase();
    let older: Vec<String> = cause.hashes.iter().rev().skip(1).map(Hash::short).collect();
    let older = if older.is_empty() { String::new() } else { format!("; older: {}", older.join(" ")) };
    let also = if cause.also_separates.is_empty() {
        String::new()
    } else {
        format!(
            "; also separates: {}",
            cause.also_separates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        )
    };
    format!("{kind} {}{older}{also}", what(cause))
}

fn arm(arm: &Arm) -> String {
    let numbers = (round(arm.observed), round(arm.expected));
    format!("{}/{} hosts, {} seen, {} expected", arm.hosts_failing, arm.hosts, numbers.0, numbers.1)
}

fn second(at: Timestamp, plan: &Plan) -> String {
    format!("{:.0} s", at.since(plan.epoch) as f64 / 1e9)
}

/// Says of each version what it is in the scenario: a hash alone tells a reader nothing.
fn by_tag(mut out: String, plan: &Plan) -> String {
    for version in &plan.versions {
        let short = version.hash.short();
        if out.contains(&short) {
            let tag = version.tag.as_deref().unwrap_or("clean");
            out = out.replace(&short, &format!("{}<{tag}>", short.get(..4).unwrap_or("")));
        }
    }
    out
}
