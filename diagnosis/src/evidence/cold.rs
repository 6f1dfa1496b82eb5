//! Whether failing follows the start of a process and not what it loaded: cold caches, warm-up, a whole fleet restarted.
//! Processes that start with another version are the control. Whether that takes an accusation away is decided in `judge`.

use crate::numerics::math::ratio;
use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::patient::{Bout, Patient};
use crate::scene::spans::Spans;
use crate::state::model::{Counter, Run};

/// Time after its start within which a process may fail for being cold, and in report intervals.
const COLD_FOR: Span = Span(180 * 1_000_000_000);
const COLD_REPORTS: i64 = 8;
/// Time after which what still fails is not cold any more.
const WARM_AFTER: Span = Span(600 * 1_000_000_000);
/// Time within which a start and the beginning of the failing may come together.
const AT_ONCE: Span = Span(1_000_000_000);
/// Of so many episodes all but two must follow a start: the starts of a few are not told, or begin late in a report.
const YOUNG_PART: u64 = 5;
/// Starts without what is accused from which they are a control.
const STARTS_MIN: u64 = 3;

/// Starts of processes, and of them those after which the unit failed.
#[derive(Clone, Copy, Debug, Default)]
struct Starts {
    all: u64,
    failing: u64,
}

/// What is concluded where no process starts without what is accused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uncontrolled {
    /// The start may explain the failing: what is accused need not come with a start.
    IsCold,
    /// What is accused always comes with a start, as a binary does: it fails otherwise than for being cold where it fails
    /// hard, or for long.
    IsOpen,
}

/// Whether the start explains what is explained by the exposure.
pub(crate) fn is_cold(scene: &Scene<'_>, exposed: &Spans, uncontrolled: Uncontrolled) -> bool {
    let mut starts = Compared::default();
    let (mut young, mut all, mut lasting, mut shown) = (0_u64, 0_u64, 0_u64, 0_u64);
    let cold = cold_for(scene);
    // A process that has not reported yet has not lived yet, however often its loads were told.
    let lives = |(_, patient): &(usize, &Patient<'_>)| patient.unit.rows > 0;
    for (index, patient) in scene.patients.iter().enumerate().filter(lives) {
        let Some(spans) = exposed.of(index) else { continue };
        starts.count(scene, patient, spans);
        for bout in patient.bouts.iter().filter(|bout| scene.began_in(bout, spans)) {
            all += 1;
            // What fails first and restarts then is not young: the start follows the failing.
            let begun = bout.start - cold..=bout.start + (2 * bout.near.deviation).max(AT_ONCE);
            young += u64::from(patient.unit.starts.iter().any(|start| *start > scene.warm && begun.contains(start)));
            lasting += u64::from(bout.end - bout.start > WARM_AFTER);
            shown += u64::from(bout.end - bout.start > cold || fails_hard(scene, patient, bout));
        }
    }
    if young * YOUNG_PART < all * (YOUNG_PART - 2) || all == 0 || lasting * 2 > all {
        return false;
    }
    let Compared { with, without } = starts;
    if without.all < STARTS_MIN {
        return uncontrolled == Uncontrolled::IsCold || shown * 2 < all;
    }
    2.0 * ratio(without.failing, without.all) >= ratio(with.failing, with.all)
}

/// Whether it fails in a way that being cold does not explain: most of what was tried, or by panics, which are of the code.
fn fails_hard(scene: &Scene<'_>, patient: &Patient<'_>, bout: &Bout) -> bool {
    let own = |run: &&Run| scene.counters.contains(&run.counter) && run.start <= bout.end && run.end >= bout.start;
    patient.unit.runs.iter().filter(own).any(|run| run.is_hard() || run.counter == Counter::Panics)
}

/// Starts with what is accused, and without it.
#[derive(Clone, Copy, Debug, Default)]
struct Compared {
    with: Starts,
    without: Starts,
}

impl Compared {
    fn count(&mut self, scene: &Scene<'_>, patient: &Patient<'_>, spans: &[Window]) {
        // What was there when the data began started long before.
        // What is graded is held against a host's own past, so a host without one tells nothing.
        let lived = |start: &Instant| !scene.is_graded() || *start > patient.first + scene.interval;
        let known = |start: &&Instant| **start > scene.warm && **start + scene.interval < scene.now && lived(start);
        for start in patient.unit.starts.iter().filter(known) {
            let exposed = spans.iter().any(|span| span.start <= *start + 2 * scene.interval && span.end > *start);
            let after = *start - scene.interval..=*start + cold_for(scene);
            // An episode that begins after the host loaded the accused version is not an effect of a start without it.
            let loads = spans.iter().map(|span| span.start);
            let until = loads.filter(|load| *load > *start).min().unwrap_or(Instant::MAX);
            let until = if exposed { Instant::MAX } else { until - scene.interval };
            let fails =
                patient.unit.runs.iter().any(|run| {
                    after.contains(&run.start) && run.start < until && scene.counters.contains(&run.counter)
                });
            let side = if exposed { &mut self.with } else { &mut self.without };
            side.all += 1;
            side.failing += u64::from(fails);
        }
    }
}

fn cold_for(scene: &Scene<'_>) -> Span {
    COLD_FOR.max(COLD_REPORTS * scene.interval)
}
