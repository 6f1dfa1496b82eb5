//! The collector's own numbers: counted where things happen, read by `/metrics` and `/api/v1/status`. Names and labels
//! come from `protocol::names` alone, and every known label set starts at 0, so that `increase()` sees the first event.

use crate::admission::{Accepted, Refusal};
use crate::refusal_log::RefusalLog;
use crate::store::Signal;
use firstbad_protocol::names::{self, Metric};
use firstbad_protocol::time::Timestamp;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Seconds. A commit is one fsync: 0.3 ms on a good disk, seconds on one that is about to be an incident itself.
const COMMIT_BOUNDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
const METADATA: Metadata<'static> = Metadata::new("firstbad", Level::INFO, None);

/// A counter that status can read back.
struct Count {
    value: AtomicU64,
    shown: Counter,
}

impl Count {
    fn add(&self, n: u64) {
        self.value.fetch_add(n, Ordering::Relaxed);
        self.shown.increment(n);
    }

    fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

/// The collector's own numbers.
pub(crate) struct Health {
    handle: PrometheusHandle,
    recorder: PrometheusRecorder,
    received: BTreeMap<Signal, Count>,
    refused: BTreeMap<&'static str, Count>,
    bytes: Counter,
    queue_length: AtomicU64,
    queue_capacity: u64,
    commit: Histogram,
    store_bytes: AtomicU64,
    last_event_ns: AtomicU64,
    /// Tick of the last commit, and of the last one that held a report; [`i64::MIN`] before the first.
    committed_ns: AtomicI64,
    heard_ns: AtomicI64,
    degraded: Mutex<Option<String>>,
    /// `process_*`.
    process: metrics_process::Collector,
    refusals: RefusalLog,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").field("degraded", &self.degraded()).finish_non_exhaustive()
    }
}

impl Health {
    pub(crate) fn new(queue_capacity: usize) -> Self {
        let matcher = Matcher::Full(names::COLLECTOR_COMMIT.prometheus.to_owned());
        // Buckets are a constant, and not empty; the fallback shows a summary instead.
        let builder = PrometheusBuilder::new().set_buckets_for_metric(matcher, &COMMIT_BOUNDS);
        let recorder = builder.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let count = |metric: &Metric, values: &[&str]| Count {
            value: AtomicU64::new(0),
            shown: registered(&recorder, metric, values, |key| recorder.register_counter(key, &METADATA)),
        };
        let signals = [Signal::Metrics, Signal::Logs, Signal::Traces];
        let health = Self {
            received: signals.map(|s| (s, count(&names::COLLECTOR_RECEIVED, &[s.as_str()]))).into(),
            refused: Refusal::REASONS.map(|r| (r, count(&names::COLLECTOR_REFUSED, &[r]))).into(),
            bytes: count(&names::COLLECTOR_BYTES, &[]).shown,
            commit: registered(&recorder, &names::COLLECTOR_COMMIT, &[], |key| {
                recorder.register_histogram(key, &METADATA)
            }),
            handle: recorder.handle(),
            recorder,
            queue_length: AtomicU64::new(0),
            queue_capacity: queue_capacity as u64,
            store_bytes: AtomicU64::new(0),
            last_event_ns: AtomicU64::new(0),
            committed_ns: AtomicI64::new(i64::MIN),
            heard_ns: AtomicI64::new(i64::MIN),
            degraded: Mutex::new(None),
            process: metrics_process::Collector::default(),
            refusals: RefusalLog::default(),
        };
        metrics::with_local_recorder(&health.recorder, || health.process.describe());
        health.gauge(&names::COLLECTOR_BUILD, &[env!("CARGO_PKG_VERSION")]).set(1.0);
        for result in ["sent", "failed"] {
            health.notifications("alertmanager", result, 0);
        }
        health
    }

    /// A gauge, registered the first time it is set.
    pub(crate) fn gauge(&self, metric: &Metric, values: &[&str]) -> Gauge {
        registered(&self.recorder, metric, values, |key| self.recorder.register_gauge(key, &METADATA))
    }

    pub(crate) fn notifications(&self, target: &str, result: &str, n: u64) {
        let metric = &names::COLLECTOR_NOTIFICATIONS;
        let register = |key: &Key| self.recorder.register_counter(key, &METADATA);
        registered(&self.recorder, metric, &[target, result], register).increment(n);
    }

    pub(crate) fn received(&self, signal: Signal, items: u64) {
        if let Some(count) = self.received.get(&signal) {
            count.add(items);
        }
    }

    /// Counts a refused request, and logs the first of its kind from `from`.
    pub(crate) fn refused_from(&self, refusal: &Refusal, from: Option<SocketAddr>) {
        self.refused(refusal.reason(), 1);
        self.refusals.note(refusal.reason(), from.map(|from| from.ip()), &|| refusal.to_string());
    }

    /// Logs items that were refused of an accepted request, the first of a sender; the writer has counted them.
    pub(crate) fn note_items(&self, accepted: &Accepted, from: Option<SocketAddr>) {
        if accepted.rejected > 0 {
            self.refusals.note("items", from.map(|from| from.ip()), &|| accepted.message.clone());
        }
    }

