//! Which events of one recorder were told and which are still to be. Until `commit`, everything is told again.

use super::logs::{self, Record};
use firstbad_protocol::recorder::{RecorderImage, layout};
use std::collections::BTreeSet;

/// What was told of one recorder.
#[derive(Clone, Debug, Default)]
pub(super) struct Shipped {
    /// Number of the next event; none before the first report.
    event: Option<u64>,
    /// Numbers of panics that are still in the ring and were told.
    panics: BTreeSet<u64>,
    /// Events that were overwritten before they could be told.
    pub(super) lost: u64,
}

impl Shipped {
    /// What is new in `image`, and what will have been told once that is safe.
    pub(super) fn news(&self, image: &RecorderImage) -> (Vec<Record>, Self) {
        let mut told = self.clone();
        let oldest = image.event_head.saturating_sub(layout::EVENTS_MAX as u64);
        let next = told.event.unwrap_or(oldest);
        told.lost += oldest.saturating_sub(next);
        let new = image.events.iter().filter(|event| (next..image.event_head).contains(&event.number));
        let mut records: Vec<Record> = new.filter_map(|event| logs::event(image, event)).collect();
        told.event = Some(image.event_head);
        for panic in &image.panic_texts {
            if told.panics.insert(panic.number) {
                records.push(logs::exception(image, panic));
            }
        }
        told.panics = told.panics.split_off(&image.panic_head.saturating_sub(2 * layout::PANICS_MAX as u64));
        (records, told)
    }
}
