//! One moment of a replay, of captures or of a bundle: what a screen shows then, and how far the replay is.

use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::Diagnosis;

/// The moment after one tick of a replay.
pub struct Moment<'a> {
    snapshot: &'a dyn Fn() -> Snapshot,
    diagnosis: &'a dyn Fn() -> Diagnosis,
    /// How much of the files is read, in percent.
    pub read_percent: u8,
}

impl<'a> Moment<'a> {
    /// The moment after `part` of `whole` lines or batches.
    pub(crate) fn new(
        snapshot: &'a dyn Fn() -> Snapshot,
        diagnosis: &'a dyn Fn() -> Diagnosis,
        part: usize,
        whole: usize,
    ) -> Self {
        let read_percent = u8::try_from(part.min(whole) * 100 / whole.max(1)).unwrap_or(100);
        Self { snapshot, diagnosis, read_percent }
    }

    /// The verdicts as of this moment, without playbooks. It costs far less than a snapshot: no host is listed.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        (self.diagnosis)()
    }

    /// Everything a screen shows, as of this moment. It costs about as much as the tick: whoever skips moments does not ask.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        (self.snapshot)()
    }
}
