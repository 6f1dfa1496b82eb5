//! One host of a run: its name, its end of the cable to the collector, its worker, and its agent. It waits for a line on
//! standard input, which its parent sends after laying the cable. The worker's reports go to standard output. The host ends
//! worker and agent when its standard input ends.

use crate::Settings;
use crate::parts::{Error, Started, kept, myself, system};
use crate::scenario::REPORT_INTERVAL;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

/// The arguments of a host.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct HostArguments {
    /// Its name
    #[arg(long)]
    name: String,
    /// Its own directory
    #[arg(long)]
    directory: PathBuf,
    /// The collector's OTLP/HTTP address; none: the collector reads the recorders itself
    #[arg(long)]
    to: Option<String>,
    /// Its address in the network and UTS namespaces that it is alone in; none: there are none
    #[arg(long)]
    address: Option<String>,
}

/// The name of the cable's end in the host's namespace.
pub(crate) const CABLE: &str = "eth0";

/// Returns the file that a host's worker watches.
pub(crate) fn file(directory: &Path) -> PathBuf {
    directory.join("routes.conf")
}

/// Returns the directory of a host's recorders.
pub(crate) fn recorders(directory: &Path) -> PathBuf {
    directory.join("recorders")
}

/// Plays a host.
///
/// # Errors
/// If the namespace, the worker or the agent cannot be set up.
pub(crate) fn play(host: &HostArguments, settings: &Settings) -> Result<ExitCode, Error> {
    std::io::stdin().lock().read_line(&mut String::new())?;
    if let Some(address) = &host.address {
        std::fs::write("/proc/sys/kernel/hostname", &host.name)?;
        system(&["ip", "link", "set", "lo", "up"])?;
        system(&["ip", "addr", "add", address, "dev", CABLE])?;
        system(&["ip", "link", "set", CABLE, "up"])?;
    }
    let mut worker = myself()?;
    worker.arg("worker").arg(file(&host.directory)).env("FIRSTBAD_RECORDER_DIR", recorders(&host.directory));
    if host.address.is_none() {
        worker.env("OTEL_RESOURCE_ATTRIBUTES", format!("host.name={}", host.name));
    }
    let worker = worker.stdin(Stdio::piped()).spawn().map(Started)?;
    let agent = host.to.as_ref().map(|to| agent(host, to, settings)).transpose()?;
    let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
    drop((worker, agent));
    Ok(ExitCode::SUCCESS)
}

fn agent(host: &HostArguments, to: &str, settings: &Settings) -> Result<Started, Error> {
    let program = settings.firstbad.clone().unwrap_or_else(firstbad_tests::firstbad);
    let mut agent = kept(&program)?;
    agent.args(["agent", "--to", to, "--report-interval", &format!("{}s", REPORT_INTERVAL.as_secs())]);
    agent.arg("--recorder-dir").arg(recorders(&host.directory));
    Ok(Started(agent.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
}
