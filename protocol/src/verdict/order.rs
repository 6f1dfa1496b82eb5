//! The one order of incidents. Engine, API, screen, reports and alerts sort with it, so that the first incident is the
//! same everywhere.

use super::Incident;
use std::cmp::{Ordering, Reverse};

/// The order in which incidents are listed: open ones first, then those that recover, then those that are over; among them the
/// most requests hurt ([`Impact::requests_hurt`](super::Impact::requests_hurt)), the most hosts affected, the earliest onset, and the
/// id, so that no two are equal.
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
