//! Versions that served well for long and came back: something else than their content changed since. Each stay of a host
//! on a version counts for itself. What that excludes is decided in `verdict::accusation`.

use crate::hypothesis::Hypothesis;
use crate::hypothesis::history::Returned;
use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::patient::Patient;
use crate::state::model::Family;
use crate::state::moves::BEFORE_ALL;
use firstbad_protocol::time::SECOND_NS;

/// Length of an earlier stay from which it tells that the content does no harm: report intervals, at least so long, and so
/// many times the delay after which hosts fail now. Chosen: an effect that is not seen in three times its delay does not exist.
const SERVED_REPORTS: i64 = 12;
const SERVED_MIN: Span = Span(600 * SECOND_NS);
const SERVED_DELAYS: f64 = 3.0;

/// The earlier stays of most hosts that fail with a hypothesis' versions, if they had served these long and well before.
pub(crate) fn returned(scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<Returned> {
    let family = hypothesis.family()?;
    let delay = Span::from_seconds(SERVED_DELAYS * hypothesis.tally.lag.delay_s.max(0.0));
    let long = (SERVED_REPORTS * scene.interval).max(SERVED_MIN).max(delay);
    let mut failing = 0;
    let mut served: Vec<Span> = Vec::new();
    for (_, patient) in scene.that_fail() {
        let Some(begins) = patient.bouts.first().map(|bout| bout.start + scene.early(bout)) else { continue };
        let stays = stays(patient, family, begins);
        let Some((present, earlier)) = stays.split_last().filter(|(present, _)| present.end > begins) else { continue };
        failing += 1;
        let before = |stay: &&Window| stay.end <= present.start && is_well(scene, patient, **stay);
        served.extend(earlier.iter().filter(before).map(|stay| stay.length()).filter(|length| *length >= long).max());
    }
    served.sort_unstable();
    let median = *served.get(served.len() / 2)?;
    (served.len() * 2 > failing).then_some(Returned { hosts: served.len() as u64, served: median })
}

/// The stays of a unit on one of some versions that began until a time, oldest first; the last one may go on.
fn stays(patient: &Patient<'_>, family: Family<'_>, until: Instant) -> Vec<Window> {
    let mut stays: Vec<Window> = Vec::new();
    let mut inside = false;
    for entry in patient.unit.moves.iter().filter(|entry| entry.factor == family.factor) {
        let at = if entry.at == BEFORE_ALL { patient.first } else { entry.at };
        let has = family.levels.contains(&entry.level);
        match (inside, has) {
            (false, true) if at <= until => stays.push(Window { start: at, end: Instant::ENDLESS }),
            (true, false) => stays.last_mut().into_iter().for_each(|stay| stay.end = at),
            _ => {}
        }
        inside = has && (inside || at <= until);
    }
    stays
}

/// Whether a unit failed in no way that is looked at during a stay.
fn is_well(scene: &Scene<'_>, patient: &Patient<'_>, stay: Window) -> bool {
    let fails = |counter, start: Instant| scene.counters.contains(&counter) && stay.contains(start);
    !patient.unit.runs.iter().any(|run| fails(run.counter, run.start))
}
