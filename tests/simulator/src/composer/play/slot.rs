//! One process slot: writes its reports and events. Each report is drawn stretch by stretch, since effects and active
//! versions change within it.

use super::panicked::Panicked;
use super::{Output, stream};
use crate::composer::counts::Counted;
use crate::composer::evidence::{BinaryChange, Evidence, HostSeen, SeenLoad, Share};
use crate::composer::noise::{Course, Weather};
use crate::composer::process::{Gauges, Stretch, Tally};
use crate::composer::spells::{self, Spell};
use crate::composer::style::Style;
use crate::composer::timeline::{self, Active, Ending, Life, Load, Timeline};
use crate::composer::wire::events::PanicEvent;
use crate::composer::wire::metrics::{self, LoadCount, Report};
use crate::composer::wire::{self, Process, Sink, events};
use crate::composer::world::World;
use crate::random::Random;

/// Greatest number of panic events per report and site: SDKs sample exceptions. Chosen.
const PANIC_EVENTS_MAX: u64 = 3;
/// Age of a warm process at the beginning of the capture, seconds: its cumulative counts include this time. Chosen: a day.
const WARM_S: f64 = 86_400.0;

/// One slot while it is played.
pub(super) struct Slot<'a> {
    world: &'a World,
    weather: &'a Weather,
    style: &'a Style,
    host: usize,
    number: usize,
    timeline: Timeline,
    spells: Vec<Spell>,
    clock_s: f64,
    random: Random,
    course: Course,
    /// Reports that are not delivered yet.
    late: Vec<String>,
    /// Events that the oracle may count once their report is delivered.
    pending: Vec<Share>,
}

/// One life while it is played.
struct Living<'l> {
    life: &'l Life,
    resource: String,
    boot: String,
    counted: Counted,
    loads: Vec<LoadCount>,
    /// Number of loads that have been reported.
    reported: usize,
    start: f64,
    sequence: usize,
}

/// The span of one report, by the true clock.
#[derive(Clone, Copy)]
struct Interval {
    from: f64,
    to: f64,
}

/// The parts of a report that are known at its end.
struct AtEnd<'r> {
    /// First second that the counts cover.
    start: f64,
    end: f64,
    gauges: Gauges,
    active: &'r [usize],
}

impl<'a> Slot<'a> {
    pub(super) fn new(world: &'a World, weather: &'a Weather, host: usize, number: usize) -> Self {
        static ANY: std::sync::LazyLock<Style> = std::sync::LazyLock::new(|| Style::draw(&mut Random::new(0)));
        let timeline = timeline::of(world, host, number);
        let spells = spells::of(world, host, &timeline);
        let style = world.fleet.hosts.get(host).and_then(|host| world.fleet.styles.get(host.style));
        let mut random = stream(world, host, number);
        let course = Course::new(&mut random);
        Self {
            world,
            weather,
            style: style.or(world.fleet.styles.first()).unwrap_or(&ANY),
            host,
            number,
            spells,
            timeline,
            clock_s: world.telemetry.clock_off_s(&world.fleet, host),
            random,
            course,
            late: Vec::new(),
            pending: Vec::new(),
        }
    }

    pub(super) fn play(mut self, output: &mut Output) {
        self.note_loads(&mut output.evidence);
        let lives = std::mem::take(&mut self.timeline.lives);
        for life in &lives {
            self.live(life, output);
        }
        for change in self.world.changes.iter().filter(|change| change.announced && !change.fleet_wide) {
            let at = change.arrival(&self.world.fleet, self.host);
            let alive = |at: &f64| lives.iter().any(|life| life.from <= *at && *at < life.to);
            if let (Some(at), Some(life)) = (at.filter(alive), lives.first()) {
                let resource = self.resource(life);
                let writer = self.writer(&resource, "pipeline", false);
                output.sink.line(at, |out| writer.change(out, change, at));
            }
        }
    }

    fn resource(&self, life: &Life) -> String {
        wire::resource(self.world, Process { host: self.host, slot: self.number, life, style: self.style })
    }

