//! What is expected of a unit: its own past, shrunk towards the fleet's. `older` is used while `recent` waits, so that a
//! slow change does not become its own expectation; nothing is learned while a unit fails or an incident is open.

use crate::state::model::{Base, Counter, Prior, Rate, Unit};

/// Weight of the past at each rotation (every 18 report intervals).
const DECAY: f32 = 0.8;
/// Rotations after which nothing is left of what was learned: 0.8 to this power is no number any more.
const FORGOTTEN: u32 = 512;

/// Observed events and trials.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub observed: f64,
    pub trials: f64,
}

impl Counts {
    fn of(rate: Rate) -> Self {
        Self { observed: f64::from(rate.observed), trials: f64::from(rate.trials) }
    }
}

impl Base {
    /// Observed and trials in use; before the first rotation what waits is better than nothing.
    fn in_use(&self) -> Counts {
        if self.older.trials > 0.0 { Counts::of(self.older) } else { Counts::of(self.recent) }
    }

    /// Observed and trials of all that was learnt, in use or waiting.
    pub(crate) fn seen(&self) -> Counts {
        let (older, recent) = (Counts::of(self.older), Counts::of(self.recent));
        Counts { observed: older.observed + recent.observed, trials: older.trials + recent.trials }
    }

    /// Events from which the rate is known.
    pub(crate) fn events(&self) -> f64 {
        self.in_use().observed
    }

    /// Learns from one row.
    pub(crate) fn learn(&mut self, counts: Counts) {
        #[expect(clippy::cast_possible_truncation, reason = "a rate needs no more than 24 bits")]
        {
            self.recent.observed += counts.observed as f32;
            self.recent.trials += counts.trials as f32;
        }
    }

    /// What waited comes into use.
    pub(crate) fn rotate(&mut self) {
        self.older.observed = self.older.observed * DECAY + self.recent.observed;
        self.older.trials = self.older.trials * DECAY + self.recent.trials;
        self.recent = Rate::default();
    }

    /// Forgets what waited: it may hold the beginning of an incident.
    pub(crate) fn forget_recent(&mut self) {
        if self.older.trials > 0.0 {
            self.recent = Rate::default();
        }
    }

    /// Mean, if anything is known.
    pub(crate) fn mean(&self) -> Option<f64> {
        let Counts { observed, trials } = self.in_use();
        (trials > 0.0).then(|| observed / trials)
    }

    /// Rate, shrunk towards `prior` with the weight of `trials`.
    pub(crate) fn rate(&self, prior: f64, weight: f64) -> f64 {
        let Counts { observed, trials } = self.in_use();
        (observed + weight * prior) / (trials + weight)
    }
}

impl Unit {
    fn expectations(&mut self) -> impl Iterator<Item = &mut Base> {
        let gauges = [&mut self.traffic, &mut self.cpu, &mut self.memory, &mut self.in_flight];
        self.base.iter_mut().chain(gauges)
    }

    /// Follows the rotations of the fleet that it has missed: a unit's own are turned when they are used next, or one tick
    /// in eighteen intervals would have to turn those of the whole fleet.
    pub(crate) fn follow_rotations(&mut self, rotations: u32) {
        let missed = rotations.wrapping_sub(self.rotations).min(FORGOTTEN);
        self.rotations = rotations;
        for base in self.expectations() {
            (0..missed).for_each(|_| base.rotate());
        }
    }

    /// Forgets what waited: it may hold the beginning of an incident.
    pub(crate) fn forget_recent(&mut self, rotations: u32) {
        self.follow_rotations(rotations);
        self.expectations().for_each(Base::forget_recent);
    }
}

/// The fleet's rate of a counter: learned, with the documented prior's floor, so that a rate of zero is no certainty.
pub(crate) fn fleet_rate(base: &Base, counter: Counter) -> f64 {
    let prior = counter.prior();
    base.rate(prior.rate, prior.weight).max(prior.rate * 0.05)
}

/// A unit's rate of a counter. The fleet's rate has at least the weight of one event. Otherwise a unit without an event so far
/// would have a rate near 0.
pub(crate) fn unit_rate(unit: &Base, fleet: f64, counter: Counter) -> f64 {
    let Prior { rate: prior, weight } = counter.prior();
    let weight = if counter.is_additive() { weight.max(EVENTS_KNOWN / fleet.max(prior * 0.05)) } else { weight };
    unit.rate(fleet, weight).max(prior * 0.05)
}

/// Events as which the fleet's rate weighs at least.
const EVENTS_KNOWN: f64 = 1.0;
