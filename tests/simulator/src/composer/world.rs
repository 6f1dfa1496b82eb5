//! A draw before it is played: fleet, versions, pushes, effects, changes, restarts, faults of telemetry, and the truth.
//! Truth and nuisances are drawn one after another, each from its own random stream, so that leaving out one nuisance does
//! not change the others.

use super::content::{Config, Oddity, Version};
use super::effect::Effect;
use super::fleet::Fleet;
use super::guilt::{Culprit, Guilt, Harm};
use super::noise::Noise;
use super::nuisance::Planned;
use super::push::{Push, Shape, Who};
use super::telemetry::Telemetry;
use super::{background, nuisance, truth};
use crate::random::Random;

/// A change event.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) at: f64,
    /// Seconds from the first host to the last, for a change that reaches host after host.
    pub(crate) takes_s: f64,
    /// The hosts that the change reaches. Each sends its own change event.
    pub(crate) who: Who,
    /// Whether the change reaches the whole fleet at once, and the pipeline sends its event.
    pub(crate) fleet_wide: bool,
    /// Whether a change event is sent.
    pub(crate) announced: bool,
    pub(crate) until: f64,
}

impl Change {
    /// Returns the second at which the change reaches host number `host`.
    pub(crate) fn arrival(&self, fleet: &Fleet, host: usize) -> Option<f64> {
        let place = fleet.hosts.get(host)?.place;
        let reached = self.fleet_wide || self.who.holds(fleet, host);
        reached.then_some(if self.fleet_wide { self.at } else { self.at + place * self.takes_s })
    }
}

/// A wave of restarts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wave {
    pub(crate) at: f64,
    pub(crate) takes_s: f64,
    pub(crate) who: Who,
    /// Seconds from the end of a process to its next start.
    pub(crate) down_s: f64,
    /// The binary that runs afterwards, if it is another one.
    pub(crate) binary: Option<usize>,
}

/// A whole draw.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) fleet: Fleet,
    pub(crate) configs: Vec<Config>,
    pub(crate) versions: Vec<Version>,
    /// The first version of each config.
    pub(crate) first: Vec<usize>,
    pub(crate) pushes: Vec<Push>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) changes: Vec<Change>,
    pub(crate) waves: Vec<Wave>,
    pub(crate) telemetry: Telemetry,
    pub(crate) noise: Noise,
    pub(crate) guilts: Vec<Guilt>,
    pub(crate) harms: Vec<Harm>,
    /// Whether publish events declare the versions.
    pub(crate) publishes: bool,
    pub(crate) nuisances: Vec<Planned>,
}

impl World {
    /// Makes the draw of `seed`, with at most `hosts_max` hosts and the nuisances for whose number `keep` holds.
    pub(crate) fn draw(seed: u64, hosts_max: usize, keep: impl Fn(usize) -> bool) -> Self {
        let fleet = Fleet::draw(seed, hosts_max);
        let mut world = Self {
            seed,
            configs: Config::draw_all(seed, fleet.configs_max()),
            fleet,
            versions: Vec::new(),
            first: Vec::new(),
            pushes: Vec::new(),
            effects: Vec::new(),
            changes: Vec::new(),
            waves: Vec::new(),
            telemetry: Telemetry::default(),
            noise: Noise::draw(seed),
            guilts: Vec::new(),
            harms: Vec::new(),
            publishes: Random::fork(seed, "composer:publishes").chance(0.3),
            nuisances: Vec::new(),
        };
        background::first_versions(&mut world);
        truth::add(&mut world);
        background::routine(&mut world);
        world.nuisances = nuisance::plan(seed);
        for (number, planned) in world.nuisances.clone().into_iter().enumerate() {
            if keep(number) {
                planned.apply(&mut world, &mut Random::fork(seed, &format!("composer:nuisance:{number}")));
            }
        }
        world
    }

    /// Makes a version of config number `config`.
    pub(crate) fn make(&mut self, config: usize, oddity: Oddity, r: &mut Random) -> Option<usize> {
        let version = self.configs.get_mut(config)?.version(config, oddity, r);
        self.versions.push(version);
        Some(self.versions.len() - 1)
    }

    /// Adds a config that neither the truth nor another nuisance uses.
    pub(crate) fn add_config(&mut self, r: &mut Random) -> Option<usize> {
        let name = Config::free_name(&self.configs)?;
        self.configs.push(Config::draw(r, name, false));
        let index = self.configs.len() - 1;
        let version = self.make(index, Oddity::None, r)?;
        self.first.push(version);
        Some(index)
    }

    /// Pushes `version` to all hosts, beginning at `at`.
    #[expect(clippy::too_many_arguments, reason = "random numbers are drawn from the stream of the caller")]
    pub(crate) fn push(&mut self, version: usize, at: f64, shape: Shape, r: &mut Random) {
        self.pushes.push(Push { version, at, shape, who: Who::All, refusal: None, salt: r.bits() });
    }

    /// Returns the version of `config` of the last push before `at`, or its first version.
    pub(crate) fn version_before(&self, config: usize, at: f64) -> Option<usize> {
        let of = |push: &&Push| {
            push.at < at
                && push.refusal.is_none()
                && self.versions.get(push.version).is_some_and(|v| v.config == config)
        };
        let last = self.pushes.iter().filter(of).max_by(|a, b| a.at.total_cmp(&b.at)).map(|push| push.version);
        last.or_else(|| self.first.get(config).copied())
    }

    /// Whether `config` has a guilty version.
    pub(crate) fn is_suspected(&self, config: usize) -> bool {
        self.guilts.iter().any(|guilt| matches!(guilt.culprit, Culprit::Config { config: of, .. } if of == config))
    }

    /// Returns the report interval, seconds.
    pub(crate) fn step_s(&self) -> f64 {
        self.fleet.interval_s
    }
}
