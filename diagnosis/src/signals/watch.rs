//! When a unit counts as failing: a cumulative log likelihood ratio against its own expectation opens a run; the run's own
//! rate decides when silence of the symptom ends it. Beginning and end are estimated within their rows, since alignment
//! with loads is judged on them.

use crate::numerics::odds::LN_100;
use crate::numerics::time::{Instant, Placed, Span};
use crate::signals::baseline::Counts;
use crate::signals::graded::{self, FailedFor};
use crate::signals::sample::{LEAST_RATIO, PLACED_IN, Sample};
use crate::state::model::{Base, Counter, Run, Unit, Watch};
use crate::state::run::{FirstRow, Opening};
use crate::state::unit_parts::PanicBout;

/// Log likelihood ratio that opens a run: by Ville's inequality one in 160,000 rows of a unit that is well expected.
const OPEN_AT: f64 = 12.0;
/// Log likelihood ratio below which what came before a jump is chance.
const STRAY: f64 = 4.0;
/// Factor by which a row is so much worse than what came before that this was something else.
const STRONGER: f64 = 6.0;
/// Events that the run's own rate would have given, unseen, before a run is over: e^-4.6 = 1 %.
const QUIET_EVENTS: f64 = LN_100;
/// Events of a row, or rows, from which the beginning within the first row can be told: within a fifth of the row.
fn telling(counter: Counter) -> f64 {
    if counter == Counter::Stall { 8.0 } else { 20.0 }
}
/// Rows until a host's own rate is known.
const NEW_ROWS: u64 = 12;
/// Runs kept for a unit.
const RUNS_MAX: usize = 24;

/// What a unit is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    /// From when on it is known what is usual.
    pub warm: Instant,
}

/// Follows one counter of one unit by one row. Gives what may be learned as ordinary, observed and trials: nothing while
/// the unit fails or is suspected; the whole suspected stretch once the suspicion has proved empty, or a rate that is
/// low but not zero would be learned from the rows without an event alone, and so as zero.
pub(crate) fn follow(unit: &mut Unit, sample: &Sample, fleet: &Fleet) -> Option<Counts> {
    let ordinary = Some(Counts { observed: sample.observed, trials: sample.trials });
    if let Some(run) = unit.runs.iter_mut().rev().find(|run| run.counter == sample.counter && run.open) {
        if !worse(run, sample) {
            go_on(run, sample);
            if run.open {
                return None;
            }
            graded::note(unit, sample);
            return ordinary;
        }
        run.open = false;
    }
    // A host's own rate is not known yet: what is merely high may be its habit. Panics are nobody's habit, as far as the
    // fleet is known.
    let unknown = sample.counter != Counter::Panics || sample.end <= fleet.warm;
    if unit.rows < NEW_ROWS && unknown && sample.rate() < 0.2 && !is_new(unit, sample) {
        return ordinary;
    }
    let gain = sample.gain();
    let known = unit.watches.iter().position(|watch| watch.counter == sample.counter);
    if gain <= 0.0 && known.is_none() {
        graded::note(unit, sample);
        return ordinary;
    }
    let begun = fresh(sample, unit);
    graded::note(unit, sample);
    let at = known.unwrap_or_else(|| {
        unit.watches.reserve_exact(1);
        unit.watches.push(Watch { counter: sample.counter, sum: 0.0, run: begun });
        unit.watches.len() - 1
    });
    let watch = unit.watches.get_mut(at)?;
    if known.is_some() {
        let weak = STRONGER * watch.run.observed * sample.trials < sample.observed * watch.run.trials;
        if gain >= OPEN_AT && (watch.sum < STRAY || weak) {
            // Stray errors before do not move the beginning: what belongs to it of the row before is asked for then.
            watch.run = begun;
        } else {
            add(&mut watch.run, sample);
        }
    }
    watch.sum += gain;
    if watch.sum <= 0.0 {
        let run = unit.watches.swap_remove(at).run;
        return Some(Counts { observed: run.observed, trials: run.trials });
    }
    let enough = watch.run.observed - watch.run.expected > sample.counter.least_excess() * watch.run.trials;
    if watch.sum >= OPEN_AT && enough {
        let mut run = unit.watches.swap_remove(at).run;
        settle_start(&mut run, unit.panic_bout);
        if run.counter == Counter::Memory {
            grown_since(&mut run, unit.flat, unit.growth);
        }
        open(unit, run);
    }
    None
}

/// Rows, and failures that these would have shown at the rate of a row, from which that rate is no habit of a new host; and
/// the part of them that may have been seen.
const ROWS_MIN: u64 = 5;
const SHOWN_MIN: f64 = 20.0;
const SHOWN_PART: f64 = 0.25;

