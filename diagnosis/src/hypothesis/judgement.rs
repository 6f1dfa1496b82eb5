//! What is concluded of all hypotheses. How is decided in `verdict::judge`.

use crate::hypothesis::Hypothesis;
use firstbad_protocol::verdict::Verdict;

/// Weight that makes a suspect, and one that makes a cause.
pub(crate) const SUSPECT_AT: f64 = 5.0;
pub(crate) const CAUSE_AT: f64 = 11.0;
/// Weight of the mechanism from which the content itself is at fault: it breaks a declared limit.
pub(crate) const LIMIT_AT: f64 = 5.0;
/// Hosts that must fail for a cause.
pub(crate) const CAUSE_HOSTS: u64 = 5;
/// Minimum number of hosts without the version, for a comparison.
pub(crate) const CONTROLS_MIN: u64 = 5;

/// What was concluded.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    pub verdict: Verdict,
    pub named: Option<Hypothesis>,
    pub ranked: Vec<Hypothesis>,
    pub tied: usize,
}

impl Judgement {
    /// Whether a change has so much for it that an innocent explanation may no longer stand.
    pub(crate) fn suspects_a_change(&self) -> bool {
        self.ranked.iter().any(|hypothesis| hypothesis.recent && hypothesis.weight >= SUSPECT_AT)
    }
}
