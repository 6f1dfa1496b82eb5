//! What screen and report both say about an incident, in the same words: impact, reach, reason, last known good, blind
//! spots. Texts may hold untrusted parts; whoever prints them makes them safe for the place.

use crate::rhythm::{Rhythm, rhythm};
use crate::screen::text;
use crate::screen::theme::Role;
use firstbad_protocol::snapshot::{HostView, Snapshot};
use firstbad_protocol::verdict::{
    CauseKind, Excluded, FirstError, Incident, Input, LastKnownGood, Pattern, RuledOut, Signal, State, Suspect, Verdict,
};
use firstbad_protocol::{BlindSpot, Finding};
use std::collections::BTreeSet;

/// The state in the word that an incident commander asks for.
pub(crate) fn state_word(snapshot: &Snapshot, incident: &Incident) -> String {
    match (incident.state, incident.pattern) {
        (State::Recovering, _) => "RECOVERING".to_owned(),
        (State::Resolved, _) => "RESOLVED".to_owned(),
        (State::Open, Pattern::Growing) => "ESCALATING".to_owned(),
        (State::Open, Pattern::Flapping) => match rhythm(snapshot, incident) {
            Rhythm { period_s: Some(period), .. } => format!("FLAPPING, period {}", text::duration(period)),
            Rhythm { times, .. } if times > 1 => format!("FLAPPING {times} times"),
            _ => "FLAPPING".to_owned(),
        },
        (State::Open, Pattern::Step | Pattern::Static) => "STATIC".to_owned(),
    }
}

/// The id, and the id of the incident from which it was split.
pub(crate) fn identity(incident: &Incident) -> String {
    let origin = incident.split_from.as_ref().map_or_else(String::new, |older| format!(", split from {older}"));
    format!("{}{origin}", incident.id)
}

/// The harm, and the number of hosts.
pub(crate) fn impact(incident: &Incident) -> String {
    let impact = incident.impact;
    let hit = if incident.is_refusal_only() { "refused it" } else { "hit" };
    format!("{}, {} hosts {hit}, {} report", harm(incident), impact.hosts_affected, impact.hosts_reporting)
}

/// Each kind of harm to requests, failed requests first. Without any harm, only failed requests are named.
pub(crate) fn harm(incident: &Incident) -> String {
    let impact = incident.impact;
    if incident.is_refusal_only() && impact.requests_hurt() == 0 {
        return "no request failed".to_owned();
    }
    let others = [
        (impact.requests_denied, "denied beyond the usual"),
        (impact.requests_unscored, "not scored"),
        (impact.requests_missing, "missing"),
    ];
    let mut felt: Vec<String> = Vec::new();
    if impact.requests_failed > 0 || impact.requests_hurt() == 0 {
        let (share, count) = (text::share(impact.failed_share), text::count(impact.requests_failed));
        felt.push(format!("{share} of requests failed ({count})"));
    }
    let others = others.iter().filter(|(requests, _)| *requests > 0);
    felt.extend(others.map(|(requests, what)| format!("{} {what}", text::count(*requests))));
    felt.join(", ")
}

/// What fails, what is not scored now, and which places it reaches.
pub(crate) fn reach(snapshot: &Snapshot, incident: &Incident) -> String {
    let restart: Vec<&str> =
        snapshot.hosts.iter().filter(|host| host.needs_restart).map(|host| host.host.as_str()).collect();
    let failing_now = failing_now(snapshot, incident);
    if incident.state != State::Open {
        let left = match restart.len() {
            0 => "no host needs a restart any more".to_owned(),
            count => format!("{count} hosts still need a restart or a good version: {}", restart.join(", ")),
        };
        return failing_now.into_iter().chain([left]).collect::<Vec<_>>().join("; ");
    }
    let signals: Vec<&str> = incident.signals.iter().map(|signal| signal.as_str()).collect();
    let mut parts = vec![signals.join(" ").replace('_', " ")];
    parts.extend(failing_now);
    if let Some(share) = snapshot.fleet.scores_defaulted_share.filter(|_| incident.signals.contains(&Signal::Scores)) {
        parts.push(format!("{} not scored", text::share(share)));
    }
    // The places are those of failing hosts, and hosts that refused an input do not fail.
    let places = [("cloud.region", "regions"), ("service.version", "builds")];
    for (key, word) in places.into_iter().filter(|_| !incident.is_refusal_only()) {
        let (failing, all) = values(&snapshot.hosts, key);
        if all > 1 {
            parts.push(format!("{failing}/{all} {word}"));
        }
    }
    parts.join(", ")
}

