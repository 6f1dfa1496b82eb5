//! The recorder receiver: this host's recorders, read every report interval and admitted like any other request, through
//! the same decoding, queue and commit. Log events count as shipped only when they are on disk.

use crate::admission::{Admission, Incoming, Refusal};
use crate::otlp::{Compression, Encoding};
use crate::recorder::{Export, Place, RecorderError, RecorderSource, search_list};
use crate::security::Caller;
use crate::settings::{Clock, Recorders};
use crate::store::Signal;
use firstbad_protocol::recorder::DecodeError;
use prost::Message;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often a sleeper looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Exports queued together: a fraction of the queue, and of the bytes that may be in flight.
const TOGETHER: usize = 32;

/// What the last look at this host's recorders found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Recorders that were read.
    pub(crate) read: u64,
    /// Why others were not: a proxy whose recorder nobody can read is otherwise nowhere to be seen.
    pub(crate) unreadable: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct LocalRecorders {
    source: RecorderSource,
    interval: Duration,
    admission: Admission,
    found: Arc<Mutex<Found>>,
    told: BTreeSet<String>,
}

impl LocalRecorders {
    pub(crate) fn new(settings: &Recorders, admission: Admission, found: Arc<Mutex<Found>>) -> Self {
        Self { source: source_of(settings), interval: settings.interval, admission, found, told: BTreeSet::new() }
    }

    /// Reads and admits until told to stop; a last time then, so that what was recorded before the stop is in the store.
    pub(crate) fn run(mut self, clock: &Clock, stop: &watch::Receiver<bool>) {
        loop {
            let began = Instant::now();
            self.report(clock);
            if !sleep_until(began + self.interval, stop) {
                self.report(clock);
                return;
            }
        }
    }

    fn report(&mut self, clock: &Clock) {
        let exports = self.source.poll(clock.now());
        tell_unreadable(&self.source, &mut self.told);
        let unreadable = self.told.iter().cloned().collect();
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Found { read: exports.len() as u64, unreadable };
        let mut exports = exports.into_iter();
        let groups = std::iter::from_fn(|| {
            Some(exports.by_ref().take(TOGETHER).collect::<Vec<_>>()).filter(|group| !group.is_empty())
        });
        match groups.map(|group| self.admit(group)).find(Result::is_err).unwrap_or(Ok(())) {
            Ok(()) => self.source.commit(),
            // Points are cumulative and events are repeated until committed: the next report makes it good.
            Err(refusal) => tracing::warn!(%refusal, "this host's recorders were not stored; they are read again"),
        }
    }

    /// Queues the exports together and then waits for all, so that they share a commit: one commit for each of 24
    /// recorders wrote 3 GB an hour.
    fn admit(&self, exports: Vec<Export>) -> Result<(), Refusal> {
        let mut waiting = Vec::new();
        for export in exports {
            // Logs first: a load tells what the points of the same interval were counted under.
            let logs = export.logs.map(|logs| (Signal::Logs, logs.encode_to_vec()));
            let metrics = export.metrics.map(|metrics| (Signal::Metrics, metrics.encode_to_vec()));
            for (signal, body) in logs.into_iter().chain(metrics) {
                let mut charge = self.admission.charge();
                charge.take(body.len())?;
                let (encoding, compression) = (Encoding::Protobuf, Compression::Identity);
                let caller = Caller::anybody();
                waiting.push(self.admission.admit(Incoming { signal, encoding, compression, body, charge, caller })?);
            }
        }
        waiting.into_iter().try_for_each(|answer| answer.wait_blocking().map(|_| ()))
    }
}

/// Logs each recorder, and each directory of recorders, that is not read, once for as long as it stays so; `told` holds those of the last look.
pub(crate) fn tell_unreadable(source: &RecorderSource, told: &mut BTreeSet<String>) {
    // One that is being set up is read the next time.
    let setting_up =
        |problem: &&RecorderError| matches!(problem, RecorderError::Decode { error: DecodeError::NotReady, .. });
    let mut problems: BTreeSet<String> =
        source.problems().filter(|problem| !setting_up(problem)).map(|problem| problem.to_string()).collect();
    problems.extend(source.places().iter().filter_map(Place::problem));
    for problem in problems.difference(told) {
        tracing::warn!(%problem, "recorders are not read: their processes are not seen");
    }
    *told = problems;
}

/// The recorders that `settings` name, on this host and in its containers.
pub(crate) fn source_of(settings: &Recorders) -> RecorderSource {
    if settings.directories.is_empty() {
        RecorderSource::new(search_list()).with_containers().pointing_to_others()
    } else {
        RecorderSource::new(settings.directories.clone()).with_containers()
    }
}

/// Sleeps until `due`. False: it is time to stop.
pub(crate) fn sleep_until(due: Instant, stop: &watch::Receiver<bool>) -> bool {
    loop {
        if *stop.borrow() || stop.has_changed().is_err() {
            return false;
        }
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(LOOK_EVERY));
    }
}
