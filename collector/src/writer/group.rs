//! One group commit's worth of requests: gathered until nothing waits or the bound is met, answered together.

use super::Work;
use crate::admission::{Accepted, Charge, Refusal};
use crate::health::Health;
use crate::security::Caller;
use crate::store::Journalled;
use crate::words::{WordAnswer, WordChange, WordRequest, Words};
use crate::writer::intake::{Intake, Outcome, Taken};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Requests in one transaction: 64 clients reached 150,000 events/s with groups of this size (measurements.md B 3).
const REQUESTS_MAX: usize = 256;
/// Bytes in one transaction: one greatest request, or thousands of ordinary ones; more would hold the first ones' answers.
const BYTES_MAX: usize = 16 << 20;
/// How long a group waits for more requests at a time, and in all, if it has fewer than those before it ([`Expected`]). Reports
/// that were due at the same time come within this of each other; without it the first one of them was always committed alone,
/// which cost a third of all writing and syncing (24 recorders at one second). A commit takes longer than this on any disk.
const LINGER: Duration = Duration::from_millis(1);
const LINGER_IN_ALL: Duration = Duration::from_millis(5);

/// How many requests the next group will probably have. It rises at once and falls by a quarter with each group, so one late
/// request does not split the next groups.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expected(usize);

impl Expected {
    fn note(&mut self, requests: usize) {
        if requests > 0 {
            self.0 = requests.max(self.0 - self.0.div_ceil(4).min(self.0));
        }
    }
}

/// Where requests come from, and how many are expected.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) work: &'a Receiver<Work>,
    pub(super) expected: &'a mut Expected,
    pub(super) health: &'a Health,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) requests: Vec<Journalled>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) stop: bool,
    waiting: Vec<Waiting>,
    words: Vec<WaitingWord>,
    /// Who wants to read what was acknowledged.
    readers: Vec<oneshot::Sender<()>>,
}

/// The sender of a request.
#[derive(Debug)]
struct Waiting {
    caller: Caller,
    done: oneshot::Sender<Result<Accepted, Refusal>>,
    /// Held until the request is answered.
    charge: Charge,
}

/// A request about words, and the channel for its answer.
#[derive(Debug)]
struct WaitingWord {
    request: WordRequest,
    done: oneshot::Sender<Result<WordAnswer, Refusal>>,
    /// The answer, sent after the commit.
    answer: Option<Result<WordAnswer, Refusal>>,
}

impl Group {
    /// `first`, what waits behind it, and what comes soon after.
    pub(super) fn gather(first: Option<Work>, from: Source<'_>) -> Self {
        let Source { work: more, expected, health } = from;
        let mut group = Self::default();
        let mut bytes: usize = 0;
        let mut next = first;
        let until = Instant::now() + LINGER_IN_ALL;
        while let Some(work) = next {
            match work {
                Work::Request { request, caller, done, charge } => {
                    bytes = bytes.saturating_add(request.body.len());
                    group.requests.push(request);
                    group.waiting.push(Waiting { caller, done, charge });
                }
                Work::Word { request, done } => group.words.push(WaitingWord { request, done, answer: None }),
                Work::Flush { done } => group.readers.push(done),
                Work::Stop => group.stop = true,
            }
            let full = group.stop || group.requests.len() >= REQUESTS_MAX || bytes >= BYTES_MAX;
            next = if full { None } else { more.try_recv().ok() };
            if next.is_none() && !full && group.requests.len() < expected.0 {
                next = late(more, until);
            }
        }
        expected.note(group.requests.len());
        health.dequeued(group.requests.len());
        group
    }

    /// Normalises the requests, in order. One that cannot be read is refused, and leaves the group.
    pub(super) fn take(&mut self, intake: &mut Intake) -> Taken {
        let mut taken = Taken::default();
        let (requests, waiting) = (std::mem::take(&mut self.requests), std::mem::take(&mut self.waiting));
        for (mut request, waiting) in requests.into_iter().zip(waiting) {
            match intake.take(&mut request, &waiting.caller) {
                Ok(batch) => {
                    taken.add(batch, intake.keeps_contents());
                    self.requests.push(request);
                    self.waiting.push(waiting);
                }
                Err(refusal) => waiting.answer(Err(refusal)),
            }
        }
        taken
    }

    /// Whether somebody wants to read what was acknowledged.
    pub(super) const fn is_flush_wanted(&self) -> bool {
        !self.readers.is_empty()
    }

    /// Tells those who want to read.
    pub(super) fn say_flushed(&mut self) {
        for reader in self.readers.drain(..) {
            // Who has gone away reads nothing.
            let _ = reader.send(());
        }
    }

    /// Whether nobody waits for an answer.
    pub(super) const fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.words.is_empty()
    }

    /// The changes of the group's words, in order, for a commit with batch `seq`.
    pub(super) fn decide_words(&mut self, known: &Words, seq: u64) -> Vec<WordChange> {
        if self.words.is_empty() {
            return Vec::new();
        }
        let mut known = known.clone();
        let mut changes = Vec::new();
        for waiting in &mut self.words {
            waiting.answer = Some(match known.decide(&waiting.request, seq) {
                Ok(decided) => {
                    decided.changes.iter().for_each(|change| known.apply(change));
                    changes.extend(decided.changes);
                    Ok(decided.answer)
                }
                Err(full) => Err(Refusal::TooLarge(full.to_string())),
            });
        }
        changes
    }

    /// Acknowledges: everything in the group is on disk.
    pub(super) fn answer_all(&mut self, health: &Health) {
        let requests = self.requests.iter().zip(self.outcomes.drain(..));
        for ((request, outcome), waiting) in requests.zip(self.waiting.drain(..)) {
            health.received(request.signal, outcome.accepted);
            health.refused("items", outcome.rejected);
            waiting.answer(Ok(Accepted { rejected: outcome.rejected, message: outcome.message }));
        }
        for waiting in self.words.drain(..) {
            let _ = waiting.done.send(waiting.answer.unwrap_or(Err(Refusal::Stopping)));
        }
    }

    /// Tells everybody that nothing of the group was stored.
    pub(super) fn refuse_all(&mut self, refusal: &Refusal) {
        for waiting in self.waiting.drain(..) {
            waiting.answer(Err(refusal.clone()));
        }
        for waiting in self.words.drain(..) {
            let _ = waiting.done.send(Err(refusal.clone()));
        }
    }
}

impl Waiting {
    /// A sender that has gone away does not matter: it repeats, and repeats are recognised.
    fn answer(self, answer: Result<Accepted, Refusal>) {
        let _ = self.done.send(answer);
        drop(self.charge);
    }
}

/// The next request that comes within the group's time. A wait for each single request would cost more than the request: the
/// queue is looked at after each [`LINGER`].
fn late(more: &Receiver<Work>, until: Instant) -> Option<Work> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return None;
    }
    std::thread::sleep(LINGER.min(left));
    more.try_recv().ok()
}
