//! What is no change that we see: one host, a place, a kind of request, more traffic, a turn of the clock. Whether any
//! change is still possible, and so whether this may be said at all, is decided in `judge`.

use crate::evidence::aggregate::located;
use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::{Part, Tally};
use crate::numerics::localise::Combination;
use crate::numerics::math::{float, median, ratio, spread};
use crate::numerics::odds::LN_100;
use crate::numerics::time::Span;
use crate::scene::Scene;
use crate::scene::hosts::Hosts;
use crate::scene::patient::Patient;
use crate::state::State;
use crate::state::ids::DimsId;
use crate::state::model::Counter;
use crate::state::ring::index_of;
use crate::state::traffic::growth;
use firstbad_protocol::verdict::CauseKind;
use std::collections::{BTreeMap, BTreeSet};

/// ln p below which the failing of a place is no chance among the places looked at.
const LN_P: f64 = -9.0;
/// Hosts that must fail in a place.
const HOSTS_MIN: u64 = 4;
/// Report intervals after which a host fails alone, and the least and the most that is waited for them.
const ALONE: i64 = 30;
const ALONE_MIN: Span = Span(300 * 1_000_000_000);
const ALONE_MAX: Span = Span(600 * 1_000_000_000);
/// What a second key must gain in ln p before it is part of the place.
const KEY_GAIN: f64 = LN_100;
/// Log likelihood ratio by which a combination must beat "everything".
const MARGIN: f64 = 5.0;
/// Growth of requests that is a surge, and one in so many hosts of its places must fail of it.
const SURGE: f64 = 1.8;
const OVERLOADED: usize = 2;

/// The best explanation that accuses nothing.
pub(crate) fn place(state: &State, scene: &Scene<'_>) -> Option<Hypothesis> {
    host(state, scene)
        .or_else(|| surge(state, scene))
        .or_else(|| of_requests(state, scene))
        .or_else(|| of_hosts(state, scene))
        .or_else(|| moment(scene))
}

fn plain(kind: CauseKind, dimensions: BTreeMap<String, String>, tally: Tally) -> Hypothesis {
    let weight = (-tally.ln_p).clamp(1.0, 30.0);
    Hypothesis { dimensions, weight, ..Hypothesis::new(kind, tally) }
}

/// The failing is concentrated on one or two hosts of many.
fn host(state: &State, scene: &Scene<'_>) -> Option<Hypothesis> {
    let failing: Vec<&Patient<'_>> = scene.patients.iter().filter(|patient| !patient.bouts.is_empty()).collect();
    let all = scene.patients.len();
    if failing.is_empty() || all < 6 || failing.len() > (all / 100).max(1) {
        return None;
    }
    let first = failing.first()?;
    // The first of many that fail minutes after a load fails alone: that needs as long to exclude.
    if !lasting(scene) {
        return None;
    }
    // The fleet as a whole may fail by so little that no other host shows it alone.
    let beyond = |counter: &Counter| {
        let at = index_of(scene.onset, scene.interval);
        let sums = (at..state.ring.end()).filter_map(|index| state.ring.get(index));
        let fleet: f64 = sums
            .filter_map(|interval| interval.fleet.get(*counter as usize))
            .map(|sum| sum.observed - sum.expected)
            .sum();
        let runs = failing.iter().flat_map(|patient| &patient.unit.runs);
        let own: f64 = runs
            .filter(|run| run.counter == *counter && run.end >= scene.onset)
            .map(|run| run.observed - run.expected)
            .sum();
        fleet > 2.0 * own + 10.0
    };
    if scene.counters.iter().any(beyond) {
        return None;
    }
    let tally = Tally {
        exposed: Hosts { seen: 1, failing: 1 },
        control: Hosts { seen: all as u64 - 1, failing: failing.len() as u64 - 1 },
        bouts: Part { hits: 1, all: failing.len() as u64 },
        ln_p: -libm::log(float(all)),
        ..Tally::default()
    };
    Some(plain(CauseKind::Host, BTreeMap::from([("host.name".to_owned(), first.unit.host.to_string())]), tally))
}

