//! Running a role in the foreground until the process is told to end. Used by `firstbad-collector` and by the same
//! commands of `firstbad`. SIGHUP makes it read its configuration again.

use crate::agent::Agent;
use crate::settings::{AgentSettings, FileError, Settings};
use crate::{Collector, StartError};
use std::io;
use std::path::PathBuf;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Flags of every role that runs until it is stopped.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RoleArgs {
    /// Configuration file (TOML); FIRSTBAD_* and flags win over it. SIGHUP makes the process read it again
    #[arg(short, long, value_name = "FILE", env = "FIRSTBAD_CONFIG")]
    pub config: Option<PathBuf>,
    /// The form of log lines; FIRSTBAD_LOG says which of them are written
    #[arg(long, value_enum, value_name = "FORMAT", env = "FIRSTBAD_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

impl RoleArgs {
    /// Log lines on standard error, one per event, `FIRSTBAD_LOG` (default `info`) says which.
    pub fn log_to_stderr(&self) {
        let filter = tracing_subscriber::EnvFilter::try_from_env("FIRSTBAD_LOG")
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
        // A second call, as in an embedding program, changes nothing.
        let _ = match self.log_format {
            LogFormat::Text => lines.try_init(),
            LogFormat::Json => lines.json().flatten_event(true).try_init(),
        };
    }

    /// A line that is no event: people see it as it is, and a reader of JSON sees JSON.
    fn say(&self, line: &str) {
        match self.log_format {
            LogFormat::Text => eprintln!("firstbad-collector: {line}"),
            LogFormat::Json => tracing::info!("{line}"),
        }
    }
}

/// Says where the collector listens, waits for SIGTERM or SIGINT, and stops it. At SIGHUP it puts what `read` gives in force.
///
/// # Errors
/// If signals cannot be waited for.
pub fn collector(
    collector: Collector,
    arguments: &RoleArgs,
    read: impl Fn() -> Result<Settings, FileError>,
) -> io::Result<()> {
    for (receiver, addresses) in collector.addresses().named() {
        for address in addresses {
            arguments.say(&format!("{receiver} on {address}"));
        }
    }
    for notice in collector.notices() {
        arguments.say(notice);
    }
    wait_for_the_end(|| {
        match collector.reload(read()) {
            Ok(done) => tracing::info!(%done, "the configuration was read again"),
            Err(error) => tracing::error!(%error, "the configuration is refused; what was in force stays"),
        }
        Ok(())
    })?;
    collector.stop();
    Ok(())
}

/// Waits for SIGTERM or SIGINT, and stops the agent. At SIGHUP it is started again with what `read` gives: what it has not sent
/// stands in the recorders, so nothing is lost.
///
/// # Errors
/// If signals cannot be waited for, or no agent can be started any more.
pub fn agent(
    settings: AgentSettings,
    arguments: &RoleArgs,
    read: impl Fn() -> Result<AgentSettings, FileError>,
) -> Result<(), StartError> {
    let mut running = RunningAgent::start(settings)?;
    running.say_where(arguments);
    let mut trouble = None;
    let waited = wait_for_the_end(|| {
        let reloaded = running.reload(read());
        running.say_where(arguments);
        reloaded.map_err(|error| {
            trouble = Some(error);
            io::Error::other("no agent runs")
        })
    });
    match trouble {
        Some(error) => Err(error),
        None => waited.map_err(|source| StartError::Thread { what: "signals", source }),
    }
}

/// An agent, and what it runs with.
struct RunningAgent {
    agent: Option<Agent>,
    settings: AgentSettings,
}

impl RunningAgent {
    fn start(settings: AgentSettings) -> Result<Self, StartError> {
        Ok(Self { agent: Some(Agent::start(settings.clone())?), settings })
    }

    fn say_where(&self, arguments: &RoleArgs) {
        for address in self.agent.iter().flat_map(Agent::metrics_addresses) {
            arguments.say(&format!("metrics on {address}"));
        }
    }

    /// Starts it again with `wanted`, or, if that cannot be used, lets it go on as it is.
    fn reload(&mut self, wanted: Result<AgentSettings, FileError>) -> Result<(), StartError> {
        let checked = wanted.map_err(|error| error.to_string()).and_then(|wanted| {
            Agent::check(&wanted).map_err(|error| error.to_string())?;
            Ok(wanted)
        });
        let wanted = match checked {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::error!(error, "the configuration is refused; what was in force stays");
                return Ok(());
            }
        };
        // One reader of the recorders at a time, and one listener on the port.
        drop(self.agent.take());
        match Agent::start(wanted.clone()) {
            Ok(agent) => {
                tracing::info!(to = wanted.to, "the configuration was read again");
                (self.agent, self.settings) = (Some(agent), wanted);
            }
            Err(error) => {
                tracing::error!(%error, "the configuration is refused; the agent goes on with what was in force");
                self.agent = Some(Agent::start(self.settings.clone())?);
            }
        }
        Ok(())
    }
}

/// Waits for SIGTERM or SIGINT. Calls `reload` at each SIGHUP, and ends with its error.
fn wait_for_the_end(mut reload: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = runtime.block_on(async { Signals::new() })?;
    while runtime.block_on(signals.next()) == Asked::Reload {
        // Beside the runtime: it waits for disks and threads.
        reload()?;
    }
    Ok(())
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Reload,
    End,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }
}
