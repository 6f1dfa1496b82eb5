//! What one draw came to: a line of the ledger.

use serde::{Deserialize, Serialize};

/// What a draw came to. Counts, unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The draw.
    pub seed: u64,
    /// Hosts.
    pub hosts: usize,
    /// Report interval, seconds.
    pub interval_s: f64,
    /// Time that is looked at, seconds.
    pub length_s: f64,
    /// Host-days of reports that arrived.
    pub host_days: f64,
    /// How the fleet counts.
    pub style: String,
    /// The truth in words; empty where nothing is guilty.
    pub truth: String,
    /// Nuisances, by kind.
    pub nuisances: String,
    /// Guilty changes.
    pub guilts: usize,
    /// Of them, those that the oracle could name.
    pub clear: usize,
    /// Of those, named whole at the end.
    pub clear_named: usize,
    /// Guilty changes that share hosts and moments with an innocent one.
    pub tied: usize,
    /// Of those, said to be tied: nothing is accused, and the guilty one is among the suspects of rank 1.
    pub tied_said: usize,
    /// Ties that were broken: the guilty one alone is accused, which nothing on the wire bears out.
    pub tied_broken: usize,
    /// Guilty changes named whole at the end, whether or not the oracle could.
    pub named: usize,
    /// Guilty changes of which only a part was named.
    pub parts: usize,
    /// Why the oracle could not, or what the twins are.
    pub sight: String,
    /// Accusations of something innocent, at the end or in a history.
    pub accused: usize,
    /// The first of them.
    pub accused_words: String,
    /// Guilty changes that were ruled out, or called external.
    pub exonerated: usize,
    /// The first of them.
    pub exonerated_words: String,
    /// Outside events (a place, a moment, traffic, a request).
    pub outside: usize,
    /// Of them, called external.
    pub outside_said: usize,
    /// Incidents.
    pub incidents: usize,
    /// Incidents while nothing hurts.
    pub needless: usize,
    /// The first of them.
    pub needless_words: String,
    /// Whether nothing hurts in the whole draw.
    pub calm: bool,
    /// Named changes with a last known good that is right; and all named configs.
    pub good_right: usize,
    /// Named configs, of which a last known good is judged.
    pub good_asked: usize,
    /// Incidents still open though all harm ended more than 5 minutes and 2 reports before the end.
    pub open_late: usize,
    /// Seconds from the twelfth exposed host (or the last, of fewer) to the name; none if it was not named.
    pub to_name_s: Option<f64>,
    /// Confidences of accusations at the end, with whether each is right: `0.93+ 0.81-`.
    pub confidences: String,
    /// Everything that was said at the end, in words.
    pub said: String,
    /// Milliseconds of the whole run.
    pub ms: u64,
    /// Commit that last changed the engine or the intake.
    pub engine: String,
}

impl Outcome {
    /// What went wrong, in one line; none if nothing did that must not happen.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if self.accused > 0 {
            return Some(format!("accuses what is innocent: {}", self.accused_words));
        }
        if self.exonerated > 0 {
            return Some(format!("exonerates what is guilty: {}", self.exonerated_words));
        }
        if self.clear_named < self.clear {
            return Some(format!("does not name what could be named: {}", self.said));
        }
        if self.tied_broken > 0 {
            return Some(format!("breaks a tie: {}", self.said));
        }
        (self.needless > 0).then(|| format!("opens a needless incident: {}", self.needless_words))
    }
}
