//! What screen and report both say about an incident, in the same words: impact, reach, reason, last known good, blind
//! spots. Texts may hold untrusted parts; whoever prints them makes them safe for the place.

use crate::census;
use crate::screen::text;
use crate::screen::theme::Role;
use firstbad_protocol::snapshot::{Snapshot, VersionView};
use firstbad_protocol::verdict::{
    CauseKind, EngineerWord, Excluded, FirstError, Incident, Input, LastKnownGood, RuledOut, Signal, State, Suspect,
    Verdict, WordKind,
};
use firstbad_protocol::{BlindSpot, Finding, Hash};

/// Time for which a version has to serve before its good name is shown without a warning, seconds. Chosen: within ten minutes an
/// effect that shows after the load, such as a leak, has hardly begun.
const BAKE_TIME_MIN_S: u64 = 600;

/// Names of hosts in a sentence; the screen of hosts copies them all.
const NAMES_MAX: usize = 40;

/// The id, the id of the incident from which it was split, and in short what engineers said of it.
pub(crate) fn identity(incident: &Incident) -> String {
    let origin = incident.split_from.as_ref().map_or_else(String::new, |older| format!(", split from {older}"));
    let said: String = incident.words.iter().map(|word| format!(", {}", word.brief())).collect();
    format!("{}{origin}{said}", incident.id)
}

/// What engineers said of it, a sentence each.
pub(crate) fn said(incident: &Incident) -> Vec<String> {
    incident.words.iter().map(EngineerWord::sentence).collect()
}

/// The same without times and reasons: `disputed by anna, acknowledged by ben`.
pub(crate) fn said_in_one_line(incident: &Incident) -> String {
    let of = |kind: WordKind| incident.words.iter().filter(move |word| word.kind == kind);
    let words = of(WordKind::Dispute).chain(of(WordKind::Quiet)).chain(of(WordKind::Ack));
    words.map(EngineerWord::brief).collect::<Vec<_>>().join(", ")
}

/// The same as words of a list: `DISPUTED QUIET `; empty where nothing was said.
pub(crate) fn said_in_brief(incident: &Incident) -> String {
    let said = |kind| incident.words.iter().any(|word| word.kind == kind);
    let kinds = [WordKind::Ack, WordKind::Dispute, WordKind::Quiet].into_iter().filter(|kind| said(*kind));
    kinds
        .map(|kind| match kind {
            WordKind::Ack => "ACK ",
            WordKind::Dispute => "DISPUTED ",
            WordKind::Quiet => "QUIET ",
        })
        .collect()
}

/// The harm, and the number of hosts.
pub(crate) fn impact(incident: &Incident) -> String {
    let impact = incident.impact;
    let affected = if incident.is_refusal_only() { "refused it" } else { "affected" };
    let (hit, all) = (text::count(impact.hosts_affected), counted(impact.hosts_reporting, "host"));
    format!("{}, {hit} of {all} {affected}", harm(incident))
}

/// Each kind of harm to requests, failed requests first.
pub(crate) fn harm(incident: &Incident) -> String {
    let impact = incident.impact;
    if impact.requests_hurt() == 0 {
        return without_hurt_requests(incident).to_owned();
    }
    let others = [
        (impact.requests_denied, "denied beyond the usual"),
        (impact.requests_unscored, "not scored"),
        (impact.requests_missing, "missing"),
    ];
    let mut felt: Vec<String> = Vec::new();
    if impact.requests_failed > 0 {
        let (share, count) = (text::share(impact.failed_share), text::count(impact.requests_failed));
        felt.push(format!("{share} of requests failed ({count})"));
    }
    let others = others.iter().filter(|(requests, _)| *requests > 0);
    felt.extend(others.map(|(requests, what)| format!("{} {what}", text::count(*requests))));
    felt.join(", ")
}

/// The harm of an incident in which no hurt request was counted.
fn without_hurt_requests(incident: &Incident) -> &'static str {
    if incident.is_refusal_only() {
        return "no request failed";
    }
    // A process that dies takes the counts since its last report with it, and a failure in its first report has no baseline.
    if incident.signals.contains(&Signal::Deaths) {
        return "processes died; no failed requests counted";
    }
    "no request failed beyond the usual"
}

/// What fails, what is not scored now, and which places it reaches; of an incident that is over, who still runs its cause.
pub(crate) fn reach(snapshot: &Snapshot, incident: &Incident) -> String {
    match incident.state {
        State::Open => reach_of_open(snapshot, incident),
        State::Recovering => {
            let left = still_due(snapshot, incident);
            failing_now(snapshot, incident).into_iter().chain(left).collect::<Vec<_>>().join("; ")
        }
        State::Resolved => match (others_open(snapshot, incident), hosts_on_it(snapshot, incident)) {
            (0, _) => still_due(snapshot, incident).unwrap_or_default(),
            (_, Some(0)) => "no host runs it any more".to_owned(),
            (_, Some(hosts)) => format!("{} still run it", counted(hosts, "host")),
            (_, None) => String::new(),
        },
    }
}

