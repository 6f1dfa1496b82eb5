//! The snapshot's views: what a screen shows beside the verdicts, bounded.

use crate::model::{Counter, Key, Ns, Unit};
use crate::moves::BEFORE_ALL;
use crate::ring::{Interval, index_of};
use crate::state::State;
use crate::tally::seconds;
use crate::units::hosts;
use firstbad_protocol::limits::{SNAPSHOT_HOSTS_MAX, SNAPSHOT_POINTS_MAX, VERSIONS_MAX};
use firstbad_protocol::snapshot::{ChangeView, Fleet, HostView, Line, LineRole, VersionView};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::Signal;
use firstbad_protocol::{Hash, Property};
use std::collections::{BTreeMap, BTreeSet};

/// Changes and lines listed.
const CHANGES_SHOWN: usize = 256;
const LINES_MAX: usize = 12;

/// What a line of the chart is about.
struct Subject {
    role: LineRole,
    factor: Option<u16>,
    property: Option<Property>,
    levels: Vec<u32>,
}

impl Subject {
    const fn fleet() -> Self {
        Self { role: LineRole::Fleet, factor: None, property: None, levels: Vec::new() }
    }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| crate::math::rounded(part / whole, 6))
}

impl State {
    /// Units with an open run of silence.
    pub(crate) fn silent_hosts(&self) -> BTreeSet<&str> {
        self.units.iter().filter(|unit| self.is_silent(unit)).map(|unit| &*unit.host).collect()
    }

    fn is_silent(&self, unit: &Unit) -> bool {
        let late = self.now.is_some_and(|now| now - unit.last_arrival > 7 * unit.span.max(self.interval) / 2);
        !unit.aggregate && unit.left.is_none() && late
    }

    /// How many hosts have not left, but for those that are silent, and the silent ones.
    pub(crate) fn heard(&self) -> (u64, BTreeSet<&str>) {
        let mut silent: BTreeSet<&str> = BTreeSet::new();
        let here = self.units.iter().filter(|unit| !unit.aggregate && unit.left.is_none());
        let here = hosts(here.inspect(|unit| silent.extend(self.is_silent(unit).then_some(&*unit.host))));
        ((here - silent.len()) as u64, silent)
    }

    pub(crate) fn fleet(&self) -> Fleet {
        let silent = self.silent_hosts();
        let hosts = hosts(self.units.iter().filter(|unit| !unit.aggregate && unit.left.is_none()));
        let last = self.last_event.map(|at| index_of(at, self.interval) - 1).and_then(|index| self.ring.get(index));
        let sum = |counter: Counter| {
            last.and_then(|interval| interval.fleet.get(counter as usize)).copied().unwrap_or_default()
        };
        let (errors, zeros) = (sum(Counter::Errors), sum(Counter::Zeros));
        Fleet {
            hosts_reporting: (hosts - silent.len()) as u64,
            hosts_silent: silent.len() as u64,
            instances: self
                .units
                .iter()
                .filter(|unit| !unit.aggregate && unit.left.is_none())
                .filter(|unit| silent.is_empty() || !silent.contains(&*unit.host))
                .count() as u64,
            requests_per_s: crate::math::rounded(errors.trials / seconds(self.interval), 3),
            failed_share: share(errors.observed, errors.trials),
            scores_defaulted_share: share(zeros.observed, zeros.trials),
            telemetry_dropped: self.dropped,
            late_rows: self.late_rows,
        }
    }

    fn accused(&self) -> BTreeSet<u32> {
        self.cases
            .iter()
            .filter(|case| case.resolved.is_none() && case.incident.verdict.accuses())
            .flat_map(|case| case.levels.iter().copied())
            .collect()
    }

