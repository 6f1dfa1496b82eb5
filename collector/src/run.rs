//! Running a role in the foreground until the process is told to end. Used by `firstbad-collector` and by the same
//! commands of `firstbad`.

use crate::Collector;
use crate::agent::Agent;
use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// Log lines on standard error, one per event, `FIRSTBAD_LOG` (default `info`) says which.
pub fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("FIRSTBAD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call, as in an embedding program, changes nothing.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
}

/// Says where the collector listens, waits for SIGTERM or SIGINT, and stops it.
///
/// # Errors
/// If signals cannot be waited for.
pub fn collector(collector: Collector) -> io::Result<()> {
    for (receiver, addresses) in collector.addresses().named() {
        for address in addresses {
            eprintln!("firstbad-collector: {receiver} on {address}");
        }
    }
    for notice in collector.notices() {
        eprintln!("firstbad-collector: {notice}");
    }
    wait_for_the_end()?;
    collector.stop();
    Ok(())
}

/// Waits for SIGTERM or SIGINT, and stops the agent.
///
/// # Errors
/// If signals cannot be waited for.
pub fn agent(agent: Agent) -> io::Result<()> {
    for address in agent.metrics_addresses() {
        eprintln!("firstbad-collector: metrics on {address}");
    }
    wait_for_the_end()?;
    drop(agent);
    Ok(())
}

fn wait_for_the_end() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}
