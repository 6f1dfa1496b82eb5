//! Timing as evidence where hosts are too few to compare: how seldom a process begins to fail by itself so soon after a
//! load. Where the crate tells the first failure under each version this is a matter of milliseconds; else of how well a
//! report tells within itself when the failing began. What may be accused by it is decided in `verdict::small_fleet`.

use crate::hypothesis::Hypothesis;
use crate::numerics::math::float;
use crate::numerics::time::{Instant, Placed, Span, Window};
use crate::scene::Scene;
use crate::scene::patient::{Bout, Patient};
use crate::scene::spans::Spans;
use crate::state::ids::LevelId;
use crate::state::model::{Counter, Move, Run, Unit};

/// Least distance between a load and a beginning that is believed, seconds: clocks, queues, requests under way.
const NEAREST_S: f64 = 0.1;
/// Episodes that a process is taken to have had before any was seen.
const EPISODES_PRIOR: f64 = 0.5;
/// Ordinary failures expected between load and first failure from which that failure may be one of them.
const ORDINARY: f64 = 0.05;
/// Part of an episode's rate from which an earlier one was as bad.
const AS_BAD: f64 = 0.5;
/// Part of a report within which counts place a beginning at best.
const PLACED_WITHIN: f64 = 0.25;
/// Standard deviations of a placed beginning that count as distance.
const DEVIATIONS: f64 = 2.0;

/// Greatest time between two loads on one host that count as simultaneous, ns.
const TOGETHER: Span = Span(1_500_000_000);
/// Greatest distance, in report intervals, between a process start and the loads that belong to it.
const STARTS_WITHIN: i64 = 2;

/// What timing says of one explanation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timing {
    /// -ln of the probability that independent beginnings lie so near to their loads, and ends to the way back, by chance.
    pub surprise: f64,
    /// The same of the beginnings alone.
    pub begun: f64,
    /// Hosts that began to fail close to their load, each of them one chance in twenty at most.
    pub close: u64,
    /// Hosts exposed for long enough to show it, and those of them that do not.
    pub exposed: u64,
    pub well: u64,
    /// Hosts that fail without it.
    pub elsewhere: u64,
    /// Hosts that began to fail when they had taken something else as well.
    pub tied: u64,
    /// Hosts that left it, and those of them that went on failing.
    pub left: u64,
    pub go_on: u64,
}

/// Probability of one host's beginning from which it counts as close.
const CLOSE: f64 = 0.05;

/// Computes it.
pub(crate) fn timing(scene: &Scene<'_>, hypothesis: &Hypothesis, exposed: &Spans) -> Timing {
    let mut said = Timing::default();
    let (mut begun, mut over) = (Vec::new(), Vec::new());
    for (index, patient) in scene.patients.iter().enumerate().filter(|(_, patient)| patient.unit.rows > 0) {
        let Some(spans) = exposed.of(index) else { continue };
        let exposed = Exposed { levels: &hypothesis.levels, spans };
        let Some(beginning) = one(&mut said, scene, patient, &exposed) else { continue };
        if beginning.came_with_a_start() {
            continue;
        }
        said.tied += u64::from(beginning.came_with_another());
        let chance = beginning.chance(exposed.levels);
        said.close += u64::from(chance <= CLOSE);
        let distance_s = beginning.distance_s(exposed.levels);
        begun.push(Coincidence { load: beginning.load, distance_s, ..Coincidence::new(beginning.bout.start, chance) });
        over.extend(left(&mut said, &beginning));
    }
    said.begun = independent(begun, scene.interval);
    said.surprise = said.begun + independent(over, scene.interval);
    said
}

/// The accused versions, and when one host had them.
struct Exposed<'a> {
    levels: &'a [LevelId],
    spans: &'a [Window],
}

/// One host's beginning to fail after a load, under a version that it had until `until`.
#[derive(Clone, Copy)]
struct Beginning<'a> {
    scene: &'a Scene<'a>,
    patient: &'a Patient<'a>,
    bout: &'a Bout,
    load: Instant,
    until: Instant,
}

/// An event on one host that lies near a load, and -ln of the probability that it lies so near by chance.
#[derive(Clone, Copy)]
struct Coincidence {
    at: Instant,
    surprise: f64,
    load: Instant,
    /// How far from the load it is at most; infinite if that is not known.
    distance_s: f64,
}

