//! One incident and its earlier verdicts. Its lineage is left out of JSON where it has none; a binary checkpoint has no
//! names to leave out and holds every field.

use super::{Cause, FirstError, Impact, Input, LastKnownGood, Pattern, RuledOut, Signal, State, Suspect, Verdict};
use crate::BlindSpot;
use crate::time::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

/// An earlier verdict of the same incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When it was given.
    pub at: Timestamp,
    /// How far it went.
    pub verdict: Verdict,
    /// What it named.
    pub cause: Option<Cause>,
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Incident {
    /// Onset and first signal, never a suspect: `20251118-112804-errors`. It is given once and never changes.
    pub id: String,
    /// The incident that this one was a part of until it turned out to have an explanation of its own.
    #[serde(default)]
    pub split_from: Option<String>,
    /// The older incident that goes on with what this one held: both have the same explanation.
    #[serde(default)]
    pub merged_into: Option<String>,
    /// Where it stands.
    pub state: State,
    /// How it moves.
    pub pattern: Pattern,
    /// When it began.
    pub onset: Timestamp,
    /// First event time at which a hash of the current cause was accused without a withdrawal since; null when nothing is
    /// named.
    pub named_at: Option<Timestamp>,
    /// When it ended.
    pub resolved_at: Option<Timestamp>,
    /// What is wrong, first signal first.
    pub signals: Vec<Signal>,
    /// How much was hurt.
    pub impact: Impact,
    /// How far the verdict goes.
    pub verdict: Verdict,
    /// What is named; null for `insufficient_evidence`.
    pub cause: Option<Cause>,
    /// Explanations by rank; never empty.
    pub suspects: Vec<Suspect>,
    /// What was excluded.
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
    /// What could not be seen, for this incident.
    pub blind_spots: Vec<BlindSpot>,
}

impl Incident {
    /// An incident of which nothing is known yet but its id and its onset.
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
        }
    }

    /// Whether hosts refused an input, kept the last good one, and nothing else happened: nobody was harmed.
    #[must_use]
    pub fn is_refusal_only(&self) -> bool {
        self.signals == [Signal::Loads]
    }

    /// Suspects that share the first rank where nothing separates them; empty where one of them stands alone.
    #[must_use]
    pub fn tied(&self) -> &[Suspect] {
        let first = self.suspects.iter().take_while(|suspect| suspect.rank == 1).count();
        if first < 2 { &[] } else { self.suspects.get(..first).unwrap_or_default() }
    }
}

/// Fields of an incident in JSON at most.
const FIELDS: usize = 21;

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
        object.end()
    }
}
