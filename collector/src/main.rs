//! `firstbad-collector`: `collect` and `agent` without a terminal UI. Arguments become settings in `settings`; what is
//! done with them is the library's business. This file decides exit codes and what goes to standard error.

use clap::{Parser, Subcommand};
use firstbad_collector::agent::Agent;
use firstbad_collector::settings::{AgentArgs, CollectArgs, File};
use firstbad_collector::{Collector, run};
use std::path::PathBuf;
use std::process::ExitCode;

/// Receives, stores and correlates a fleet's telemetry.
#[derive(Debug, Parser)]
#[command(name = "firstbad-collector", version, about, propagate_version = true)]
struct Arguments {
    /// Configuration file (TOML); FIRSTBAD_* and flags win over it
    #[arg(short, long, global = true, value_name = "FILE", env = "FIRSTBAD_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Run the collector.
    Collect(Box<CollectArgs>),
    /// Ship this host's recorders to a collector.
    Agent(Box<AgentArgs>),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    run::log_to_stderr();
    match start_and_wait(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("firstbad-collector: {error}");
            ExitCode::from(2)
        }
    }
}

fn start_and_wait(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let file = File::read(arguments.config.as_deref())?;
    match &arguments.role {
        Role::Collect(collect) => run::collector(Collector::start(collect.settings(&file)?)?)?,
        Role::Agent(agent) => run::agent(Agent::start(agent.settings(&file)?)?)?,
    }
    Ok(())
}
