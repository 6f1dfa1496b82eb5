//! Whether a rollout may go on, from what a collector says again and again. It stops at the first accusation; it says go only
//! when the version was active for as long as was asked, and a collector that could see harm saw none. All else is not known.

use firstbad_collector::Status;
use firstbad_protocol::sentence::sentence;
use firstbad_protocol::snapshot::{Snapshot, VersionView};
use firstbad_protocol::verdict::{Incident, State, WordKind};
use firstbad_protocol::{Hash, Untrusted};
use serde::Serialize;
use std::time::Duration;

/// Which version a rollout brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Config name.
    pub(crate) config: String,
    /// Hex digits of the hash: all, or the first 12 or more.
    pub(crate) digits: String,
    /// How long it must be active without being accused.
    pub(crate) watch_for: Duration,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// The rollout may go on.
    Go,
    /// The version is accused.
    Bad,
    /// The data allow neither answer.
    NotKnown,
}

/// The answer with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Said {
    pub(crate) schema: u32,
    pub(crate) answer: Answer,
    /// Why.
    pub(crate) sentence: String,
    pub(crate) config: String,
    /// As it was asked.
    pub(crate) hash: String,
    /// Hosts on which it is active.
    pub(crate) hosts_active: u64,
    /// The incident that decided.
    pub(crate) incident: Option<String>,
}

/// What one look at a collector showed.
pub(crate) struct Look<'a> {
    pub(crate) status: &'a Status,
    pub(crate) snapshot: &'a Snapshot,
}

/// A gate that waits.
pub(crate) struct Gate {
    asked: Asked,
    /// When the version was first seen active, since the gate began, without being away since.
    active_since: Option<Duration>,
    hosts_active: u64,
}

impl Gate {
    /// A gate that has seen nothing.
    pub(crate) fn new(asked: Asked) -> Self {
        Self { asked, active_since: None, hosts_active: 0 }
    }

    /// Takes what a look showed, `elapsed` after the gate began; an error says why there was nothing to see. Returns the answer
    /// once there is one.
    pub(crate) fn look(&mut self, elapsed: Duration, look: Result<Look<'_>, String>) -> Option<Said> {
        let look = match look {
            Ok(look) => look,
            Err(reason) => return self.unseen(elapsed, format!("the collector cannot be asked: {reason}")),
        };
        if let Some(incident) = self.incidents(&look).find(|of| self.is_accused_by(of) && !of.is_disputed()) {
            return Some(self.say(Answer::Bad, sentence(incident), Some(incident)));
        }
        let fleet = look.snapshot.fleet;
        if let Some(reason) = &look.status.degraded {
            return self.unseen(elapsed, format!("the collector stores nothing: {reason}"));
        }
        if fleet.hosts_reporting == 0 {
            return self
                .unseen(elapsed, format!("no host reports to the collector, {} fell silent", fleet.hosts_silent));
        }
        let version = look.snapshot.versions.iter().find(|version| self.is_asked(version));
        let Some(version) = version.filter(|version| version.hosts_active > 0) else {
            let refusals = version.map_or(0, |version| version.refusals);
            let refused = if refusals > 0 { format!("; {refusals} loads of it were refused") } else { String::new() };
            let reporting = fleet.hosts_reporting;
            return self.unseen(elapsed, format!("none of {reporting} reporting hosts has it active{refused}"));
        };
        self.hosts_active = version.hosts_active;
        let since = *self.active_since.get_or_insert(elapsed);
        if elapsed.saturating_sub(since) < self.asked.watch_for {
            return None;
        }
        // An accusation that an engineer disputes is neither a reason to stop nor one to go on.
        let open = self.incidents(&look).find(|of| self.is_accused_by(of) || self.is_suspected_in(of));
        Some(match open {
            Some(incident) => {
                let disputed = incident.words.iter().find(|word| word.kind == WordKind::Dispute);
                let disputed = disputed.filter(|_| self.is_accused_by(incident));
                let doubt = disputed.map_or_else(String::new, |word| format!("; {}", word.sentence()));
                let reason = format!("it may be the cause of incident {}: {}{doubt}", incident.id, sentence(incident));
                self.say(Answer::NotKnown, reason, Some(incident))
            }
            None => {
                let (hosts, watched) = (version.hosts_active, self.asked.watch_for.as_secs());
                self.say(
                    Answer::Go,
                    format!("it was active for {watched} s, now on {hosts} hosts, and is not accused"),
                    None,
                )
            }
        })
    }

    /// Nothing of the version can be seen. It is waited for as long as it would be watched.
    fn unseen(&mut self, elapsed: Duration, reason: String) -> Option<Said> {
        self.active_since = None;
        self.hosts_active = 0;
        let shown = || Untrusted(&reason).to_string();
        (elapsed >= self.asked.watch_for).then(|| self.say(Answer::NotKnown, shown(), None))
    }