impl Coincidence {
    fn new(at: Instant, chance: f64) -> Self {
        Self { at, surprise: -libm::log(chance), load: at, distance_s: f64::INFINITY }
    }
}

/// Sum of the surprises of independent events. Events of several hosts within one report may have one cause outside, so
/// that together they are one coincidence, no greater than the least of them, and that each follows its own load.
fn independent(mut events: Vec<Coincidence>, interval: Span) -> f64 {
    events.sort_unstable_by_key(|event| event.at);
    let least = |group: &[Coincidence]| group.iter().map(|event| event.surprise).fold(f64::INFINITY, f64::min);
    let of_group = |group: &[Coincidence]| least(group) + each_at_its_own(group);
    events.chunk_by(|one, next| next.at - one.at <= interval).map(of_group).sum()
}

/// -ln of the probability that one cause outside, which strikes each host at some time between the first and the last load of
/// the group, strikes each as near to its own load. Zero where the loads lie closer together than the events can be told.
fn each_at_its_own(group: &[Coincidence]) -> f64 {
    let Some((first, others)) = group.split_first() else { return 0.0 };
    let loads = || group.iter().map(|event| event.load);
    let spread_s = (loads().max().unwrap_or(first.load) - loads().min().unwrap_or(first.load)).seconds();
    let near = |event: &Coincidence| 2.0 * (event.distance_s + first.distance_s) / spread_s.max(NEAREST_S);
    others.iter().map(|event| -libm::log(near(event).min(1.0))).sum()
}

/// Counts one host; returns its beginning if it began to fail under what is accused.
fn one<'a>(
    said: &mut Timing,
    scene: &'a Scene<'a>,
    patient: &'a Patient<'a>,
    exposed: &Exposed<'_>,
) -> Option<Beginning<'a>> {
    let first = exposed.spans.iter().find(|span| span.end > scene.onset - scene.interval);
    let Some(Window { start: load, end: until }) = first.copied() else {
        said.elsewhere += u64::from(!patient.bouts.is_empty());
        return None;
    };
    let begun = patient.bouts.iter().find(|bout| bout.start >= load - scene.interval && bout.start < until);
    let shown = patient.seen - load >= 2 * scene.interval || until < patient.seen;
    said.exposed += u64::from(shown || begun.is_some());
    let Some(bout) = begun else {
        said.well += u64::from(shown);
        said.elsewhere += u64::from(!patient.bouts.is_empty());
        return None;
    };
    Some(Beginning { scene, patient, bout, load, until })
}

/// Counts a host that left what is accused; returns how near to that its failing ended, if it did.
fn left(said: &mut Timing, beginning: &Beginning<'_>) -> Option<Coincidence> {
    let Beginning { scene, patient, bout, until, .. } = *beginning;
    if until >= patient.seen - scene.interval {
        return None;
    }
    said.left += 1;
    // A report that spans the way back holds both: what goes on is seen in the one after it.
    let over = bout.end <= until + scene.interval;
    said.go_on += u64::from(!over);
    over.then(|| Coincidence::new(bout.end, back_by_chance(scene, bout, until)))
}

