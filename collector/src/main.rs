//! `firstbad-collector`: `collect` and `agent` without a terminal UI. Arguments become settings in `settings`; what is
//! done with them is the library's business. This file decides exit codes and what goes to standard error.

use clap::{Parser, Subcommand};
use firstbad_collector::Collector;
use firstbad_collector::run::{self, RoleArgs};
use firstbad_collector::settings::{AgentArgs, CollectArgs, File};
use std::process::ExitCode;

/// Receives, stores and correlates a fleet's telemetry.
#[derive(Debug, Parser)]
#[command(name = "firstbad-collector", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Run the collector.
    Collect(Box<With<CollectArgs>>),
    /// Ship this host's recorders to a collector.
    Agent(Box<With<AgentArgs>>),
}

/// Flags of a role, and those that every role has.
#[derive(Clone, Debug, clap::Args)]
struct With<T: clap::Args> {
    #[command(flatten)]
    run: RoleArgs,
    #[command(flatten)]
    role: T,
}

fn main() -> ExitCode {
    match start_and_wait(&Arguments::parse().role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("firstbad-collector: {error}");
            ExitCode::from(2)
        }
    }
}

fn start_and_wait(role: &Role) -> Result<(), Box<dyn std::error::Error>> {
    match role {
        Role::Collect(collect) => {
            collect.run.log_to_stderr();
            let read = || collect.role.settings(&File::read(collect.run.config.as_deref())?);
            run::collector(Collector::start(read()?)?, &collect.run, read)?;
        }
        Role::Agent(agent) => {
            agent.run.log_to_stderr();
            let read = || agent.role.settings(&File::read(agent.run.config.as_deref())?);
            run::agent(read()?, &agent.run, read)?;
        }
    }
    Ok(())
}