    fn incidents<'a>(&self, look: &Look<'a>) -> std::slice::Iter<'a, Incident> {
        look.snapshot.diagnosis.incidents.iter()
    }

    fn is_asked(&self, version: &VersionView) -> bool {
        version.config == self.asked.config && self.names(&version.hash)
    }

    fn names(&self, hash: &Hash) -> bool {
        hash.hex().starts_with(&self.asked.digits)
    }

    /// Also by an incident that is over: what broke a fleet is no version to roll out again.
    fn is_accused_by(&self, incident: &Incident) -> bool {
        let cause = incident.cause.as_ref().filter(|_| incident.verdict.accuses());
        cause.is_some_and(|cause| {
            cause.config.as_deref() == Some(&self.asked.config) && cause.hashes.iter().any(|hash| self.names(hash))
        })
    }

    /// An incident that goes on, accuses no change, and has the version among its suspects.
    fn is_suspected_in(&self, incident: &Incident) -> bool {
        let is_it = |config: Option<&str>, hashes: &[Hash]| {
            config == Some(&self.asked.config) && hashes.iter().any(|hash| self.names(hash))
        };
        incident.state != State::Resolved
            && !incident.verdict.accuses()
            && incident.suspects.iter().any(|suspect| is_it(suspect.config.as_deref(), &suspect.hashes))
    }

    fn say(&self, answer: Answer, sentence: String, incident: Option<&Incident>) -> Said {
        Said {
            schema: 1,
            answer,
            sentence,
            config: self.asked.config.clone(),
            hash: self.asked.digits.clone(),
            hosts_active: self.hosts_active,
            incident: incident.map(|incident| incident.id.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use firstbad_protocol::verdict::Verdict;

    const MINUTE: Duration = Duration::from_secs(60);

    fn gate(hash: Hash) -> Gate {
        let config = fixture::named().versions[0].config.clone();
        Gate::new(Asked { config, digits: hash.short(), watch_for: MINUTE })
    }

    /// The answer after a minute in which each look showed the same.
    fn answer(gate: &mut Gate, snapshot: &Snapshot, status: &Status) -> Option<Answer> {
        let looks = [0, 30, 59, 60, 61].map(Duration::from_secs);
        looks.into_iter().find_map(|at| gate.look(at, Ok(Look { status, snapshot }))).map(|said| said.answer)
    }

    /// A fleet that runs the bad version, and nobody accuses it.
    fn calm() -> Snapshot {
        let mut calm = fixture::named();
        calm.diagnosis.incidents.clear();
        calm
    }

    #[test]
    fn an_accused_version_is_bad_at_once_also_when_its_incident_is_over() {
        let well = Status::default();
        let mut snapshot = fixture::named();
        let first = gate(fixture::bad()).look(Duration::ZERO, Ok(Look { status: &well, snapshot: &snapshot }));
        assert_eq!(first.unwrap().answer, Answer::Bad);
        snapshot.diagnosis.incidents[0].state = State::Resolved;
        assert_eq!(answer(&mut gate(fixture::bad()), &snapshot, &well), Some(Answer::Bad));
        assert_ne!(answer(&mut gate(fixture::good()), &snapshot, &well), Some(Answer::Bad), "another version");
    }

    #[test]
    fn a_disputed_accusation_is_neither_bad_nor_go() {
        let well = Status::default();
        let mut snapshot = fixture::named();
        snapshot.diagnosis.incidents[0].words = vec![fixture::disputed()];
        for state in [State::Open, State::Resolved] {
            snapshot.diagnosis.incidents[0].state = state;
            let mut gate = gate(fixture::bad());
            let looks = [0, 59, 60].map(Duration::from_secs);
            let said = looks.into_iter().find_map(|at| gate.look(at, Ok(Look { status: &well, snapshot: &snapshot })));
            let said = said.expect("an answer after a minute");
            assert_eq!(said.answer, Answer::NotKnown, "{state:?}");
            assert!(said.sentence.contains("disputed by anna"), "{}", said.sentence);
        }
        snapshot.diagnosis.incidents[0].words.clear();
        assert_eq!(answer(&mut gate(fixture::bad()), &snapshot, &well), Some(Answer::Bad), "the control");
    }

    #[test]
    fn go_needs_the_whole_time_active_and_unaccused() {
        let well = Status::default();
        let mut gate = gate(fixture::bad());
        let mut look = |second, snapshot: &Snapshot| {
            gate.look(Duration::from_secs(second), Ok(Look { status: &well, snapshot })).map(|said| said.answer)
        };
        let mut away = calm();
        away.versions.iter_mut().for_each(|version| version.hosts_active = 0);
        assert_eq!(look(0, &away), None, "it is not there yet");
        assert_eq!(look(50, &calm()), None);
        assert_eq!(look(109, &calm()), None, "59 s");
        assert_eq!(look(110, &calm()), Some(Answer::Go));
        assert_eq!(look(111, &away), Some(Answer::NotKnown), "it is gone");
    }

    #[test]
    fn what_cannot_be_seen_is_not_known() {
        let well = Status::default();
        let full = Status { degraded: Some("the disk is full".to_owned()), ..Status::default() };
        assert_eq!(answer(&mut gate(fixture::bad()), &calm(), &well), Some(Answer::Go), "the control");
        assert_eq!(answer(&mut gate(fixture::bad()), &calm(), &full), Some(Answer::NotKnown));
        assert_eq!(answer(&mut gate(Hash::of(b"another")), &calm(), &well), Some(Answer::NotKnown));
        let mut silent = calm();
        silent.fleet.hosts_reporting = 0;
        assert_eq!(answer(&mut gate(fixture::bad()), &silent, &well), Some(Answer::NotKnown));
        let lost = gate(fixture::bad()).look(MINUTE, Err("no route".to_owned())).unwrap();
        assert_eq!(lost.answer, Answer::NotKnown);
        assert!(lost.sentence.contains("no route"), "{}", lost.sentence);
    }

    #[test]
    fn a_suspect_of_an_open_incident_without_a_verdict_is_not_let_go() {
        let well = Status::default();
        let mut tied = fixture::named();
        for incident in &mut tied.diagnosis.incidents {
            (incident.verdict, incident.cause) = (Verdict::InsufficientEvidence, None);
        }
        assert_eq!(answer(&mut gate(fixture::bad()), &tied, &well), Some(Answer::NotKnown));
        tied.diagnosis.incidents.iter_mut().for_each(|incident| incident.state = State::Resolved);
        assert_eq!(answer(&mut gate(fixture::bad()), &tied, &well), Some(Answer::Go), "it is over");
    }
}
