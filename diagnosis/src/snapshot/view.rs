//! The snapshot's views: what a screen shows beside the verdicts, bounded.

use crate::state::State;
use crate::state::ids::{FactorId, LevelId};
use crate::state::model::{Counter, Key};
use crate::state::moves::BEFORE_ALL;
use crate::state::ring::{index_of, start_of};
use crate::state::silence::silent_hosts;
use crate::state::units::hosts;
use firstbad_protocol::Property;
use firstbad_protocol::limits::{SNAPSHOT_POINTS_MAX, VERSIONS_MAX};
use firstbad_protocol::snapshot::{ChangeView, Fleet, Line, LineRole, VersionView};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::Signal;
use std::collections::{BTreeMap, BTreeSet};

/// Changes and lines listed.
const CHANGES_SHOWN: usize = 256;
const LINES_MAX: usize = 12;

/// What a line of the chart is about.
struct Subject {
    role: LineRole,
    factor: Option<FactorId>,
    property: Option<Property>,
    levels: Vec<LevelId>,
}

impl Subject {
    const fn fleet() -> Self {
        Self { role: LineRole::Fleet, factor: None, property: None, levels: Vec::new() }
    }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| crate::numerics::math::rounded(part / whole, 6))
}

pub(crate) fn fleet(state: &State) -> Fleet {
    let silent = silent_hosts(state);
    let hosts = hosts(state.units.iter().filter(|unit| unit.serves() && unit.left.is_none()));
    let last = state.last_event.map(|at| index_of(at, state.interval) - 1).and_then(|index| state.ring.get(index));
    let sum =
        |counter: Counter| last.and_then(|interval| interval.fleet.get(counter as usize)).copied().unwrap_or_default();
    let (errors, zeros) = (sum(Counter::Errors), sum(Counter::Zeros));
    Fleet {
        hosts_reporting: (hosts - silent.len()) as u64,
        hosts_silent: silent.len() as u64,
        instances: state
            .units
            .iter()
            .filter(|unit| unit.serves() && unit.left.is_none())
            .filter(|unit| silent.is_empty() || !silent.contains(&*unit.host))
            .count() as u64,
        requests_per_s: crate::numerics::math::rounded(errors.trials / state.interval.seconds(), 3),
        failed_share: share(errors.observed, errors.trials),
        scores_defaulted_share: share(zeros.observed, zeros.trials),
        telemetry_dropped: state.dropped,
        late_rows: state.late_rows,
    }
}

/// What open incidents accuse.
pub(crate) fn accused(state: &State) -> BTreeSet<LevelId> {
    let open = state.symptoms.iter().filter(|symptom| symptom.resolved.is_none());
    open.flat_map(|symptom| symptom.accused().iter().copied()).collect()
}

pub(crate) fn versions(state: &State) -> Vec<VersionView> {
    let accused = accused(state);
    let mut active: BTreeMap<LevelId, u64> = BTreeMap::new();
    for of in state.units.iter().filter(|unit| unit.left.is_none()).flat_map(|unit| &unit.active) {
        *active.entry(of.level).or_default() += 1;
    }
    let mut views: Vec<VersionView> = state
        .tables
        .levels
        .numbered()
        .filter_map(|(id, level)| {
            let Key::Version(hash) = &level.key else { return None };
            Some(VersionView {
                config: state.tables.config_name(level.factor)?.to_owned(),
                hash: *hash,
                label: level.facts.words.get("label").map(ToString::to_string),
                first_seen: level.first_seen.into(),
                hosts_active: active.get(&id).copied().unwrap_or(0),
                hosts_ever: level.units_ever,
                refusals: level.refusals,
                facts: level.facts.numbers.iter().map(|(name, value)| (name.to_string(), *value)).collect(),
                limits: level.facts.limits.iter().map(|(name, value)| (name.to_string(), *value)).collect(),
                source: level.facts.words.get("source").map(ToString::to_string),
                accused: accused.contains(&id),
                requests: level.requests,
                failed: level.failed,
                score_deciles: level.deciles.clone(),
            })
        })
        .collect();
    views.sort_by(|a, b| b.first_seen.cmp(&a.first_seen).then_with(|| a.hash.cmp(&b.hash)));
    views.truncate(VERSIONS_MAX);
    views
}

