//! What the driver wants kept, until the writer comes round. The newest replaces what was not fetched, so it is bounded
//! and neither thread ever waits for the other.

use crate::store::{Checkpoint, IncidentRecord, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Outbox(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    checkpoint: Option<Checkpoint>,
    incidents: BTreeMap<String, IncidentRecord>,
}

impl Outbox {
    pub(super) fn put_checkpoint(&self, checkpoint: Checkpoint) {
        self.lock().checkpoint = Some(checkpoint);
    }

    pub(super) fn put_incident(&self, incident: IncidentRecord) {
        self.lock().incidents.insert(incident.id.clone(), incident);
    }

    /// Moves everything into the store. What the store refuses stays here, unless something newer came meanwhile.
    pub(crate) fn store_into(&self, store: &mut dyn Store) -> Result<(), StoreError> {
        let (checkpoint, incidents) = {
            let mut kept = self.lock();
            (kept.checkpoint.take(), std::mem::take(&mut kept.incidents))
        };
        if let Some(checkpoint) = checkpoint
            && let Err(error) = store.put_checkpoint(&checkpoint)
        {
            let mut kept = self.lock();
            kept.checkpoint.get_or_insert(checkpoint);
            for (id, incident) in incidents {
                kept.incidents.entry(id).or_insert(incident);
            }
            return Err(error);
        }
        let incidents: Vec<_> = incidents.into_values().collect();
        if incidents.is_empty() {
            return Ok(());
        }
        store.put_incidents(&incidents).inspect_err(|_| {
            let mut kept = self.lock();
            for incident in incidents {
                kept.incidents.entry(incident.id.clone()).or_insert(incident);
            }
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
