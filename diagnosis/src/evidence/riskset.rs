//! The concurrent contrast: each time a host begins to fail, was it one of the exposed among the hosts of its kind that
//! could have begun to fail then? Hosts that already fail, or are gone, are not at risk: survivors do not exonerate, and a
//! version that came when all was over accuses nobody. A stratified risk-set likelihood with an e-value.
//!
//! Who is at risk when does not depend on the hypothesis, and is laid out once a scene; a hypothesis costs one step for
//! each host, however many begin to fail.

use crate::hypothesis::findings::Contrast;
use crate::numerics::math::float;
use crate::numerics::time::Ns;
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
    early: Ns,
}

/// Spans of one patient, of both.
type Own<'a> = (&'a [(Ns, Ns)], &'a [(Ns, Ns)]);

impl Exposure<'_> {
    fn of(&self, patient: u32) -> Option<Own<'_>> {
        let equal = self.equal.and_then(|equal| equal.of(patient as usize)).unwrap_or_default();
        Some((self.spans.of(patient as usize)?, equal))
    }

    fn at(&self, (spans, equal): Own<'_>, at: Ns) -> (bool, bool) {
        let inside =
            |spans: &[(Ns, Ns)]| spans.iter().any(|(from, to)| from.saturating_sub(self.early) <= at && at < *to);
        (inside(spans), inside(equal))
    }
}

/// Those at risk at each time of each stratum: others and exposed, without and with the other exposure.
fn counts(at_risk: &AtRisk, exposure: &Exposure<'_>) -> Vec<Vec<[i32; 4]>> {
    let mut counts: Vec<Vec<[i32; 4]>> = at_risk.times.iter().map(|times| vec![[0; 4]; times.len() + 1]).collect();
    let mut edges: Vec<u32> = Vec::new();
    for stretch in &at_risk.stretches {
        let Some((spans, equal)) = exposure.of(stretch.patient) else { continue };
        let Some(counts) = counts.get_mut(stretch.stratum as usize) else { continue };
        let times = of_stratum(&at_risk.times, stretch.stratum);
        edges.clear();
        edges.extend([stretch.from, stretch.to]);
        for (from, to) in spans.iter().chain(equal) {
            let (from, to) = (place(times, from.saturating_sub(exposure.early)), place(times, *to));
            edges.extend([from, to].into_iter().filter(|at| *at > stretch.from && *at < stretch.to));
        }
        if edges.len() > 2 {
            edges.sort_unstable();
        }
        for pair in edges.windows(2) {
            let [from, to] = *pair else { continue };
            let Some(at) = times.get(from as usize).filter(|_| from < to) else { continue };
            let (exposed, equal) = exposure.at((spans, equal), *at);
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
        let (exposed, equal) = exposure.at(exposure.of(begins.patient)?, begins.at);
        let kinds = counts.get(begins.stratum as usize)?.get(begins.place as usize)?;
        let of = |kind: usize| kinds.get(kind + 2 * usize::from(equal)).copied().unwrap_or(0);
        let share = f64::from(of(1)) / f64::from((of(0) + of(1)).max(1));
        Some(((begins.at, exposed, begins.stratum, equal), share))
    };
    let mut drawn: Vec<_> = at_risk.beginnings.iter().filter_map(draw).collect();
    // Sums of floats depend on their order: that of equal times must not depend on where a host stands in the table.
    for at_once in drawn.chunk_by_mut(|one, other| one.0.0 == other.0.0) {
        at_once.sort_unstable_by_key(|begins| begins.0);
    }
    let mut result = Contrast::default();
    let mut events: Vec<(bool, f64)> = Vec::with_capacity(drawn.len());
    for ((_, exposed, ..), share) in drawn {
        result.events += 1;
        result.observed += f64::from(u8::from(exposed));
        result.expected += share;
        result.variance += share * (1.0 - share);
        events.push((exposed, share));
    }
    let events = grouped(events);
    let logs = FACTORS.map(|factor| trimmed(&events, factor));
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| libm::exp(log - most)).sum();
    result.ln_e = most + libm::log(sum / float(FACTORS.len()));
    result
}

/// Equal events with their number.
fn grouped(mut events: Vec<(bool, f64)>) -> Vec<(bool, f64, usize)> {
    events.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let same = |one: &(bool, f64), other: &(bool, f64)| one.0 == other.0 && one.1.to_bits() == other.1.to_bits();
    events.chunk_by(same).filter_map(|group| group.first().map(|(hit, share)| (*hit, *share, group.len()))).collect()
}

/// Log likelihood ratio of one factor, without the sixth of the events that speak for it most: hosts whose clocks are off,
/// or who lie, are exposed and fail where nobody else does. Where few are left without it, their being well earns
/// nothing: they may be those who are not heard.
fn trimmed(events: &[(bool, f64, usize)], factor: f64) -> f64 {
    let gain = |(hit, share, times): &(bool, f64, usize)| {
        let hit = if *hit { libm::log(factor) } else { 0.0 };
        let gain = hit - libm::log1p(share * (factor - 1.0));
        (if *share > SHARE_MAX { gain.min(0.0) } else { gain }, *times)
    };
    let mut gains: Vec<(f64, usize)> = events.iter().map(gain).collect();
    gains.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let all: usize = gains.iter().map(|(_, times)| times).sum();
    gains.iter().flat_map(|(gain, times)| std::iter::repeat_n(*gain, *times)).take(all - all / 6).sum()
}