    fn writer<'w>(&'w self, resource: &'w str, boot: &'w str, nameless: bool) -> events::Writer<'w> {
        let Self { world, style, host, clock_s, .. } = *self;
        events::Writer { world, style, host, resource, boot, clock_s, nameless }
    }

    fn note_loads(&self, evidence: &mut Evidence) {
        let (host, lives) = (self.host, &self.timeline.lives);
        let binary = |life: usize| lives.get(life).map_or(0, |life| life.binary);
        for active in &self.timeline.actives {
            let Active { version, from: at, to: until, life, .. } = *active;
            evidence.loads.push(SeenLoad { host, version, binary: binary(life), at, until, refusal: None });
        }
        for load in &self.timeline.loads {
            let Load { version, at, life, .. } = *load;
            let Some(refusal) = load.refusal else { continue };
            let refusal = Some(refusal.reason);
            evidence.loads.push(SeenLoad { host, version, binary: binary(life), at, until: at, refusal });
        }
        let changes = lives.iter().zip(lives.iter().skip(1)).filter(|(a, b)| a.binary != b.binary);
        evidence.binaries.extend(changes.map(|(_, new)| BinaryChange { host, at: new.from }));
    }

    fn live(&mut self, life: &Life, output: &mut Output) {
        let step = self.world.step_s();
        let warm = self.world.fleet.warm && life.from <= 0.0;
        let mut living = Living {
            life,
            resource: self.resource(life),
            boot: format!("{}-{}-{}", self.host, self.number, life.number),
            counted: Counted::default(),
            loads: Vec::new(),
            reported: 0,
            start: if warm { -WARM_S } else { life.from },
            sequence: 0,
        };
        if warm && self.style.cumulative {
            let rps = self.world.fleet.hosts.get(self.host).map_or(0.0, |host| host.rps);
            living.counted.total.ok = (rps * WARM_S) as u64;
        }
        if self.style.life_events && life.from > 0.0 {
            let writer = self.writer(&living.resource, &living.boot, false);
            output.sink.line(life.from, |out| writer.start(out, life.from));
        }
        let first = if warm { self.random.unit() * step } else { life.from + step };
        let mut from = life.from;
        let mut at = first;
        while at <= life.to && at <= self.world.fleet.length_s {
            self.report(&mut living, Interval { from, to: at }, output);
            from = at;
            at += step;
        }
        let flushes = life.ending == Ending::Clean && self.random.chance(0.5) && life.to > from;
        if flushes && life.to <= self.world.fleet.length_s {
            self.report(&mut living, Interval { from, to: life.to }, output);
        }
        self.ends(&mut living, output);
    }

    /// Writes what remains at the end of a life: loads that no report holds, and the exit.
    fn ends(&mut self, living: &mut Living<'_>, output: &mut Output) {
        self.loads(living, f64::INFINITY, &mut output.sink);
        let life = living.life;
        if let Some(guilt) = life.killed_by.filter(|_| life.to < self.world.fleet.length_s) {
            let seen = output.evidence.guilts.get_mut(guilt).map(|hosts| hosts.entry(self.host).or_default());
            if let Some(seen) = seen {
                seen.events += 5.0;
                seen.exposed += 1;
                seen.since = seen.since.or(Some(life.to));
                seen.until = life.to;
            }
        }
        if self.style.life_events && life.ending != Ending::None {
            let active = self.active(life.to - 1e-6);
            let writer = self.writer(&living.resource, &living.boot, false);
            output.sink.line(life.to, |out| writer.exit(out, life, &active));
        }
        if self.style.cumulative {
            self.pending.clear();
        }
    }

    fn active(&self, at: f64) -> Vec<usize> {
        let there = self.timeline.actives.iter().filter(|active| active.from <= at && at < active.to);
        there.map(|active| active.version).collect()
    }

    /// Returns the ends of the stretches of a report: every second at which an effect or an active version changes, and
    /// the end of the report.
    fn cuts(&self, interval: Interval) -> Vec<f64> {
        let Interval { from, to } = interval;
        let spells = self.spells.iter().flat_map(|spell| [spell.from, spell.to]);
        let actives = self.timeline.actives.iter().flat_map(|active| [active.from, active.to]);
        let mut cuts: Vec<f64> = spells.chain(actives).filter(|at| from < *at && *at < to).collect();
        cuts.push(to);
        cuts.sort_by(f64::total_cmp);
        cuts
    }

    fn report(&mut self, living: &mut Living<'_>, interval: Interval, output: &mut Output) {
        let Interval { from, to } = interval;
        self.course.step(&self.world.noise, &mut self.random);
        let mut new = Counted::default();
        let mut gauges = Gauges::default();
        let mut panicked = Panicked::default();
        let mut at = from;
        for cut in self.cuts(interval) {
            let (spells, actives) = (&self.spells, &self.timeline.actives);
            let (world, weather, host) = (self.world, self.weather, self.host);
            let stretch = Stretch { world, weather, host, from: at, to: cut, spells, actives };
            let mut tally = Tally { counted: &mut new, shares: &mut self.pending };
            gauges = stretch.draw(&self.course, &mut tally, &mut self.random);
            panicked.note(at, cut, &new.panics);
            at = cut;
        }
        self.loads(living, to, &mut output.sink);
        let panics = new.panics.clone();
        if self.style.cumulative {
            living.counted.add(&new);
        } else {
            living.counted = new;
        }
        let start = if self.style.cumulative { living.start } else { from };
        let active = self.active(to - 1e-6);
        self.deliver(living, &AtEnd { start, end: to, gauges, active: &active }, output);
        if self.style.panics != crate::composer::style::Panics::Counts {
            for panics in panics {
                for _ in 0..panics.count.min(PANIC_EVENTS_MAX) {
                    let share = self.random.unit();
                    let at = panicked.at(panics.site, share).unwrap_or(to);
                    living.sequence += 1;
                    let active = self.active(at);
                    let panic = PanicEvent { at, sequence: living.sequence, guilt: panics.site, active: &active };
                    let writer = self.writer(&living.resource, &living.boot, false);
                    output.sink.line(at, |out| writer.panic(out, &panic));
                }
            }
        }
    }

    /// Reports the loads before `to` that have not been reported.
    fn loads(&mut self, living: &mut Living<'_>, to: f64, sink: &mut Sink) {
        let number = living.life.number;
        let new: Vec<Load> = {
            let of = self.timeline.loads.iter().filter(|load| load.life == number);
            of.skip(living.reported).take_while(|load| load.at < to).copied().collect()
        };
        living.reported += new.len();
        if !self.style.cumulative {
            living.loads.clear();
        }
        for load in new {
            living.sequence += 1;
            let (result, reason) = (events::result(&load), load.refusal.map(|refusal| refusal.reason));
            living.loads.push(LoadCount { version: load.version, result, reason, count: 1 });
            if self.style.load_events && !self.random.chance(self.world.telemetry.loads_lost) {
                let nameless = self.random.chance(self.world.telemetry.names_lost);
                let writer = self.writer(&living.resource, &living.boot, nameless);
                sink.line(load.at, |out| writer.load(out, &load, living.sequence));
            }
        }
        living.loads.sort_by_key(|load| (load.version, load.result));
        living.loads.dedup_by(|a, b| {
            let same = (a.version, a.result) == (b.version, b.result);
            b.count += if same { a.count } else { 0 };
            same
        });
    }

    fn deliver(&mut self, living: &Living<'_>, at_end: &AtEnd<'_>, output: &mut Output) {
        let AtEnd { start, end, gauges, active } = *at_end;
        let telemetry = &self.world.telemetry;
        let blind = telemetry.blind_to(&self.world.fleet, self.host, end).copied();
        let lost = blind.filter(|blind| self.random.chance(blind.share));
        if lost.is_some_and(|blind| !blind.late) {
            if !self.style.cumulative {
                self.pending.clear();
            }
            return;
        }
        let mut text = String::new();
        let report = Report {
            world: self.world,
            style: self.style,
            host: self.host,
            counted: &living.counted,
            gauges,
            active,
            loads: &living.loads,
            start: start + self.clock_s,
            end: end + self.clock_s,
        };
        text.push_str("{\"resource\":");
        text.push_str(&living.resource);
        text.push_str(",\"scopeMetrics\":[{\"metrics\":");
        metrics::write(&report, &mut text);
        text.push_str("}]}");
        self.late.push(text);
        self.seen(end, &mut output.evidence);
        if lost.is_some() {
            return;
        }
        let texts = std::mem::take(&mut self.late);
        output.sink.line(end + 0.05, |out| {
            out.push_str("{\"resourceMetrics\":[");
            out.push_str(&texts.join(","));
            out.push_str("]}");
        });
        if self.random.chance(telemetry.repeats.share) {
            (0..telemetry.repeats.times).for_each(|_| output.sink.repeat(end + 1.0));
        }
    }

    /// Notes for the oracle that the report of `at` has arrived.
    fn seen(&mut self, at: f64, evidence: &mut Evidence) {
        evidence.reports += 1;
        evidence.host_s += self.world.step_s() / self.world.fleet.hosts.get(self.host).map_or(1.0, |h| h.slots as f64);
        let step = self.world.step_s();
        for (number, hosts) in evidence.guilts.iter_mut().enumerate() {
            let Some(guilt) = self.world.guilts.get(number) else { continue };
            let seen: &mut HostSeen = hosts.entry(self.host).or_default();
            let span = self
                .spells
                .iter()
                .find(|spell| spell.guilt == Some(number) && spell.from < at && at <= spell.to + step);
            match span {
                Some(spell) => {
                    seen.exposed += 1;
                    seen.since = seen.since.or(Some(spell.from));
                    seen.until = at;
                }
                None if at < guilt.from => seen.before += 1,
                None if seen.since.is_some() => seen.after += 1,
                None if at < guilt.until => seen.control += 1,
                None => {}
            }
        }
        for share in self.pending.drain(..) {
            let seen = evidence.guilts.get_mut(share.guilt).map(|hosts| hosts.entry(self.host).or_default());
            if let Some(seen) = seen {
                seen.events += share.events;
                seen.usual += share.usual;
            }
        }
    }
}