/// The share of the fleet's requests that fail now, where the incident counts failed requests. Beside an incident that
/// counts none, such as a refused load, the failures of another incident would be read as its own.
pub(crate) fn failing_now(snapshot: &Snapshot, incident: &Incident) -> Option<String> {
    let failed = snapshot.fleet.failed_share.filter(|_| incident.impact.requests_failed > 0)?;
    Some(format!("now {} fail", text::share(failed)))
}

/// Distinct values of a dimension among failing hosts, and among all.
fn values(hosts: &[HostView], key: &str) -> (usize, usize) {
    let of = |only_failing: bool| {
        let chosen = hosts.iter().filter(|host| host.failing || !only_failing);
        chosen.filter_map(|host| host.dimensions.get(key)).collect::<BTreeSet<_>>().len()
    };
    (of(true), of(false))
}

/// The first error: how often, where, and its text in one line.
pub(crate) fn error_text(error: &FirstError) -> String {
    let site = error.site.as_deref().map_or_else(String::new, |site| format!(" at {site}"));
    format!("{}x{site}: {}", text::count(error.count), one_line(&error.message))
}

/// Text of several lines, such as a parser's error with the line that it points to, in one line.
pub(crate) fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" / ")
}

/// What was excluded. An explanation that is still ranked is not among it: the reason stands against it instead.
pub(crate) fn ruled_out(incident: &Incident) -> Vec<&RuledOut> {
    let is_ranked = |out: &RuledOut| incident.suspects.iter().any(|suspect| is_about(out, suspect));
    incident.ruled_out.iter().filter(|out| !is_ranked(out)).collect()
}

/// What speaks against a suspect, with the reasons for which its kind as a whole was excluded.
pub(crate) fn against<'a>(incident: &'a Incident, suspect: &'a Suspect) -> impl Iterator<Item = &'a String> {
    let excluded = incident.ruled_out.iter().filter(|out| is_about(out, suspect)).map(|out| &out.reason);
    suspect.against.iter().chain(excluded.filter(|reason| !suspect.against.contains(reason)))
}

/// Whether an exclusion is one of this very explanation.
fn is_about(out: &RuledOut, suspect: &Suspect) -> bool {
    match (out.what, suspect.kind) {
        (Excluded::Binary, CauseKind::Binary)
        | (Excluded::Traffic, CauseKind::Traffic)
        | (Excluded::Host, CauseKind::Host) => true,
        (Excluded::Config, CauseKind::Config) => {
            out.config == suspect.config
                && !suspect.hashes.is_empty()
                && suspect.hashes.iter().all(|hash| out.hashes.contains(hash))
        }
        _ => false,
    }
}

/// The config that is accused, or that of the nearest suspect.
pub(crate) fn config(incident: &Incident) -> Option<&str> {
    let suspected = || incident.suspects.iter().find_map(|suspect| suspect.config.as_deref());
    incident.cause.as_ref().map_or_else(suspected, |cause| cause.config.as_deref())
}

/// Whether the version that the input is compared with has the same value of a fact.
fn is_shared(snapshot: &Snapshot, input: &Input, fact: &str, value: u64) -> bool {
    let good = snapshot.versions.iter().find(|version| Some(version.hash) == input.against);
    good.and_then(|good| good.facts.get(fact)).is_some_and(|good| u64::try_from(*good) == Ok(value))
}