/// Whether it has failed for so long that what does harm minutes after a load would show on others.
fn lasting(scene: &Scene<'_>) -> bool {
    scene.now - scene.onset >= (ALONE * scene.interval).clamp(ALONE_MIN, ALONE_MAX)
}

/// Whether the fleet has far more requests since the onset than before.
pub(crate) fn is_surge(state: &State, scene: &Scene<'_>) -> bool {
    growth(state, scene.onset, None) >= SURGE
}

/// Far more requests where it fails than before, and no panic: overload.
fn surge(state: &State, scene: &Scene<'_>) -> Option<Hypothesis> {
    if scene.counters.contains(&Counter::Panics) {
        return None;
    }
    let failing: BTreeSet<DimsId> =
        scene.patients.iter().filter(|patient| !patient.bouts.is_empty()).map(|patient| patient.unit.dims).collect();
    // Overload spares few of those that it reaches.
    let there = scene.patients.iter().filter(|patient| failing.contains(&patient.unit.dims)).count();
    let reached = scene.failing() * OVERLOADED >= there;
    let growth = growth(state, scene.onset, Some(&failing));
    let surge = || Hypothesis { growth: Some(growth), ..plain(CauseKind::Traffic, BTreeMap::new(), all(scene)) };
    (reached && growth >= SURGE).then(surge)
}

/// The combination of dimensions, of requests or of their hosts, that carries the excess of failed requests.
fn of_requests(state: &State, scene: &Scene<'_>) -> Option<Hypothesis> {
    if !scene.counters.iter().any(|counter| matches!(counter, Counter::Errors | Counter::Panics)) {
        return None;
    }
    let onset = index_of(scene.onset, scene.interval);
    let to = index_of(scene.now, scene.interval);
    let located = located(state, onset, onset + 1..=to.min(onset + 13))?;
    let best = located.combinations.first()?;
    let excess = |combination: &Combination| combination.observed - combination.expected;
    let outside = (best.observed_outside - best.expected_outside).max(0.0);
    let explained = excess(best) / (excess(best) + outside).max(1.0);
    let calm = best.observed_outside <= 1.5 * best.expected_outside + 5.0 || explained >= 0.97;
    if best.score < located.everything.score + MARGIN || explained < 0.85 || !calm {
        return None;
    }
    let dimensions: BTreeMap<String, String> =
        best.dimensions.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let inside = |patient: &&Patient<'_>| {
        dimensions
            .iter()
            .all(|(key, value)| state.tables.value(patient.unit.dims, key).is_none_or(|of_unit| of_unit == value))
    };
    let failing = |patient: &&Patient<'_>| !patient.bouts.is_empty();
    let (inside, outside): (Vec<&Patient<'_>>, Vec<&Patient<'_>>) = scene.patients.iter().partition(inside);
    let count = |patients: &[&Patient<'_>]| {
        let failing = patients.iter().filter(|patient| failing(patient)).count();
        Hosts { seen: patients.len() as u64, failing: failing as u64 }
    };
    let exposed = count(&inside);
    let tally = Tally {
        exposed,
        control: count(&outside),
        bouts: Part { hits: exposed.failing, all: scene.failing() as u64 },
        ln_p: located.everything.score - best.score,
        ..Tally::default()
    };
    // What only requests have reaches few hosts, if they are few; a place of hosts must fail as one.
    let least = if lasting(scene) { 0.3 } else { 0.6 };
    let whole = ratio(tally.exposed.failing, tally.exposed.seen) >= least || is_of_requests(state, scene, &dimensions);
    let told = tally.exposed.failing >= HOSTS_MIN && whole;
    told.then(|| plain(CauseKind::Dimension, dimensions, tally))
}

/// Whether a combination has a key that requests have and hosts do not.
pub(crate) fn is_of_requests(state: &State, scene: &Scene<'_>, dimensions: &BTreeMap<String, String>) -> bool {
    let of_hosts = |key: &String| scene.by_dims().keys().any(|dims| state.tables.value(*dims, key).is_some());
    !dimensions.keys().all(of_hosts)
}

