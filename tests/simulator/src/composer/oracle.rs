//! Decides whether the wire holds enough evidence to name a guilty change. If it does not, the engine need not name the
//! change, but must accuse no other. The thresholds are those of a careful engineer; they were set before any engine was
//! run.

mod twins;

use super::evidence::{Evidence, HostSeen};
use super::guilt::{Culprit, Guilt, Harm, Hurts};
use super::noise::Bursts;
use super::push::Who;
use super::style::Style;
use super::world::World;
use std::collections::BTreeMap;

/// Minimum number of hosts that show the guilt. Chosen: with fewer, a fault of single hosts explains the same data.
const HOSTS_MIN: usize = 3;
/// Minimum number of reports of a host under exposure (70 % of the hosts must have them). Chosen.
const REPORTS_MIN: u32 = 3;
/// Minimum number of reports of a host before the guilt began, as its baseline (70 % of the hosts must have them). Chosen.
const PAST_MIN: u32 = 6;
/// Minimum number of events of the guilt over all hosts. Chosen.
const EVENTS_MIN: f64 = 30.0;
/// Minimum number of events, in standard deviations of the usual number of events under the fleet's own noise. Chosen.
const DEVIATIONS_MIN: f64 = 8.0;
/// Minimum spread of the exposures of 80 % of the hosts, report intervals, if there are too few controls. Chosen: a shorter
/// rollout cannot be distinguished from a simultaneous external event.
const SPREAD_INTERVALS: f64 = 2.0;
/// Greatest share of lost load events at which exposure is still known, if load events alone reveal it. Chosen.
const LOADS_LOST_MAX: f64 = 0.2;

/// What the wire reveals of a guilt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sight {
    /// The guilt can be named.
    Clear,
    /// These other changes reached the same hosts at the same times, and nothing separates them from the guilt.
    Tied(Vec<String>),
    /// The evidence is too weak, or has another explanation: the reason.
    Hidden(&'static str),
}

/// Returns what the wire reveals of guilt number `number`.
pub(crate) fn sight(world: &World, evidence: &Evidence, number: usize) -> Sight {
    let Some((guilt, hosts)) = world.guilts.get(number).zip(evidence.guilts.get(number)) else {
        return Sight::Hidden("it is not there");
    };
    let seen = readable(world, guilt, hosts);
    match hidden(world, guilt, &seen) {
        Some(why) => return Sight::Hidden(why),
        None if meets_another(world, evidence, number) => return Sight::Hidden("another guilt begins with it"),
        None => {}
    }
    let twins = twins::of(world, evidence, number);
    if twins.is_empty() { Sight::Clear } else { Sight::Tied(twins) }
}

/// Returns the evidence of the hosts that send an identity and whose telemetry can show the harm of `guilt`.
fn readable<'e>(world: &World, guilt: &Guilt, hosts: &'e BTreeMap<usize, HostSeen>) -> Vec<&'e HostSeen> {
    let telemetry = &world.telemetry;
    let named = |host: usize| {
        let among = |who: Option<Who>| who.is_some_and(|who| who.holds(&world.fleet, host));
        !among(telemetry.anonymous) && !among(telemetry.shared)
    };
    let is_readable = |host: usize| {
        let style = world.fleet.hosts.get(host).and_then(|of| world.fleet.styles.get(of.style));
        style.is_some_and(|style| {
            can_show(style, guilt) && (exposes(style, guilt) || !matches!(guilt.culprit, Culprit::Config { .. }))
        })
    };
    hosts.iter().filter(|(host, _)| named(**host) && is_readable(**host)).map(|(_, seen)| seen).collect()
}

/// Whether the telemetry of this sender can show the harm of `guilt`.
fn can_show(style: &Style, guilt: &Guilt) -> bool {
    match guilt.hurts {
        Hurts::Requests | Hurts::Hangs => true,
        Hurts::Denials => style.denied,
        Hurts::Scores => style.scores.is_some(),
        Hurts::Latency => style.latency,
        Hurts::Deaths => style.life_events,
    }
}

/// Whether this sender reports which version is active.
fn exposes(style: &Style, _guilt: &Guilt) -> bool {
    style.active || style.load_events || style.tags_points()
}

