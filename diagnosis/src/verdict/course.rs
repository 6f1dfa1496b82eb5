//! How a symptom goes on: a step, growing, flapping or the state of things from the beginning; and what is told with it.

use crate::hypothesis::Hypothesis;
use crate::hypothesis::judgement::Judgement;
use crate::numerics::time::Span;
use crate::scene::Scene;
use crate::state::State;
use crate::state::ids::UnitId;
use crate::state::model::Family;
use crate::state::ring::{Sums, index_of};
use crate::state::symptom::Symptom;
use crate::state::units::hosts;
use crate::verdict::good::{Fault, last_known_good};
use crate::wording::facts::{input, ruled_out};
use firstbad_protocol::Property;
use firstbad_protocol::verdict::{Cause, CauseKind, Pattern};
use std::collections::BTreeSet;

/// Input, last known good, what was ruled out.
pub(crate) fn tell_facts(state: &State, symptom: &mut Symptom, scene: &Scene<'_>, judged: &Judgement) {
    let config = matches!(symptom.cause, Some(Cause { kind: CauseKind::Config, .. }));
    if config
        && let Some(named) = symptom.named.clone()
        && let Some(factor) = named.factor
    {
        let delay = judged.named.as_ref().map(|named| Span::from_seconds(named.tally.lag.delay_s.max(0.0)));
        let family = Family { factor, levels: &named.levels };
        let too_old = named.property == Some(Property::Stale);
        let good = last_known_good(state, scene, Fault { family, delay: delay.unwrap_or_default(), too_old });
        symptom.input = input(state, &named.levels, good.as_ref());
        symptom.good = good;
    }
    symptom.ruled_out = ruled_out(state, symptom, scene, judged);
}

/// How it goes on.
pub(crate) fn pattern(state: &State, symptom: &Symptom, judged: &Judgement) -> Pattern {
    if symptom.onset <= state.warm() - 3 * state.interval {
        return Pattern::Static;
    }
    let flips = judged.ranked.first().map_or(0, |first: &Hypothesis| first.tally.flips.agreeing);
    if flips >= 3 || symptom.pattern == Pattern::Flapping {
        return Pattern::Flapping;
    }
    let at = index_of(symptom.onset, state.interval);
    let share = |from: i64, to: i64| {
        let sums = (from..to)
            .filter_map(|index| state.ring.get(index))
            .filter_map(|interval| interval.fleet.first())
            .fold(Sums::default(), |mut sums, one| {
                sums.add(*one);
                sums
            });
        if sums.trials > 0.0 { sums.observed / sums.trials } else { 0.0 }
    };
    let end = state.ring.end();
    let length = end - at;
    let growing = length >= 12
        && share(at, at + length / 3) * 2.0 < share(at + length / 3, at + 2 * length / 3)
        && share(at + length / 3, at + 2 * length / 3) * 1.3 < share(at + 2 * length / 3, end);
    if growing { Pattern::Growing } else { Pattern::Step }
}

/// How many hosts some units are.
pub(crate) fn hosts_of(state: &State, ids: &BTreeSet<UnitId>) -> u64 {
    hosts(ids.iter().filter_map(|id| state.units.get(*id))) as u64
}
