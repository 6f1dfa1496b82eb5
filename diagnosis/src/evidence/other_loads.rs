//! Hosts that load another version of the same config meanwhile: whether they show that loads as such cost nothing, or as much
//! as those of the accused versions. What follows for a verdict is decided in `evidence::blip` and `verdict::accusation`.

use crate::hypothesis::{Hypothesis, spans};
use crate::numerics::math::float;
use crate::scene::Scene;
use crate::state::State;
use crate::state::model::{Move, Run};
use crate::state::reload_window::blip;

/// Minimum number of other hosts that would fail, if loads as such did it, to show that loads cost nothing, and the part of
/// them that may fail.
const SPARED_MIN: f64 = 30.0;
const SPARED_PART: f64 = 20.0;
/// Minimum number of other hosts that fail to show that loads of any version cost as much, and the minimum share that fails
/// of all of them, divided by that of the exposed hosts. Source: contract, three hosts; half, as `ALIKE` for controls.
const ALIKE_MIN: usize = 3;
const ALIKE_PART: f64 = 0.5;

/// Hosts that never had the accused versions and load another version of the same config meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OtherLoads {
    hosts: usize,
    /// Those that begin to fail soon after such a load.
    failing: usize,
}

impl OtherLoads {
    pub(crate) fn of(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> Self {
        let disputed = state.disputed_levels();
        let exposed = spans(scene, hypothesis).unwrap_or_default();
        let since = scene.onset - blip(scene.interval);
        let mut all = Self::default();
        for (index, patient) in scene.patients.iter().enumerate() {
            if exposed.of(index).is_some_and(|stays| !stays.is_empty()) {
                continue;
            }
            // A load within the last report shows nothing yet.
            let decided = since..patient.seen - scene.interval;
            let own = |entry: &&Move| {
                Some(entry.factor) == hypothesis.factor
                    && decided.contains(&entry.at)
                    && !disputed.contains(&entry.level)
            };
            let fails = |entry: &Move| {
                let after = entry.at - scene.interval..entry.at + blip(scene.interval);
                let begins = |run: &Run| scene.counters.contains(&run.counter) && after.contains(&run.start);
                patient.unit.runs.iter().any(begins)
            };
            let mut loads = scene.moves(patient).iter().filter(own).peekable();
            all.hosts += usize::from(loads.peek().is_some());
            all.failing += usize::from(loads.any(fails));
        }
        all
    }

    /// Number of these hosts that would fail if loads as such were the reason.
    fn expected(self, hypothesis: &Hypothesis) -> f64 {
        hypothesis.share() * float(self.hosts)
    }

    /// Whether loads as such cost nothing.
    pub(crate) fn cost_nothing(self, hypothesis: &Hypothesis) -> bool {
        let expected = self.expected(hypothesis);
        expected >= SPARED_MIN && SPARED_PART * float(self.failing) <= expected
    }

    /// Whether loads of any version cost as much: the accused one is not the reason, or not alone.
    pub(crate) fn cost_alike(self, hypothesis: &Hypothesis) -> bool {
        let expected = self.expected(hypothesis);
        self.failing >= ALIKE_MIN && float(self.failing) >= ALIKE_PART * expected
    }
}
