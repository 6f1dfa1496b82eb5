//! The one order of incidents. Engine, API, screen, reports and alerts sort with it, so that the first incident is the
//! same everywhere.

use super::Incident;
use std::cmp::{Ordering, Reverse};

/// The order in which incidents are listed: open ones first, then recovering ones, then resolved ones. Within each state, the
/// order is by most requests hurt ([`Impact::requests_hurt`](super::Impact::requests_hurt)), then by most hosts affected, then by
/// earliest onset, then by id, so that no two incidents are equal.
#[must_use]
pub fn by_urgency(one: &Incident, other: &Incident) -> Ordering {
    let key = |incident: &Incident| {
        (
            incident.state,
            Reverse(incident.impact.requests_hurt()),
            Reverse(incident.impact.hosts_affected),
            incident.onset,
        )
    };
    key(one).cmp(&key(other)).then_with(|| one.id.cmp(&other.id))
}
