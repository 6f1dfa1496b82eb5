//! One process slot of one host from beginning to end: its lives, its loads, and which version is active at which time.
//! Deaths that a version causes are decided here; which requests fail, in `spells` and `process`.

use super::effect::{Death, Effect, On, What};
use super::push::Refusal;
use super::world::World;
use crate::random::Random;

/// How the life of a process ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ending {
    /// The process still runs when the capture ends.
    None,
    /// The process is stopped on purpose.
    Clean,
    /// A signal ends the process.
    Signal(i64),
    /// The process exits with this status, which is no success.
    Status(i64),
}

/// One life of a process.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) number: usize,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) ending: Ending,
    pub(crate) binary: usize,
    /// The guilt whose version killed the process.
    pub(crate) killed_by: Option<usize>,
    /// The version that the process was loading when it died.
    pub(crate) loading: Option<usize>,
}

/// One load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) at: f64,
    pub(crate) life: usize,
    pub(crate) version: usize,
    pub(crate) previous: Option<usize>,
    pub(crate) refusal: Option<Refusal>,
}

/// The history of one slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) lives: Vec<Life>,
    pub(crate) loads: Vec<Load>,
    /// Spans in which a version was active; there is none after a load that was rejected.
    pub(crate) actives: Vec<Active>,
}

/// A span in which a version of a config was active in one life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Active {
    pub(crate) config: usize,
    pub(crate) version: usize,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) life: usize,
}

/// An event that the draw plans for the slot.
#[derive(Clone, Copy, Debug)]
enum Event {
    Arrives { version: usize, refusal: Option<Refusal> },
    Restarts { down_s: f64, binary: Option<usize> },
    Leaves,
}

/// A planned event and its second.
#[derive(Clone, Copy, Debug)]
struct Planned {
    at: f64,
    event: Event,
}

/// A death that the active version causes later, unless another version replaces it before.
#[derive(Clone, Copy, Debug)]
struct ComingDeath {
    at: f64,
    death: Death,
    guilt: usize,
    version: usize,
}

struct Walk<'a> {
    world: &'a World,
    random: Random,
    timeline: Timeline,
    /// Version on disk, by config.
    disk: Vec<Option<usize>>,
    active: Vec<Option<usize>>,
    binary: usize,
    alive: bool,
    death: Option<ComingDeath>,
    starts: Option<f64>,
    deaths: i32,
}

/// Returns the timeline of slot number `slot` of host number `host`.
pub(crate) fn of(world: &World, host: usize, slot: usize) -> Timeline {
    let Some(of) = world.fleet.hosts.get(host) else { return Timeline::default() };
    let random = Random::fork(world.seed, &format!("composer:timeline:{host}:{slot}"));
    let disk: Vec<Option<usize>> = (0..world.configs.len()).map(|config| world.first.get(config).copied()).collect();
    let mut walk = Walk {
        world,
        random,
        timeline: Timeline::default(),
        active: vec![None; disk.len()],
        disk,
        binary: of.binary,
        alive: false,
        death: None,
        starts: None,
        deaths: 0,
    };
    walk.begin(of.born_s);
    for planned in plans(world, host, slot) {
        walk.until(planned.at);
        walk.take(planned);
    }
    walk.until(world.fleet.length_s);
    walk.end(world.fleet.length_s, Ending::None);
    walk.timeline
}

fn plans(world: &World, host: usize, slot: usize) -> Vec<Planned> {
    let fleet = &world.fleet;
    let delay = slot as f64 * 0.4;
    let arrives = world.pushes.iter().filter_map(|push| {
        let event = Event::Arrives { version: push.version, refusal: push.refused(host) };
        Some(Planned { at: push.arrival(fleet, host)? + delay, event })
    });
    let place = fleet.hosts.get(host).map_or(0.0, |host| host.place);
    let waves = world.waves.iter().filter(|wave| wave.who.holds(fleet, host));
    let restarts = waves.map(|wave| Planned {
        at: wave.at + place * wave.takes_s + delay,
        event: Event::Restarts { down_s: wave.down_s, binary: wave.binary },
    });
    let gone_s = fleet.hosts.get(host).and_then(|host| host.gone_s);
    let leaves = gone_s.map(|at| Planned { at, event: Event::Leaves });
    let all = arrives.chain(restarts).chain(leaves);
    let mut plans: Vec<Planned> = all.filter(|planned| planned.at < fleet.length_s).collect();
    plans.sort_by(|a, b| a.at.total_cmp(&b.at));
    plans
}

