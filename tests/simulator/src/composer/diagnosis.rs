//! The verdict as `diagnose --format json` prints it (contract.md section 6). It is read from the JSON and not from the
//! engine's types, so that the program's real output is judged, and new fields do no harm.

use firstbad_protocol::time::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A diagnosis.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Diagnosis {
    pub(crate) window: Window,
    pub(crate) incidents: Vec<Incident>,
}

/// The window of the diagnosis.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Window {
    pub(crate) to: Option<Timestamp>,
    pub(crate) hosts: u64,
}

/// One incident.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Incident {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) onset: Option<Timestamp>,
    pub(crate) named_at: Option<Timestamp>,
    pub(crate) resolved_at: Option<Timestamp>,
    pub(crate) signals: Vec<String>,
    pub(crate) verdict: String,
    pub(crate) cause: Option<Cause>,
    pub(crate) suspects: Vec<Suspect>,
    pub(crate) ruled_out: Vec<RuledOut>,
    pub(crate) last_known_good: Option<Good>,
    pub(crate) history: Vec<Past>,
    pub(crate) merged_into: Option<String>,
}

/// The cause that an incident names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cause {
    pub(crate) kind: String,
    pub(crate) config: Option<String>,
    pub(crate) hashes: Vec<String>,
    pub(crate) property: Option<String>,
    pub(crate) scope: BTreeMap<String, String>,
    pub(crate) change: Option<Change>,
    pub(crate) dimensions: BTreeMap<String, String>,
}

/// A change event.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    pub(crate) id: String,
    pub(crate) target: String,
}

/// A suspect: only its confidence is judged.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Suspect {
    pub(crate) rank: u32,
    pub(crate) confidence: f64,
    pub(crate) hashes: Vec<String>,
}

/// What an incident excludes. The hashes name the versions; without them, the sentence does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RuledOut {
    pub(crate) what: String,
    pub(crate) hashes: Vec<String>,
    pub(crate) reason: String,
}

/// The last known good version.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Good {
    pub(crate) hash: String,
}

/// An earlier verdict.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Past {
    pub(crate) at: Option<Timestamp>,
    pub(crate) verdict: String,
    pub(crate) cause: Option<Cause>,
}

/// Whether a verdict accuses.
pub(crate) fn accuses(verdict: &str) -> bool {
    matches!(verdict, "cause" | "suspect")
}

impl Diagnosis {
    /// Reads a verdict.
    ///
    /// # Errors
    /// If `json` is not a verdict.
    pub(crate) fn read(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}

impl Cause {
    /// Describes the cause in a few words.
    pub(crate) fn words(&self) -> String {
        let hashes: Vec<&str> = self.hashes.iter().map(|hash| short(hash)).collect();
        let mut words = format!("{} {} [{}]", self.kind, self.config.as_deref().unwrap_or(""), hashes.join(" "));
        for (key, value) in self.scope.iter().chain(&self.dimensions) {
            words.push_str(&format!(" {key}={value}"));
        }
        for word in self.change.iter().map(|change| &change.id).chain(&self.property) {
            words.push_str(&format!(" `{word}`"));
        }
        words
    }
}

/// Returns the short form of a hash.
pub(crate) fn short(hash: &str) -> &str {
    let hex = hash.strip_prefix("sha256:").unwrap_or(hash);
    hex.get(..12).unwrap_or(hex)
}
