//! The screen as a stream of plain lines, for screen readers, logs and pipes. Each new fact is printed once, on a line of its own.
//! Numbers that change all the time are printed when something else changes.

use crate::screen::text;
use crate::{advice, course, facts};
use firstbad_protocol::Untrusted;
use firstbad_protocol::sentence::{clock, sentence_as_of};
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Incident, State};
use std::collections::BTreeMap;

/// The lines that were last printed for one incident.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Printed {
    sentence: String,
    state: String,
    step: Option<String>,
    /// What engineers said of it.
    said: Vec<String>,
}

/// The lines that were printed so far.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    incidents: BTreeMap<String, Printed>,
    /// Whether the line that no incident is open was the last printed; none before the first line.
    calm: Option<bool>,
    silent: u64,
    lost: bool,
}

impl Stream {
    /// Lines for what `snapshot` has that was not said yet. Each is safe for a terminal.
    pub(crate) fn of(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let mut lines = Vec::new();
        if std::mem::take(&mut self.lost) {
            lines.push("CONNECTED again".to_owned());
        }
        let open = snapshot.diagnosis.incidents.iter().any(|incident| incident.state != State::Resolved);
        if self.calm.replace(!open) != Some(!open) && !open {
            lines.push(format!("NO OPEN INCIDENT in what is seen; {}", hosts(snapshot)));
        }
        let silent = snapshot.fleet.hosts_silent;
        if std::mem::replace(&mut self.silent, silent) != silent {
            lines.push(format!("HOSTS: {}", hosts(snapshot)));
        }
        for incident in &snapshot.diagnosis.incidents {
            let printed = printed(snapshot, incident);
            let before = self.incidents.insert(incident.id.clone(), printed.clone());
            lines.extend(changes(snapshot, incident, before.as_ref(), &printed));
        }
        self.incidents.retain(|id, _| snapshot.diagnosis.incidents.iter().any(|incident| incident.id == *id));
        let at = snapshot.at.map_or_else(|| "no time".to_owned(), clock);
        lines.iter().map(|line| format!("{at} {}", Untrusted(line))).collect()
    }

    /// A line that says that the collector is gone; none if it was said.
    pub(crate) fn of_loss(&mut self, error: &str) -> Option<String> {
        let said = std::mem::replace(&mut self.lost, true);
        (!said).then(|| format!("CONNECTION LOST, what follows is not known: {}", Untrusted(error)))
    }
}

fn hosts(snapshot: &Snapshot) -> String {
    let fleet = snapshot.fleet;
    format!("{} report, {} silent", facts::counted(fleet.hosts_reporting, "host"), text::count(fleet.hosts_silent))
}

fn printed(snapshot: &Snapshot, incident: &Incident) -> Printed {
    let due = advice::actions(snapshot, incident).into_iter().find(|action| action.needless.is_none());
    Printed {
        said: facts::said(incident),
        sentence: sentence_as_of(incident, snapshot.at),
        state: course::state_word(snapshot, incident),
        step: advice::when_over(incident)
            .or_else(|| due.map(|action| format!("{} {}", action.what, action.risk_said()))),
    }
}

/// Lines for what changed of one incident.
fn changes(snapshot: &Snapshot, incident: &Incident, before: Option<&Printed>, now: &Printed) -> Vec<String> {
    let mut lines = Vec::new();
    // The sentence holds counts of hosts: it is said again where the verdict or the state is another.
    let verdict = |printed: &Printed| printed.sentence.split(" since ").next().unwrap_or_default().to_owned();
    if before.is_none_or(|before| verdict(before) != verdict(now)) {
        let word = if before.is_none() { "INCIDENT" } else { "NOW" };
        lines.push(format!("{word} {}: {}", incident.id, now.sentence));
        lines.extend(facts::reasons(snapshot, incident).into_iter().take(3).map(|reason| format!("WHY: {reason}")));
    }
    if before.is_none_or(|before| before.state != now.state) {
        lines.push(format!("STATE of {}: {}; {}", incident.id, now.state, facts::impact(incident)));
    }
    let said_before = before.map(|before| before.said.as_slice()).unwrap_or_default();
    let new = now.said.iter().filter(|said| !said_before.contains(said));
    lines.extend(new.map(|said| format!("SAID of {}: {said}", incident.id)));
    let gone = said_before.iter().filter(|said| !now.said.contains(said));
    lines.extend(gone.map(|said| format!("TAKEN BACK or over, of {}: {said}", incident.id)));
    if before.is_none_or(|before| before.step != now.step) {
        lines.extend(now.step.iter().map(|step| format!("DO NOW: {step}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn what_is_new_is_said_once() {
        let mut stream = Stream::default();
        let calm = stream.of(&fixture::calm());
        assert_eq!(calm, ["11:18:04 NO OPEN INCIDENT in what is seen; 24 hosts report, 0 silent"]);
        assert!(stream.of(&fixture::calm()).is_empty());
        let named = stream.of(&fixture::named()).join("\n");
        for part in [
            "HOSTS: 23 hosts report, 1 silent",
            "INCIDENT 20251118-112804-errors: NAMED: bot-features",
            "WHY: rows 240",
            "DO NOW: Stop",
        ] {
            assert!(named.contains(part), "{part} in\n{named}");
        }
        assert!(stream.of(&fixture::named()).is_empty());
        let mut more = fixture::named();
        more.diagnosis.incidents[0].impact.requests_failed += 1;
        more.diagnosis.incidents[0].suspects[0].exposed.hosts_failing -= 1;
        assert!(stream.of(&more).is_empty(), "a count alone is no news");
        let recovering = stream.of(&fixture::recovering()).join("\n");
        assert!(recovering.contains("STATE of 20251118-112804-errors: RECOVERING"), "{recovering}");
    }

    #[test]
    fn what_an_engineer_said_is_printed_when_it_is_new_and_when_it_no_longer_holds() {
        let mut stream = Stream::default();
        stream.of(&fixture::named());
        let mut said = fixture::named();
        said.diagnosis.incidents[0].words = vec![fixture::disputed()];
        let lines = stream.of(&said);
        assert!(lines.len() == 1 && lines[0].contains("SAID of 20251118-112804-errors: disputed by anna"), "{lines:?}");
        assert!(stream.of(&said).is_empty());
        let lines = stream.of(&fixture::named());
        assert!(lines.len() == 1 && lines[0].contains("TAKEN BACK or over"), "{lines:?}");
    }

    #[test]
    fn a_lost_collector_is_said_once_and_its_return_too() {
        let mut stream = Stream::default();
        stream.of(&fixture::calm());
        assert!(stream.of_loss("refused").is_some_and(|line| line.contains("not known: refused")));
        assert_eq!(stream.of_loss("refused"), None);
        assert_eq!(stream.of(&fixture::calm()), ["11:18:04 CONNECTED again"]);
    }

    #[test]
    fn hostile_text_stays_in_its_line() {
        let lines = Stream::default().of(&fixture::hostile());
        assert!(lines.len() > 2 && lines.iter().all(|line| !line.contains(char::is_control)), "{lines:?}");
    }
}