/// Why this input, or why nothing was named. Facts that the version before it shares explain nothing, and are left out.
pub(crate) fn why(snapshot: &Snapshot, incident: &Incident) -> String {
    let mut parts = Vec::new();
    if let Some(input) = &incident.input {
        let duplicates = input.duplicate_rows.filter(|rows| *rows > 0);
        let own_duplicates = duplicates.filter(|rows| !is_shared(snapshot, input, "duplicate_rows", *rows));
        let over = |limit: &&firstbad_protocol::verdict::LimitFact| limit.value > limit.limit;
        let limits = input.limits.iter().filter(over);
        parts.extend(limits.map(|limit| format!("{} {} > limit {}", limit.name, limit.value, limit.limit)));
        let says_limits = !parts.is_empty();
        let own_rows = input.rows.filter(|rows| parts.is_empty() && !is_shared(snapshot, input, "rows", *rows));
        parts.extend(own_rows.map(|rows| format!("{} rows", text::count(rows))));
        parts.extend(own_duplicates.map(|rows| format!("{} duplicate rows", text::count(rows))));
        // The facts of these two kinds of findings are listed above already, or explain nothing.
        let is_said = |finding: &Finding| match finding {
            Finding::ExceedsLimit { .. } => says_limits,
            Finding::RepeatedRows { .. } => says_limits || own_duplicates.is_none(),
            _ => false,
        };
        parts.extend(input.findings.iter().filter(|finding| !is_said(finding)).map(ToString::to_string));
    }
    if let Some(cause) = incident.cause.as_ref().filter(|cause| !cause.also_separates.is_empty()) {
        let others: Vec<String> = cause.also_separates.iter().map(ToString::to_string).collect();
        parts.push(format!("as well: {}", others.join(", ")));
    }
    if let Some(suspect) = incident.suspects.first() {
        if incident.verdict == Verdict::InsufficientEvidence {
            parts.extend(against(incident, suspect).cloned());
        } else {
            parts.extend(suspect.evidence.iter().cloned());
        }
    }
    parts.join("; ")
}

/// How far the last known good version can be trusted.
pub(crate) fn last_known_good(good: &LastKnownGood) -> (Role, String) {
    let served = format!("served {} without this anomaly", text::duration(good.bake_time_s));
    if good.contaminated {
        (Role::Warn, format!("{served}; the producer's own last-good mark points at the BAD version"))
    } else {
        (Role::Good, served)
    }
}

/// What could not be seen: for the incident, for the whole diagnosis, and what the fleet's counters add.
pub(crate) fn blind_spots(snapshot: &Snapshot, incident: Option<&Incident>) -> Vec<String> {
    let mut spots: Vec<BlindSpot> = incident.map(|incident| incident.blind_spots.clone()).unwrap_or_default();
    for spot in &snapshot.diagnosis.blind_spots {
        if !spots.contains(spot) {
            spots.push(spot.clone());
        }
    }
    let fleet = snapshot.fleet;
    if fleet.hosts_silent > 0 && !spots.iter().any(|spot| matches!(spot, BlindSpot::Silent { .. })) {
        spots.insert(0, BlindSpot::Silent { hosts: fleet.hosts_silent, since: None, names: Vec::new() });
    }
    if fleet.telemetry_dropped > 0 && !spots.iter().any(|spot| matches!(spot, BlindSpot::Dropped { .. })) {
        spots.push(BlindSpot::Dropped { events: fleet.telemetry_dropped });
    }
    if fleet.late_rows > 0 && !spots.iter().any(|spot| matches!(spot, BlindSpot::Late { .. })) {
        spots.push(BlindSpot::Late { rows: fleet.late_rows });
    }
    spots.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_failing_share_of_the_fleet_stands_only_beside_an_incident_with_failed_requests() {
        let failing = fixture::named();
        assert!(failing.fleet.failed_share.is_some_and(|share| share > 0.4));
        assert_eq!(failing_now(&failing, &failing.diagnosis.incidents[0]), Some("now 47.1% fail".to_owned()));
        for unharmed in [fixture::refused(), fixture::denied()] {
            assert_eq!(failing_now(&failing, &unharmed), None, "{}", unharmed.id);
            let resolved = Incident { state: State::Resolved, ..unharmed };
            assert!(!reach(&failing, &resolved).contains("% fail"), "{}", resolved.id);
        }
        assert_eq!(reach(&failing, &fixture::refused()), "loads");
    }
}