fn reach_of_open(snapshot: &Snapshot, incident: &Incident) -> String {
    let mut parts: Vec<String> = failing_now(snapshot, incident).into_iter().collect();
    if let Some(share) = snapshot.fleet.scores_defaulted_share.filter(|_| incident.signals.contains(&Signal::Scores)) {
        let now = if parts.is_empty() { "NOW " } else { "" };
        parts.push(format!("{now}{} unscored", text::share(share)));
    }
    // The places are those of failing hosts, and hosts that refused an input do not fail.
    let places = [("cloud.region", "regions"), ("service.version", "builds")];
    for (key, word) in places.into_iter().filter(|_| !incident.is_refusal_only()) {
        // Where no host is seen to fail just now, the share is of a longer time, and the places are not known.
        if let Some(count) = census::places(snapshot, key).filter(|count| count.all > 1 && count.failing > 0) {
            parts.push(format!("{} of {} {word}", count.failing, count.all));
        }
    }
    // Last, since the sentence above already names some of the signals.
    parts.push(signals(incident));
    parts.join(", ")
}

/// The signals in words: `by errors panics`.
fn signals(incident: &Incident) -> String {
    let signals: Vec<&str> = incident.signals.iter().map(|signal| signal.as_str()).collect();
    format!("seen by {}", signals.join(" ").replace('_', " "))
}

/// The hosts that still need a restart. Beside another open incident the number is of both, and says so. `None` if that is
/// not known: such hosts are found by the accused version that they left.
fn still_due(snapshot: &Snapshot, incident: &Incident) -> Option<String> {
    let due = census::due(snapshot);
    let of_all = if others_open(snapshot, incident) > 0 { ", of all open incidents" } else { "" };
    let more = due.names.len().saturating_sub(NAMES_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named: Vec<&str> = due.names.iter().copied().take(NAMES_MAX).collect();
    let names = if named.is_empty() { String::new() } else { format!(": {}{more}", named.join(", ")) };
    Some(match due.hosts {
        0 if !incident.verdict.accuses() => return None,
        0 => "no host needs a restart any more".to_owned(),
        1 => format!("{} host still needs a restart or a good version{of_all}{names}", due.told()),
        _ => format!("{} hosts still need a restart or a good version{of_all}{names}", due.told()),
    })
}

/// Incidents beside this one that are not over.
pub(crate) fn others_open(snapshot: &Snapshot, incident: &Incident) -> usize {
    let incidents = snapshot.diagnosis.incidents.iter();
    incidents.filter(|other| other.id != incident.id && other.state != State::Resolved).count()
}

/// Hosts on which a version of the cause is active now; none where the cause has no versions that are known.
pub(crate) fn hosts_on_it(snapshot: &Snapshot, incident: &Incident) -> Option<u64> {
    let hashes = &incident.cause.as_ref()?.hashes;
    let known = snapshot.versions.iter().filter(|version| hashes.contains(&version.hash));
    known.map(|version| version.hosts_active).reduce(|sum, hosts| sum + hosts)
}

/// `1 host`, `2 hosts`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    let many = if number == 1 { "" } else { "s" };
    format!("{} {what}{many}", text::count(number))
}

/// The share of the fleet's requests that fail now, where the incident counts failed requests. Beside an incident that
/// counts none, such as a refused load, the failures of another incident would be read as its own.
pub(crate) fn failing_now(snapshot: &Snapshot, incident: &Incident) -> Option<String> {
    let failed = snapshot.fleet.failed_share.filter(|_| incident.impact.requests_failed > 0)?;
    Some(format!("NOW {} of requests fail", text::share(failed)))
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
    // The reasons of these speak of hosts that fail, and hosts that refused an input serve as before.
    let is_of_failing = |out: &RuledOut| matches!(out.what, Excluded::Traffic | Excluded::Region | Excluded::Binary);
    let is_kept = |out: &&RuledOut| !(is_ranked(out) || incident.is_refusal_only() && is_of_failing(out));
    incident.ruled_out.iter().filter(is_kept).collect()
}

