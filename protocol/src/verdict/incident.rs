//! One incident and its earlier verdicts. JSON leaves out `split_from`, `merged_into` and `words` where they are empty. A binary
//! checkpoint has no field names, so it holds every field.

use super::{
    Cause, EngineerWord, FirstError, Impact, Input, LastKnownGood, Pattern, RuledOut, Signal, State, Suspect, Verdict,
    WordKind,
};
use crate::BlindSpot;
use crate::time::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

/// An earlier verdict of the same incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The time when it was given.
    pub at: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
    /// The cause that it named.
    pub cause: Option<Cause>,
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Incident {
    /// Onset and first signal, never a suspect: `20251118-112804-errors`. It is assigned once and never changes.
    pub id: String,
    /// The incident from which this one was split because it has an explanation of its own.
    #[serde(default)]
    pub split_from: Option<String>,
    /// The older incident that continues this one, because both have the same explanation.
    #[serde(default)]
    pub merged_into: Option<String>,
    /// Open, recovering or resolved.
    pub state: State,
    /// The course of the symptom.
    pub pattern: Pattern,
    /// The time when it began.
    pub onset: Timestamp,
    /// First event time at which a hash of the current cause was accused without a withdrawal since; null when nothing is
    /// named.
    pub named_at: Option<Timestamp>,
    /// The time when it ended.
    pub resolved_at: Option<Timestamp>,
    /// The symptoms in the order of their appearance.
    pub signals: Vec<Signal>,
    /// The harm.
    pub impact: Impact,
    /// The verdict.
    pub verdict: Verdict,
    /// The named cause; null for `insufficient_evidence`.
    pub cause: Option<Cause>,
    /// Explanations by rank; never empty.
    pub suspects: Vec<Suspect>,
    /// Explanations that were excluded.
    pub ruled_out: Vec<RuledOut>,
    /// The first error, verbatim.
    pub first_error: Option<FirstError>,
    /// The offending input.
    pub input: Option<Input>,
    /// The version to go back to.
    pub last_known_good: Option<LastKnownGood>,
    /// Earlier verdicts, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Name of the playbook that matches.
    pub playbook: Option<String>,
    /// Data that was missing for this incident.
    pub blind_spots: Vec<BlindSpot>,
    /// What engineers said of it, or of its pages, and did not take back; oldest first. The engine leaves it empty.
    #[serde(default)]
    pub words: Vec<EngineerWord>,
}

impl Incident {
    /// An open incident with an id and an onset, and no other facts.
    #[must_use]
    pub fn new(id: String, onset: Timestamp) -> Self {
        Self {
            id,
            split_from: None,
            merged_into: None,
            state: State::Open,
            pattern: Pattern::Step,
            onset,
            named_at: None,
            resolved_at: None,
            signals: Vec::new(),
            impact: Impact::default(),
            verdict: Verdict::InsufficientEvidence,
            cause: None,
            suspects: Vec::new(),
            ruled_out: Vec::new(),
            first_error: None,
            input: None,
            last_known_good: None,
            history: Vec::new(),
            playbook: None,
            blind_spots: Vec::new(),
            words: Vec::new(),
        }
    }

    /// Whether the only signal is that hosts refused an input and kept the last good one, which harms nobody.
    #[must_use]
    pub fn is_refusal_only(&self) -> bool {
        self.signals == [Signal::Loads]
    }

    /// Whether an engineer said that the accused version is not the cause.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.words.iter().any(|word| word.kind == WordKind::Dispute)
    }

    /// Whether an engineer said that the incident was seen.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.words.iter().any(|word| word.kind == WordKind::Ack)
    }

    /// Suspects that share the first rank where nothing separates them; empty where one of them stands alone.
    #[must_use]
    pub fn tied(&self) -> &[Suspect] {
        let first = self.suspects.iter().take_while(|suspect| suspect.rank == 1).count();
        if first < 2 { &[] } else { self.suspects.get(..first).unwrap_or_default() }
    }
}

/// Maximum number of fields of an incident in JSON.
const FIELDS: usize = 22;

impl Serialize for Incident {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let leaves_out = serializer.is_human_readable();
        let mut object = serializer.serialize_struct("Incident", FIELDS)?;
        object.serialize_field("id", &self.id)?;
        for (name, other) in [("split_from", &self.split_from), ("merged_into", &self.merged_into)] {
            if leaves_out && other.is_none() {
                object.skip_field(name)?;
            } else {
                object.serialize_field(name, other)?;
            }
        }
        object.serialize_field("state", &self.state)?;
        object.serialize_field("pattern", &self.pattern)?;
        object.serialize_field("onset", &self.onset)?;
        object.serialize_field("named_at", &self.named_at)?;
        object.serialize_field("resolved_at", &self.resolved_at)?;
        object.serialize_field("signals", &self.signals)?;
        object.serialize_field("impact", &self.impact)?;
        object.serialize_field("verdict", &self.verdict)?;
        object.serialize_field("cause", &self.cause)?;
        object.serialize_field("suspects", &self.suspects)?;
        object.serialize_field("ruled_out", &self.ruled_out)?;
        object.serialize_field("first_error", &self.first_error)?;
        object.serialize_field("input", &self.input)?;
        object.serialize_field("last_known_good", &self.last_known_good)?;
        object.serialize_field("history", &self.history)?;
        object.serialize_field("playbook", &self.playbook)?;
        object.serialize_field("blind_spots", &self.blind_spots)?;
        if leaves_out && self.words.is_empty() {
            object.skip_field("words")?;
        } else {
            object.serialize_field("words", &self.words)?;
        }
        object.end()
    }
}
