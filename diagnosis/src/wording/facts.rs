//! What an incident is told with: first error, the offending input, what was ruled out, what
//! could not be seen.

use crate::hypothesis::judgement::Judgement;
use crate::numerics::math::ratio;
use crate::numerics::time::{Ns, seconds};
use crate::scene::Scene;
use crate::state::State;
use crate::state::case::Case;
use crate::state::silence::silent_hosts;
use crate::state::traffic::traffic_ratio;
use crate::wording::words;
use firstbad_protocol::Untrusted;
use firstbad_protocol::names::attribute;
use firstbad_protocol::sentence::clock;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{CauseKind, FirstError, Input, LastKnownGood, LimitFact, RuledOut};
use std::collections::{BTreeMap, BTreeSet};

/// Things ruled out that are listed.
const RULED_OUT_MAX: usize = 12;

/// The first error, verbatim: the panic that most hosts sent since the onset, else the first refusal.
pub(crate) fn first_error(state: &State, case: &Case) -> Option<FirstError> {
    let since = case.onset - 3 * state.interval;
    let panic = state
        .panics
        .iter()
        .filter(|seen| seen.first >= since)
        .max_by_key(|seen| (seen.units.len(), std::cmp::Reverse(seen.first)));
    let refusal = case
        .levels
        .iter()
        .find_map(|level| state.refusals.get(level))
        .or_else(|| state.refusals.values().find(|seen| seen.first >= since));
    let seen = panic.or(refusal)?;
    let counted = seen.site.as_ref().and_then(|site| state.panic_counts.get(site)).copied().unwrap_or(0);
    Some(FirstError {
        message: seen.message.to_string(),
        site: seen.site.as_ref().map(ToString::to_string),
        count: seen.count.max(counted),
        first_seen: Timestamp(seen.first),
    })
}

/// What the offending input looks like.
pub(crate) fn input(state: &State, levels: &[u32], good: Option<&LastKnownGood>) -> Option<Input> {
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
                input.findings.push(format!("{value} {} exceed the declared limit of {limit}", Untrusted(&name)));
            }
            input.limits.push(LimitFact { name, value, limit });
        }
    }
    if let Some(duplicates) = input.duplicate_rows.filter(|duplicates| *duplicates > 0) {
        input.findings.push(format!("{duplicates} rows repeat an earlier row"));
    }
    let against = good.and_then(|good| state.tables.levels.iter().find(|other| other.hash() == Some(good.hash)));
    for fact in ["rows", "size", "blank_fields", "columns", "generation"] {
        if let (Some(now), Some(before)) =
            (number(fact), against.and_then(|other| other.facts.numbers.get(fact).copied()))
            && now != before
        {
            input.findings.push(format!("{fact}: {now}, was {before} in the last known good version"));
        }
    }
    Some(input)
}

/// What was excluded, with numbers.
pub(crate) fn ruled_out(state: &State, case: &Case, scene: &Scene<'_>, judged: &Judgement) -> Vec<RuledOut> {
    let kind = case.incident.cause.as_ref().map(|cause| cause.kind);
    let mut list = Vec::new();
    let mut say = |what: &str, reason: String| list.push(RuledOut { what: what.to_owned(), reason });
    let growth = traffic_ratio(state, case.onset);
    if kind != Some(CauseKind::Traffic) && growth < 1.5 {
        say("traffic", format!("requests are {growth:.2} times those before the onset"));
    }
    if kind != Some(CauseKind::Dimension) {
        for (what, key) in [("region", attribute::CLOUD_REGION), ("binary", attribute::SERVICE_VERSION)] {
            if what == "binary" && kind == Some(CauseKind::Binary)
                || case.incident.cause.as_ref().is_some_and(|cause| cause.scope.contains_key(key))
            {
                continue;
            }
            if let Some(reason) = spread_over(state, scene, key) {
                say(what, reason);
            }
        }
    }
    for other in judged.ranked.iter().filter(|other| {
        other.factor.is_some() && other.factor != case.factor
            || other.change.is_some() && kind != Some(CauseKind::Change)
    }) {
        let what = match other.kind {
            CauseKind::Config => "config",
            CauseKind::Binary => "binary",
            _ => "config",
        };
        // Nothing is ruled out that still has something for it, or may yet be what is looked for.
        let nearest = judged.ranked.first().is_some_and(|first| first.factor == other.factor);
        if other.weight > 0.0 || !case.incident.verdict.accuses() && nearest {
            continue;
        }
        if let Some(reason) = words::refutation(other) {
            say(what, format!("{}: {reason}", words::name(state, other)));
        }
    }
    innocent(state, case, &mut list);
    let failing = scene.failing();
    if kind != Some(CauseKind::Host) && failing > 2 {
        list.push(RuledOut {
            what: "host".to_owned(),
            reason: format!("{failing} of {} hosts are affected, not one or two", scene.patients.len()),
        });
    }
    list.truncate(RULED_OUT_MAX);
    list
}