/// Whether a host that is not known for long would have shown the rate of a row before, were that its habit.
fn is_new(unit: &Unit, sample: &Sample) -> bool {
    let seen = unit.base.get(sample.counter as usize).map(Base::seen).unwrap_or_default();
    let shown = sample.rate() * seen.trials;
    unit.rows >= ROWS_MIN && sample.counter.is_additive() && shown >= SHOWN_MIN && seen.observed <= SHOWN_PART * shown
}

/// Whether a row is so much worse than the run that it is the beginning of another.
fn worse(run: &Run, sample: &Sample) -> bool {
    let steady = if run.trials > 0.0 { run.observed / run.trials } else { 0.0 };
    let grown = sample.end - run.start > 2 * (sample.end - sample.start) && steady < 0.2;
    run.counter <= Counter::Slow && grown && sample.observed >= 8.0 && sample.rate() > STRONGER * steady
}

/// A run that begins with a row. If reports are missing before it, the failures may have begun in that gap, unless the process
/// started in it: no process serves requests before it starts.
fn fresh(sample: &Sample, unit: &Unit) -> Run {
    let seen = unit.last_event;
    let started = unit.starts.iter().any(|start| (seen..sample.end).contains(start));
    let gap = sample.start - seen > (sample.end - sample.start) / 2 && !started;
    let from = if gap { seen } else { sample.start };
    Run {
        counter: sample.counter,
        start: sample.start,
        end: sample.end,
        open: true,
        observed: sample.observed,
        trials: sample.trials,
        expected: sample.expected,
        quiet: 0.0,
        first: FirstRow { start: from, end: sample.end, rate: if gap { f64::INFINITY } else { sample.rate() } },
        precise: false,
        slack: Span::ZERO,
        opening: opening(sample),
        near: Placed { at: sample.end, deviation: Span::ZERO },
        sizes: graded::begun(unit, sample),
        level: None,
        claim: 0,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "counts of one row need no more than 24 bits")]
fn opening(sample: &Sample) -> Opening {
    Opening { observed: sample.observed as f32, trials: sample.trials as f32, expected: sample.expected as f32 }
}

fn add(run: &mut Run, sample: &Sample) {
    let before = after_opening(run);
    run.observed += sample.observed;
    run.trials += sample.trials;
    run.expected += sample.expected;
    run.end = sample.end;
    if !graded::place(run, sample) {
        place(run, sample, before);
    }
}

/// The rows after the first: events beyond expectation, of trials.
#[derive(Clone, Copy)]
struct Rest {
    excess: f64,
    trials: f64,
}

fn after_opening(run: &Run) -> Rest {
    let Opening { observed, trials, expected } = run.opening;
    let excess = run.observed - f64::from(observed) - (run.expected - f64::from(expected));
    Rest { excess, trials: run.trials - f64::from(trials) }
}

/// Least excess in them from which it can be told at all.
const PLACED_FROM: f64 = 6.0;

/// Least standard deviation of a beginning within its row, in rows: where the rate is seen to be steady, and where it may
/// still be growing, so that its share of the first row tells less.
const STEADY: f64 = 0.02;
const UNKNOWN: f64 = 0.08;

/// Part of the rate before below which a row has the end of the failing within it.
const ENDING: f64 = 0.9;

/// Where in the first row the failing began: its share of the excess that the rows after it show. The standard deviation
/// is that of a ratio of two counts, and more where the rate is not steady.
fn place(run: &mut Run, sample: &Sample, before: Rest) {
    let FirstRow { end, rate, .. } = run.first;
    let span = run.first.length();
    let told = run.near.is_known() && run.near.deviation <= span / 50;
    if sample.end > end + PLACED_IN * span || !rate.is_finite() || run.counter.is_flag() {
        return;
    }
    let Opening { observed, trials, expected } = run.opening;
    let (first, trials, expected) = (f64::from(observed), f64::from(trials), f64::from(expected));
    let Rest { excess: rest, trials: rest_trials } = after_opening(run);
    if rest < PLACED_FROM || rest_trials <= 0.0 || trials <= 0.0 {
        return;
    }
    let whole = rest * trials / rest_trials;
    let share = ((first - expected) / whole).max(0.0);
    let FailedFor { reports: failing, asked } = graded::failed_for(run, share, rest / rest_trials);
    let events = (run.observed - first).max(1.0);
    let counted = first.max(1.0) + if asked { 1.0 } else { 0.0 };
    let variance = counted / (whole * whole) + share * share * events / (rest * rest);
    let least = if before.excess >= PLACED_FROM && before.trials > 0.0 {
        let growth = (sample.observed - sample.expected) / sample.trials.max(1.0) * before.trials / before.excess;
        let chance = 1.0 / libm::sqrt(before.excess) + 1.0 / libm::sqrt(sample.observed.max(1.0));
        // A report in which the failing ends, or grows less, does not tell how it began.
        if growth < ENDING - 2.0 * chance {
            return;
        }
        STEADY + ((growth - 1.0).abs() - chance).max(0.0) * UNKNOWN
    } else {
        UNKNOWN
    };
    let deviation = span.part((libm::sqrt(variance) + least).min(1.0));
    let near = Placed { at: end - span.times(failing), deviation };
    // The first panic that was told is not the first there was, where the counts say that it came too late.
    if told && near.at + 3 * near.deviation >= run.near.at {
        return;
    }
    if told {
        (run.start, run.slack) = (near.at, 2 * near.deviation);
    }
    run.near = near;
}

