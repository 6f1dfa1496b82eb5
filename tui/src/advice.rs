//! The actions to show for an incident, least risk first: those of its playbook, with facts filled in. An incident whose
//! playbook this binary does not have gets the embedded one that fits, and the one for too little evidence only if nothing
//! is accused: it must not contradict the verdict. An action that telemetry shows to be needless is marked as such.

use crate::census;
use crate::failure::Failure;
use firstbad_playbooks::{Library, Playbook, Until, embedded, fill};
use firstbad_protocol::Hash;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Incident, State};
use std::path::Path;
use std::sync::OnceLock;

/// One action, ready to be shown. Its text is safe to paste: slots hold nothing that a shell would act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    /// What to do, whole.
    pub(crate) what: String,
    /// The same in a few words, for a line.
    pub(crate) brief: String,
    /// What can go wrong.
    pub(crate) risk: String,
    /// Whether it can be undone.
    pub(crate) reversible: bool,
    /// How to see that it worked.
    pub(crate) verify: String,
    /// Why it is needless by now; none while it may be needed.
    pub(crate) needless: Option<String>,
}

impl Advice {
    /// The risk with its label, and that an action cannot be undone.
    pub(crate) fn risk_said(&self) -> String {
        format!("risk: {}", self.risk_alone())
    }

    /// The same without its label.
    pub(crate) fn risk_alone(&self) -> String {
        if self.reversible { self.risk.clone() } else { format!("cannot be undone; {}", uncapitalised(&self.risk)) }
    }

    /// The same in its first clause, for a line that has no room for the whole.
    pub(crate) fn risk_in_brief(&self) -> String {
        if !self.reversible {
            return "cannot be undone".to_owned();
        }
        let said = self.risk_said();
        let (label, risk) = said.split_once(' ').unwrap_or(("risk:", &said));
        let clause = risk.split(['.', ':', ';']).next().unwrap_or(risk);
        format!("{label} {}", uncapitalised(clause))
    }
}

/// `text` with a small letter at its start.
fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().to_string() + letters.as_str())
}

/// The user's own playbooks before the embedded ones, if there are any.
static OWN: OnceLock<Library> = OnceLock::new();

/// Takes the playbooks of `directory` before the embedded ones, for as long as this process runs.
///
/// # Errors
/// If a file of the directory cannot be used; all faults are in the message.
pub(crate) fn use_own(directory: Option<&Path>) -> Result<(), Failure> {
    if let Some(directory) = directory {
        let _ = OWN.set(Library::read(directory)?.before(embedded()));
    }
    Ok(())
}

/// The playbook for `incident`.
pub(crate) fn playbook(incident: &Incident) -> Option<&'static Playbook> {
    let library = OWN.get().unwrap_or_else(|| embedded());
    let named = incident.playbook.as_deref().and_then(|name| library.get(name));
    let last_resort = || library.get("insufficient-evidence").filter(|_| !incident.verdict.accuses());
    named.or_else(|| library.matching(incident)).or_else(last_resort)
}

/// Its actions. None is due any more once the incident is over.
pub(crate) fn actions(snapshot: &Snapshot, incident: &Incident) -> Vec<Advice> {
    let actions = playbook(incident).map(|playbook| playbook.actions.as_slice()).unwrap_or_default();
    actions
        .iter()
        .map(|action| Advice {
            what: fill(&action.what, incident).0,
            brief: fill(action.brief.as_deref().unwrap_or(&action.what), incident).0,
            risk: fill(&action.risk, incident).0,
            reversible: action.reversible,
            verify: fill(&action.verify, incident).0,
            needless: action.until.and_then(|until| shown(snapshot, incident, until)).or_else(|| {
                let states: Vec<&str> = action.state.iter().map(|state| state_word(*state)).collect();
                (!action.is_due_in(incident.state)).then(|| format!("due while it is {}", states.join(" or ")))
            }),
        })
        .collect()
}

const fn state_word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Recovering => "recovering",
        State::Resolved => "resolved",
    }
}

/// What is to be done when the incident is over: nothing, or where it goes on.
pub(crate) fn when_over(incident: &Incident) -> Option<String> {
    let over = incident.state == State::Resolved;
    over.then(|| match &incident.merged_into {
        Some(older) => format!("No step is due here: it goes on as {older}."),
        None => "No step is due: the incident is over.".to_owned(),
    })
}

