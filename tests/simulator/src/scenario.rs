//! What a scenario file says: the fleet, what is published and changed, what it does, how telemetry is hurt, and which
//! answers are admissible. Drawing concrete numbers from it is `plan`'s business; judging answers is `judge`'s.

mod effects;
mod expect;
mod fleet;
mod publish;
mod read;

pub use crate::catalogue::{directory, read_all};
use crate::number::Number;
pub use effects::{EffectSpec, FaultSpec};
pub use expect::{AnswerSpec, Expect};
pub use fleet::{ConfigSpec, FleetSpec};
pub use publish::{Alternation, ChangeSpec, ContentSpec, PublishSpec};
pub use read::{faults, read};
use serde::Deserialize;

/// One scenario: a family of runs, one per seed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// File name without extension.
    #[serde(skip)]
    pub name: String,
    /// Signatures it stands for, such as `P1` or `T3 over P1`.
    pub signature: String,
    /// What happens, in a sentence.
    pub summary: String,
    /// Whether something innocent that could be blamed happens beside what is guilty.
    #[serde(default)]
    pub confounded: bool,
    /// Length of event time, minutes.
    #[serde(default = "default_minutes")]
    pub minutes: Number,
    /// Report interval, seconds.
    #[serde(default = "default_interval")]
    pub interval_s: Number,
    /// The fleet.
    #[serde(default)]
    pub fleet: FleetSpec,
    /// The main config; others are decoys.
    #[serde(default)]
    pub config: ConfigSpec,
    /// Further configs with names of their own.
    #[serde(default)]
    pub extra_config: Vec<ConfigSpec>,
    /// Versions published beside the ordinary generations.
    #[serde(default)]
    pub publish: Vec<PublishSpec>,
    /// A generator that is good or bad by turns (P4).
    pub alternation: Option<Alternation>,
    /// Deploys, flags, restarts and other changes.
    #[serde(default)]
    pub change: Vec<ChangeSpec>,
    /// What goes wrong, where and when.
    #[serde(default)]
    pub effect: Vec<EffectSpec>,
    /// What goes wrong with the telemetry.
    #[serde(default)]
    pub fault: Vec<FaultSpec>,
    /// Admissible answers.
    pub expect: Expect,
}

fn default_minutes() -> Number {
    Number::Range([16.0, 22.0])
}

fn default_interval() -> Number {
    Number::Fixed(10.0)
}

impl Scenario {
    /// Whether it is of one of the `classes`, given with commas; none means every one.
    #[must_use]
    pub fn is_of(&self, classes: &str) -> bool {
        let fits = |class: &str| class == self.expect.class || (class == "confounded" && self.confounded);
        classes.is_empty() || classes.split(',').any(fits)
    }
}
