//! Requests that finished on both sides of a load (`divided`), for what makes them hang: nothing fails then, and what never
//! finishes is counted nowhere. Each host may finish as many as usual up to its own load and fewer from it on; or all
//! finish fewer from one moment on. What the hosts say together is decided in `sides`.

use crate::evidence::combine::{Said, TOLD_AT, said_by};
use crate::evidence::step::{Stretch, after, before, compared, evenly};
use crate::hypothesis::findings::{By, Counted, Sides};
use crate::numerics::odds::LN_100;
use crate::state::State;
use crate::state::load_reports::Divided;
use crate::state::model::Counter;

/// Least that are usual in a report, and part of them that is still finished with the new version.
const USUAL_MIN: f64 = 8.0;
const PART_MAX: f64 = 0.75;
/// ln of one in a hundred: from which the other hosts contradict the third that says most.
const CONTRADICTED: f64 = -LN_100;
/// What the reports say in which hosts went to one of the versions, of how many requests finish.
pub(crate) fn by_finished(state: &State, all: &[&Divided]) -> Option<Sides> {
    let known = |of: &&&Divided| f64::from(of.usual) * of.span.length().seconds() >= USUAL_MIN;
    let told: Vec<&Divided> = all.iter().filter(known).copied().collect();
    let stalls = |of: &&&Divided| {
        let runs = state.units.get(of.unit).map_or(&[][..], |unit| &unit.runs);
        runs.iter()
            .any(|run| run.counter == Counter::Stall && run.end > of.at && run.start < of.span.end + state.interval)
    };
    let hanging: Vec<&Divided> = told.iter().filter(stalls).copied().collect();
    if hanging.len() * 2 <= told.len() {
        return None;
    }
    let hanging = evenly(&hanging);
    let (before, after) = (sum(&hanging, before), sum(&hanging, after));
    let rate = |of: Counted| of.count / of.all.max(1e-9);
    if before.all <= 0.0 || after.all <= 0.0 || rate(after) > PART_MAX * rate(before) {
        return None;
    }
    let Said { ratio, hosts } = agreed(&hanging)?;
    Some(Sides { ratio, hosts, before, after, by: By::Finished })
}

/// What hosts say, if it is not only the third that says most. A clock that is off shifts a load and the failing after it alike,
/// away from the moment at which all fail; but those that are left then agree on that moment, and contradict.
fn agreed(told: &[&Divided]) -> Option<Said> {
    let each = compared(told);
    let all = said_by(told, &each)?;
    if all.ratio < TOLD_AT {
        return Some(all);
    }
    let mut order: Vec<usize> = (0..told.len()).collect();
    order.sort_by(|a, b| each.get(*a).unwrap_or(&0.0).total_cmp(each.get(*b).unwrap_or(&0.0)));
    let kept = order.iter().take(order.len() - order.len() / 3);
    let kept: Vec<&Divided> = kept.filter_map(|index| told.get(*index)).copied().collect();
    let rest = said_by(&kept, &compared(&kept))?.ratio;
    Some(Said { ratio: if rest < CONTRADICTED { rest } else { all.ratio }, ..all })
}

/// Requests, and the usual number.
fn sum(told: &[&Divided], side: fn(&Divided) -> Stretch) -> Counted {
    let sides = told.iter().map(|of| side(of)).map(|side| Counted { count: side.count, all: side.usual });
    sides.fold(Counted::default(), Counted::and)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::time::{Instant, Span, Window};
    use crate::state::ids::{LevelId, UnitId};
    use crate::state::load_reports::Side;

    const S: Span = Span(1_000_000_000);
    const START: Instant = Instant(100_000_000_000);

    /// Forty hosts that load within a third of a report, ten requests a second of which a tenth goes on from `begins` on.
    fn told(begins: impl Fn(Instant) -> Instant, length: Span) -> Vec<Divided> {
        let host = |host: u32| {
            let at = START + i64::from(host * 7 % 40) * length / 120;
            let start = at - length * i64::from(host % 8 + 1) / 10;
            let end = start + length;
            let begins = begins(at);
            let tenths = |span: Span| f32::from(u16::try_from((span / (S / 10)).max(0)).unwrap());
            let side = |from: Instant, to: Instant| {
                let hangs = tenths(to - begins.clamp(from, to));
                Side { requests: tenths(to - from) - 0.9 * hangs, ..Side::default() }
            };
            Divided {
                unit: UnitId(host),
                from: LevelId(0),
                at,
                span: Window { start, end },
                before: side(start, at),
                after: side(at, end),
                usual: 10.0,
            }
        };
        (0..40).map(host).collect()
    }

    fn ratio(told: &[Divided]) -> f64 {
        let told: Vec<&Divided> = told.iter().collect();
        agreed(&told).map_or(0.0, |said| said.ratio)
    }

    #[test]
    fn hanging_from_the_load_on_is_told_from_hanging_from_one_moment_on() {
        for length in [10 * S, 60 * S] {
            let own = ratio(&told(|load| load, length));
            assert!(own > 6.9, "{length:?}: {own}");
            for part in [-6, -1, 0, 1, 2, 3, 4, 6] {
                let moment = START + length * part / 12;
                let one = ratio(&told(|_| moment, length));
                assert!(one < 3.0, "{length:?} {moment:?}: {one}");
            }
        }
    }

    #[test]
    fn clocks_of_a_third_that_are_off_make_no_step_at_the_own_load() {
        for (length, off) in [(10 * S, S), (10 * S, 3 * S), (60 * S, 5 * S), (60 * S, 20 * S)] {
            let mut hosts = told(|_| START, length);
            for host in hosts.iter_mut().filter(|host| host.unit.0 % 3 == 0) {
                let by = if host.unit.0 % 2 == 0 { off } else { -off };
                host.at += by;
                host.span = Window { start: host.span.start + by, end: host.span.end + by };
            }
            let ratio = ratio(&hosts);
            assert!(ratio < TOLD_AT, "{length:?} {off:?}: {ratio}");
        }
    }
}