/// What telemetry shows, in words, if it shows what an action is to bring about.
fn shown(snapshot: &Snapshot, incident: &Incident, until: Until) -> Option<String> {
    match until {
        Until::BadVersionGone => {
            let cause = incident.cause.as_ref()?;
            let bad: Vec<u64> = cause.hashes.iter().map(|hash| hosts_on(snapshot, *hash)).collect::<Option<_>>()?;
            let of_config = snapshot.versions.iter().filter(|version| Some(&version.config) == cause.config.as_ref());
            let others = of_config.filter(|version| !cause.hashes.contains(&version.hash));
            let others: u64 = others.map(|version| version.hosts_active).sum();
            let gone = !bad.is_empty() && bad.iter().all(|hosts| *hosts == 0) && others > 0;
            // While the fleet fails, a count of 0 hosts is no proof that no process runs the version: some may not report it.
            let gone = gone && incident.state != State::Open;
            gone.then(|| format!("no host runs the bad version, {others} run another"))
        }
        Until::NoRestartDue => {
            let due = census::due(snapshot);
            // Hosts that need a restart are known by the accused version that they left: without one, none is known.
            let none =
                due.hosts == 0 && !due.is_at_least && incident.state != State::Open && incident.verdict.accuses();
            none.then(|| "no host needs a restart any more".to_owned())
        }
    }
}

/// Hosts on which a version is active; none if the snapshot does not list it.
fn hosts_on(snapshot: &Snapshot, hash: Hash) -> Option<u64> {
    snapshot.versions.iter().find(|version| version.hash == hash).map(|version| version.hosts_active)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use firstbad_protocol::verdict::Verdict;

    fn needless(snapshot: &Snapshot) -> Vec<bool> {
        let incident = &snapshot.diagnosis.incidents[0];
        actions(snapshot, incident).iter().map(|action| action.needless.is_some()).collect()
    }

    #[test]
    fn what_telemetry_shows_as_done_is_no_longer_asked_for() {
        let mut snapshot = fixture::recovering();
        assert_eq!(needless(&fixture::named()), [false; 4]);
        assert_eq!(needless(&snapshot), [false; 4], "some hosts run the bad version, and three wait for a restart");
        snapshot.versions.iter_mut().filter(|version| version.accused).for_each(|version| version.hosts_active = 0);
        assert_eq!(needless(&snapshot), [false, true, true, false]);
        snapshot.diagnosis.incidents[0].state = State::Open;
        assert_eq!(needless(&snapshot), [false; 4], "hosts still fail, whatever is told of the version");
        snapshot.diagnosis.incidents[0].state = State::Recovering;
        snapshot.hosts.iter_mut().for_each(|host| host.needs_restart = false);
        assert_eq!(needless(&snapshot), [false, true, true, true]);
        let named = snapshot.diagnosis.incidents[0].verdict;
        snapshot.diagnosis.incidents[0].verdict = Verdict::InsufficientEvidence;
        assert_eq!(needless(&snapshot), [false, true, true, false], "without an accused version");
        snapshot.diagnosis.incidents[0].verdict = named;
        snapshot.versions.retain(|version| !version.accused);
        assert_eq!(
            needless(&snapshot),
            [false, false, false, true],
            "of a version that is not listed nothing is known"
        );
    }

    #[test]
    fn a_step_of_one_state_is_not_due_in_another() {
        let mut snapshot = fixture::named();
        snapshot.diagnosis.incidents[0].playbook = Some("hang".to_owned());
        assert!(!needless(&snapshot)[2], "stacks are taken while processes hang");
        snapshot.diagnosis.incidents[0].state = State::Recovering;
        let found = actions(&snapshot, &snapshot.diagnosis.incidents[0]);
        assert_eq!(found[2].needless.as_deref(), Some("due while it is open"));
    }

    #[test]
    fn after_the_end_no_step_is_due() {
        let over = Incident { state: State::Resolved, ..fixture::incident() };
        assert_eq!(when_over(&over).as_deref(), Some("No step is due: the incident is over."));
        let merged = Incident { merged_into: Some("older".into()), ..over };
        assert_eq!(when_over(&merged).as_deref(), Some("No step is due here: it goes on as older."));
        assert_eq!(when_over(&fixture::incident()), None);
    }
}
