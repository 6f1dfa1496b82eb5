//! The concurrent contrast: each time a host begins to fail, was it one of the exposed among the hosts of its kind that
//! could have begun to fail then? Hosts that already fail, or are gone, are not at risk: survivors do not exonerate, and a
//! version that came when all was over accuses nobody. A stratified risk-set likelihood with an e-value.
//!
//! Who is at risk when does not depend on the hypothesis, and is laid out once a scene; a hypothesis costs one step for
//! each host, however many begin to fail.

use crate::hypothesis::findings::Contrast;
use crate::numerics::math::float;
use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::at_risk::{AtRisk, Beginning, of_stratum, place};
use crate::scene::spans::Spans;

/// Factors by which exposure may raise the hazard; their mixture is an e-value.
const FACTORS: [f64; 3] = [4.0, 20.0, 200.0];

/// Share of those at risk above which exposure is as good as everybody's: up to a third of hosts may tell lies.
const SHARE_MAX: f64 = 2.0 / 3.0;

/// A hypothesis' spans, and those of another that is held equal.
struct Exposure<'a> {
    spans: &'a Spans,
    equal: Option<&'a Spans>,
    early: Span,
}

/// Spans of one patient, of both.
#[derive(Clone, Copy)]
struct Own<'a> {
    spans: &'a [Window],
    equal: &'a [Window],
}

/// Whether a patient is exposed at a time, and to the other exposure.
#[derive(Clone, Copy)]
struct Inside {
    exposed: bool,
    equal: bool,
}

impl Exposure<'_> {
    fn of(&self, patient: u32) -> Option<Own<'_>> {
        let equal = self.equal.and_then(|equal| equal.of(patient as usize)).unwrap_or_default();
        Some(Own { spans: self.spans.of(patient as usize)?, equal })
    }

    fn at(&self, own: Own<'_>, at: Instant) -> Inside {
        let inside =
            |spans: &[Window]| spans.iter().any(|span| span.start.saturating_sub(self.early) <= at && at < span.end);
        Inside { exposed: inside(own.spans), equal: inside(own.equal) }
    }
}

/// Those at risk at each time of each stratum: others and exposed, without and with the other exposure.
fn counts(at_risk: &AtRisk, exposure: &Exposure<'_>) -> Vec<Vec<[i32; 4]>> {
    let mut counts: Vec<Vec<[i32; 4]>> = at_risk.times.iter().map(|times| vec![[0; 4]; times.len() + 1]).collect();
    let mut edges: Vec<u32> = Vec::new();
    for stretch in &at_risk.stretches {
        let Some(own) = exposure.of(stretch.patient) else { continue };
        let Some(counts) = counts.get_mut(stretch.stratum as usize) else { continue };
        let times = of_stratum(&at_risk.times, stretch.stratum);
        edges.clear();
        edges.extend([stretch.from, stretch.to]);
        for span in own.spans.iter().chain(own.equal) {
            let (from, to) = (place(times, span.start.saturating_sub(exposure.early)), place(times, span.end));
            edges.extend([from, to].into_iter().filter(|at| *at > stretch.from && *at < stretch.to));
        }
        if edges.len() > 2 {
            edges.sort_unstable();
        }
        for pair in edges.windows(2) {
            let [from, to] = *pair else { continue };
            let Some(at) = times.get(from as usize).filter(|_| from < to) else { continue };
            let Inside { exposed, equal } = exposure.at(own, *at);
            let kind = usize::from(exposed) + 2 * usize::from(equal);
            for (edge, by) in [(from, 1), (to, -1)] {
                if let Some(count) = counts.get_mut(edge as usize).and_then(|counts| counts.get_mut(kind)) {
                    *count += by;
                }
            }
        }
    }
    for counts in &mut counts {
        let mut sum = [0; 4];
        for count in counts {
            for (sum, count) in sum.iter_mut().zip(count) {
                *sum += *count;
                *count = *sum;
            }
        }
    }
    counts
}

