//! `--at T`: suspects as of T even where no detector fired, and localisation where the failing has no hosts.

use crate::evidence::aggregate::combinations;
use crate::numerics::localise::Combination;
use crate::scene::Scene;
use crate::state::State;
use crate::state::model::Counter;
use crate::state::ring::{index_of, start_of};
use crate::verdict::cases::blank;
use crate::verdict::incident::{suspects, unknown};
use crate::verdict::judge::judge;
use crate::wording::facts::blind_spots;
use firstbad_protocol::limits::SUSPECTS_MAX;
use firstbad_protocol::verdict::{Arm, Cause, CauseKind, Incident, Suspect, Verdict};
use std::collections::BTreeMap;

/// Completes the answer: an incident whose suspects are ranked, if there is any excess at all.
pub(crate) fn complete(state: &State, incidents: &mut Vec<Incident>) {
    let hosts = state.units.iter().any(|unit| !unit.aggregate);
    if hosts {
        if incidents.is_empty() {
            incidents.extend(of_hosts(state));
        }
        return;
    }
    let Some(judged) = state.last_event.map(|at| index_of(at, state.interval)) else { return };
    let combinations = combinations(state, judged);
    if combinations.is_empty() {
        return;
    }
    let list: Vec<Suspect> = combinations
        .iter()
        .take(SUSPECTS_MAX)
        .zip(1..)
        .map(|(combination, rank)| of_combination(combination, rank))
        .collect();
    if incidents.is_empty() {
        let mut incident = blank(start_of(judged, state.interval), Counter::Errors);
        incident.signals = vec![Counter::Errors.signal()];
        incident.blind_spots = blind_spots(state);
        incidents.push(incident);
    }
    for incident in incidents.iter_mut().rev().take(1) {
        incident.suspects.clone_from(&list);
        if let Some(first) = list.first().filter(|first| first.confidence >= 0.5) {
            incident.verdict = Verdict::External;
            incident.cause = Some(Cause {
                kind: CauseKind::Dimension,
                config: None,
                hashes: Vec::new(),
                property: None,
                also_separates: Vec::new(),
                scope: BTreeMap::new(),
                change: None,
                dimensions: first.dimensions.clone(),
            });
        }
    }
}

fn of_combination(combination: &Combination, rank: u32) -> Suspect {
    let inside = combination.observed / combination.expected.max(0.5);
    let outside = combination.observed_outside / combination.expected_outside.max(0.5);
    let excess = combination.observed - combination.expected;
    let all = excess + (combination.observed_outside - combination.expected_outside).max(0.0);
    let explained = if all > 0.0 { (excess / all).clamp(0.0, 1.0) } else { 0.0 };
    let confidence =
        if combination.score > 3.0 { (0.75 / f64::from(rank)) * explained.max(0.3) } else { 0.2 / f64::from(rank) };
    let arm = |observed: f64, expected: f64| Arm {
        observed: crate::numerics::math::rounded(observed, 3),
        expected: crate::numerics::math::rounded(expected, 3),
        ..Arm::default()
    };
    Suspect {
        dimensions: combination.dimensions.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        rank,
        kind: CauseKind::Dimension,
        confidence: crate::numerics::math::rounded(confidence, 3),
        exposed: arm(combination.observed, combination.expected),
        control: arm(combination.observed_outside, combination.expected_outside),
        rate_ratio: crate::numerics::math::rounded(inside / outside.max(0.01), 3),
        explained_share: crate::numerics::math::rounded(explained, 4),
        evidence: vec![format!(
            "{:.0} failures where {:.1} were expected; everywhere else {:.0} where {:.1} were",
            combination.observed, combination.expected, combination.observed_outside, combination.expected_outside
        )],
        against: Vec::new(),
        ..unknown()
    }
}

/// Suspects among hosts though no detector fired: whatever runs there are.
fn of_hosts(state: &State) -> Option<Incident> {
    let now = state.last_event?;
    let from = now - 60 * state.interval;
    let runs = || state.units.iter().flat_map(|unit| &unit.runs).filter(|run| run.start >= from);
    let onset = runs().map(|run| run.start).min()?;
    let mut counters: Vec<Counter> = runs().map(|run| run.counter).collect();
    counters.sort_unstable();
    counters.dedup();
    let scene = Scene::new(state, onset, &counters, 0);
    let judged = judge(state, &scene);
    let mut incident = blank(onset, *counters.first()?);
    incident.signals = counters.iter().map(|counter| counter.signal()).collect();
    incident.signals.dedup();
    incident.suspects = suspects(state, &judged);
    if incident.suspects.is_empty() {
        incident.suspects.push(unknown());
    }
    incident.onset = onset.into();
    incident.blind_spots = blind_spots(state);
    Some(incident)
}
