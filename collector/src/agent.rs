//! The agent: reads this host's recorders every report interval and ships them as OTLP/HTTP. It keeps no queue on disk:
//! points are cumulative since the recorder's creation, so the newest report holds all that a lost one held, and log
//! events stay in the recorder until the collector has them.

mod asking;
mod exposition;
mod serving;
pub(crate) mod shipping;

use crate::StartError;
use crate::local::{sleep_until, source_of, tell_unreadable};
use crate::recorder::RecorderSource;
use crate::server::Place;
use crate::settings::{AgentSettings, Clock};
use asking::Asking;
use shipping::{ShipError, Shipment, Shipper};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What an agent has done so far.
#[derive(Debug, Default)]
pub struct AgentCounts {
    /// Recorders in the last report.
    pub recorders: AtomicU64,
    /// Reports that the collector has on disk.
    pub shipped: AtomicU64,
    /// Contents that were not sent because the collector had them.
    pub contents_known: AtomicU64,
    /// Requests that it refused for good.
    pub refused: AtomicU64,
    /// Reports that it has not; what they held is in the next.
    pub failed: AtomicU64,
}

/// A running agent. Dropping it ships a last report, if the collector answers at once, and stops.
#[derive(Debug)]
pub struct Agent {
    counts: Arc<AgentCounts>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    metrics: Vec<SocketAddr>,
}

impl Agent {
    /// Starts an agent. A collector that does not answer yet is no error: it is tried until it does.
    ///
    /// # Errors
    /// If the URL cannot be used, or there is no thread to be had.
    pub fn start(settings: AgentSettings) -> Result<Self, StartError> {
        let shipper = Shipper::new(&settings.to, &settings.connect)?;
        let counts = Arc::new(AgentCounts::default());
        let (stop, stopped) = watch::channel(false);
        let page = serving::Page::default();
        let (mut threads, mut metrics) = (Vec::new(), Vec::new());
        if let Some(listen) = &settings.metrics {
            let may_be_wide = settings.insecure || settings.security.is_complete();
            let place = Place { listen, flag: "--metrics", may_be_wide };
            let (addresses, thread) = serving::start(place, &settings.security, &page, &stopped)?;
            metrics = addresses;
            threads.push(thread);
        }
        let worker = Worker {
            page: settings.metrics.is_some().then_some(page),
            source: source_of(&settings.recorders).with_names_of_stacks(),
            interval: settings.recorders.interval,
            clock: settings.clock,
            shipper,
            counts: Arc::clone(&counts),
            told: BTreeSet::new(),
        };
        let spawned = std::thread::Builder::new().name("firstbad-agent".to_owned()).spawn(move || worker.run(&stopped));
        threads.push(spawned.map_err(|source| StartError::Thread { what: "the agent", source })?);
        Ok(Self { counts, stop, threads, metrics })
    }

    /// Whether an agent with `settings` could connect as they say. Nothing is sent.
    ///
    /// # Errors
    /// If the URL, a certificate, a key or a token cannot be used.
    pub fn check(settings: &AgentSettings) -> Result<(), StartError> {
        Shipper::new(&settings.to, &settings.connect).map(drop)
    }

    /// Where its `/metrics` is served; empty: nowhere.
    #[must_use]
    pub fn metrics_addresses(&self) -> &[SocketAddr] {
        &self.metrics
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> &AgentCounts {
        &self.counts
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

struct Worker {
    page: Option<serving::Page>,
    source: RecorderSource,
    interval: Duration,
    clock: Clock,
    shipper: Shipper,
    counts: Arc<AgentCounts>,
    /// Recorders that could not be read at the last look.
    told: BTreeSet<String>,
}

impl Worker {
    fn run(mut self, stop: &watch::Receiver<bool>) {
        // Hosts that were rolled out together would report together for ever.
        let mut due = Instant::now() + self.interval.mul_f64(self.shipper.jitter() * 0.1);
        while sleep_until(due, stop) {
            self.report(stop);
            due = (due + self.interval).max(Instant::now());
        }
        self.report(stop);
    }

    fn report(&mut self, stop: &watch::Receiver<bool>) {
        let mut asking = Asking::new(&self.shipper);
        let exports = self.source.poll_for(self.clock.now(), &mut |hash| asking.has(hash));
        self.counts.contents_known.fetch_add(asking.known, Ordering::Relaxed);
        tell_unreadable(&self.source, &mut self.told);
        self.counts.recorders.store(exports.len() as u64, Ordering::Relaxed);
        if let Some(page) = &self.page {
            *page.lock().unwrap_or_else(PoisonError::into_inner) = exposition::text(&exports).into();
        }
        let shipments = Shipment::of(exports);
        // Retrying ends when the next report is due: it holds everything that this one does, and is newer.
        let give_up = Instant::now() + self.interval;
        for shipment in &shipments {
            match self.shipper.ship(shipment, give_up, stop) {
                Ok(()) => {}
                // Repeating it would be refused again and hold up everything behind it.
                Err(error @ ShipError::Refused { .. }) => {
                    self.counts.refused.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(%error, "part of a report is lost");
                }
                Err(error) => {
                    self.counts.failed.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, "a report was not shipped; the next holds everything that it held");
                    return;
                }
            }
        }
        self.source.commit();
        self.counts.shipped.fetch_add(1, Ordering::Relaxed);
    }
}
