//! Starting and stopping a collector: which part first, and what is undone when one fails. Listeners are bound before the
//! store is opened, and the engine runs before the first request is read, so that nothing is promised too early.

mod listeners;
mod reloading;
pub(crate) mod resume;

use crate::admission::Admission;
use crate::driver::{Driver, Outbox};
use crate::health::Health;
use crate::local::LocalRecorders;
use crate::playbooks::Playbooks;
use crate::reload::{ReloadError, Reloaded};
use crate::security::audit::Audit;
use crate::security::{Guard, GuardParts, ServerTls, Token, keep_fresh};
use crate::server::api::{Api, ApiParts};
use crate::settings::{FileError, Settings};
use crate::status::Status;
use crate::store::{DirectoryLock, Store, StoreError};
use crate::writer::{Kept, Wiring, Writer};
use crate::{Client, Published, Publisher, StartError};
use listeners::{Bound, Front};
use reloading::{Reloading, Shared};
use resume::{Resumed, resume};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// Threads of the reactor, and of work beside it (decoding, reading the store).
const REACTOR_THREADS: usize = 2;
const BLOCKING_THREADS: usize = 8;
/// Batches between writer and driver: if the engine is this far behind, the writer waits for it.
const BATCHES_AHEAD: usize = 64;
/// How long requests under way may take when the collector stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a collector listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// OTLP/HTTP; empty: not served.
    pub otlp_http: Vec<SocketAddr>,
    /// OTLP/gRPC; empty: not served.
    pub otlp_grpc: Vec<SocketAddr>,
    /// Query API, SSE and `/metrics`.
    pub api: Vec<SocketAddr>,
}

impl Addresses {
    /// Receiver and addresses, those that are served.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, Vec<SocketAddr>)> {
        let all = [("otlp_http", &self.otlp_http), ("otlp_grpc", &self.otlp_grpc), ("api", &self.api)];
        all.into_iter().filter(|(_, at)| !at.is_empty()).map(|(name, at)| (name, at.clone())).collect()
    }

    /// Whether other machines can connect to one of them.
    fn are_wide(&self) -> bool {
        self.named().iter().any(|(_, at)| at.iter().any(|address| !address.ip().is_loopback()))
    }
}

/// A running collector. Dropping it stops it.
#[derive(Debug)]
pub struct Collector {
    client: Client,
    addresses: Addresses,
    notices: Vec<String>,
    publisher: Publisher,
    admission: Admission,
    stop: watch::Sender<bool>,
    outbox: Arc<Outbox>,
    runtime: Option<tokio::runtime::Runtime>,
    writer: Option<JoinHandle<Box<dyn Store>>>,
    driver: Option<JoinHandle<()>>,
    helpers: Vec<JoinHandle<()>>,
    reloading: Reloading,
    // Last, so that the directory is free only when everything above has ended.
    _lock: DirectoryLock,
}

impl Collector {
    /// Starts a collector: listeners bound, store open, state resumed, engine running when this returns. While the store is
    /// read, the listeners answer that they are not ready.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let bound = Bound::bind(&settings)?;
        let addresses = bound.addresses();
        let tls = settings.security.tls.as_ref().map(ServerTls::new).transpose()?;
        let library = Playbooks::read(settings.playbooks.as_deref())?;
        let lock = DirectoryLock::take(&settings.data_dir)?;
        let health = Arc::new(Health::new(settings.queue_requests));
        let own = settings.security.credentials.as_ref().map(|_| Token::generate("screen")).transpose()?;
        let guard = guard(&settings, &health)?.knowing(own.as_ref());
        let (stop, stopped) = watch::channel(false);
        let runtime = runtime()?;
        let front = Front { guard: &guard, tls: tls.clone(), stop: &stopped };
        let gates = bound.serve(&runtime, &front);

