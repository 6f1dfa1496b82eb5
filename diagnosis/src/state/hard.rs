//! Episodes that are hard: they fail so much of what was tried that a quiet host never does.

use crate::state::model::Run;

/// Excess over expectation, as a share of the trials, from which an episode is hard: no quiet host was ever seen to keep it
/// for two reports.
const HARD_SHARE: f64 = 0.25;
/// Events of one unit from which its episode may be hard.
const HARD_EVENTS: f64 = 3.0;
/// Failures, and the share of what was tried, from which a long episode is hard as well.
const MUCH_EVENTS: f64 = 300.0;
const MUCH_SHARE: f64 = 0.15;

impl Run {
    /// Whether it fails that much.
    pub(crate) fn is_hard(&self) -> bool {
        let excess = self.observed - self.expected;
        let much = excess >= MUCH_EVENTS && excess >= MUCH_SHARE * self.trials;
        self.observed >= HARD_EVENTS && excess >= HARD_SHARE * self.trials || much
    }
}
