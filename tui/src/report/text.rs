//! A diagnosis for a terminal or a log: one line per fact, each safe for a terminal.

use crate::screen::text::{count, duration, share};
use crate::{advice, course, facts};
use firstbad_collector::Status;
use firstbad_protocol::Untrusted;
use firstbad_protocol::sentence::{moment, sentence, what, what_suspect};
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Arm, Diagnosis, Incident, State};

/// `text` as one safe line.
pub(crate) fn line(text: &str) -> String {
    format!("{}\n", Untrusted(text))
}

fn labelled(label: &str, told: &str) -> String {
    line(&format!("{label:9}{told}"))
}

/// Every incident, or that there is none, and what could not be seen.
pub(crate) fn diagnosis(snapshot: &Snapshot, diagnosis: &Diagnosis) -> String {
    let window = &diagnosis.window;
    let mut text = String::new();
    let time = |at: Option<firstbad_protocol::time::Timestamp>| at.map_or_else(|| "unknown".to_owned(), moment);
    text += &line(&format!(
        "{} to {}: {} hosts, {} silent at the end, {} instances, reports every {} s{}",
        time(window.from),
        time(window.to),
        count(window.hosts),
        count(window.hosts_silent),
        count(window.instances),
        window.report_interval_s,
        if diagnosis.asked { "; ranked because --at asked" } else { "" }
    ));
    for told in &diagnosis.incidents {
        text += &incident(snapshot, told);
    }
    if diagnosis.incidents.is_empty() {
        text += &line("no incident in what was seen");
        for spot in facts::blind_spots(snapshot, None) {
            text += &labelled("BLIND", &spot);
        }
    }
    text
}

fn incident(snapshot: &Snapshot, incident: &Incident) -> String {
    let mut text = format!("\n{}", line(&sentence(incident)));
    text += &labelled("ID", &facts::identity(incident));
    text += &labelled("STATE", &format!("{}; {}", course::state_word(snapshot, incident), facts::impact(incident)));
    text.extend(facts::said(incident).iter().map(|said| labelled("SAID", said)));
    text.extend(incident.first_error.iter().map(|error| labelled("ERROR", &facts::error_text(error))));
    text.extend(facts::reasons(snapshot, incident).iter().map(|reason| labelled("WHY", reason)));
    for out in facts::ruled_out(incident) {
        text += &labelled("NOT IT", &facts::ruled_out_told(out));
    }
    text.extend(advice::when_over(incident).map(|over| labelled("DO NOW", &over)));
    let due = advice::when_over(incident).is_none();
    for (index, action) in advice::actions(snapshot, incident).iter().enumerate().filter(|_| due) {
        let needless = action.needless.as_ref().map_or_else(String::new, |why| format!("NOT DUE: {why}. "));
        text += &labelled("DO NOW", &format!("{} {needless}{} | {}", index + 1, action.what, action.risk_said()));
    }
    if let Some(good) = &incident.last_known_good {
        text += &labelled("GOOD", &format!("{} {}", good.hash, facts::last_known_good(snapshot, incident, good).1));
    }
    for spot in facts::blind_spots(snapshot, Some(incident)) {
        text += &labelled("BLIND", &spot);
    }
    text
}

