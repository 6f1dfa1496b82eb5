//! The delayed death: minutes after the load, by another delay on each host, so that neither contrast nor alignment is
//! left once every host has the version. What is left is age: a process that died of it starts again, loads it again and
//! is spared for as long again, while older ones die beside it. A moment, or a kind of request, knows no age; a process
//! that dies of its own age did not wait for the version. Whether a suspicion may be said is decided in `judge`.

use crate::evidence::riskset::contrast;
use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::Ages;
use crate::numerics::math::float;
use crate::numerics::odds::LN_10;
use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::patient::Patient;
use crate::scene::spans::Spans;
use crate::state::model::Family;
use crate::state::moves::DELAY_MAX;
use crate::state::reload_window::blip;
use firstbad_protocol::verdict::CauseKind;

/// Second deaths from which ages can be compared.
const AGAIN_MIN: usize = 6;
/// Log odds that are asked for beyond, where fewer died again: who died may have been among the first to load it by chance.
const FEW: f64 = LN_10;
/// Share of first deaths that may be earlier than the age from which a process counts as old.
const STRAYS: usize = 33;

/// What the ages say for a hypothesis: none for one that is no version of a config, or that most deaths were without.
pub(crate) fn ages(scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<Ages> {
    let factor = hypothesis.factor.filter(|_| hypothesis.kind == CauseKind::Config)?;
    if hypothesis.explained() < 0.9 || !hypothesis.recent {
        return None;
    }
    let spans = Spans::ever_on_levels(scene, Family { factor, levels: &hypothesis.levels });
    let loaded = |index: usize| {
        let first = spans.of(index).and_then(|spans| spans.first());
        first.map(|span| span.start).filter(|from| *from > scene.onset - DELAY_MAX)
    };
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for (index, patient) in scene.patients.iter().enumerate() {
        let Some(at) = loaded(index) else { continue };
        let bouts = patient.bouts.iter().filter(|bout| bout.start > at);
        let mut since = None;
        for bout in bouts {
            match since {
                None => first.push(bout.start - at),
                Some(restart) => again.push(bout.start - restart),
            }
            since = Some(bout.end);
        }
    }
    if first.len() < AGAIN_MIN {
        return None;
    }
    first.sort_unstable();
    // What dies as soon as this has no age: contrast and alignment tell of it.
    let least =
        first.get(first.len() / STRAYS).copied().filter(|least| *least > blip(scene.interval).max(scene.soon()))?;
    let aged = Spans::of_some(scene, |index, patient| Some(old(patient, loaded(index)?, least)));
    let said = contrast(scene, false, &aged, None);
    let (one, two) = (moments(&first), moments(&again));
    let error = libm::sqrt(one.variance / float(first.len()) + two.variance / float(again.len()));
    // That none dies younger than the first that died is so by itself, where none has died again.
    let few = if again.len() < AGAIN_MIN { FEW } else { 0.0 };
    let chosen = if hypothesis.properties.is_empty() { hypothesis.choices } else { 0.0 };
    Some(Ages {
        ln_e: said.ln_e - few - chosen,
        first_deaths: first.len() as u64,
        later_deaths: again.len() as u64,
        least: least.seconds(),
        first_mean_s: one.mean_s,
        later_mean_s: two.mean_s,
        off: if again.len() < AGAIN_MIN {
            0.0
        } else {
            (two.mean_s - one.mean_s) / error.max(scene.interval.seconds() / 4.0)
        },
    })
}

/// When a process was older than `least`: since its load, or since its last restart.
fn old(patient: &Patient<'_>, loaded: Instant, least: Span) -> Vec<Window> {
    let mut spans = Vec::new();
    let mut since = loaded;
    for bout in patient.bouts.iter().filter(|bout| bout.start > loaded) {
        if bout.start >= since + least {
            spans.push(Window { start: since + least, end: bout.start + Span::NS });
        }
        since = bout.end;
    }
    spans.push(Window { start: since + least, end: Instant::ENDLESS });
    spans
}

/// Mean, seconds, and variance, square seconds.
#[derive(Clone, Copy)]
struct Moments {
    mean_s: f64,
    variance: f64,
}

/// Those of some ages.
fn moments(ages: &[Span]) -> Moments {
    let count = float(ages.len().max(1));
    let mean = ages.iter().map(|age| (*age).seconds()).sum::<f64>() / count;
    let squares = ages.iter().map(|age| ((*age).seconds() - mean) * ((*age).seconds() - mean)).sum::<f64>();
    Moments { mean_s: mean, variance: squares / (count - 1.0).max(1.0) }
}
