//! Whether the hosts that fail are the hosts that were exposed, one to one, and for as long: each began with its own load and
//! stopped on its own way back, and no other host failed. Hosts that begin within one report are one coincidence for the
//! contrast and for alignment; which hosts they are, and when they stop, is evidence beside it (engine.md, point 6).

use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::Tally;
use crate::hypothesis::judgement::{CAUSE_HOSTS, CONTROLS_MIN};

/// One in so many hosts may differ: a clock that is off, a report that is lost.
const DIFFER: u64 = 20;
/// One in so many may seem to begin later than with its load: a report places a beginning only so well.
const PROMPT_PART: u64 = 4;
/// One in so many exposed hosts must have left it.
const LEFT_PART: u64 = 2;

/// Whether exposure and failing go together in that way.
pub(crate) fn is_one_to_one(hypothesis: &Hypothesis) -> bool {
    let tally = &hypothesis.tally;
    let Tally { exposed, control, prompt, stops, bouts, .. } = tally;
    let nearly = |part: u64, all: u64| (all - part.min(all)) * DIFFER <= all;
    let with_loads = nearly(prompt.all, exposed.failing) && prompt.hits * PROMPT_PART >= prompt.all * (PROMPT_PART - 1);
    let began = exposed.failing >= CAUSE_HOSTS && nearly(exposed.failing, exposed.seen) && with_loads;
    let alone =
        control.seen >= CONTROLS_MIN && control.failing * DIFFER <= control.seen && nearly(bouts.hits, bouts.all);
    let left = stops.all * LEFT_PART >= exposed.failing && nearly(stops.hits, stops.all);
    began && alone && left && tally.tail == 0
}
