//! Live small fleets: real processes with the crate, real agents, and a real collector get a bad file under traffic. The
//! example checks that the verdict names the file in time. `cargo build --release -p firstbad && cargo run --release -p
//! firstbad-tests --example small-fleets -- --runs 20 one-process` (also `four-hosts`, and `one-process-innocent` and
//! `four-hosts-innocent`, in which a verdict may name nothing).
//!
//! Exit code 0: every run is right. 1: a run is wrong. 2: a run could not be played. As root, each run has its own network
//! namespace, and each host in it has a network and a UTS namespace; otherwise the hosts are processes on loopback with
//! different names. All child processes end with this process, however it ends: each part ends its children when its
//! standard input ends. This is an example, like `collector/examples/wire`, because it links the crate under test, which the
//! library of `tests` must not.

mod clock;
mod fleet;
mod host;
mod judge;
mod looks;
mod parts;
mod run;
mod scenario;
mod summary;
mod worker;

use clap::{Parser, Subcommand};
use scenario::Scenario;
use std::path::PathBuf;
use std::process::ExitCode;

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "small-fleets",
    about = "Checks on live processes that a verdict names the file that broke a small fleet"
)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    part: Part,
}

/// Settings of all runs.
#[derive(Clone, Debug, clap::Args)]
struct Settings {
    /// How many runs
    #[arg(long, default_value_t = 20, global = true)]
    runs: u32,
    /// How many runs at the same time
    #[arg(long, default_value_t = 4, global = true)]
    parallel: u32,
    /// Healthy traffic before the push, seconds; each run adds its share of a report interval
    #[arg(long, default_value_t = 60, global = true)]
    healthy_s: u32,
    /// The firstbad binary [default: that of this build]
    #[arg(long, value_name = "FILE", global = true)]
    firstbad: Option<PathBuf>,
    /// Keep what each run saw, and the bundle of its incident, in this directory
    #[arg(long, value_name = "DIR", global = true)]
    keep: Option<PathBuf>,
    /// Without namespaces, also as root
    #[arg(long, global = true)]
    loopback: bool,
}

/// The scenarios, and the parts that this program starts of itself.
#[derive(Clone, Debug, Subcommand)]
enum Part {
    /// One process gets a bad file under traffic, and later the good one again: suspect, then cause
    OneProcess,
    /// Three of four hosts get a bad file, and keep it: cause
    FourHosts,
    /// One process gets another file, which is good too: nothing is named
    OneProcessInnocent,
    /// Three of four hosts get another file, which is good too: nothing is named
    FourHostsInnocent,
    /// One run, in a namespace of its own
    #[command(hide = true)]
    Run { scenario: Scenario, number: u32, directory: PathBuf },
    /// One host of a run
    #[command(hide = true)]
    Host(host::HostArguments),
    /// The process under test
    #[command(hide = true)]
    Worker { file: PathBuf },
    /// A program that ends when standard input does
    #[command(hide = true)]
    Keep {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = &arguments.settings;
    let played = match &arguments.part {
        Part::OneProcess => summary::play(Scenario::OneProcess, settings),
        Part::FourHosts => summary::play(Scenario::FourHosts, settings),
        Part::OneProcessInnocent => summary::play(Scenario::OneProcessInnocent, settings),
        Part::FourHostsInnocent => summary::play(Scenario::FourHostsInnocent, settings),
        Part::Run { scenario, number, directory } => run::play(*scenario, *number, directory, settings),
        Part::Host(of_host) => host::play(of_host, settings),
        Part::Worker { file } => worker::play(file),
        Part::Keep { command } => parts::keep(command),
    };
    played.unwrap_or_else(|error| {
        eprintln!("small-fleets: {error}");
        ExitCode::from(2)
    })
}