/// Adds a run, within the bound.
pub(crate) fn open(unit: &mut Unit, run: Run) {
    make_room(&mut unit.runs);
    let at = unit.runs.partition_point(|other| other.start <= run.start);
    unit.runs.reserve_exact(1);
    unit.runs.insert(at, run);
    unit.stirred = true;
}

/// Two runs of one kind, the earlier one first, and the time that was well between them.
struct Neighbours {
    one: usize,
    other: usize,
    pause: Span,
}

/// Makes room for one more run: the two of one kind that have the least time between them become one, which keeps the
/// beginning of the first. A crash loop of several counters a death would otherwise push out when and how it began. The
/// oldest goes only where no two are of one kind.
pub(crate) fn make_room(runs: &mut Vec<Run>) {
    while runs.len() >= RUNS_MAX {
        let Some(Neighbours { one, other, .. }) = closest(runs) else {
            runs.remove(0);
            continue;
        };
        let later = runs.remove(other);
        if let Some(run) = runs.get_mut(one) {
            run.end = run.end.max(later.end);
            run.observed += later.observed;
            run.trials += later.trials;
            run.expected += later.expected;
        }
    }
}

/// The neighbours of one kind that are over and closest in time.
fn closest(runs: &[Run]) -> Option<Neighbours> {
    let alike = |one: &Run, other: &Run| {
        let kind = |run: &Run| (run.counter, run.level, run.claim, run.is_death(), run.open);
        !one.open && kind(one) == kind(other)
    };
    let pairs = runs.iter().enumerate().filter_map(|(other, later)| {
        let one = runs.get(..other)?.iter().rposition(|earlier| alike(earlier, later))?;
        let pause = later.start - runs.get(one)?.end;
        Some(Neighbours { one, other, pause })
    });
    pairs.min_by_key(|pair| pair.pause)
}

/// The first failing row was clean until the symptom began: at a steady rate, its share tells how long. A panic event
/// within it tells better. As long as neither is known the beginning is taken at the row's end, when it was first seen.
fn settle_start(run: &mut Run, panic_bout: PanicBout) {
    let FirstRow { start, end, rate } = run.first;
    let steady = if run.trials > 0.0 { run.observed / run.trials } else { 0.0 };
    let one_row = run.end == end;
    if run.precise {
        return;
    }
    run.start = end - Span::NS;
    if !one_row && run.observed >= telling(run.counter) && rate.is_finite() {
        run.start = end - (end - start).part(rate / steady);
        run.precise = true;
        run.slack = off(end - start, rate / steady, run.observed);
    }
    let first = panic_bout.first;
    if run.counter <= Counter::Panics && first >= start && first <= end {
        run.start = first;
        run.precise = true;
        run.slack = (end - start) / 10;
        run.near = Placed { at: first, deviation: run.slack / 5 };
    }
}

/// Rows for which memory may grow before it is high.
const GROWS: i64 = 60;

/// Follows memory since it was last as usual.
pub(crate) fn grow(unit: &mut Unit, memory: f64, at: Instant) {
    let usual = unit.memory.mean().unwrap_or(memory);
    if memory <= 1.05 * usual {
        (unit.flat, unit.growth) = (unit.flat.max(at), [0.0; 5]);
        return;
    }
    let (seconds, over) = ((at - unit.flat).seconds(), memory / usual - 1.0);
    let new = [1.0, seconds, over, seconds * seconds, seconds * over];
    for (sum, one) in unit.growth.iter_mut().zip(new) {
        *sum += one;
    }
}

