//! Which hosts are silent now, and which are heard. What that means is decided by whoever asks.

use crate::state::State;
use crate::state::model::Unit;
use crate::state::units::hosts;
use std::collections::BTreeSet;

/// Units with an open run of silence.
pub(crate) fn silent_hosts(state: &State) -> BTreeSet<&str> {
    state.units.iter().filter(|unit| is_silent(state, unit)).map(|unit| &*unit.host).collect()
}

fn is_silent(state: &State, unit: &Unit) -> bool {
    let late = state.now.is_some_and(|now| now - unit.last_arrival > 7 * unit.span.max(state.interval) / 2);
    unit.serves() && unit.left.is_none() && late
}

/// How many hosts have not left, but for those that are silent.
pub(crate) fn heard(state: &State) -> u64 {
    let mut silent: BTreeSet<&str> = BTreeSet::new();
    let here = state.units.iter().filter(|unit| unit.serves() && unit.left.is_none());
    let here = hosts(here.inspect(|unit| silent.extend(is_silent(state, unit).then_some(&*unit.host))));
    (here - silent.len()) as u64
}
