//! What an incident is told with: first error, the offending input, what was ruled out, what
//! could not be seen.

use crate::hypothesis::Hypothesis;
use crate::hypothesis::judgement::Judgement;
use crate::numerics::math::ratio;
use crate::numerics::time::{Instant, Span};
use crate::scene::Scene;
use crate::scene::hosts::Hosts;
use crate::state::State;
use crate::state::case::Case;
use crate::state::class::Class;
use crate::state::ids::{FactorId, LevelId, UnitId};
use crate::state::silence::silent_hosts;
use crate::state::symptom::Symptom;
use crate::state::traffic::traffic_ratio;
use crate::wording::words;
use firstbad_protocol::blind_spot::ClockOffset;
use firstbad_protocol::names::attribute;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{CauseKind, Excluded, FirstError, Input, LastKnownGood, LimitFact, RuledOut};
use firstbad_protocol::{BlindSpot, Finding, Untrusted};
use std::collections::{BTreeMap, BTreeSet};

/// Things ruled out that are listed.
const RULED_OUT_MAX: usize = 12;
/// Hosts that a blind spot names.
const NAMES_MAX: usize = 3;

/// The earliest error of what an incident covers, verbatim: a panic of the units that it hit, or what was refused.
pub(crate) fn first_error(state: &State, case: &Case, symptoms: &[&Symptom]) -> Option<FirstError> {
    let since = symptoms.iter().map(|symptom| symptom.onset).min()? - 3 * state.interval;
    let fails = symptoms.iter().any(|symptom| symptom.class != Class::Refused);
    let hit = |id: &UnitId| symptoms.iter().any(|symptom| symptom.hosts.binary_search(id).is_ok());
    let panics = state.panics.iter().filter(|seen| fails && seen.first >= since && seen.units.iter().any(hit));
    let panic =
        panics.max_by_key(|seen| (seen.units.iter().filter(|id| hit(id)).count(), std::cmp::Reverse(seen.first)));
    let accused = || case.named.iter().flat_map(|named| &named.levels);
    let refusal = || {
        let own = accused().find_map(|level| state.refusals.get(level));
        let any = || state.refusals.values().find(|seen| !fails && seen.first >= since);
        own.or_else(any)
    };
    let seen = panic.or_else(refusal)?;
    let counted = seen.site.as_ref().and_then(|site| state.panic_counts.get(site)).copied().unwrap_or(0);
    Some(FirstError {
        message: seen.message.to_string(),
        site: seen.site.as_ref().map(ToString::to_string),
        count: seen.count.max(counted),
        first_seen: seen.first.into(),
    })
}

/// What the offending input looks like.
pub(crate) fn input(state: &State, levels: &[LevelId], good: Option<&LastKnownGood>) -> Option<Input> {
    let level = levels.iter().filter_map(|level| state.tables.level_at(*level)).next_back()?;
    let number = |name: &str| level.facts.numbers.get(name).copied();
    let unsigned = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    let mut declared: BTreeMap<String, i64> = BTreeMap::new();
    for other in state.tables.levels.iter().filter(|other| other.factor == level.factor) {
        declared.extend(other.facts.limits.iter().map(|(name, limit)| (name.to_string(), *limit)));
    }
    let mut input = Input {
        rows: unsigned(number("rows")),
        duplicate_rows: unsigned(number("duplicate_rows")),
        limits: Vec::new(),
        against: good.map(|good| good.hash),
        findings: Vec::new(),
    };
    for (name, limit) in declared {
        let value = unsigned(number(if name == "bytes" { "size" } else { &name }));
        if let (Some(value), Some(limit)) = (value, unsigned(Some(limit))) {
            if value > limit {
                input.findings.push(Finding::ExceedsLimit { name: name.clone(), value, limit });
            }
            input.limits.push(LimitFact { name, value, limit });
        }
    }
    if let Some(duplicates) = input.duplicate_rows.filter(|duplicates| *duplicates > 0) {
        input.findings.push(Finding::RepeatedRows { rows: duplicates });
    }
    let against = good.and_then(|good| state.tables.levels.iter().find(|other| other.hash() == Some(good.hash)));
    for fact in ["rows", "size", "blank_fields", "columns", "generation"] {
        if let (Some(now), Some(before)) =
            (number(fact), against.and_then(|other| other.facts.numbers.get(fact).copied()))
            && now != before
        {
            input.findings.push(Finding::Changed { fact: fact.to_owned(), now, before });
        }
    }
    Some(input)
}

