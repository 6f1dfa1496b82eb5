//! The one order of incidents. Engine, API, screen, reports and alerts sort with it, so that the first incident is the
//! same everywhere.

use super::{Incident, State};
use std::cmp::{Ordering, Reverse};

/// The order in which incidents are listed: those that are not resolved first; then the most requests hurt
/// ([`Impact::requests_hurt`](super::Impact::requests_hurt)), the most hosts affected, the earliest onset, and the id, so that no two are equal.
#[must_use]
pub fn by_urgency(one: &Incident, other: &Incident) -> Ordering {
    let key = |incident: &Incident| {
        (
            incident.state == State::Resolved,
            Reverse(incident.impact.requests_hurt()),
            Reverse(incident.impact.hosts_affected),
            incident.onset,
        )
    };
    key(one).cmp(&key(other)).then_with(|| one.id.cmp(&other.id))
}
