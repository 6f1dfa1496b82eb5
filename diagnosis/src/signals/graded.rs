//! Where failing began, told by sizes: what of the requests or scores a report shows to fail beyond expectation, or how
//! many requests are missing. A report that spans the beginning shows a part of the size that later ones show, as large
//! as the part of the report that failed. Where the first report that counts as failing failed from its beginning on,
//! the one before may hold a part too small to count.

use crate::numerics::time::Placed;
use crate::signals::sample::{PLACED_IN, Sample, WHOLE};
use crate::state::model::{Counter, Run, Sizes, Unit};

/// Standard deviation of a beginning placed by other sizes than counts, in reports: traffic wobbles by as much.
const OFF: f64 = 0.1;
/// Reports before the end of the first failing one in which it may have begun, the error of the estimate included.
const AT_MOST: f64 = 2.2;

/// A size as kept.
#[expect(clippy::cast_possible_truncation, reason = "a size needs no more than 24 bits")]
pub(crate) fn size(size: f64) -> f32 {
    size as f32
}

/// Place of a counter that has a size, among those that have.
fn slot(counter: Counter) -> Option<usize> {
    use Counter::{Errors, Panics, Slow, Stall, Zeros};
    [Errors, Panics, Zeros, Slow, Stall].iter().position(|of| *of == counter)
}

/// Remembers what a report showed that does not count as failing: what follows may have begun in it.
pub(crate) fn note(unit: &mut Unit, sample: &Sample) {
    if let Some(slot) = slot(sample.counter).and_then(|slot| unit.below.get_mut(slot)) {
        *slot = sample.size;
    }
}

/// The sizes of a run that begins with a report.
pub(crate) fn begun(unit: &Unit, sample: &Sample) -> Sizes {
    let before = slot(sample.counter).and_then(|slot| unit.below.get(slot)).copied().unwrap_or(0.0);
    [before, sample.size, 0.0, 0.0]
}

/// For how long a run had failed, in reports, and whether the report before its first was asked.
#[derive(Clone, Copy)]
pub(crate) struct FailedFor {
    pub reports: f64,
    pub asked: bool,
}

/// For how long, in reports, it had failed by the end of its first report that failed by the share `first`, and whether
/// the report before was asked; `whole` is the size of later reports.
pub(crate) fn failed_for(run: &Run, first: f64, whole: f64) -> FailedFor {
    let [before, ..] = run.sizes;
    // Where reports are missing before, the one before them tells nothing.
    let asked = first >= WHOLE && run.first.rate.is_finite() && before.is_finite() && whole > 0.0;
    let earlier = if asked { f64::from(before) / whole } else { 0.0 };
    FailedFor { reports: (first + earlier).clamp(1.0 - AT_MOST, AT_MOST), asked }
}

/// Places the beginning of what has a size beside its counts by another report of the run; whether it could.
pub(crate) fn place(run: &mut Run, sample: &Sample) -> bool {
    let [before, first, sum, count] = run.sizes;
    let (span, end) = (sample.end - sample.start, run.first.end);
    let told = first.is_finite() && sample.size.is_finite() && sample.size > 0.0;
    if run.counter != Counter::Stall || !told || sample.end > end + PLACED_IN * span {
        return false;
    }
    let (sum, count) = (sum + sample.size, count + 1.0);
    run.sizes = [before, first, sum, count];
    let whole = f64::from(sum / count);
    let failing = failed_for(run, f64::from(first) / whole, whole).reports;
    run.near = Placed { at: end - span.times(failing), deviation: span.times(OFF) };
    (run.start, run.precise, run.slack) = (run.near.at, true, span.times(2.0 * OFF));
    true
}
