//! What one run came to, as the judge found it.

use crate::compare::Moment;

/// What one run came to.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Outcome {
    /// Scenario.
    pub scenario: String,
    /// Seed.
    pub seed: u64,
    /// `positive`, `negative` or `open`.
    pub class: String,
    /// Whether the final answer is admissible.
    pub right: bool,
    /// Whether the property is; none where the scenario does not say or nothing was named.
    pub property: Option<bool>,
    /// Whether the scope is.
    pub scope: Option<bool>,
    /// Whether every bad version that came far is named.
    pub complete: Option<bool>,
    /// Seconds from the first exposure to the first right naming.
    pub from_first_s: Option<f64>,
    /// Seconds from what the scenario measures by (12 exposed hosts, or the first symptom).
    pub to_name_s: Option<f64>,
    /// Whether nothing was named at the end of a run in which something is guilty.
    pub abstained: bool,
    /// How often the right name was taken back or swapped.
    pub flips: u32,
    /// First inadmissible accusation.
    pub false_accusation: Option<String>,
    /// First time the engine said `external` though a change is guilty.
    pub wrong_exoneration: Option<String>,
    /// A line at the end that rules out a guilty version, whatever the verdict says.
    pub ruled_out: Option<String>,
    /// Incidents at the end.
    pub incidents: usize,
    /// Whether there were more incidents than admissible.
    pub too_many_incidents: bool,
    /// Confidence of the answer at the end.
    pub confidence: Option<f64>,
    /// Whether that answer accuses.
    pub accuses: bool,
    /// What was answered at the end.
    pub answered: String,
    /// What was admissible.
    pub admissible: String,
    /// CPU time of the engine, ns.
    pub engine_ns: u64,
    /// Of it, taking observations, and how many there were.
    pub taking: (u64, u64),
    /// Of it, ticks without an open incident, and how many.
    pub quiet: (u64, u64),
    /// Of it, ticks with one, and how many.
    pub diagnosing: (u64, u64),
    /// Report intervals simulated.
    pub intervals: f64,
    /// Hosts.
    pub hosts: usize,
    /// Of them, exposed to something guilty, and suffering, at the end.
    pub exposed: (usize, usize),
    /// Whether what goes wrong shows as failed requests, which is all that the simple methods see.
    pub failed_requests: bool,
    /// What all methods said, the engine among them.
    pub methods: Vec<MethodSaid>,
}

/// What one method said at one moment.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MethodSaid {
    /// Method.
    pub method: String,
    /// When it was asked.
    pub moment: Moment,
    /// What it came to.
    pub said: Said,
}

/// What an answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Admissible.
    Right,
    /// A change that is not guilty.
    FalseAccusation,
    /// Something else that is not it.
    WrongPlace,
    /// Nothing, where a name was asked.
    Silent,
}
