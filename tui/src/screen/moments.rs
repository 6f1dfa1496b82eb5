//! The moments of incidents between which time travel jumps: the first load of an accused version, the onset, the naming, the end.
//! They are taken from the newest data, also while the screen shows an earlier time.

use firstbad_protocol::sentence::clock_as_of;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Incident, by_urgency};

/// Where somebody wants to be in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The first load of an accused version.
    Load,
    /// When the incident began.
    Onset,
    /// When its present cause was named.
    Named,
    /// When it was over.
    Recovered,
    /// The next moment of any incident.
    Next,
    /// The one before.
    Previous,
}

/// A moment of an incident.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// When.
    pub(crate) at: Timestamp,
    /// What happened, with the incident's id. Untrusted text.
    pub(crate) what: String,
}

impl Moment {
    fn new(at: Timestamp, what: &str, incident: &Incident) -> Self {
        Self { at, what: format!("{what} of {}", incident.id) }
    }

    /// What happened and when, as of `now`.
    pub(crate) fn told(&self, now: Option<Timestamp>) -> String {
        format!("{} at {}", self.what, clock_as_of(self.at, now))
    }
}

/// The moment that `goal` means. `chosen` is the incident that the person chose, and `shown` the moment of the picture.
///
/// # Errors
/// Why there is none.
pub(crate) fn find(
    newest: &Snapshot,
    chosen: Option<&str>,
    shown: Option<Timestamp>,
    goal: Goal,
) -> Result<Moment, String> {
    let mut incidents: Vec<&Incident> = newest.diagnosis.incidents.iter().collect();
    incidents.sort_by(|one, other| by_urgency(one, other));
    if matches!(goal, Goal::Next | Goal::Previous) {
        return beside(newest, &incidents, shown, goal);
    }
    let of_chosen = incidents.iter().find(|incident| Some(incident.id.as_str()) == chosen);
    let incident =
        of_chosen.or_else(|| incidents.first()).ok_or("no incident is known: there is nothing to jump to")?;
    let (at, what, none) = match goal {
        Goal::Load => (first_load(newest, incident), "FIRST LOAD", "no load of an accused version is known"),
        Goal::Named => (incident.named_at, "NAMING", "no cause is named"),
        Goal::Recovered => (incident.resolved_at, "END", "it is not over"),
        _ => (Some(incident.onset), "ONSET", ""),
    };
    at.map(|at| Moment::new(at, what, incident)).ok_or_else(|| format!("{}: {none}", incident.id))
}

/// The nearest moment after or before the one that is shown.
fn beside(newest: &Snapshot, incidents: &[&Incident], shown: Option<Timestamp>, goal: Goal) -> Result<Moment, String> {
    let mut moments: Vec<Moment> = incidents.iter().flat_map(|incident| of(newest, incident)).collect();
    moments.sort();
    let found = match goal {
        Goal::Next => moments.into_iter().find(|moment| Some(moment.at) > shown),
        _ => moments.into_iter().rev().find(|moment| Some(moment.at) < shown),
    };
    let where_to = if goal == Goal::Next { "after" } else { "before" };
    found.ok_or_else(|| format!("no moment of an incident is known {where_to} this one"))
}

/// Every moment of one incident.
fn of(snapshot: &Snapshot, incident: &Incident) -> Vec<Moment> {
    let known = [
        (first_load(snapshot, incident), "FIRST LOAD"),
        (Some(incident.onset), "ONSET"),
        (incident.named_at, "NAMING"),
        (incident.resolved_at, "END"),
    ];
    known.into_iter().filter_map(|(at, what)| Some(Moment::new(at?, what, incident))).collect()
}

/// The first load of a version that the cause covers.
fn first_load(snapshot: &Snapshot, incident: &Incident) -> Option<Timestamp> {
    let hashes = &incident.cause.as_ref()?.hashes;
    snapshot.versions.iter().filter(|version| hashes.contains(&version.hash)).map(|version| version.first_seen).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, ONSET};
    use firstbad_protocol::time::SECOND_NS;

    #[test]
    fn each_goal_has_its_moment_or_a_reason() {
        let newest = fixture::named();
        let at = |goal| find(&newest, None, Some(ONSET), goal).map(|moment| moment.at.since(ONSET) / SECOND_NS);
        assert_eq!((at(Goal::Onset), at(Goal::Load), at(Goal::Named)), (Ok(0), Ok(-1), Ok(20)));
        assert_eq!((at(Goal::Next), at(Goal::Previous)), (Ok(20), Ok(-1)));
        assert_eq!(at(Goal::Recovered), Err("20251118-112804-errors: it is not over".to_owned()));
        let end = newest.at;
        assert!(find(&newest, None, end, Goal::Next).is_err_and(|why| why.contains("after this one")));
        assert!(find(&fixture::calm(), None, end, Goal::Onset).is_err_and(|why| why.contains("no incident")));
    }
}
