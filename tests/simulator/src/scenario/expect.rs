//! Which answers are admissible, as a scenario file says it.

use serde::Deserialize;

/// What is admissible; fixed before any engine is run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `positive` (a change is guilty), `negative` (none is), `open` (guilty, but abstaining is admissible too).
    pub class: String,
    /// Time to name counts from `exposure` (12 hosts exposed) or `symptom` (first symptom).
    #[serde(default = "default_measure")]
    pub measure: String,
    /// Greatest 95th percentile of the time to name, seconds, if not the gate's; the median may be 0.4 of it.
    pub name_within_s: Option<f64>,
    /// Greatest number of incidents.
    #[serde(default = "default_incidents")]
    pub incidents_max: usize,
    /// Admissible final answers.
    pub answer: Vec<AnswerSpec>,
    /// Answers admissible on the way, beside weaker forms of the final ones.
    #[serde(default)]
    pub interim: Vec<AnswerSpec>,
}

fn default_measure() -> String {
    "exposure".into()
}

fn default_incidents() -> usize {
    1
}

/// One admissible answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerSpec {
    /// `none` (no incident), `cause`, `suspect`, `external`, `insufficient_evidence`.
    pub verdict: Vec<String>,
    /// Kind; empty means no cause or any.
    pub kind: String,
    /// Config; the main one when `tag` is set and nothing is said.
    pub config: Option<String>,
    /// Tag of the versions that may be named.
    pub tag: Option<String>,
    /// Admissible properties: `content` (what separates in this run), `null`, `any`, or literal; `{limit}` is filled in.
    pub property: Vec<String>,
    /// Admissible scopes: `` for none, or `key=value,..`.
    pub scope: Vec<String>,
    /// Admissible dimensions, as scopes; `{region}` means the affected region(s), `{host}` host, `{cell}` request value.
    pub dimensions: Vec<String>,
    /// Tag of the change that must be named.
    pub change: Option<String>,
}