/// Computes the contrast of a hypothesis, that of a binary among all binaries; among hosts that are alike in another
/// exposure, if one is to be held equal.
pub(crate) fn contrast(scene: &Scene<'_>, binary: bool, spans: &Spans, equal: Option<&Spans>) -> Contrast {
    let exposure = Exposure { spans, equal, early: scene.tolerance() };
    let at_risk = scene.at_risk(binary);
    let counts = counts(at_risk, &exposure);
    let draw = |begins: &Beginning| {
        let Inside { exposed, equal } = exposure.at(exposure.of(begins.patient)?, begins.at);
        let kinds = counts.get(begins.stratum as usize)?.get(begins.place as usize)?;
        let of = |kind: usize| kinds.get(kind + 2 * usize::from(equal)).copied().unwrap_or(0);
        let share = f64::from(of(1)) / f64::from((of(0) + of(1)).max(1));
        Some(Drawn { at: begins.at, exposed, stratum: begins.stratum, equal, share })
    };
    let mut drawn: Vec<Drawn> = at_risk.beginnings.iter().filter_map(draw).collect();
    // Sums of floats depend on their order: that of equal times must not depend on where a host stands in the table.
    for at_once in drawn.chunk_by_mut(|one, other| one.at == other.at) {
        at_once.sort_unstable_by_key(|one| (one.exposed, one.stratum, one.equal));
    }
    let mut result = Contrast::default();
    let mut events: Vec<Event> = Vec::with_capacity(drawn.len());
    for Drawn { exposed, share, .. } in drawn {
        result.events += 1;
        result.observed += f64::from(u8::from(exposed));
        result.expected += share;
        result.variance += share * (1.0 - share);
        events.push(Event { hit: exposed, share, times: 1 });
    }
    let events = grouped(events);
    let logs = FACTORS.map(|factor| trimmed(&events, factor));
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| libm::exp(log - most)).sum();
    result.ln_e = most + libm::log(sum / float(FACTORS.len()));
    result
}

/// A host that begins to fail, whether it is exposed, and the share of those at risk who are; among equal exposures.
#[derive(Clone, Copy)]
struct Drawn {
    at: Instant,
    exposed: bool,
    stratum: u32,
    equal: bool,
    share: f64,
}

/// Beginnings with equal weight: whether their hosts are exposed, and the exposed share of the hosts at risk.
#[derive(Clone, Copy)]
struct Event {
    hit: bool,
    share: f64,
    times: usize,
}

/// Equal events together.
fn grouped(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_unstable_by(|a, b| a.hit.cmp(&b.hit).then(a.share.total_cmp(&b.share)));
    let same = |one: &Event, other: &Event| one.hit == other.hit && one.share.to_bits() == other.share.to_bits();
    let together = |group: &[Event]| group.first().map(|first| Event { times: group.len(), ..*first });
    events.chunk_by(same).filter_map(together).collect()
}

/// Log likelihood ratio of each of several equal events.
#[derive(Clone, Copy)]
struct Gain {
    of_one: f64,
    times: usize,
}

/// Log likelihood ratio of one factor, without the sixth of the events that speak for it most: hosts whose clocks are off,
/// or who lie, are exposed and fail where nobody else does. Where few are left without it, their being well earns
/// nothing: they may be those who are not heard.
fn trimmed(events: &[Event], factor: f64) -> f64 {
    let gain = |of: &Event| {
        let hit = if of.hit { libm::log(factor) } else { 0.0 };
        let gain = hit - libm::log1p(of.share * (factor - 1.0));
        Gain { of_one: if of.share > SHARE_MAX { gain.min(0.0) } else { gain }, times: of.times }
    };
    let mut gains: Vec<Gain> = events.iter().map(gain).collect();
    gains.sort_unstable_by(|a, b| a.of_one.total_cmp(&b.of_one));
    let all: usize = gains.iter().map(|gain| gain.times).sum();
    gains.iter().flat_map(|gain| std::iter::repeat_n(gain.of_one, gain.times)).take(all - all / 6).sum()
}