    /// Counts a refused request, or the items refused of an accepted one.
    pub(crate) fn refused(&self, reason: &'static str, n: u64) {
        if let Some(count) = self.refused.get(reason) {
            count.add(n);
        }
    }

    pub(crate) fn bytes(&self, n: usize) {
        self.bytes.increment(n as u64);
    }

    pub(crate) fn queued(&self) {
        self.queue_length.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dequeued(&self, n: usize) {
        self.queue_length.fetch_sub(n as u64, Ordering::Relaxed);
    }

    pub(crate) fn committed(&self, took: Duration, store_bytes: u64) {
        self.commit.record(took.as_secs_f64());
        self.store_bytes.store(store_bytes, Ordering::Relaxed);
    }

    pub(crate) fn latest_event(&self, at: Timestamp) {
        self.last_event_ns.fetch_max(u64::try_from(at.0).unwrap_or(0), Ordering::Relaxed);
    }

    /// A batch of `tick` is on disk; `holds_reports`: it is more than the passing of time.
    pub(crate) fn ticked(&self, tick: Timestamp, holds_reports: bool) {
        self.committed_ns.store(tick.0, Ordering::Relaxed);
        if holds_reports {
            self.heard_ns.store(tick.0, Ordering::Relaxed);
        }
    }

    /// The collector starts: from now on it waits for reports.
    pub(crate) fn waits_since(&self, now: Timestamp) {
        self.heard_ns.store(now.0, Ordering::Relaxed);
    }

    /// Tick of the last commit of this process.
    pub(crate) fn committed_at(&self) -> Option<Timestamp> {
        timestamp(&self.committed_ns)
    }

    /// When this process committed a report last, or began to wait for one.
    pub(crate) fn heard_at(&self) -> Option<Timestamp> {
        timestamp(&self.heard_ns)
    }

    /// Why nothing can be stored now, if so.
    pub(crate) fn degraded(&self) -> Option<String> {
        self.degraded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells that the store works (none) or why it does not. A change is logged once.
    pub(crate) fn set_degraded(&self, reason: Option<String>) {
        let mut degraded = self.degraded.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*degraded, &reason) {
            (None, Some(reason)) => tracing::error!(reason, "nothing can be stored; senders are told to retry"),
            (Some(_), None) => tracing::info!("the store works again"),
            _ => {}
        }
        *degraded = reason;
    }

    pub(crate) fn store_bytes(&self) -> u64 {
        self.store_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn queue(&self) -> crate::status::Queue {
        crate::status::Queue { length: self.queue_length.load(Ordering::Relaxed), capacity: self.queue_capacity }
    }

    pub(crate) fn received_counts(&self) -> BTreeMap<String, u64> {
        self.received.iter().map(|(signal, count)| (signal.as_str().to_owned(), count.get())).collect()
    }

    pub(crate) fn refused_counts(&self) -> BTreeMap<String, u64> {
        self.refused.iter().map(|(reason, count)| ((*reason).to_owned(), count.get())).collect()
    }

    /// Prometheus text 0.0.4.
    #[expect(clippy::cast_precision_loss, reason = "gauges are doubles; below 2^53 nothing is lost")]
    pub(crate) fn render(&self) -> String {
        let queue = self.queue();
        self.gauge(&names::COLLECTOR_QUEUE_LENGTH, &[]).set(queue.length as f64);
        self.gauge(&names::COLLECTOR_QUEUE_CAPACITY, &[]).set(queue.capacity as f64);
        self.gauge(&names::COLLECTOR_STORE_SIZE, &[]).set(self.store_bytes() as f64);
        self.gauge(&names::COLLECTOR_LAST_EVENT, &[]).set(self.last_event_ns.load(Ordering::Relaxed) as f64 / 1e9);
        metrics::with_local_recorder(&self.recorder, || self.process.collect());
        // The exporter keeps every histogram sample until this is called.
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Folds histogram samples, whether or not anybody scrapes.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

fn timestamp(ns: &AtomicI64) -> Option<Timestamp> {
    Some(ns.load(Ordering::Relaxed)).filter(|ns| *ns != i64::MIN).map(Timestamp)
}

/// A handle of `metric` with these label values, its help text told.
fn registered<T>(
    recorder: &PrometheusRecorder,
    metric: &Metric,
    values: &[&str],
    register: impl FnOnce(&Key) -> T,
) -> T {
    let name = KeyName::from_const_str(metric.prometheus);
    let help = metric.help.into();
    let unit: Option<Unit> = None;
    match metric.kind {
        names::Kind::Counter => recorder.describe_counter(name, unit, help),
        names::Kind::Gauge => recorder.describe_gauge(name, unit, help),
        names::Kind::Histogram => recorder.describe_histogram(name, unit, help),
    }
    let labels = metric.labels.iter().zip(values).map(|(name, value)| Label::new(*name, (*value).to_owned()));
    register(&Key::from_parts(metric.prometheus, labels.collect::<Vec<_>>()))
}
