//! One run of a scenario, fully drawn: fleet, configs, versions, what happens on which host at which instant, effects and
//! faults with their numbers. Nothing random about structure is left to the simulation; only counts are.

mod draw;

use crate::content::Version;
use crate::effect::Effect;
use crate::overrides::Overrides;
use crate::random::Random;
use crate::scenario::Scenario;
use crate::schedule;
use draw::{config_specs, fault, fleet, hosts};
use firstbad_diagnosis::observation::{Change, Dimensions, Name};
use firstbad_protocol::time::Timestamp;

/// A drawn run.
#[derive(Debug)]
pub struct Plan {
    /// The seed it was drawn from.
    pub seed: u64,
    /// Event time of second 0.
    pub epoch: Timestamp,
    /// Length, seconds.
    pub length_s: f64,
    /// Report interval, seconds.
    pub interval_s: f64,
    /// Drawn fleet numbers.
    pub fleet: Fleet,
    /// Configs; the main one first.
    pub configs: Vec<Config>,
    /// Versions, in order of publishing within a config.
    pub versions: Vec<Version>,
    /// Hosts with what will happen to each.
    pub hosts: Vec<HostPlan>,
    /// What goes wrong.
    pub effects: Vec<Effect>,
    /// Tags of the changes, by index.
    pub changes: Vec<ChangePlan>,
    /// Changes that reach the whole fleet at once, by second.
    pub announcements: Vec<(f64, Change)>,
    /// What goes wrong with the telemetry.
    pub faults: Vec<Fault>,
}

/// Drawn numbers of the fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Region names.
    pub regions: Vec<Name>,
    /// Slow wobble of regions (log sd).
    pub wobble: f64,
    /// Gamma shape of errors' overdispersion.
    pub dispersion: f64,
    /// Whether an agent outlives the processes.
    pub agent: bool,
    /// Whether a restart takes a new instance id.
    pub new_ids: bool,
    /// Whether zeros come as `sentinel`.
    pub sentinel: bool,
    /// Whether hosts send firstbad's metrics, not only standard ones.
    pub full: bool,
    /// Values of the request dimension; one with empty dimensions when there is none.
    pub cells: Vec<Dimensions>,
    /// Key of the request dimension.
    pub cell_key: String,
    /// Daily phase and depth.
    pub day: (f64, f64),
}

/// One config.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name.
    pub name: Name,
    /// Share of requests that use it.
    pub use_share: f64,
    /// Whether it yields scores.
    pub scores: bool,
    /// Version that all hosts have from the start.
    pub initial: usize,
}

/// What happens to a host at an instant.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A version arrives.
    Deliver(usize),
    /// A change arrives (index).
    Change(usize),
    /// A change is undone.
    Undo(usize),
    /// The process restarts cleanly.
    Restart,
    /// The process dies.
    Crash,
    /// A dead process comes back.
    Up,
    /// Effects must be looked at again.
    Look,
}

/// One host.
#[derive(Clone, Debug)]
pub struct HostPlan {
    /// Name.
    pub name: Name,
    /// Index of its region.
    pub region: usize,
    /// Binary at the start.
    pub binary: Name,
    /// Whether it belongs to the downstream service.
    pub downstream: bool,
    /// Requests per second.
    pub rps: f64,
    /// Baseline share of failed requests.
    pub error_share: f64,
    /// Second at which its reports begin a span.
    pub phase_s: f64,
    /// What will happen.
    pub agenda: Vec<(f64, Happening)>,
}

/// A drawn change.
#[derive(Clone, Debug)]
pub struct ChangePlan {
    /// Tag and id.
    pub tag: String,
    /// Kind.
    pub kind: String,
    /// Target.
    pub target: String,
    /// Whether each host reached sends an event.
    pub per_host: bool,
}

/// A drawn fault of the telemetry.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Kind.
    pub kind: String,
    /// Strength.
    pub strength: f64,
    /// Seconds from and until.
    pub window: (f64, f64),
    /// Which hosts.
    pub hosts: Vec<bool>,
}

impl Plan {
    /// Draws run `seed` of `scenario`.
    #[must_use]
    pub fn draw(scenario: &Scenario, seed: u64, overrides: Overrides) -> Self {
        let scenario = &overrides.applied(scenario);
        let mut random = Random::fork(seed, &scenario.name);
        let r = &mut random;
        let length_s = scenario.minutes.draw(r) * 60.0;
        let interval_s = scenario.interval_s.draw(r).round().max(1.0);
        let fleet = fleet(&scenario.fleet, r);
        let hosts = hosts(&scenario.fleet, interval_s, &fleet, r);
        let mut specs = config_specs(scenario, r);
        let slower = overrides.jitter_scale.unwrap_or(1.0);
        specs.iter_mut().for_each(|spec| spec.jitter_s = spec.jitter_s.map(|seconds| seconds * slower));
        let run_seed = r.bits();
        let mut plan = Self {
            seed: run_seed,
            epoch: Timestamp::from_seconds(1_763_000_000 + r.below(3_000_000) as i64),
            length_s,
            interval_s,
            fleet,
            configs: Vec::new(),
            versions: Vec::new(),
            hosts,
            effects: Vec::new(),
            changes: Vec::new(),
            announcements: Vec::new(),
            faults: Vec::new(),
        };
        schedule::publish(&mut plan, scenario, &specs);
        schedule::changes(&mut plan, scenario);
        schedule::noise(&mut plan, scenario);
        let effects = scenario.effect.iter().enumerate();
        plan.effects = effects.map(|(index, spec)| Effect::draw(spec, index, scenario, &plan)).collect();
        plan.faults = scenario.fault.iter().map(|spec| fault(spec, &plan, r)).collect();
        if let Some(hour) = plan.effects.iter().find(|effect| effect.on_the_hour) {
            let off = (plan.epoch.0 / 1_000_000_000 + hour.from_s.round() as i64).rem_euclid(3600);
            plan.epoch = plan.epoch - off * 1_000_000_000;
        }
        for host in &mut plan.hosts {
            host.agenda.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        plan
    }

    /// Event time of second `s`.
    #[must_use]
    pub fn at(&self, s: f64) -> Timestamp {
        self.epoch + (s * 1e9) as i64
    }
}
