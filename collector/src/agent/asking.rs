//! Whether the collector has a content already: a push reaches a thousand hosts with the same bytes, of which one is to send
//! them. A receiver that does not know the question, or does not answer soon, gets the content.

use super::shipping::Shipper;
use firstbad_protocol::Hash;
use std::time::{Duration, Instant};

/// Time that one report spends on asking; contents beyond it are sent.
const PATIENCE: Duration = Duration::from_secs(2);

/// The questions of one report.
pub(super) struct Asking<'a> {
    shipper: &'a Shipper,
    give_up: Option<Instant>,
    /// Contents that need not be sent.
    pub(super) known: u64,
}

impl<'a> Asking<'a> {
    pub(super) fn new(shipper: &'a Shipper) -> Self {
        Self { shipper, give_up: Some(Instant::now() + PATIENCE), known: 0 }
    }

    pub(super) fn has(&mut self, hash: Hash) -> bool {
        let left = self.give_up.map(|give_up| give_up.saturating_duration_since(Instant::now()));
        let Some(left) = left.filter(|left| !left.is_zero()) else { return false };
        let answer = self.shipper.has_content(hash, left);
        if answer.is_none() {
            self.give_up = None;
        }
        self.known += u64::from(answer == Some(true));
        answer == Some(true)
    }
}