impl Beginning<'_> {
    /// Probability that a host which fails by itself as often as this one ever did begins so close to one of its loads.
    fn chance(&self, levels: &[LevelId]) -> f64 {
        let Self { scene, patient, bout, load, .. } = *self;
        // What it did before counts only as far as it was as bad: a flicker is no such episode.
        let own = patient.unit.runs.iter().filter(|run| is_of(scene, run.counter) && run.end >= bout.start.max(load));
        let as_bad = own.map(rate_of).fold(0.0, f64::max) * AS_BAD;
        let earlier = || earlier(scene, patient.unit, load).filter(|run| rate_of(run) >= as_bad);
        // A host that fails again and again is held against the time since that began.
        let since = earlier().map(|run| run.start).min().unwrap_or(patient.unit.first);
        let before = earlier().count();
        // A process loads what it has when it starts: nothing was counted before that it could begin to fail after.
        let counted = patient.unit.first + scene.interval;
        let could = |entry: &&Move| entry.told && entry.at > counted && entry.at <= load;
        let loads = patient.unit.moves.iter().filter(could).count();
        let rate = (float(before) + EPISODES_PRIOR) / seconds_since(since, load);
        let distance = self.distance_s(levels);
        (rate * distance * float(loads.max(1))).clamp(1e-9, 1.0)
    }

    /// Whether the process loaded what is accused because it started: then the start may be why it fails.
    fn came_with_a_start(&self) -> bool {
        let near = |start: &Instant| (*start - self.load).abs() <= STARTS_WITHIN * self.scene.interval;
        self.patient.unit.starts.iter().any(|start| *start > self.scene.warm && near(start))
    }

    /// Whether the host took something else as near to when it began to fail.
    fn came_with_another(&self) -> bool {
        let Self { scene, patient, bout, load, .. } = *self;
        let moves = scene.moves(patient);
        let factor = moves.iter().find(|entry| entry.at == load).map(|entry| entry.factor);
        let near = (load - bout.start).abs().max(TOGETHER);
        moves.iter().any(|entry| Some(entry.factor) != factor && (entry.at - bout.start).abs() <= near)
    }

    /// How far a beginning is from its load at most, seconds.
    fn distance_s(&self, levels: &[LevelId]) -> f64 {
        let Self { scene, patient, bout, load, .. } = *self;
        let Placed { at: place, deviation } = bout.near;
        let report = scene.interval.seconds();
        let placed = if bout.near.is_known() {
            (place - load).abs().seconds() + DEVIATIONS * deviation.seconds()
        } else {
            (bout.began.end - load).abs().seconds().max((load - bout.began.start).abs().seconds()).min(2.0 * report)
        };
        let told = patient.unit.first_failures.iter().find(|failed| levels.contains(&failed.level));
        let told = told.map(|failed| (failed.at - load).max(Span::ZERO).seconds());
        let usual = usual_per_s(patient.unit).max(earlier_per_s(scene, patient.unit, load));
        let ordinary = |after: f64| usual * after;
        match told.filter(|after| ordinary(*after) <= ORDINARY) {
            Some(after) => after.min(placed).max(NEAREST_S),
            // An event has its own time; a beginning that counts place within a report is less sure than their noise alone.
            None if bout.precise => placed.max(NEAREST_S),
            None => placed.max(report * PLACED_WITHIN),
        }
    }
}

/// Probability that an episode which ends by itself ends as close to the way back.
fn back_by_chance(scene: &Scene<'_>, bout: &Bout, left: Instant) -> f64 {
    let lasted = (bout.end - bout.start).max(scene.interval).seconds();
    // Nobody tells the last failure: the report in which the failing ended is known, and no more.
    let off = (bout.end - left).abs().max(scene.interval / 2).seconds().max(NEAREST_S);
    (off / (off + lasted)).clamp(1e-3, 1.0)
}

/// Failed requests per second that are usual on a host.
fn usual_per_s(unit: &Unit) -> f64 {
    let rate = unit.base.first().and_then(crate::state::model::Base::mean).unwrap_or(0.0);
    rate * unit.traffic.mean().unwrap_or(0.0)
}

/// Failed requests per second from the first episode of a host on to a load: what fails by then is no effect of it.
fn earlier_per_s(scene: &Scene<'_>, unit: &Unit, load: Instant) -> f64 {
    let failed: f64 = earlier(scene, unit, load).map(|run| run.observed).sum();
    let since = earlier(scene, unit, load).map(|run| run.start).min();
    since.map_or(0.0, |since| failed / seconds_since(since, load))
}

/// Episodes of a host that began more than a report before a load.
fn earlier<'a>(scene: &'a Scene<'_>, unit: &'a Unit, load: Instant) -> impl Iterator<Item = &'a Run> {
    unit.runs.iter().filter(move |run| is_of(scene, run.counter) && run.start < load - scene.interval)
}

/// Seconds from a time to a load, one at least.
fn seconds_since(since: Instant, load: Instant) -> f64 {
    (load - since).max(Span::NS).seconds().max(1.0)
}

fn rate_of(run: &Run) -> f64 {
    if run.trials > 0.0 { run.observed / run.trials } else { 0.0 }
}

fn is_of(scene: &Scene<'_>, counter: Counter) -> bool {
    scene.counters.contains(&counter)
}