        let Resumed { store, intake, stepper, last, notices, words } = resume(&settings)?;
        health.waits_since(settings.clock.now());
        let publisher = Publisher::new(Published::new(last.0, stepper.snapshot()));
        let status = first_status(&settings, &addresses, &notices);
        let (queue, work) = mpsc::sync_channel(settings.queue_requests);
        let admission = Admission::new(queue, Arc::clone(&health), settings.clock.clone());
        let parts = ApiParts {
            publisher: publisher.clone(),
            health: Arc::clone(&health),
            guard: guard.clone(),
            status,
            admission: admission.clone(),
        };
        let api = Api::new(&settings, parts);
        let playbooks = Playbooks::default();
        playbooks.put(library);
        let (batches, committed) = mpsc::sync_channel(BATCHES_AHEAD);
        let outbox = Arc::new(Outbox::default());
        let goes_on_from = stepper.snapshot();
        let mut driver = Driver::new(stepper, last.0, publisher.clone(), Arc::clone(&outbox))
            .going_on_from(&goes_on_from, playbooks.clone())
            .counting_into(Arc::clone(&api.fleet))
            .checkpoint_every(settings.checkpoint_every);
        driver.checkpoint();
        let driver = spawn("firstbad-driver", move || driver.run(&committed))?;
        let kept = Arc::new(Mutex::new(Kept::of(&settings)));
        let wiring = Wiring {
            work,
            driver: batches,
            outbox: Arc::clone(&outbox),
            health: Arc::clone(&health),
            kept: Arc::clone(&kept),
        };
        let writer = Writer::new(wiring, store, intake, &settings).after(last.0, last.1).knowing(words);
        let writer = spawn("firstbad-writer", move || writer.run())?;
        let helpers = helpers(&settings, &api, &stopped)?;
        let fresh: Vec<_> = guard.fresh().into_iter().chain(tls.as_ref().map(ServerTls::fresh)).collect();
        let reloading = Reloading::start(&api, Shared { settings, kept, playbooks, fresh: fresh.clone() })?;
        runtime.spawn(keep_fresh(fresh, stopped.clone()));
        let client = Client::of_this_process(&url(tls.is_some(), &addresses.api), own.as_ref());
        gates.open(&admission, api);
        Ok(Self {
            client,
            addresses,
            notices,
            publisher,
            admission,
            stop,
            outbox,
            runtime: Some(runtime),
            writer: Some(writer),
            driver: Some(driver),
            helpers,
            reloading,
            _lock: lock,
        })
    }

    /// Puts changed settings in force, as far as they can be while it runs.
    ///
    /// # Errors
    /// If something of them cannot be used. Then nothing of them is in force, the status says so, and what was before goes on.
    pub fn reload(&self, wanted: Result<Settings, FileError>) -> Result<Reloaded, ReloadError> {
        self.reloading.reload(wanted)
    }

    /// Where it listens; with port 0 in the settings, here is the real one.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What the start had to say: a store moved aside, a state that was rebuilt.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Base URL of the query API.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.client.base().to_owned()
    }

    /// Base URL of the OTLP/HTTP receiver.
    #[must_use]
    pub fn otlp_url(&self) -> String {
        url(self.client.base().starts_with("https:"), &self.addresses.otlp_http)
    }

    /// What the engine says, for readers in this process.
    #[must_use]
    pub const fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// A client of this collector.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Stops receiving, commits and acknowledges what was received, saves the state, and releases the store. The same
    /// happens on drop.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.reloading.stop();
        for helper in self.helpers.drain(..) {
            let _ = helper.join();
        }
        // The writer ends after what is queued; requests under way then get their answers from the reactor.
        self.admission.close();
        let store = self.writer.take().and_then(|writer| writer.join().ok());
        if let Some(driver) = self.driver.take() {
            let _ = driver.join();
        }
        if let Some(mut store) = store
            && let Err(error) = self.outbox.store_into(store.as_mut())
        {
            tracing::warn!(%error, "the last checkpoint was not saved; the next start replays a little more");
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(STOP_TIMEOUT);
        }
    }
}

/// What runs beside writer and driver.
fn helpers(settings: &Settings, api: &Api, stopped: &watch::Receiver<bool>) -> Result<Vec<JoinHandle<()>>, StartError> {
    let Some(recorders) = &settings.recorders else { return Ok(Vec::new()) };
    let local = LocalRecorders::new(recorders, api.admission.clone(), Arc::clone(&api.recorders));
    let (clock, stopped) = (settings.clock.clone(), stopped.clone());
    Ok(vec![spawn("firstbad-recorders", move || local.run(&clock, &stopped))?])
}

/// The guard of every listener. Where there are credentials, denied calls and those of administrators are logged.
fn guard(settings: &Settings, health: &Arc<Health>) -> Result<Guard, StartError> {
    let credentials = settings.security.credentials.as_deref();
    let open = || Audit::open(&settings.data_dir);
    let refuse = |source| StoreError::Directory { directory: settings.data_dir.clone(), source };
    let audit = credentials.map(|_| open()).transpose().map_err(refuse)?;
    let parts = GuardParts { health: Some(Arc::clone(health)), audit, clock: settings.clock.clone() };
    Ok(Guard::new(credentials, parts)?)
}

fn first_status(settings: &Settings, addresses: &Addresses, notices: &[String]) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at: settings.clock.now(),
        data_dir: settings.data_dir.display().to_string(),
        listen: addresses.named().into_iter().map(|(name, at)| (name.to_owned(), at)).collect(),
        insecure: !settings.security.is_complete() && addresses.are_wide(),
        shadow: settings.shadow,
        notices: notices.to_vec(),
        recorders: settings.recorders.as_ref().map(|_| 0),
        ..Status::default()
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(REACTOR_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("firstbad-io")
        .enable_all()
        .build()
        .map_err(|source| StartError::Thread { what: "the reactor", source })
}

fn spawn<T: Send + 'static>(
    name: &'static str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|source| StartError::Thread { what: name, source })
}

/// A URL that a client on this machine can use: an unspecified address stands for loopback.
fn url(is_tls: bool, addresses: &[SocketAddr]) -> String {
    let Some(first) = addresses.first() else { return String::new() };
    let ip = match first.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    format!("{}://{}", if is_tls { "https" } else { "http" }, SocketAddr::new(ip, first.port()))
}