impl Walk<'_> {
    /// Begins the first life. In a warm fleet, its first loads are older than the capture and are not in it.
    fn begin(&mut self, born_s: Option<f64>) {
        match born_s {
            Some(at) => self.starts = Some(at),
            None if self.world.fleet.warm => {
                self.born(0.0);
                self.active = self.disk.clone();
                let versions: Vec<usize> = self.disk.iter().flatten().copied().collect();
                versions.into_iter().for_each(|version| self.becomes_active(version, 0.0));
            }
            None => self.starts = Some(self.random.unit() * self.world.step_s().min(5.0)),
        }
    }

    fn born(&mut self, at: f64) {
        self.alive = true;
        self.starts = None;
        self.death = None;
        let (number, binary) = (self.timeline.lives.len(), self.binary);
        let to = f64::INFINITY;
        let life = Life { number, from: at, to, ending: Ending::None, binary, killed_by: None, loading: None };
        self.timeline.lives.push(life);
    }

    /// Starts the process, which loads every version on disk.
    fn start(&mut self, at: f64) {
        self.born(at);
        self.active.fill(None);
        for version in self.disk.clone().into_iter().flatten() {
            let after = self.random.between(0.01, 0.2);
            self.load(at + after, version, None);
        }
    }

    fn becomes_active(&mut self, version: usize, at: f64) {
        let Some(config) = self.world.versions.get(version).map(|version| version.config) else { return };
        let life = self.timeline.lives.len().saturating_sub(1);
        self.close(config, at);
        self.timeline.actives.push(Active { config, version, from: at, to: f64::INFINITY, life });
    }

    fn close(&mut self, config: usize, at: f64) {
        let open = self.timeline.actives.iter_mut().filter(|active| active.config == config && active.to > at);
        open.for_each(|active| active.to = at);
    }

    fn load(&mut self, at: f64, version: usize, refusal: Option<Refusal>) {
        let Some(config) = self.world.versions.get(version).map(|version| version.config) else { return };
        let previous = self.active.get(config).copied().flatten();
        let life = self.timeline.lives.len().saturating_sub(1);
        self.timeline.loads.push(Load { at, life, version, previous, refusal });
        let now = match refusal {
            None => Some(version),
            Some(refusal) if refusal.rejected => None,
            Some(_) => previous,
        };
        self.active.iter_mut().skip(config).take(1).for_each(|active| *active = now);
        match now {
            Some(now) if refusal.is_none() => {
                let replaced = |version: usize| self.world.versions.get(version).is_some_and(|of| of.config == config);
                self.death = self.death.filter(|death| !replaced(death.version));
                self.becomes_active(now, at);
                self.may_die(at, version);
            }
            Some(_) => {}
            None => self.close(config, at),
        }
    }

    /// Draws the death that `version` causes in this process, if it causes one.
    fn may_die(&mut self, at: f64, version: usize) {
        let dies = |effect: &&Effect| match effect.on {
            On::Version { version: of, binary } => of == version && binary.is_none_or(|binary| binary == self.binary),
            _ => false,
        };
        let Some((death, guilt)) = self.world.effects.iter().filter(dies).find_map(|effect| match effect.what {
            What::Dies(death) => Some((death, effect.guilt)),
            _ => None,
        }) else {
            return;
        };
        let after = death.after_s.draw(&mut self.random);
        self.death = guilt.map(|guilt| ComingDeath { at: at + after, death, guilt, version });
    }

    /// Plays the starts and deaths before `at`.
    fn until(&mut self, at: f64) {
        loop {
            let starts = self.starts.filter(|starts| *starts < at);
            let dies = self.death.filter(|death| death.at < at);
            match (starts, dies) {
                (Some(starts), _) => self.start(starts),
                (None, Some(death)) => self.dies(death),
                (None, None) => return,
            }
        }
    }

    fn dies(&mut self, coming: ComingDeath) {
        let ComingDeath { at, death, guilt, version } = coming;
        self.end(at, death.signal.map_or(Ending::Status(1), Ending::Signal));
        let quick = death.after_s.most < 5.0;
        if let Some(life) = self.timeline.lives.last_mut() {
            life.killed_by = Some(guilt);
            life.loading = Some(version).filter(|_| quick);
        }
        self.deaths += 1;
        let wait = (death.backoff_s * 2.0_f64.powi(self.deaths.min(6) - 1)).min(300.0);
        self.starts = Some(at + wait);
    }

    fn end(&mut self, at: f64, ending: Ending) {
        if !std::mem::take(&mut self.alive) {
            return;
        }
        self.death = None;
        if let Some(life) = self.timeline.lives.last_mut() {
            (life.to, life.ending) = (at, ending);
        }
        (0..self.active.len()).for_each(|config| self.close(config, at));
    }

    fn take(&mut self, planned: Planned) {
        let at = planned.at;
        match planned.event {
            Event::Arrives { version, refusal } => self.arrives(at, version, refusal),
            Event::Restarts { down_s, binary } => {
                self.binary = binary.unwrap_or(self.binary);
                if self.alive {
                    self.end(at, Ending::Clean);
                    self.starts = Some(at + down_s);
                }
            }
            Event::Leaves => {
                self.end(at, Ending::Clean);
                self.starts = None;
            }
        }
    }

    fn arrives(&mut self, at: f64, version: usize, refusal: Option<Refusal>) {
        let Some(config) = self.world.versions.get(version).map(|version| version.config) else { return };
        if refusal.is_none() {
            self.disk.iter_mut().skip(config).take(1).for_each(|disk| *disk = Some(version));
        }
        if self.alive && self.active.get(config).copied().flatten() != Some(version) {
            self.load(at, version, refusal);
        }
    }
}