    pub(crate) fn versions(&self) -> Vec<VersionView> {
        let accused = self.accused();
        let mut active: BTreeMap<u32, u64> = BTreeMap::new();
        for (_, level) in self.units.iter().filter(|unit| unit.left.is_none()).flat_map(|unit| &unit.active) {
            *active.entry(*level).or_default() += 1;
        }
        let mut views: Vec<VersionView> = (0_u32..)
            .zip(&self.tables.levels)
            .filter_map(|(id, level)| {
                let Key::Version(hash) = &level.key else { return None };
                Some(VersionView {
                    config: self.tables.config_name(level.factor)?.to_owned(),
                    hash: *hash,
                    label: level.facts.words.get("label").map(ToString::to_string),
                    first_seen: Timestamp(level.first_seen),
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

    pub(crate) fn lines(&self) -> Vec<Line> {
        let accused = self.accused();
        let config = accused.iter().next().and_then(|level| self.tables.level_at(*level)).map(|level| level.factor);
        let bad: Vec<u32> = accused.into_iter().collect();
        let mut lines = Vec::new();
        for signal in [Signal::Errors, Signal::Scores] {
            lines.extend(self.line(signal, Subject::fleet()));
            let Some(factor) = config else { continue };
            let property = self.cases.iter().rev().find_map(|case| case.incident.cause.as_ref()?.property.clone());
            let accused = Subject { role: LineRole::Accused, factor: Some(factor), property, levels: bad.clone() };
            lines.extend(self.line(signal, accused));
            let others: Vec<u32> = (0_u32..)
                .zip(&self.tables.levels)
                .filter(|(id, level)| level.factor == factor && !bad.contains(id))
                .map(|(id, _)| id)
                .collect();
            let others = Subject { role: LineRole::Others, factor: Some(factor), property: None, levels: others };
            lines.extend(self.line(signal, others));
        }
        lines.truncate(LINES_MAX);
        lines
    }

    /// One line of the chart; none where nothing was ever counted.
    fn line(&self, signal: Signal, subject: Subject) -> Option<Line> {
        let Subject { role, factor, property, levels } = subject;
        let offset = if signal == Signal::Errors { 0 } else { 2 };
        let counter = if signal == Signal::Errors { Counter::Errors } else { Counter::Zeros };
        let mut points = Vec::new();
        let mut loads = Vec::new();
        let skipped = self.ring.intervals.len().saturating_sub(SNAPSHOT_POINTS_MAX);
        for (_, interval) in self.ring.iter().skip(skipped) {
            let (part, whole) = if factor.is_none() {
                let sums = interval.fleet.get(counter as usize).copied().unwrap_or_default();
                (sums.observed, sums.trials)
            } else {
                levels.iter().filter_map(|level| interval.tagged.get(level)).fold((0.0, 0.0), |sum, counts| {
                    let at = |index: usize| counts.get(index).copied().unwrap_or(0.0);
                    (sum.0 + at(offset), sum.1 + at(offset + 1))
                })
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
            config: factor.and_then(|factor| self.tables.config_name(factor)).map(ToOwned::to_owned),
            hashes: if role == LineRole::Others { Vec::new() } else { crate::words::hashes(self, &levels) },
            label: role.label(property.as_ref()),
            role: Some(role),
            property,
            from: Timestamp((self.ring.first + i64::try_from(skipped).unwrap_or(0) + 1) * self.interval),
            step_s: seconds(self.interval),
            points,
            loads,
        })
    }

    pub(crate) fn hosts(&self) -> Vec<HostView> {
        let accused = self.accused();
        let mut ranked: Vec<(bool, bool, bool, usize)> = self
            .units
            .iter()
            .enumerate()
            .filter(|(_, unit)| !unit.aggregate)
            .map(|(index, unit)| {
                let failing = unit.runs.iter().any(|run| run.open);
                let runs_bad = unit.active.iter().any(|(_, level)| accused.contains(level));
                let silent = self.now.is_some_and(|now| {
                    unit.left.is_none() && now - unit.last_arrival > 7 * unit.span.max(self.interval) / 2
                });
                (!failing, !(runs_bad || self.fails_after_leaving(unit, &accused)), !silent, index)
            })
            .collect();
        ranked.sort_unstable();
        ranked.truncate(SNAPSHOT_HOSTS_MAX);
        ranked
            .into_iter()
            .filter_map(|(healthy, fine, reporting, index)| {
                let unit = self.units.get(index)?;
                let active: BTreeMap<String, Hash> = unit
                    .active
                    .iter()
                    .filter_map(|(factor, level)| {
                        Some((self.tables.config_name(*factor)?.to_owned(), self.tables.level_at(*level)?.hash()?))
                    })
                    .collect();
                Some(HostView {
                    host: unit.host.to_string(),
                    dimensions: self
                        .tables
                        .dims_at(unit.dims)
                        .map(|dims| dims.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
                        .unwrap_or_default(),
                    active,
                    last_seen: Timestamp(unit.last_event),
                    silent: !reporting,
                    failing: !healthy,
                    needs_restart: !fine,
                    restarts: unit.restarts,
                    panics: unit.panics.0.values().copied().max().unwrap_or(0).max(unit.panics.1),
                    loading: unit.loading.and_then(|(_, level, _)| self.tables.level_at(level)?.hash()),
                })
            })
            .collect()
    }

    /// Whether a unit left what is accused and was seen to fail after that: it needs a restart. A run that is open only
    /// because too little has been seen since does not count.
    fn fails_after_leaving(&self, unit: &Unit, accused: &BTreeSet<u32>) -> bool {
        let Some(last) = unit.moves.iter().rposition(|entry| accused.contains(&entry.level)) else { return false };
        let Some(factor) = unit.moves.get(last).map(|entry| entry.factor) else { return false };
        let left = unit.moves.iter().skip(last + 1).find(|entry| entry.factor == factor).map(|entry| entry.at);
        left.is_some_and(|left| {
            unit.runs.iter().any(|run| run.open && run.quiet <= 0.0 && run.end > left + 2 * self.interval)
        })
    }

    pub(crate) fn change_views(&self) -> Vec<ChangeView> {
        let mut views: Vec<ChangeView> = self
            .changes
            .iter()
            .map(|change| ChangeView {
                at: Timestamp(change.at),
                kind: change.kind.to_string(),
                id: change.id.to_string(),
                target: change.target.to_string(),
                description: change.description.to_string(),
                hosts: (!change.everywhere).then_some(change.hosts()),
            })
            .collect();
        for level in self.tables.levels.iter().filter(|level| level.first_seen > BEFORE_ALL as Ns) {
            let (Some(hash), Some(config)) = (level.hash(), self.tables.config_name(level.factor)) else { continue };
            let label = level.facts.words.get("label").map(ToString::to_string).unwrap_or_default();
            views.push(ChangeView {
                at: Timestamp(level.first_seen),
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

    /// Requests per second since `onset` over those before.
    pub(crate) fn traffic_ratio(&self, onset: Ns) -> f64 {
        self.growth(onset, None)
    }

    /// As above, among the hosts with `dims`.
    pub(crate) fn growth(&self, onset: Ns, dims: Option<&BTreeSet<u32>>) -> f64 {
        let at = index_of(onset, self.interval);
        let trials = |interval: &Interval| match dims {
            None => interval.fleet.first().map_or(0.0, |sum| sum.trials),
            Some(dims) => interval
                .cells
                .iter()
                .filter(|(id, _)| {
                    self.tables.exposures.get(**id as usize).is_some_and(|exposure| dims.contains(&exposure.dims))
                })
                .filter_map(|(_, cell)| cell.sums.first())
                .map(|sum| sum.trials)
                .sum(),
        };
        let mean = |from: i64, to: i64| {
            let sums: Vec<f64> =
                (from..to).filter_map(|index| self.ring.get(index)).map(trials).filter(|sum| *sum > 0.0).collect();
            let count = crate::math::float(sums.len().max(1));
            sums.iter().sum::<f64>() / count
        };
        let before = mean(at - 30, at - 1);
        let after = mean(at + 1, (at + 13).min(self.ring.end() - 1));
        if before > 0.0 && after > 0.0 { after / before } else { 1.0 }
    }
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
