//! A run while it happens: all hosts, the weather they share, and the observations that arrive by each instant.

use crate::host::{Context, Host};
use crate::plan::Plan;
use crate::random::Random;
use crate::telemetry::Telemetry;
use crate::truth::Truth;
use firstbad_diagnosis::observation::Observation;

/// Seconds of event time between two steps, as the collector's group commits: half a report interval, 1 to 5 s. Every
/// reader of a run takes the same steps, since the weather changes with them.
#[must_use]
pub fn step_s(interval_s: f64) -> f64 {
    (interval_s / 2.0).clamp(1.0, 5.0).floor()
}

/// A run in progress.
#[derive(Debug)]
pub struct Simulation<'p> {
    plan: &'p Plan,
    hosts: Vec<Host>,
    telemetry: Telemetry,
    truth: Truth,
    weather: Vec<(f64, f64, f64)>,
    random: Random,
    now: f64,
}

impl<'p> Simulation<'p> {
    /// A run at second 0.
    #[must_use]
    pub fn new(plan: &'p Plan) -> Self {
        let mut telemetry = Telemetry::new(plan.seed);
        for (at, change) in &plan.announcements {
            telemetry.put(at + 0.5, Observation::Change(change.clone()));
        }
        let hosts = plan.hosts.iter().enumerate().map(|(index, host)| Host::new(plan, index, host)).collect();
        Self {
            plan,
            hosts,
            telemetry,
            truth: Truth::default(),
            weather: vec![(1.0, 1.0, 0.0); plan.fleet.regions.len()],
            random: Random::fork(plan.seed, "weather"),
            now: 0.0,
        }
    }

    /// Lets time pass until second `to`; what arrived by then, in order.
    pub fn step(&mut self, to: f64) -> Vec<Observation> {
        let share = ((to - self.now) / 60.0).min(1.0);
        self.now = to;
        // Regions wander slowly: a minute forgets a quarter.
        let (keep, new) = (1.0 - 0.25 * share, share.sqrt() * 0.7);
        let wobble = self.plan.fleet.wobble;
        for (traffic, errors, tilt) in &mut self.weather {
            *traffic = (traffic.ln() * keep + 0.08 * new * self.random.normal()).exp();
            *errors = (errors.ln() * keep + wobble * new * self.random.normal()).exp();
            *tilt = *tilt * keep + 0.08 * new * self.random.normal();
        }
        let plan = self.plan;
        let mut context =
            Context { plan, telemetry: &mut self.telemetry, truth: &mut self.truth, weather: &self.weather };
        for host in &mut self.hosts {
            host.advance(&mut context, to);
        }
        self.telemetry.arrived(to)
    }

    /// What really happened so far.
    #[must_use]
    pub fn truth(&self) -> &Truth {
        &self.truth
    }
}