/// Returns why the hosts of `seen` do not reveal the guilt, if they do not.
fn hidden(world: &World, guilt: &Guilt, seen: &[&HostSeen]) -> Option<&'static str> {
    let showing: Vec<&HostSeen> = seen.iter().copied().filter(|seen| seen.since.is_some() && seen.shows()).collect();
    if showing.len() < HOSTS_MIN {
        return Some("fewer than three hosts show it");
    }
    let most =
        |fits: &dyn Fn(&HostSeen) -> bool| showing.iter().filter(|seen| fits(seen)).count() * 10 >= showing.len() * 7;
    if !most(&|seen| seen.exposed >= REPORTS_MIN) && guilt.hurts != Hurts::Deaths {
        return Some("too few reports under it");
    }
    if !most(&|seen| seen.before >= PAST_MIN) {
        return Some("no past to compare with");
    }
    if !stands_out(world, seen) {
        return Some("too few events for this noise");
    }
    let lossy = world.telemetry.loads_lost > LOADS_LOST_MAX;
    let by_loads = world.fleet.styles.iter().any(|style| !style.active && !style.tags_points());
    if lossy && by_loads {
        return Some("loads are lost");
    }
    let controls = seen.iter().filter(|seen| seen.since.is_none() && seen.control >= REPORTS_MIN);
    if controls.count() >= HOSTS_MIN.max(showing.len() / 50) || is_spread(world, &showing) {
        return None;
    }
    Some("everybody at one moment, and no controls")
}

/// Whether the exposures of most hosts began far enough apart.
fn is_spread(world: &World, showing: &[&HostSeen]) -> bool {
    let mut since: Vec<f64> = showing.iter().filter_map(|seen| seen.since).collect();
    since.sort_by(f64::total_cmp);
    let at = |share: f64| since.get((since.len() as f64 * share) as usize).copied();
    let range = at(0.1).zip(at(0.89)).map_or(0.0, |(early, late)| late - early);
    since.len() >= 6 && range >= SPREAD_INTERVALS * world.step_s().max(2.0)
}

/// Whether the number of events exceeds the fleet's noise.
fn stands_out(world: &World, seen: &[&HostSeen]) -> bool {
    let noise = &world.noise;
    let Bursts { chance, factor_max, reports } = noise.bursts;
    let memory = (1.0 + noise.memory) / (1.0 - noise.memory);
    let of_report = noise.dispersion + chance * reports * reports * factor_max * factor_max / 3.0;
    let (mut events, mut usual, mut variance) = (0.0, 0.0, 0.0);
    for seen in seen.iter().filter(|seen| seen.since.is_some()) {
        let n = f64::from(seen.exposed.max(1));
        let relative = of_report / n + noise.host_errors.powi(2) * (memory / n).min(1.0);
        events += seen.events;
        usual += seen.usual;
        variance += seen.usual + seen.usual * seen.usual * relative;
    }
    let common = (usual * noise.regional).powi(2) / world.fleet.regions.len().max(1) as f64;
    events >= EVENTS_MIN && events >= DEVIATIONS_MIN * (variance + common).sqrt()
}

/// Whether another guilt or a harmful nuisance begins on a third of the same hosts at nearly the same time.
fn meets_another(world: &World, evidence: &Evidence, number: usize) -> bool {
    let near = world.step_s() * 3.0 + 5.0;
    let mine = since(evidence, number);
    let together = |other: usize| {
        let theirs = since(evidence, other);
        mine.iter().filter(|(host, at)| theirs.get(host).is_some_and(|other| (other - *at).abs() < near)).count()
    };
    let guilts =
        (0..world.guilts.len()).filter(|other| *other != number).any(|other| together(other) * 3 >= mine.len());
    let harm = |harm: &Harm| {
        let hit =
            mine.iter().filter(|(host, at)| harm.who.holds(&world.fleet, **host) && (harm.from - *at).abs() < near);
        hit.count() * 3 >= mine.len().max(1)
    };
    guilts || world.harms.iter().any(harm)
}

/// Returns the second of the first exposure of each exposed host to guilt number `number`.
fn since(evidence: &Evidence, number: usize) -> BTreeMap<usize, f64> {
    let hosts = evidence.guilts.get(number).into_iter().flatten();
    hosts.filter_map(|(host, seen)| Some((*host, seen.since?))).collect()
}