/// What was excluded, with numbers.
pub(crate) fn ruled_out(state: &State, symptom: &Symptom, scene: &Scene<'_>, judged: &Judgement) -> Vec<RuledOut> {
    let kind = symptom.cause.as_ref().map(|cause| cause.kind);
    let mut list = Vec::new();
    let mut say = |what, reason| list.push(RuledOut::new(what, reason));
    let growth = traffic_ratio(state, symptom.onset);
    if kind != Some(CauseKind::Traffic) && growth < 1.5 {
        say(Excluded::Traffic, format!("requests are {growth:.2} times those before the onset"));
    }
    if kind != Some(CauseKind::Dimension) {
        for (what, key) in [(Excluded::Region, attribute::CLOUD_REGION), (Excluded::Binary, attribute::SERVICE_VERSION)]
        {
            if what == Excluded::Binary && kind == Some(CauseKind::Binary)
                || symptom.cause.as_ref().is_some_and(|cause| cause.scope.contains_key(key))
            {
                continue;
            }
            if let Some(reason) = spread_over(state, scene, key) {
                say(what, reason);
            }
        }
    }
    // Where nothing explains the failing, a second cause may hide any version; and what another incident accuses is no
    // innocent.
    let told = |other: &&Hypothesis| {
        symptom.verdict.accuses()
            && other.weight <= 0.0
            && !other.levels.iter().any(|level| state.symptoms.iter().any(|known| known.accused().contains(level)))
            && (other.factor.is_some() && other.factor != symptom.factor()
                || other.change.is_some() && kind != Some(CauseKind::Change))
    };
    for other in judged.ranked.iter().filter(told) {
        let what = if other.kind == CauseKind::Binary { Excluded::Binary } else { Excluded::Config };
        if let Some(reason) = words::refutation(other) {
            let about = RuledOut::new(what, format!("{}: {reason}", words::name(state, other)));
            let config = other.factor.and_then(|factor| state.tables.config_name(factor));
            let config = config.filter(|_| other.kind == CauseKind::Config);
            list.push(match config {
                Some(config) => about.of_config(config, words::hashes(state, &other.levels)),
                None => about,
            });
        }
    }
    innocent(state, symptom, &mut list);
    let failing = scene.failing();
    if kind != Some(CauseKind::Host) && failing > 2 {
        let all = scene.patients.len();
        let reason = format!("{failing} of {all} hosts are affected, not one or two");
        list.push(RuledOut::new(Excluded::Host, reason));
    }
    list.truncate(RULED_OUT_MAX);
    list
}

/// Changes close before the onset that explain nothing.
fn innocent(state: &State, symptom: &Symptom, list: &mut Vec<RuledOut>) {
    if !symptom.verdict.accuses() {
        return;
    }
    let near = |at: Instant| at <= symptom.onset + state.interval && at >= symptom.onset - 60 * state.interval;
    let accused = symptom.cause.as_ref().and_then(|cause| cause.change.as_ref()).map(|change| change.id.clone());
    for change in
        state.changes.iter().rev().filter(|change| near(change.at) && accused.as_deref() != Some(&*change.id)).take(4)
    {
        let reach = if change.is_everywhere() {
            "reached the whole fleet at once".to_owned()
        } else {
            match change.hosts() {
                1 => "reached 1 host".to_owned(),
                hosts => format!("reached {hosts} hosts"),
            }
        };
        let reason = format!(
            "change {} {} ({}) {reach} {}; failing follows the accused loads instead",
            Untrusted(&change.kind),
            Untrusted(&change.target),
            Untrusted(&change.id),
            relative(symptom.onset - change.at)
        );
        list.push(RuledOut::new(Excluded::Config, reason));
    }
    let mut others: BTreeMap<FactorId, Instant> = BTreeMap::new();
    for level in
        state.tables.levels.iter().filter(|level| Some(level.factor) != symptom.factor() && near(level.first_seen))
    {
        if state.tables.config_name(level.factor).is_some() {
            others.insert(level.factor, level.first_seen);
        }
    }
    for (factor, at) in others.into_iter().take(4) {
        let name = state.tables.config_name(factor).unwrap_or_default();
        let reason = format!(
            "{} got a new version {}; hosts with it fail no more than hosts without",
            Untrusted(name),
            relative(symptom.onset - at)
        );
        list.push(RuledOut::new(Excluded::Config, reason).of_config(name, Vec::new()));
    }
}