/// Values of dimensions, the hosts that have them, and ln of the probability that as many of these fail by chance.
struct Scored<'a> {
    ln_p: f64,
    combination: Vec<(&'a str, &'a str)>,
    inside: Hosts,
}

/// The value, or pair of values, of the hosts' own dimensions that carries the failing.
fn of_hosts(state: &State, scene: &Scene<'_>) -> Option<Hypothesis> {
    let mut counts: BTreeMap<Vec<(&str, &str)>, Hosts> = BTreeMap::new();
    let mut all = Hosts::default();
    for (dims, hosts) in scene.by_dims() {
        all = all.and(hosts);
        let pairs: Vec<(&str, &str)> =
            state.tables.dims_at(dims)?.iter().map(|(key, value)| (&**key, &**value)).collect();
        for (index, one) in pairs.iter().enumerate() {
            let deeper = pairs.iter().skip(index + 1).map(|two| vec![*one, *two]);
            for combination in std::iter::once(vec![*one]).chain(deeper) {
                let entry = counts.entry(combination).or_default();
                *entry = entry.and(hosts);
            }
        }
    }
    let scored = counts.into_iter().filter_map(|(combination, inside)| {
        let outside = inside.others_of(all);
        let ln_p = inside.ln_p(outside);
        let ln_p = ln_p + KEY_GAIN * float(combination.len() - 1);
        let fits = ln_p <= LN_P && inside.failing >= HOSTS_MIN && inside.share() >= 0.4 && outside.share() <= 0.15;
        fits.then_some(Scored { ln_p, combination, inside })
    });
    let Scored { ln_p, combination, inside } = scored.min_by(|a, b| a.ln_p.total_cmp(&b.ln_p))?;
    let tally = Tally {
        exposed: inside,
        control: inside.others_of(all),
        bouts: Part { hits: inside.failing, all: all.failing },
        ln_p,
        ..Tally::default()
    };
    let dimensions = combination.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Some(plain(CauseKind::Dimension, dimensions, tally))
}

/// Everything at one moment: a turn of the clock, or rare requests.
fn moment(scene: &Scene<'_>) -> Option<Hypothesis> {
    let first = |patient: &Patient<'_>| patient.bouts.first().map(|bout| (bout.start - scene.onset).seconds());
    let starts: Vec<f64> = scene.patients.iter().filter_map(first).collect();
    let together = starts.len() >= 3 && spread(&starts) <= 1.5 * scene.interval.seconds();
    let hour: Span = Span(3600 * 1_000_000_000);
    let mut sorted = starts.clone();
    let middle = scene.onset + Span::from_seconds(median(&mut sorted));
    let past = middle.past(hour);
    let on_the_hour = past <= scene.interval || hour - past <= scene.interval;
    let wide = scene.failing() * 2 > scene.patients.len();
    if together && wide && on_the_hour {
        return Some(plain(CauseKind::Time, BTreeMap::new(), all(scene)));
    }
    (scene.counters.contains(&Counter::Panics) && rare(scene) && !together)
        .then(|| plain(CauseKind::Request, BTreeMap::new(), all(scene)))
}

fn all(scene: &Scene<'_>) -> Tally {
    let failing = scene.failing() as u64;
    let exposed = Hosts { seen: scene.patients.len() as u64, failing };
    Tally { exposed, bouts: Part { hits: failing, all: failing }, ..Tally::default() }
}

/// Whether failing stays far below a tenth of the requests wherever it occurs, whatever else than panics is counted.
fn rare(scene: &Scene<'_>) -> bool {
    let shares: Vec<bool> = scene
        .patients
        .iter()
        .flat_map(|patient| patient.unit.runs.iter())
        .filter(|run| run.start >= scene.onset - scene.interval && scene.counters.contains(&run.counter))
        .map(|run| run.observed < 0.03 * run.trials)
        .collect();
    !shares.is_empty() && shares.iter().filter(|rare| **rare).count() * 10 >= shares.len() * 9
}