/// An exclusion in words: what is not it, and the reason. The reason names a config or a change by itself.
pub(crate) fn ruled_out_told(out: &RuledOut) -> String {
    match out.what {
        Excluded::Config => out.reason.clone(),
        what => format!("{}: {}", what.as_str(), out.reason),
    }
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

/// Why this input, or why nothing was named, each reason by itself. Facts that the version before it shares explain nothing, and
/// are left out.
pub(crate) fn reasons(snapshot: &Snapshot, incident: &Incident) -> Vec<String> {
    let mut parts = Vec::new();
    // The evidence of a refusal is in the sentence and the error; what the engine adds speaks of hosts that fail.
    if incident.is_refusal_only() {
        return features(snapshot, incident);
    }
    // Why nothing was named comes before what stands out in the input that is nearest.
    let unnamed = incident.verdict == Verdict::InsufficientEvidence;
    if let Some(suspect) = incident.suspects.first().filter(|_| unnamed) {
        parts.extend(against(incident, suspect).cloned());
    }
    parts.extend(features(snapshot, incident));
    if let Some(suspect) = incident.suspects.first().filter(|_| !unnamed) {
        parts.extend(suspect.evidence.iter().cloned());
    }
    parts
}

/// What stands out in the input.
fn features(snapshot: &Snapshot, incident: &Incident) -> Vec<String> {
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
        parts.push(format!("also fits: {}", others.join(", ")));
    }
    parts
}

/// How far the last known good version can be trusted, warnings first: they must not be what a narrow terminal cuts.
pub(crate) fn last_known_good(snapshot: &Snapshot, incident: &Incident, good: &LastKnownGood) -> (Role, String) {
    let served = text::duration(good.bake_time_s);
    let is_short = good.bake_time_s < BAKE_TIME_MIN_S;
    let only = if is_short { "only " } else { "" };
    let mut told = format!("served {only}{served} without this anomaly");
    let lost = versions_lost(snapshot, incident, good);
    if let Some(newest) = lost.first() {
        let versions = counted(lost.len() as u64, "newer version");
        told = format!("going back to it loses {versions} ({} is the newest); {told}", newest.hash.short());
    }
    if good.contaminated {
        told = format!("CONTAMINATED: the producer's own last-good mark points at the BAD version; {told}");
    }
    let role = if good.contaminated || is_short || !lost.is_empty() { Role::Warn } else { Role::Good };
    (role, told)
}

/// Versions between the last known good one and the first accused one, newest first: hosts ran them, and nothing is said
/// against them.
fn versions_lost<'a>(snapshot: &'a Snapshot, incident: &Incident, good: &LastKnownGood) -> Vec<&'a VersionView> {
    let of = |hash: Hash| snapshot.versions.iter().find(|version| version.hash == hash);
    let accused = incident.cause.iter().flat_map(|cause| &cause.hashes);
    let first_bad = accused.filter_map(|hash| of(*hash)).map(|version| version.first_seen).min();
    let (Some(from), Some(first_bad)) = (of(good.hash), first_bad) else { return Vec::new() };
    let between = |version: &&VersionView| {
        version.config == from.config && version.first_seen > from.first_seen && version.first_seen < first_bad
    };
    let lost = snapshot.versions.iter().filter(between).filter(|version| version.hosts_ever > 0 && !version.accused);
    let mut lost: Vec<&VersionView> = lost.collect();
    lost.sort_by_key(|version| std::cmp::Reverse(version.first_seen));
    lost
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
        assert_eq!(
            failing_now(&failing, &failing.diagnosis.incidents[0]),
            Some("NOW 47.1% of requests fail".to_owned())
        );
        for unharmed in [fixture::refused(), fixture::denied()] {
            assert_eq!(failing_now(&failing, &unharmed), None, "{}", unharmed.id);
            let resolved = Incident { state: State::Resolved, ..unharmed };
            assert!(!reach(&failing, &resolved).contains("requests fail"), "{}", resolved.id);
        }
        assert_eq!(reach(&failing, &fixture::refused()), "seen by loads");
    }

    #[test]
    fn without_an_accused_version_nothing_is_said_of_restarts() {
        let mut snapshot = fixture::recovering();
        snapshot.hosts.iter_mut().for_each(|host| host.needs_restart = false);
        let mut incident = snapshot.diagnosis.incidents[0].clone();
        assert!(reach(&snapshot, &incident).contains("no host needs a restart any more"));
        incident.verdict = Verdict::InsufficientEvidence;
        assert!(!reach(&snapshot, &incident).contains("restart"), "{}", reach(&snapshot, &incident));
    }

    #[test]
    fn a_process_that_died_is_no_proof_that_no_request_failed() {
        let uncounted = |signals: Vec<Signal>| {
            let impact = firstbad_protocol::verdict::Impact::default();
            harm(&Incident { impact, signals, ..fixture::incident() })
        };
        assert_eq!(uncounted(vec![Signal::Deaths]), "processes died; no failed requests counted");
        assert_eq!(uncounted(vec![Signal::Latency]), "no request failed beyond the usual");
        assert_eq!(harm(&Incident { impact: Default::default(), ..fixture::refused() }), "no request failed");
    }
}
