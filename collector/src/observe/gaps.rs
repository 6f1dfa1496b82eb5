//! What could not be used, counted by sentence: each becomes a blind spot and never a silent zero.

use firstbad_diagnosis::observation::{Gap, Observation};
use firstbad_protocol::time::Timestamp;
use std::collections::BTreeMap;

/// Different sentences of one request: more would be one sender's junk.
const SENTENCES_MAX: usize = 16;

/// Sentences and counts of one request.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    counts: BTreeMap<String, u64>,
    pub(super) rejected: u64,
}

impl Gaps {
    /// One point or record could not be used.
    pub(super) fn reject(&mut self, sentence: impl Into<String>) {
        self.rejected += 1;
        self.note(sentence, 1);
    }

    /// Something to be shown that rejected nothing.
    pub(super) fn note(&mut self, sentence: impl Into<String>, count: u64) {
        let sentence = sentence.into();
        let full = self.counts.len() >= SENTENCES_MAX && !self.counts.contains_key(&sentence);
        let sentence = if full { "telemetry of several other kinds could not be used".to_owned() } else { sentence };
        *self.counts.entry(sentence).or_default() += count;
    }

    /// The gaps as observations, as of `at`.
    pub(super) fn observations(self, at: Option<Timestamp>) -> impl Iterator<Item = Observation> {
        self.counts.into_iter().map(move |(sentence, count)| {
            Observation::Gap(Gap { at: at.unwrap_or_default(), sentence: sentence.into(), count })
        })
    }
}
