//! The result of one draw: a line of the ledger.

use serde::{Deserialize, Serialize};

/// The result of one draw. Numbers are counts unless their name has a unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Seed of the draw.
    pub seed: u64,
    /// Hosts.
    pub hosts: usize,
    /// Report interval, seconds.
    pub interval_s: f64,
    /// Length of the draw, seconds.
    pub length_s: f64,
    /// Host-days that the arrived reports cover.
    pub host_days: f64,
    /// The style of the first sender.
    pub style: String,
    /// The truth in words; empty if nothing is guilty.
    pub truth: String,
    /// Kinds of the nuisances.
    pub nuisances: String,
    /// Guilty changes.
    pub guilts: usize,
    /// Guilty changes that the oracle can name.
    pub clear: usize,
    /// Guilty changes that the oracle can name and the final verdict names completely.
    pub clear_named: usize,
    /// Guilty changes that cannot be distinguished from an innocent twin.
    pub tied: usize,
    /// Ties that the verdict reports: it accuses nothing, and the guilty change is among the suspects of rank 1.
    pub tied_said: usize,
    /// Ties that the verdict breaks: it accuses the guilty change alone, without evidence on the wire.
    pub tied_broken: usize,
    /// Guilty changes that the final verdict names completely, whether or not the oracle can.
    pub named: usize,
    /// Guilty changes that the final verdict names in part only.
    pub parts: usize,
    /// What the oracle sees of each guilt: clear, its twins, or why it is hidden.
    pub sight: String,
    /// Accusations of innocent changes, at the end or in a history.
    pub accused: usize,
    /// The first accusation of an innocent change, in words.
    pub accused_words: String,
    /// Guilty changes that the verdict rules out or calls external.
    pub exonerated: usize,
    /// The first exoneration of a guilty change, in words.
    pub exonerated_words: String,
    /// Outside events (a bad region or host, a moment, traffic, a request).
    pub outside: usize,
    /// Outside events that the verdict calls external.
    pub outside_said: usize,
    /// Incidents.
    pub incidents: usize,
    /// Incidents at times without any harm.
    pub needless: usize,
    /// The first needless incident, in words.
    pub needless_words: String,
    /// Whether the whole draw is without harm.
    pub calm: bool,
    /// Named configs whose last known good version is right.
    pub good_right: usize,
    /// Named configs whose last known good version is judged.
    pub good_asked: usize,
    /// Incidents that are still open although all harm ended more than 5 minutes and 2 reports before the end.
    pub open_late: usize,
    /// Seconds from the twelfth exposed host (the last one, if there are fewer) to the naming of the change; none if the
    /// verdict does not name it.
    pub to_name_s: Option<f64>,
    /// Confidences of the final accusations, with `+` for a right one and `-` for a wrong one: `0.93+ 0.81-`.
    pub confidences: String,
    /// The final verdicts of all incidents, in words.
    pub said: String,
    /// Duration of the run, milliseconds.
    pub ms: u64,
    /// The last commit that changed the engine or the intake.
    pub engine: String,
}

impl Outcome {
    /// Returns the worst fault in one line; none if the verdict has no fault.
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
