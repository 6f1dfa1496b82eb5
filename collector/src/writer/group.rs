//! One group commit's worth of requests: gathered until nothing waits or the bound is met, answered together.

use super::Work;
use crate::admission::{Accepted, Charge, Refusal};
use crate::health::Health;
use crate::store::Journalled;
use crate::writer::intake::Outcome;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Requests in one transaction: 64 clients reached 150,000 events/s with groups of this size (measurements.md B 3).
const REQUESTS_MAX: usize = 256;
/// Bytes in one transaction: one greatest request, or thousands of ordinary ones; more would hold the first ones' answers.
const BYTES_MAX: usize = 16 << 20;
/// How long a group waits for one more request, and for all of them. Reports that were due at the same time come within this of
/// each other; without it the first one of them was always committed alone, which cost a third of all writing and syncing
/// (24 recorders at one second). A commit takes longer than this on any disk.
const LINGER: Duration = Duration::from_millis(1);
const LINGER_IN_ALL: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) requests: Vec<Journalled>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) stop: bool,
    waiting: Vec<(oneshot::Sender<Result<Accepted, Refusal>>, Charge)>,
}

impl Group {
    pub(super) fn gather(first: Option<Work>, more: &Receiver<Work>, health: &Health) -> Self {
        let mut group = Self::default();
        let mut bytes: usize = 0;
        let mut next = first;
        let until = Instant::now() + LINGER_IN_ALL;
        while let Some(work) = next {
            match work {
                Work::Request { request, done, charge } => {
                    bytes = bytes.saturating_add(request.body.len());
                    group.requests.push(request);
                    group.waiting.push((done, charge));
                }
                Work::Stop => group.stop = true,
            }
            let full = group.stop || group.requests.len() >= REQUESTS_MAX || bytes >= BYTES_MAX;
            let left = until.saturating_duration_since(Instant::now());
            next = if full { None } else { more.recv_timeout(LINGER.min(left)).ok() };
        }
        health.dequeued(group.requests.len());
        group
    }

    /// Acknowledges: everything in the group is on disk.
    pub(super) fn answer_all(&mut self, health: &Health) {
        let requests = self.requests.iter().zip(self.outcomes.drain(..));
        for ((request, outcome), (done, charge)) in requests.zip(self.waiting.drain(..)) {
            health.received(request.signal, outcome.accepted);
            health.refused("items", outcome.rejected);
            // A sender that has gone away does not matter: it repeats, and repeats are recognised.
            let _ = done.send(Ok(Accepted { rejected: outcome.rejected, message: outcome.message }));
            drop(charge);
        }
    }

    /// Tells everybody that nothing of the group was stored.
    pub(super) fn refuse_all(&mut self, refusal: &Refusal) {
        for (done, charge) in self.waiting.drain(..) {
            let _ = done.send(Err(refusal.clone()));
            drop(charge);
        }
    }
}
