//! The one writer: takes what waits, normalises it, makes it durable together, and only then acknowledges. Once a second it
//! writes the new rows into the database, where readers see them. It also keeps time: a tick without data is a batch too, so that silence is seen and a replay ticks alike.

mod group;
mod intake;

pub(crate) use intake::{Intake, Unstored, unstored};

use crate::admission::{Accepted, Charge, Refusal};
use crate::driver::Outbox;
use crate::health::Health;
use crate::security::Caller;
use crate::settings::{Clock, Settings};
use crate::store::{Batch, Commit, Journalled, Retention, Store, StoreError};
use crate::words::{WordAnswer, WordRequest, Words};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use group::{Expected, Group, Source};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How often the clock is looked at when nothing comes. A tick is due each second; four looks keep it prompt.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After this time readers see a commit although no tick has come, as while the machine's clock is set back.
const FLUSH_AFTER: Duration = Duration::from_millis(1250);
/// Between slices of retention.
const RETAIN_EVERY: Duration = Duration::from_secs(10);

/// What the writer is given.
#[derive(Debug)]
pub(crate) enum Work {
    /// A request to make durable.
    Request {
        request: Journalled,
        /// Who sends it, by its credential.
        caller: Caller,
        done: oneshot::Sender<Result<Accepted, Refusal>>,
        /// Held until the request is answered.
        charge: Charge,
    },
    /// What an engineer says.
    Word { request: WordRequest, done: oneshot::Sender<Result<WordAnswer, Refusal>> },
    /// Show readers of the store all that was acknowledged.
    Flush { done: oneshot::Sender<()> },
    /// Commit what waits, and end.
    Stop,
}

/// The parts around the writer.
#[derive(Debug)]
pub(crate) struct Wiring {
    pub(crate) work: Receiver<Work>,
    pub(crate) driver: SyncSender<Batch>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) health: Arc<Health>,
    /// How much is kept; a reload changes it.
    pub(crate) kept: Arc<Mutex<Kept>>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Observations older than this are deleted.
    pub(crate) age: Duration,
    /// Greatest size of the store, bytes.
    pub(crate) bytes_max: u64,
}

impl Kept {
    pub(crate) const fn of(settings: &Settings) -> Self {
        Self { age: settings.retention, bytes_max: settings.store_bytes_max }
    }
}

/// The writer.
pub(crate) struct Writer {
    wiring: Wiring,
    store: Box<dyn Store>,
    intake: Intake,
    clock: Clock,
    checkpoint_every: Duration,
    last: (u64, Timestamp),
    words: Words,
    saved_at: Timestamp,
    retained_at: Instant,
    expected: Expected,
    /// The normaliser is ahead of the store: a commit failed after it had taken the requests.
    intake_is_ahead: bool,
    /// When the oldest commit was made that readers of the store may not see yet.
    unflushed_since: Option<Instant>,
    /// The fault that the kill test must be able to find.
    #[cfg(test)]
    acknowledge_early: bool,
}

impl Writer {
    pub(crate) fn new(wiring: Wiring, store: Box<dyn Store>, intake: Intake, settings: &Settings) -> Self {
        Self {
            wiring,
            store,
            intake,
            clock: settings.clock.clone(),
            checkpoint_every: settings.checkpoint_every,
            last: (0, Timestamp(i64::MIN)),
            words: Words::default(),
            // What is journalled from here on stands for the state until the first save.
            saved_at: settings.clock.now(),
            retained_at: Instant::now(),
            expected: Expected::default(),
            intake_is_ahead: false,
            unflushed_since: None,
            #[cfg(test)]
            acknowledge_early: settings.acknowledge_early,
        }
    }

    /// Goes on after the last batch of the store.
    pub(crate) fn after(mut self, seq: u64, tick: Timestamp) -> Self {
        self.last = (seq, tick);
        self
    }

    /// Knows what engineers said until the last batch.
    pub(crate) fn knowing(mut self, words: Words) -> Self {
        self.words = words;
        self
    }

