//! Last values: what is active, facts and limits of versions, and the state of the process. They carry a time and no
//! span, so they join the row of their report.

use super::gaps::Fault;
use super::keys;
use super::labels::Labels;
use super::number;
use super::rows::Building;
use super::senders::Instance;
use crate::otlp::model::NumberPoint;
use firstbad_diagnosis::observation::{Facts, FirstFailure, Name};
use firstbad_protocol::Hash;
use firstbad_protocol::time::Timestamp;

/// Which last value a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gauge {
    Active,
    FirstFailed,
    Fact(&'static str),
    Age,
    Limit,
    LimitUsage,
    InFlight,
    Cpu,
    Memory,
    Uptime,
}

/// Puts a point into its row.
pub(super) fn take(gauge: Gauge, point: &NumberPoint<'_>, labels: &Labels, row: &mut Building) -> Result<(), Fault> {
    let value = number::real(point.value)?;
    let version = || labels.version.clone().ok_or(labels.not_a_version.unwrap_or(Fault::NoHash));
    match gauge {
        Gauge::Active => {
            let version = version()?;
            if value > 0.0 && !row.row.active.contains(&version) {
                row.row.active.push(version);
            }
        }
        // No request failed in 1970: some SDKs send 0 until there is a value.
        Gauge::FirstFailed if value == 0.0 => {}
        Gauge::FirstFailed => {
            let (config, hash) = version()?;
            let at = moment(value)?;
            row.row.first_failed.push(FirstFailure { config, hash, at });
        }
        Gauge::Fact(name) => {
            let (config, hash) = version()?;
            let whole = whole(value)?;
            row.facts(&config, hash).numbers.insert(name.into(), whole);
        }
        Gauge::Limit => {
            let (config, limit) = limit(labels)?;
            row.limits.push((config, hash(labels), limit, whole(value)?));
        }
        Gauge::LimitUsage => {
            let (config, limit) = limit(labels)?;
            row.usages.push((config, hash(labels), limit, level(value)?));
        }
        Gauge::InFlight => add(&mut row.row.in_flight, level(value)?),
        Gauge::Cpu if labels.idle => {}
        Gauge::Cpu => add(&mut row.row.cpu, level(value)?),
        Gauge::Memory => add(&mut row.row.memory, level(value)?),
        // The engine aligns to loads, which events and `active` tell better than an age.
        Gauge::Age | Gauge::Uptime => {}
    }
    Ok(())
}

/// Several points of one gauge (by method, by CPU mode) are parts of one level.
fn add(level: &mut Option<f64>, value: f64) {
    *level = Some(level.unwrap_or(0.0) + value);
}

fn level(value: f64) -> Result<f64, Fault> {
    if value < 0.0 { Err(Fault::Negative) } else { Ok(value) }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be within range")]
fn whole(value: f64) -> Result<i64, Fault> {
    let value = level(value)?;
    if value > 9.0e15 { Err(Fault::Absurd) } else { Ok(value.round() as i64) }
}

/// Unix seconds as a time, rounded to microseconds: a double holds no more digits of a present time.
#[expect(clippy::cast_possible_truncation, reason = "checked to be within range")]
fn moment(seconds: f64) -> Result<Timestamp, Fault> {
    let microseconds = (level(seconds)? * 1e6).round();
    if microseconds > 9.0e15 { Err(Fault::NoTime) } else { Ok(Timestamp(microseconds as i64 * 1000)) }
}

fn limit(labels: &Labels) -> Result<(Name, Name), Fault> {
    labels.config.clone().zip(labels.limit.clone()).ok_or(Fault::NoConfig)
}

fn hash(labels: &Labels) -> Option<Hash> {
    labels.version.as_ref().map(|(_, hash)| *hash)
}

/// Gives limits to the versions they are about, and keeps of all facts those that this instance has not told before.
pub(super) fn settle(row: &mut Building, instance: Option<&mut Instance>) {
    for (config, hash, name, value) in std::mem::take(&mut row.limits) {
        for hash in versions(row, &config, hash) {
            row.facts(&config, hash).limits.insert(Name::clone(&name), value);
        }
    }
    for (config, hash, name, usage) in std::mem::take(&mut row.usages) {
        for hash in versions(row, &config, hash) {
            used(row.facts(&config, hash), &name, usage);
        }
    }
    if let Some(instance) = instance {
        row.row.facts.retain(|(config, hash, facts)| instance.is_new_fact(fingerprint(config, *hash, facts)));
        row.row.first_failed.retain(|first| instance.is_new_fact(of_failure(first)));
    }
}

/// The versions of a config that a limit without hash is about: those that are active, or else those that this report
/// tells something of.
fn versions(row: &Building, config: &Name, hash: Option<Hash>) -> Vec<Hash> {
    if let Some(hash) = hash {
        return vec![hash];
    }
    let of_config = |name: &Name, hash: Hash| (name == config).then_some(hash);
    let active: Vec<Hash> = row.row.active.iter().filter_map(|(name, hash)| of_config(name, *hash)).collect();
    if !active.is_empty() {
        return active;
    }
    let facts = row.row.facts.iter().filter_map(|(name, hash, _)| of_config(name, *hash));
    let views = row.row.views.iter().filter_map(|view| of_config(&view.config, view.hash));
    let mut told: Vec<Hash> = facts.chain(views).collect();
    told.sort_unstable();
    told.dedup();
    told
}

/// A usage of a known limit tells the value itself, where no other fact does.
fn used(facts: &mut Facts, name: &Name, usage: f64) {
    let Some(limit) = facts.limits.get(name).copied() else { return };
    #[expect(clippy::cast_precision_loss, reason = "a declared limit is far below 2^53")]
    let value = usage * limit as f64;
    if let Ok(value) = whole(value) {
        facts.numbers.entry(Name::clone(name)).or_insert(value);
    }
}

fn of_failure(first: &FirstFailure) -> u64 {
    keys::short(&first.at.0.to_le_bytes(), keys::short(&first.hash.0, keys::short(first.config.as_bytes(), 4)))
}

fn fingerprint(config: &Name, hash: Hash, facts: &Facts) -> u64 {
    let words = facts.words.iter().map(|(name, word)| (name, keys::short(word.as_bytes(), 1)));
    let numbers = facts.numbers.iter().map(|(name, value)| (name, keys::short(&value.to_le_bytes(), 2)));
    let limits = facts.limits.iter().map(|(name, value)| (name, keys::short(&value.to_le_bytes(), 3)));
    words
        .chain(numbers)
        .chain(limits)
        .fold(keys::short(&hash.0, keys::short(config.as_bytes(), 0)), |key, (name, value)| {
            keys::short(name.as_bytes(), key ^ value)
        })
}