pub(crate) fn lines(state: &State) -> Vec<Line> {
    let accused = accused(state);
    let config = accused.iter().next().and_then(|level| state.tables.level_at(*level)).map(|level| level.factor);
    let bad: Vec<LevelId> = accused.into_iter().collect();
    let mut lines = Vec::new();
    for signal in [Signal::Errors, Signal::Scores] {
        lines.extend(line(state, signal, Subject::fleet()));
        let Some(factor) = config else { continue };
        let property = state.cases.iter().rev().find_map(|case| case.incident.cause.as_ref()?.property.clone());
        let accused = Subject { role: LineRole::Accused, factor: Some(factor), property, levels: bad.clone() };
        lines.extend(line(state, signal, accused));
        let others: Vec<LevelId> = state
            .tables
            .levels
            .numbered()
            .filter(|(id, level)| level.factor == factor && !bad.contains(id))
            .map(|(id, _)| id)
            .collect();
        let others = Subject { role: LineRole::Others, factor: Some(factor), property: None, levels: others };
        lines.extend(line(state, signal, others));
    }
    lines.truncate(LINES_MAX);
    lines
}

/// One line of the chart; none where nothing was ever counted.
fn line(state: &State, signal: Signal, subject: Subject) -> Option<Line> {
    let Subject { role, factor, property, levels } = subject;
    let offset = if signal == Signal::Errors { 0 } else { 2 };
    let counter = if signal == Signal::Errors { Counter::Errors } else { Counter::Zeros };
    let mut points = Vec::new();
    let mut loads = Vec::new();
    let skipped = state.ring.intervals.len().saturating_sub(SNAPSHOT_POINTS_MAX);
    for (_, interval) in state.ring.iter().skip(skipped) {
        let (part, whole) = if factor.is_none() {
            let sums = interval.fleet.get(counter as usize).copied().unwrap_or_default();
            (sums.observed, sums.trials)
        } else {
            let tagged = || levels.iter().filter_map(|level| interval.tagged.get(level));
            let sum = |index: usize| tagged().map(|counts| counts.get(index).copied().unwrap_or(0.0)).sum::<f64>();
            (sum(offset), sum(offset + 1))
        };
        points.push(share(part, whole));
        loads.push(
            interval
                .loads
                .iter()
                .filter(|(level, _)| levels.contains(level) || factor.is_none())
                .map(|(_, count)| *count)
                .sum(),
        );
    }
    points.iter().any(Option::is_some).then(|| Line {
        signal,
        config: factor.and_then(|factor| state.tables.config_name(factor)).map(ToOwned::to_owned),
        hashes: if role == LineRole::Others { Vec::new() } else { crate::wording::words::hashes(state, &levels) },
        label: role.label(property.as_ref()),
        role: Some(role),
        property,
        from: start_of(state.ring.first + i64::try_from(skipped).unwrap_or(0) + 1, state.interval).into(),
        step_s: state.interval.seconds(),
        points,
        loads,
    })
}

pub(crate) fn change_views(state: &State) -> Vec<ChangeView> {
    let mut views: Vec<ChangeView> = state
        .changes
        .iter()
        .map(|change| ChangeView {
            at: change.at.into(),
            kind: change.kind.to_string(),
            id: change.id.to_string(),
            target: change.target.to_string(),
            description: change.description.to_string(),
            hosts: (!change.is_everywhere()).then_some(change.hosts()),
        })
        .collect();
    for level in state.tables.levels.iter().filter(|level| level.first_seen > BEFORE_ALL) {
        let (Some(hash), Some(config)) = (level.hash(), state.tables.config_name(level.factor)) else { continue };
        let label = level.facts.words.get("label").map(ToString::to_string).unwrap_or_default();
        views.push(ChangeView {
            at: level.first_seen.into(),
            kind: "load".to_owned(),
            id: hash.to_string(),
            target: config.to_owned(),
            description: label,
            hosts: Some(level.units_ever),
        });
    }
    views.sort_by(|a, b| b.cmp_key().cmp(&a.cmp_key()));
    views.truncate(CHANGES_SHOWN);
    views
}

/// Order of changes: newest first, then by identity, so that equal times keep one order.
trait CmpKey {
    fn cmp_key(&self) -> (Timestamp, &str, &str);
}

impl CmpKey for ChangeView {
    fn cmp_key(&self) -> (Timestamp, &str, &str) {
        (self.at, &self.kind, &self.id)
    }
}