/// How evenly the failing lies over the values of a key; none where one value holds it or there is only one.
fn spread_over(state: &State, scene: &Scene<'_>, key: &str) -> Option<String> {
    let mut by_value: BTreeMap<&str, Hosts> = BTreeMap::new();
    for (dims, hosts) in scene.by_dims() {
        let of_value = by_value.entry(state.tables.value(dims, key)?).or_default();
        *of_value = of_value.and(hosts);
    }
    let affected = by_value.values().filter(|hosts| hosts.failing > 0).count();
    let shares = || by_value.values().filter(|hosts| hosts.seen >= 3).map(|hosts| ratio(hosts.failing, hosts.seen));
    let (least, most) = (shares().fold(1.0, f64::min), shares().fold(0.0, f64::max));
    if by_value.len() < 2 || affected < 2 || least < 0.3 * most {
        return None;
    }
    let parts: Vec<String> = by_value
        .iter()
        .take(6)
        .map(|(value, hosts)| format!("{} {}/{}", Untrusted(value), hosts.failing, hosts.seen))
        .collect();
    Some(format!("hosts failing by {key}: {}", parts.join(", ")))
}

/// What could not be seen.
pub(crate) fn blind_spots(state: &State) -> Vec<BlindSpot> {
    blind_spots_beside(state, &silent_hosts(state))
}

/// The same, where it is known already which hosts are silent.
pub(crate) fn blind_spots_beside(state: &State, silent: &BTreeSet<&str>) -> Vec<BlindSpot> {
    let mut spots: Vec<BlindSpot> = silence(state, silent).into_iter().chain(wrong_clocks(state)).collect();
    if state.late_rows > 0 {
        spots.push(BlindSpot::Late { rows: state.late_rows });
    }
    if state.dropped > 0 {
        spots.push(BlindSpot::Dropped { events: state.dropped });
    }
    spots.extend(state.gaps.iter().map(|(sentence, count)| BlindSpot::counted(sentence, *count)));
    if state.tables.overflow > 0 {
        spots.push(BlindSpot::Bounds { entries: state.tables.overflow });
    }
    spots
}

fn silence(state: &State, silent: &BTreeSet<&str>) -> Option<BlindSpot> {
    let since = state.units.iter().filter(|unit| silent.contains(&*unit.host)).map(|unit| unit.last_event).min();
    (!silent.is_empty()).then(|| BlindSpot::Silent {
        hosts: silent.len() as u64,
        since: Some(Timestamp::from(since.unwrap_or_default()).into()),
        names: silent.iter().take(NAMES_MAX).map(|host| (*host).to_owned()).collect(),
    })
}

fn wrong_clocks(state: &State) -> Option<BlindSpot> {
    let units = state.skewed.keys().filter_map(|id| state.units.get(*id));
    let clocks: Vec<ClockOffset> = units
        .filter(|unit| unit.offset != Span::ZERO)
        .take(NAMES_MAX)
        .map(|unit| ClockOffset { host: unit.host.to_string(), offset_s: whole_seconds(unit.offset) })
        .collect();
    (!clocks.is_empty()).then_some(BlindSpot::Clocks { clocks })
}

/// The offset of a clock, rounded to whole seconds.
const fn whole_seconds(offset: Span) -> i64 {
    (offset.0 + SECOND_NS / 2).div_euclid(SECOND_NS)
}

/// How long before the onset, or after it.
fn relative(before: Span) -> String {
    let side = if before < Span::ZERO { "after" } else { "before" };
    format!("{:.0} s {side} the onset", before.abs().seconds())
}