/// Changes close before the onset that explain nothing.
fn innocent(state: &State, case: &Case, list: &mut Vec<RuledOut>) {
    if !case.incident.verdict.accuses() {
        return;
    }
    let near = |at: Ns| at <= case.onset + state.interval && at >= case.onset - 60 * state.interval;
    let accused = case.incident.cause.as_ref().and_then(|cause| cause.change.as_ref()).map(|change| change.id.clone());
    for change in
        state.changes.iter().rev().filter(|change| near(change.at) && accused.as_deref() != Some(&*change.id)).take(4)
    {
        let reach = if change.everywhere {
            "reached the whole fleet at once".to_owned()
        } else {
            format!("reached {} hosts", change.hosts())
        };
        list.push(RuledOut {
            what: "config".to_owned(),
            reason: format!(
                "change {} {} ({}) {reach} {}; failing follows the accused loads instead",
                Untrusted(&change.kind),
                Untrusted(&change.target),
                Untrusted(&change.id),
                relative(case.onset - change.at)
            ),
        });
    }
    let mut others: BTreeMap<u16, Ns> = BTreeMap::new();
    for level in state.tables.levels.iter().filter(|level| Some(level.factor) != case.factor && near(level.first_seen))
    {
        if state.tables.config_name(level.factor).is_some() {
            others.insert(level.factor, level.first_seen);
        }
    }
    for (factor, at) in others.into_iter().take(4) {
        let name = state.tables.config_name(factor).unwrap_or_default();
        list.push(RuledOut {
            what: "config".to_owned(),
            reason: format!(
                "{} got a new version {}; hosts with it fail no more than hosts without",
                Untrusted(name),
                relative(case.onset - at)
            ),
        });
    }
}

/// How evenly the failing lies over the values of a key; none where one value holds it or there is only one.
fn spread_over(state: &State, scene: &Scene<'_>, key: &str) -> Option<String> {
    let mut by_value: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (dims, (all, failing)) in scene.by_dims() {
        let entry = by_value.entry(state.tables.value(dims, key)?).or_default();
        *entry = (entry.0 + all, entry.1 + failing);
    }
    let affected = by_value.values().filter(|(_, failing)| *failing > 0).count();
    let shares = || by_value.values().filter(|(all, _)| *all >= 3).map(|(all, failing)| ratio(*failing, *all));
    let (least, most) = (shares().fold(1.0, f64::min), shares().fold(0.0, f64::max));
    if by_value.len() < 2 || affected < 2 || least < 0.3 * most {
        return None;
    }
    let parts: Vec<String> = by_value
        .iter()
        .take(6)
        .map(|(value, (all, failing))| format!("{} {failing}/{all}", Untrusted(value)))
        .collect();
    Some(format!("hosts failing by {key}: {}", parts.join(", ")))
}

/// What could not be seen, a sentence each.
pub(crate) fn blind_spots(state: &State) -> Vec<String> {
    blind_spots_beside(state, &silent_hosts(state))
}

/// The same, where it is known already which hosts are silent.
pub(crate) fn blind_spots_beside(state: &State, silent: &BTreeSet<&str>) -> Vec<String> {
    let mut said = Vec::new();
    if !silent.is_empty() {
        let names: Vec<String> = silent.iter().take(3).map(|host| Untrusted(host).to_string()).collect();
        let since = state
            .units
            .iter()
            .filter(|unit| silent.contains(&*unit.host))
            .map(|unit| unit.last_event)
            .min()
            .unwrap_or(0);
        said.push(format!(
            "{} silent since {} ({}{})",
            if silent.len() == 1 { "1 host is".to_owned() } else { format!("{} hosts are", silent.len()) },
            clock(Timestamp(since)),
            names.join(", "),
            if silent.len() > 3 { ", .." } else { "" }
        ));
    }
    let skewed: Vec<String> = state
        .skewed
        .keys()
        .filter_map(|id| state.units.get(*id as usize))
        .filter(|unit| unit.offset != 0)
        .take(3)
        .map(|unit| format!("{} by {:.0} s", Untrusted(&unit.host), seconds(unit.offset)))
        .collect();
    if !skewed.is_empty() {
        said.push(format!("clocks that differ from the fleet's were corrected: {}", skewed.join(", ")));
    }
    if state.late_rows > 0 {
        said.push(format!("{} rows came too late to be judged, or with a time that cannot be", state.late_rows));
    }
    if state.dropped > 0 {
        said.push(format!("senders dropped {} telemetry events", state.dropped));
    }
    for (sentence, count) in &state.gaps {
        said.push(if *count > 1 {
            format!("{} ({count} times)", Untrusted(sentence))
        } else {
            Untrusted(sentence).to_string()
        });
    }
    if state.tables.overflow > 0 {
        said.push(format!("{} names, versions or hosts found no room in the engine's tables", state.tables.overflow));
    }
    said
}

/// How long before the onset, or after it.
fn relative(before: Ns) -> String {
    let side = if before < 0 { "after" } else { "before" };
    format!("{:.0} s {side} the onset", seconds(before.abs()))
}
