//! The one place from which everybody reads what the engine last said. Readers wait for the next publication and skip
//! what they are too slow for; a slow reader never holds the driver.

use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::Diagnosis;
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// What the engine said after one batch.
#[derive(Debug)]
pub struct Published {
    /// The last batch in it.
    pub batch: u64,
    /// The whole snapshot.
    pub snapshot: Snapshot,
    json: OnceLock<Arc<str>>,
}

impl Published {
    /// A publication.
    #[must_use]
    pub const fn new(batch: u64, snapshot: Snapshot) -> Self {
        Self { batch, snapshot, json: OnceLock::new() }
    }

    /// The snapshot as JSON, on one line, made once for all readers.
    #[must_use]
    pub fn json(&self) -> Arc<str> {
        Arc::clone(self.json.get_or_init(|| serde_json::to_string(&self.snapshot).unwrap_or_default().into()))
    }
}

/// The publishing end. Cloning it gives another reader.
#[derive(Clone, Debug)]
pub struct Publisher(Arc<watch::Sender<Arc<Published>>>);

impl Publisher {
    /// A publisher whose first publication is `first`.
    #[must_use]
    pub fn new(first: Published) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(first))))
    }

    /// Publishes.
    pub fn publish(&self, published: Published) {
        self.0.send_replace(Arc::new(published));
    }

    /// What was published last.
    #[must_use]
    pub fn latest(&self) -> Arc<Published> {
        Arc::clone(&self.0.borrow())
    }

    /// A receiver that sees the latest publication first, and then each later one or what follows it.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        let mut receiver = self.0.subscribe();
        receiver.mark_changed();
        receiver
    }
}

/// A diagnosis exactly as `diagnose --format json` prints it. Live, offline and bundle go through here, because they are
/// compared byte for byte.
#[must_use]
pub fn diagnosis_json(diagnosis: &Diagnosis) -> String {
    let mut text = serde_json::to_string_pretty(diagnosis).unwrap_or_default();
    text.push('\n');
    text
}