/// Where each number of an incident comes from.
pub(crate) fn explained(incident: &Incident) -> String {
    let mut text = line(&sentence(incident));
    text += &line("Every host is its own control: `expected` is what its own past makes likely, `observed` what came.");
    for suspect in &incident.suspects {
        text += &line(&format!("#{} {}", suspect.rank, what_suspect(suspect)));
        text += &labelled("  exposed", &format!(" {}", arm(&suspect.exposed)));
        text += &labelled("  control", &format!(" {}", arm(&suspect.control)));
        // There is no ratio where there is nothing to compare with.
        let ratio = match suspect.control.hosts {
            0 => "no others to compare".to_owned(),
            _ => format!(
                "rate ratio {:.4} = exposed observed/expected over control observed/expected",
                suspect.rate_ratio
            ),
        };
        let explains = share(suspect.explained_share);
        text += &line(&format!("  {ratio}; explains {explains} of the excess; confidence {}", suspect.confidence));
        text.extend(suspect.evidence.iter().map(|said| line(&format!("  for: {said}"))));
        text.extend(facts::against(incident, suspect).map(|said| line(&format!("  against: {said}"))));
    }
    for entry in &incident.history {
        let cause = entry.cause.as_ref().map_or_else(|| "no cause".to_owned(), what);
        text += &line(&format!("earlier, {}: {} {cause}", moment(entry.at), entry.verdict.as_str()));
    }
    text.extend(facts::said(incident).iter().map(|said| line(&format!("said, and in no number above: {said}"))));
    text + &line(&format!("firstbad explain {} --verify computes all of it again from the observations", incident.id))
}

fn arm(arm: &Arm) -> String {
    let ratio = if arm.expected > 0.0 { format!(", x{:.2}", arm.observed / arm.expected) } else { String::new() };
    format!(
        "{}/{} hosts fail; {} observed, {} expected{ratio}",
        arm.hosts_failing, arm.hosts, arm.observed, arm.expected
    )
}

/// How the fleet and its collector fare.
pub(crate) fn status(url: &str, status: &Status, snapshot: &Snapshot) -> String {
    let fleet = snapshot.fleet;
    let mut text = line(&format!("collector {url}, version {}, process {}", status.version, status.pid));
    text += &line(&format!(
        "hosts: {} report, {} silent; queue {}/{}; store {} bytes in {}",
        fleet.hosts_reporting,
        fleet.hosts_silent,
        status.queue.length,
        status.queue.capacity,
        status.store_bytes,
        status.data_dir
    ));
    text += &match (snapshot.at, snapshot.diagnosis.window.to) {
        (Some(at), Some(to)) => {
            let behind = u64::try_from(at.since(to).max(0) / 1_000_000_000).unwrap_or(0);
            line(&format!("data up to {}, {} old", moment(to), duration(behind)))
        }
        _ => line("no data yet: nothing is known about any fleet"),
    };
    if let Some(failed) = fleet.failed_share {
        text += &line(&format!("{:.0} requests/s, {} fail", fleet.requests_per_s, share(failed)));
    }
    for (reason, refused) in status.refused.iter().filter(|(_, refused)| **refused > 0) {
        text += &line(&format!("refused, {reason}: {}", count(*refused)));
    }
    text.extend(status.degraded.iter().map(|reason| line(&format!("DEGRADED: {reason}"))));
    text.extend(status.not_ready.iter().map(|reason| line(&format!("NOT READY: {reason}"))));
    text.extend(status.notices.iter().map(|notice| line(&format!("notice: {notice}"))));
    text.extend(status.recorders_unreadable.iter().map(|problem| line(&format!("NOT SEEN: {problem}"))));
    if status.insecure {
        text += &line("INSECURE: open to other machines without TLS and authentication");
    }
    if status.shadow {
        text += &line("SHADOW: verdicts are recorded, and nobody is alerted");
    }
    for spot in facts::blind_spots(snapshot, None) {
        text += &labelled("BLIND", &spot);
    }
    let open = snapshot.diagnosis.incidents.iter().filter(|incident| incident.state != State::Resolved);
    let told: String = open.map(|incident| line(&format!("{} {}", incident.id, sentence(incident)))).collect();
    text + if told.is_empty() { "no open incident in what is seen\n" } else { &told }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn incidents_of_every_kind_say_what_was_felt() {
        let mut snapshot = fixture::named();
        snapshot.diagnosis.incidents =
            vec![fixture::incident(), fixture::denied(), fixture::tied(), fixture::refused()];
        insta::assert_snapshot!("text_of_every_kind", diagnosis(&snapshot, &snapshot.diagnosis));
    }
}
