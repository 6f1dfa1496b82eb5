//! The concurrent contrast: each time a host begins to fail, was it one of the exposed among the hosts of its kind that
//! could have begun to fail then? Hosts that already fail, or are gone, are not at risk: survivors do not exonerate, and a
//! version that came when all was over accuses nobody. A stratified risk-set likelihood with an e-value.

use crate::model::Ns;
use crate::scene::{Patient, Scene};
use std::collections::BTreeMap;

/// Factors by which exposure may raise the hazard; their mixture is an e-value.
const FACTORS: [f64; 3] = [4.0, 20.0, 200.0];

/// Share of those at risk above which exposure is as good as everybody's: up to a third of hosts may tell lies.
const SHARE_MAX: f64 = 2.0 / 3.0;

/// What the contrast says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Contrast {
    /// ln of the e-value for "exposure raises the hazard".
    pub ln_e: f64,
    /// Beginnings among the exposed, and as many as chance would give.
    pub observed: f64,
    /// Expected among the exposed.
    pub expected: f64,
    /// Variance: zero where all or none of those at risk were exposed, so that nothing can be learned.
    pub variance: f64,
    /// Beginnings in all.
    pub events: u64,
}

impl Contrast {
    /// Standard deviations by which the exposed fail more than chance.
    pub(crate) fn z(&self) -> f64 {
        if self.variance > 1e-9 { (self.observed - self.expected) / libm::sqrt(self.variance) } else { 0.0 }
    }
}

/// Order of what happens at one moment: exposure first, then beginnings, then leaving the risk set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Change { exposed: i32, others: i32 },
    Begin { exposed: bool },
    Leave { exposed: i32, others: i32 },
}

/// Spans of exposure.
pub(crate) type Spans = Vec<(Ns, Ns)>;

/// Computes the contrast. `kind` gives each patient's spans of exposure, and those of another exposure that is held equal;
/// none for patients out of scope.
pub(crate) fn contrast(
    scene: &Scene<'_>,
    binary: bool,
    kind: impl Fn(&Patient<'_>) -> Option<(Spans, Spans)>,
) -> Contrast {
    let mut steps: Vec<(Ns, Step, (u32, bool))> = Vec::new();
    for patient in &scene.patients {
        if let Some((spans, equal)) = kind(patient) {
            history(scene, (patient, binary), (&spans, &equal), &mut steps);
        }
    }
    steps.sort_unstable();
    let mut at_risk: BTreeMap<(u32, bool), (i32, i32)> = BTreeMap::new();
    let mut result = Contrast::default();
    let mut events: Vec<(f64, f64)> = Vec::new();
    for (_, step, stratum) in steps {
        let (exposed, others) = at_risk.entry(stratum).or_default();
        match step {
            Step::Change { exposed: e, others: o } | Step::Leave { exposed: e, others: o } => {
                *exposed += e;
                *others += o;
            }
            Step::Begin { exposed: begins } => {
                let share = f64::from((*exposed).max(0)) / f64::from((*exposed + *others).max(1));
                let hit = if begins { 1.0 } else { 0.0 };
                result.events += 1;
                result.observed += hit;
                result.expected += share;
                result.variance += share * (1.0 - share);
                events.push((hit, share));
            }
        }
    }
    let logs = FACTORS.map(|factor| trimmed(&events, factor));
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| libm::exp(log - most)).sum();
    result.ln_e = most + libm::log(sum / crate::math::float(FACTORS.len()));
    result
}

/// Log likelihood ratio of one factor, without the sixth of the events that speak for it most: hosts whose clocks are off,
/// or who lie, are exposed and fail where nobody else does. Where few are left without it, their being well earns
/// nothing: they may be those who are not heard.
fn trimmed(events: &[(f64, f64)], factor: f64) -> f64 {
    let gain = |(hit, share): &(f64, f64)| {
        let gain = hit * libm::log(factor) - libm::log1p(share * (factor - 1.0));
        if *share > SHARE_MAX { gain.min(0.0) } else { gain }
    };
    let mut gains: Vec<f64> = events.iter().map(gain).collect();
    gains.sort_by(f64::total_cmp);
    gains.truncate(gains.len() - gains.len() / 6);
    gains.iter().sum()
}

/// One patient's way through the risk set.
fn history(
    scene: &Scene<'_>,
    (patient, binary): (&Patient<'_>, bool),
    (spans, equal): (&Spans, &Spans),
    steps: &mut Vec<(Ns, Step, (u32, bool))>,
) {
    let early = scene.tolerance();
    let inside =
        |spans: &[(Ns, Ns)], at: Ns| spans.iter().any(|(from, to)| from.saturating_sub(early) <= at && at < *to);
    let state_at =
        |at: Ns| (inside(spans, at), (if binary { patient.place } else { patient.stratum }, inside(equal, at)));
    let mut from = patient.unit.first.max(scene.onset - scene.interval);
    let until = |bout: &crate::scene::Bout| if bout.open { Ns::MAX / 4 } else { bout.end + scene.interval };
    let mut ends: Vec<(Ns, Ns, bool)> = patient.bouts.iter().map(|bout| (bout.start, until(bout), true)).collect();
    ends.extend(patient.unit.gaps.iter().map(|(from, to)| (*from + 1, *to, false)));
    ends.push((patient.seen + 1, Ns::MAX / 4, false));
    ends.sort_unstable();
    for (to, next, begins) in ends {
        if to >= from {
            let mut state = state_at(from);
            steps.push((from, change(state.0, 1), state.1));
            let edges = spans.iter().chain(equal).flat_map(|(start, end)| [start.saturating_sub(early), *end]);
            let mut flips: Vec<Ns> = edges.filter(|at| *at > from && *at <= to).collect();
            flips.sort_unstable();
            for at in flips {
                let now = state_at(at);
                if now != state {
                    steps.push((at, change(state.0, -1), state.1));
                    steps.push((at, change(now.0, 1), now.1));
                    state = now;
                }
            }
            if begins {
                steps.push((to, Step::Begin { exposed: state.0 }, state.1));
            }
            let (exposed, others) = if state.0 { (-1, 0) } else { (0, -1) };
            steps.push((to, Step::Leave { exposed, others }, state.1));
        }
        from = from.max(next);
        if from > patient.seen {
            break;
        }
    }
}

fn change(exposed: bool, by: i32) -> Step {
    if exposed { Step::Change { exposed: by, others: 0 } } else { Step::Change { exposed: 0, others: by } }
}