/// What is high now began to grow when it was last as usual: where the line through the reports since meets that, or
/// about the last such report.
fn grown_since(run: &mut Run, flat: Instant, growth: [f64; 5]) {
    let [count, x, y, xx, xy] = growth;
    let FirstRow { start, end, .. } = run.first;
    let span = run.first.length();
    if flat < start - GROWS * span || flat > end {
        return;
    }
    let spread = count * xx - x * x;
    let slope = if spread > 0.0 { (count * xy - x * y) / spread } else { 0.0 };
    let meets = if slope > 0.0 && count >= 3.0 { x / count - y / count / slope } else { 0.0 };
    let begins = flat + (3 * span).part((meets / (3 * span).seconds()).abs()) * if meets < 0.0 { -1 } else { 1 };
    run.start = run.start.min(begins);
    run.first = FirstRow { start: begins - span, end: begins + span, rate: f64::INFINITY };
    run.near = Placed { at: begins, deviation: if meets == 0.0 { span } else { span / 2 } };
}

/// How far a beginning within a row may be off: two standard deviations of a ratio of two counts, the second `events`.
fn off(span: Span, share: f64, events: f64) -> Span {
    let share = share.clamp(0.0, 1.0);
    let relative = libm::sqrt((1.0 / events.max(1.0)) + 1.0 / (share * events).max(1.0));
    span.part((2.0 * share * relative).max(0.1))
}

fn go_on(run: &mut Run, sample: &Sample) {
    if sample.trials <= 0.0 {
        return;
    }
    let steady = if run.trials > 0.0 { run.observed / run.trials } else { 0.0 };
    let expects = steady * sample.trials;
    let failing = sample.observed > LEAST_RATIO * sample.expected && sample.observed > 0.15 * expects;
    if failing {
        // Now that a second row tells the steady rate, the beginning within the first can be told.
        let FirstRow { start, end, rate } = run.first;
        if !run.precise
            && sample.observed >= telling(sample.counter)
            && rate.is_finite()
            && sample.start <= end + (end - start)
        {
            run.start = end - (end - start).part(rate / sample.rate());
            run.precise = true;
            run.slack = off(end - start, rate / sample.rate(), sample.observed);
        }
        let partial = sample.rate() < 0.9 * steady && steady > 0.2;
        add(run, sample);
        if partial {
            run.end = sample.start + (sample.end - sample.start).part(sample.rate() / steady);
        }
        run.quiet = 0.0;
    } else {
        // A clean shape rests on a hundred scores, not on one event: two of them end a drift.
        let least = if run.counter == Counter::Drift { QUIET_EVENTS / 2.0 } else { 0.0 };
        run.quiet += (expects - sample.observed).max(least);
        if run.quiet >= QUIET_EVENTS {
            run.open = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ids::LevelId;

    fn over(counter: Counter, start: i64, end: i64) -> Run {
        Run { end: Instant(end), open: false, ..Run::of_event(counter, Instant(start), None) }
    }

    #[test]
    fn a_loop_of_many_runs_keeps_its_beginning_and_what_came_before_it() {
        let mut runs = vec![over(Counter::Errors, 0, 10)];
        for death in 0..200 {
            for counter in [Counter::Panics, Counter::Silent] {
                make_room(&mut runs);
                runs.push(over(counter, 1_000 + death * 30, 1_005 + death * 30));
            }
        }
        assert!(runs.len() <= RUNS_MAX && runs.is_sorted_by_key(|run| run.start));
        let of = |counter: Counter| runs.iter().filter(move |run| run.counter == counter);
        assert_eq!(of(Counter::Errors).map(|run| (run.start.0, run.end.0)).collect::<Vec<_>>(), [(0, 10)]);
        for counter in [Counter::Panics, Counter::Silent] {
            assert_eq!(of(counter).map(|run| run.start.0).min(), Some(1_000), "{counter:?}");
            let observed: f64 = of(counter).map(|run| run.observed).sum();
            assert!((observed - 200.0).abs() < 1e-9, "{counter:?}: {observed}");
            assert_eq!(of(counter).map(|run| run.end.0).max(), Some(1_005 + 199 * 30), "{counter:?}");
        }
    }

    #[test]
    fn without_two_of_one_kind_the_oldest_goes() {
        let mut runs: Vec<Run> =
            (0..24).map(|at| Run { level: Some(LevelId(at)), ..over(Counter::Refused, i64::from(at), 99) }).collect();
        make_room(&mut runs);
        assert_eq!(runs.iter().map(|run| run.start.0).collect::<Vec<_>>(), (1..24).collect::<Vec<_>>());
    }
}