    /// Works until told to stop; gives the store back.
    pub(crate) fn run(mut self) -> Box<dyn Store> {
        loop {
            let first = match self.wiring.work.recv_timeout(LOOK_EVERY) {
                Ok(work) => Some(work),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let Wiring { work, health, .. } = &self.wiring;
            let mut group = Group::gather(first, Source { work, expected: &mut self.expected, health });
            let stop = group.stop;
            self.write(&mut group);
            let is_late = self.unflushed_since.is_some_and(|since| since.elapsed() >= FLUSH_AFTER);
            if stop || is_late || group.is_flush_wanted() {
                self.flush();
                group.say_flushed();
            }
            self.send_outbox();
            self.retain();
            if stop {
                break;
            }
        }
        self.store
    }

    /// Shows readers what is pending. With a store that refuses it waits on, and no more is taken meanwhile.
    fn flush(&mut self) {
        match self.store.flush() {
            Ok(()) => self.unflushed_since = None,
            Err(error) => self.wiring.health.set_degraded(Some(error.to_string())),
        }
    }

    /// Commits a group and answers it. Without requests it commits the passing of time, once a second.
    fn write(&mut self, group: &mut Group) {
        let tick = self.tick();
        if group.is_empty() && tick <= self.last.1 {
            return;
        }
        match self.try_write(group, tick) {
            // All of them were refused.
            Ok(None) => {}
            Ok(Some(batch)) => {
                self.wiring.health.set_degraded(None);
                self.wiring.health.ticked(batch.tick, !batch.observations.is_empty());
                group.answer_all(&self.wiring.health);
                batch.words.iter().for_each(|change| self.words.apply(change));
                self.last = (batch.seq, batch.tick);
                // The driver may be behind; then this waits, the queue fills, and senders are told to retry.
                let _ = self.wiring.driver.send(batch);
            }
            Err(error) => {
                self.wiring.health.set_degraded(Some(error.to_string()));
                group.refuse_all(&Refusal::Store(error.to_string()));
            }
        }
    }

    /// Normalises and commits a group. None: nothing of it was there to be committed.
    fn try_write(&mut self, group: &mut Group, tick: Timestamp) -> Result<Option<Batch>, StoreError> {
        if let Err(error) = self.store.check_place() {
            tracing::error!(%error, "the store is made anew; what was in it is gone");
            self.store.reopen()?;
            // The new store knows nothing: the state goes with the first commit.
            self.saved_at = Timestamp(i64::MIN);
        }
        if self.intake_is_ahead {
            self.intake = self.intake.again(self.store.normaliser_state()?)?;
            self.intake_is_ahead = false;
        }
        if tick > self.last.1 && !group.is_empty() {
            // What was committed in a second goes into the database together. Without requests, the commit below takes it along.
            self.store.flush()?;
            self.unflushed_since = None;
        }
        let seq = self.last.0.saturating_add(1);
        let words = group.decide_words(&self.words, seq);
        let batch = Batch { seq, tick, observations: Vec::new(), words };
        self.intake_is_ahead = !group.requests.is_empty();
        let taken = group.take(&mut self.intake);
        if group.is_empty() && tick <= self.last.1 {
            self.intake_is_ahead = false;
            return Ok(None);
        }
        #[cfg(test)]
        if self.acknowledge_early {
            group.outcomes.clone_from(&taken.outcomes);
            group.answer_all(&self.wiring.health);
            // The fault must be seen by ten kills; a fast disk would hide it.
            std::thread::sleep(Duration::from_millis(5));
        }
        let batch = Batch { observations: taken.observations, ..batch };
        let due = self.store.is_journal_full()
            || tick.since(self.saved_at) >= i64::try_from(self.checkpoint_every.as_nanos()).unwrap_or(i64::MAX);
        let normaliser = if due { Some(self.intake.save()?) } else { None };
        let commit = Commit {
            batch: &batch,
            records: &taken.records,
            journal: &group.requests,
            contents: &taken.contents,
            normaliser: normaliser.as_deref(),
        };
        let began = Instant::now();
        self.store.commit(&commit)?;
        self.unflushed_since = if group.requests.is_empty() { None } else { self.unflushed_since.or(Some(began)) };
        self.wiring.health.committed(began.elapsed(), self.store.bytes());
        self.intake_is_ahead = false;
        if due {
            self.saved_at = tick;
        }
        if let Some(latest) = taken.latest {
            self.wiring.health.latest_event(latest);
        }
        group.outcomes = taken.outcomes;
        Ok(Some(batch))
    }

    /// The receive clock, floored to the second; never before the last tick, whatever the machine's clock does.
    fn tick(&self) -> Timestamp {
        let now = self.clock.now().0;
        Timestamp(now.saturating_sub(now.rem_euclid(SECOND_NS))).max(self.last.1)
    }

    /// Stores what the driver wants kept. A failure is tried again with the next: nobody was promised these.
    fn send_outbox(&mut self) {
        if self.wiring.health.degraded().is_some() {
            return;
        }
        if let Err(error) = self.wiring.outbox.store_into(self.store.as_mut()) {
            tracing::warn!(%error, "a checkpoint or verdict was not saved; the next one will be");
        }
    }

    fn retain(&mut self) {
        if self.retained_at.elapsed() < RETAIN_EVERY || self.wiring.health.degraded().is_some() {
            return;
        }
        self.retained_at = Instant::now();
        self.wiring.health.upkeep();
        let Kept { age, bytes_max } = *self.wiring.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let age = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
        let retention = Retention { before: self.tick() - age, bytes_max };
        match self.store.retain(retention) {
            Ok(0) => {}
            Ok(batches) => tracing::info!(batches, "deleted what is past its retention"),
            Err(error) => tracing::warn!(%error, "retention failed; it is tried again"),
        }
    }
}
