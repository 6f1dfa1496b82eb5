//! Deaths that only restarts tell of: no agent saw them, and the process was back before its report was missed. One restart
//! is everyday's work, a second may be a deploy; from the third within an hour on, each was a death. What they are blamed
//! on is decided in `judge`.

use crate::numerics::time::{Instant, Span};
use crate::signals::death::past_death;
use crate::state::model::{Counter, Unit};

/// What shows that a process is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Its name was not heard before.
    Name,
    /// Its counts begin anew.
    Counts,
}

/// A sign that a process is new, at tick time `now`, in a fleet that reports every `interval`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restart {
    pub sign: Sign,
    pub now: Instant,
    pub interval: Span,
}

/// Reports after which it is known how many processes a host has.
const KNOWN: i64 = 2;

/// A process that was not heard before, or that began anew, reports for a unit.
pub(crate) fn restarted(unit: &mut Unit, restart: Restart) {
    let Restart { sign, now, interval } = restart;
    let since = unit.restarts_seen.started + 2 * interval;
    // A name that is new beside others that go on is another process, and none of these restarted.
    let side_by_side = sign == Sign::Name && unit.instances.iter().filter(|process| process.heard > since).count() > 1;
    let of_late = now - interval * 3 / 2;
    let beside = unit.instances.iter().filter(|process| process.heard >= of_late).count();
    let another = unit.restarts_seen.is_another(now, interval, u32::try_from(beside).unwrap_or(u32::MAX));
    // The restart after a clean exit shows as a start event, as a new identity and as counts that begin at 0. None is a death.
    let on_purpose = unit.restarts_seen.left >= unit.last_event - 2 * interval;
    // Of a host that was just seen for the first time nobody knows yet how many processes it has.
    let new = unit.rows == 0 || unit.last_event - unit.first < KNOWN * unit.span;
    if side_by_side || on_purpose || new {
        unit.restarts_seen.forget();
        return;
    }
    if !another {
        return;
    }
    let [_, two, three] = unit.restarts_seen.ends;
    if three == unit.last_event {
        return;
    }
    unit.restarts_seen.ends = [two, three, unit.last_event];
    if unit.restarts_seen.first().is_none() {
        return;
    }
    for at in unit.restarts_seen.ends {
        let near = at - 2 * interval..=at + 2 * interval;
        let known = unit.runs.iter().any(|run| {
            run.counter == Counter::Silent && run.start <= *near.end() && (run.open || run.end >= *near.start())
        });
        if !known {
            past_death(unit, at);
        }
    }
}
