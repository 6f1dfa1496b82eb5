//! The order of events of one incident, and the times that a postmortem asks for: to detect, to identify, to recover. They
//! are computed from event time, never from when somebody looked.

use crate::rollouts;
use firstbad_protocol::Untrusted;
use firstbad_protocol::sentence::what;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Incident, Verdict};

/// Moments of an incident in order.
pub(super) struct Timeline {
    /// When, what. Safe text.
    pub(super) moments: Vec<(Timestamp, String)>,
    /// From the first load of an accused version; none if none was seen.
    pub(super) first_load: Option<Timestamp>,
    /// When the engine first said anything.
    pub(super) detected: Option<Timestamp>,
    /// When the present cause was named.
    pub(super) named: Option<Timestamp>,
    /// When the fleet first went back from an accused version, as far as the chart shows.
    pub(super) mitigated: Option<Timestamp>,
    /// When it was over.
    pub(super) resolved: Option<Timestamp>,
}

/// How far around the incident other changes are told.
const BEFORE_NS: i64 = 15 * 60 * 1_000_000_000;

/// The timeline of `incident`.
pub(super) fn timeline(snapshot: &Snapshot, incident: &Incident) -> Timeline {
    let hashes = incident.cause.as_ref().map(|cause| cause.hashes.as_slice()).unwrap_or_default();
    let loaded = snapshot.versions.iter().filter(|version| hashes.contains(&version.hash));
    let first_load = loaded.map(|version| version.first_seen).min();
    let detected = incident.history.first().map(|entry| entry.at).into_iter().chain(incident.named_at).min();
    let mut moments: Vec<(Timestamp, String)> = vec![(incident.onset, "onset of the symptom".to_owned())];
    moments.extend(first_load.map(|at| (at, "first load of an accused version".to_owned())));
    moments.extend(incident.first_error.as_ref().map(|error| (error.first_seen, "first error".to_owned())));
    for entry in &incident.history {
        let cause = entry.cause.as_ref().map_or_else(|| "no cause".to_owned(), what);
        moments.push((entry.at, format!("verdict: {}, {cause}", entry.verdict.as_str())));
    }
    moments.extend(incident.named_at.map(|at| {
        let cause = incident.cause.as_ref().map_or_else(|| "the cause".to_owned(), what);
        let word = match incident.verdict {
            Verdict::Cause => "named",
            Verdict::Suspect => "suspected",
            Verdict::External | Verdict::InsufficientEvidence => "explained",
        };
        (at, format!("{word}: {cause}"))
    }));
    moments.extend(incident.resolved_at.map(|at| (at, "resolved".to_owned())));
    let end = incident.resolved_at.or(snapshot.at).unwrap_or(incident.onset);
    let near = |at: Timestamp| at >= incident.onset - BEFORE_NS && at <= end;
    moments.extend(snapshot.changes.iter().filter(|change| near(change.at)).map(|change| {
        let reach = change.hosts.map_or_else(|| "everywhere at once".to_owned(), |hosts| format!("{hosts} hosts"));
        let told = format!("{} {} {} ({reach}) {}", change.kind, change.target, short(&change.id), change.description);
        (change.at, Untrusted(told.trim_end()).to_string())
    }));
    let turns: Vec<_> = rollouts::turns(snapshot).into_iter().filter(|turn| near(turn.at)).collect();
    let mitigated = turns.iter().find(|turn| !turn.is_accused && turn.at >= incident.onset).map(|turn| turn.at);
    moments.extend(turns.into_iter().map(|turn| (turn.at, Untrusted(&turn.told()).to_string())));
    moments.sort();
    moments.dedup();
    Timeline { moments, first_load, detected, named: incident.named_at, mitigated, resolved: incident.resolved_at }
}

fn short(id: &str) -> String {
    id.parse::<firstbad_protocol::Hash>().map_or_else(|_| id.to_owned(), |hash| hash.short())
}
