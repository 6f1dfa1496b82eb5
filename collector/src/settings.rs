//! What may be set about a collector and an agent, with the defaults. Where a value comes from (file, environment, flag)
//! is decided in `arguments`; what an address may be in `listen`.

mod alerting;
mod arguments;
mod connect;
mod file;
mod listen;
mod serve;

pub use alerting::{AlertLabel, AlertTexts};
pub use arguments::{AgentArgs, CollectArgs, NotADuration, Seconds};
pub use connect::{AlertmanagerArgs, ConnectArgs};
pub use file::{AgentFile, CollectFile, File, FileError};
pub use listen::{Listen, NotAnAddress};
pub use serve::ServeArgs;

use crate::page::Page;
use crate::security::{ConnectSettings, ServeSecurity};
use firstbad_protocol::time::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Default port of OTLP/gRPC.
pub const OTLP_GRPC_PORT: u16 = 4317;
/// Default port of OTLP/HTTP.
pub const OTLP_HTTP_PORT: u16 = 4318;
/// Default port of the query API, SSE and `/metrics`.
pub const API_PORT: u16 = 4319;

/// The receive clock. Everything in a collector that needs the time of day asks this one; tests wind it by hand.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that tells what `now` tells.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
        })
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// What is kept of a version's content for the difference view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// The bytes, compressed, once per hash.
    #[default]
    Full,
    /// Nothing: for inputs that hold secrets.
    Off,
}

/// Recorders of this host, read without an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorders {
    /// Directories to look in; empty: the search list of contract.md section 5.
    pub directories: Vec<PathBuf>,
    /// How often they are read and reported.
    pub interval: Duration,
}

/// Alertmanagers, how they are connected to, and what is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alertmanager {
    /// Base URL of each. Every one gets every alert, as members of an Alertmanager cluster expect.
    pub urls: Vec<String>,
    /// Trusted certificates, and the client's own credentials.
    pub connect: ConnectSettings,
    /// Labels and links of alerts that do not depend on the incident.
    pub texts: AlertTexts,
}

/// Everything about one collector.
#[derive(Clone, Debug)]
pub struct Settings {
    /// OTLP/HTTP receiver; none: not served.
    pub otlp_http: Option<Listen>,
    /// OTLP/gRPC receiver; none: not served.
    pub otlp_grpc: Option<Listen>,
    /// Query API, SSE and `/metrics`.
    pub api: Listen,
    /// Where the store lives. It is created if missing.
    pub data_dir: PathBuf,
    /// Whether a bind wider than loopback is allowed although there is neither TLS nor authentication.
    pub insecure: bool,
    /// The engine's settings.
    pub engine: firstbad_diagnosis::Settings,
    /// Read this host's recorders.
    pub recorders: Option<Recorders>,
    /// Requests that may wait for a commit.
    pub queue_requests: usize,
    /// How often engine and normaliser are checkpointed.
    pub checkpoint_every: Duration,
    /// Observations older than this are deleted.
    pub retention: Duration,
    /// Greatest size of the store, bytes; the oldest observations go first.
    pub store_bytes_max: u64,
    /// What is kept of contents.
    pub contents: Contents,
    /// Alertmanagers to send alerts to.
    pub alertmanager: Option<Alertmanager>,
    /// A directory of playbooks that come before the embedded ones.
    pub playbooks: Option<PathBuf>,
    /// TLS and credentials of every listener.
    pub security: ServeSecurity,
    /// Whether verdicts are only recorded: nobody is alerted.
    pub shadow: bool,
    /// The page at `/`; if none, nothing is served there.
    pub page: Option<Page>,
    /// The receive clock.
    pub clock: Clock,
    #[cfg(test)]
    pub(crate) acknowledge_early: bool,
}

impl Settings {
    /// The defaults, with the store in `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            otlp_http: Some(Listen::loopback(OTLP_HTTP_PORT)),
            otlp_grpc: Some(Listen::loopback(OTLP_GRPC_PORT)),
            api: Listen::loopback(API_PORT),
            data_dir: data_dir.into(),
            insecure: false,
            engine: firstbad_diagnosis::Settings::default(),
            recorders: None,
            queue_requests: 1024,
            checkpoint_every: Duration::from_secs(30),
            retention: Duration::from_secs(7 * 24 * 3600),
            store_bytes_max: 2 << 30,
            contents: Contents::Full,
            alertmanager: None,
            playbooks: None,
            security: ServeSecurity::default(),
            shadow: false,
            page: None,
            clock: Clock::default(),
            #[cfg(test)]
            acknowledge_early: false,
        }
    }

    /// As [`Settings::new`], on free ports: for tests, the demo and the embedded collector.
    #[must_use]
    pub fn on_free_ports(data_dir: impl Into<PathBuf>) -> Self {
        let free = || Listen::loopback(0);
        Self { otlp_http: Some(free()), otlp_grpc: Some(free()), api: free(), ..Self::new(data_dir) }
    }
}

/// Everything about one agent.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// Base URL of the collector's OTLP/HTTP receiver, such as `http://10.0.0.5:4318`.
    pub to: String,
    /// Recorders to read.
    pub recorders: Recorders,
    /// Where this host's own Prometheus text is served; none: not served.
    pub metrics: Option<Listen>,
    /// Whether `metrics` may be wider than loopback without TLS and credentials.
    pub insecure: bool,
    /// What is trusted and shown when connecting to the collector.
    pub connect: ConnectSettings,
    /// TLS and credentials of `metrics`.
    pub security: ServeSecurity,
    /// The clock.
    pub clock: Clock,
}

/// The default place of the store: `FIRSTBAD_DATA_DIR` is read by clap; root uses `/var/lib/firstbad`, others
/// `$XDG_STATE_HOME/firstbad` or `~/.local/state/firstbad`.
#[must_use]
pub fn default_data_dir() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match (set("XDG_STATE_HOME"), set("HOME")) {
        (Some(state), _) => state.join("firstbad"),
        (None, Some(home)) if home != std::path::Path::new("/root") => home.join(".local/state/firstbad"),
        _ => PathBuf::from("/var/lib/firstbad"),
    }
}
