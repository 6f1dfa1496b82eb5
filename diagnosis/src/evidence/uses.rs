//! Which config the failed requests used. A request counts under every config that it used (contract.md section 2,
//! "Counting"), so hosts tell, report by report, how many failed that used a config and how many that did not: a control
//! within the same host and the same seconds. Where all failing lies with one config's requests and others were there to
//! fail, it is of that config, or of its kind of requests. What may be named for it is decided in `judge`.

use crate::hypothesis::findings::Excess;
use crate::scene::Scene;
use crate::state::State;
use crate::state::ids::FactorId;
use crate::state::ring::{Interval, Ring, Use, Used, index_of};
use std::collections::BTreeMap;

/// Report intervals before the onset from which it is told what is usual, and after it that are looked at.
const BEFORE: i64 = 90;
const AFTER: i64 = 60;
/// Failed requests that would not have used the config, if it had nothing to do with it: none is chance once in e^6.
const OTHERS_MIN: f64 = 6.0;
/// Of as many, the most that may have failed.
const OTHERS_MAX: f64 = 0.1;
/// Share of the failing requests that did not use a config from which it is not the cause, if another's all did.
const WITHOUT: f64 = 0.03;

/// Of every config with requests of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uses {
    by_factor: BTreeMap<FactorId, Excess>,
}

impl Uses {
    /// Since the onset.
    pub(crate) fn new(state: &State, scene: &Scene<'_>) -> Self {
        let onset = index_of(scene.onset, scene.interval);
        let usual = sums(&state.ring, onset - BEFORE..onset - 1);
        let since = sums(&state.ring, onset..onset + AFTER);
        let of =
            |(factor, now): (FactorId, Use)| (factor, excess(usual.get(&factor).copied().unwrap_or_default(), now));
        Self { by_factor: since.into_iter().map(of).collect() }
    }

    /// Whether all failing is of requests that used the config, though others were there to fail.
    pub(crate) fn alone(&self, factor: FactorId) -> Option<Excess> {
        let of = self.by_factor.get(&factor).copied()?;
        (of.others >= OTHERS_MIN && of.outside <= OTHERS_MAX * of.others).then_some(of)
    }

    /// Whether requests that did not use the config fail as well, while all that fail used another.
    pub(crate) fn spared(&self, factor: FactorId) -> Option<Excess> {
        let of = self.by_factor.get(&factor).copied()?;
        let without = of.outside >= (WITHOUT * (of.inside + of.outside)).max(OTHERS_MIN);
        let another = || self.by_factor.keys().any(|other| *other != factor && self.alone(*other).is_some());
        (without && self.alone(factor).is_none() && another()).then_some(of)
    }
}

/// What fails now beyond what failed before.
fn excess(before: Use, now: Use) -> Excess {
    let rate = |of: Used| if of.all > 0.0 { of.failed / of.all } else { 0.0 };
    let beyond = |now: Used, before: Used| (now.failed - rate(before) * now.all).max(0.0);
    let (inside, outside) = (beyond(now.inside, before.inside), beyond(now.outside, before.outside));
    let others = inside * now.outside.all / now.inside.all.max(1.0);
    let share = now.inside.all / (now.inside.all + now.outside.all).max(1.0);
    Excess { inside, outside, others, share }
}

fn sums(ring: &Ring, indices: std::ops::Range<i64>) -> BTreeMap<FactorId, Use> {
    let mut all: BTreeMap<FactorId, Use> = BTreeMap::new();
    let within = |interval: &Interval, all: &mut BTreeMap<FactorId, Use>| {
        for (factor, of) in &interval.uses {
            all.entry(*factor).or_default().add(*of);
        }
    };
    indices.filter_map(|index| ring.get(index)).for_each(|interval| within(interval, &mut all));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypothesis::findings::{ODDS_MAX, odds};

    const ONE: FactorId = FactorId(0);
    const TWO: FactorId = FactorId(1);
    const fn used(failed: f64, all: f64) -> Used {
        Used { failed, all }
    }

    const BEFORE: Use = Use { inside: used(20.0, 80_000.0), outside: used(5.0, 20_000.0) };

    /// Of two configs, what failed of the requests that used the first, and that did not; all used the second or not alike.
    fn told(inside: f64, outside: f64, all: (f64, f64)) -> Uses {
        let now = Use { inside: used(inside, all.0), outside: used(outside, all.1) };
        let whole = inside + outside;
        let alike = Use { inside: used(whole * 0.7, 7_000.0), outside: used(whole * 0.3, 3_000.0) };
        Uses { by_factor: BTreeMap::from([(ONE, excess(BEFORE, now)), (TWO, excess(BEFORE, alike))]) }
    }

    #[test]
    fn failing_that_lies_with_one_configs_requests_is_of_it_and_not_of_another() {
        let uses = told(500.0, 1.0, (8_000.0, 2_000.0));
        let alone = uses.alone(ONE).map(|of| (of.inside.round(), of.others.round()));
        assert_eq!(alone, Some((498.0, 125.0)));
        assert!(uses.alone(TWO).is_none() && uses.spared(TWO).is_some() && uses.spared(ONE).is_none());
        assert!((uses.alone(ONE).map_or(0.0, odds) - ODDS_MAX).abs() < 1e-9);
    }

    #[test]
    fn failing_of_all_requests_alike_and_of_too_few_others_says_nothing() {
        let alike = told(400.0, 100.0, (8_000.0, 2_000.0));
        assert!(alike.alone(ONE).is_none() && alike.spared(ONE).is_none() && alike.spared(TWO).is_none());
        // Of 20 failing requests at most five would not have used it: that none did is chance.
        assert!(told(20.0, 0.0, (8_000.0, 2_000.0)).alone(ONE).is_none());
        // And where every request uses it there are no others.
        assert!(told(500.0, 0.0, (10_000.0, 0.0)).alone(ONE).is_none());
    }
}
