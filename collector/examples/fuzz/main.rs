//! Runs the parsers of outside data on mutated input for a given time, and adds the result to a ledger:
//! `cargo run --profile bench-fast -p firstbad-collector --example fuzz -- --seconds 60 --ledger FILE [--target NAME]`.
//! With a ledger, a run takes up where the last one of its target ended: another seed, the times added. An input that makes a parser
//! panic, or read otherwise than the generated types, is written to a file, and the exit code is 1.
//!
//! What steers it is the outcome of each input (read or refused, and why), not the coverage of the code: it needs the stable compiler
//! alone. Bytes that only instrumented code would find are found later, or never.

mod ledger;
mod mutate;
mod targets;

use clap::Parser;
use ledger::{Entry, Ledger};
use mutate::Mutator;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use targets::{TARGETS, Target};

/// Inputs kept for mutation: one for each outcome, the first ones.
const KEPT_MAX: usize = 4096;
/// Inputs between two looks at the clock.
const ROUND: u64 = 256;

#[derive(Debug, Parser)]
struct Arguments {
    /// CPU seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// One target [default: each in turn]
    #[arg(long)]
    target: Option<String>,
    /// Where runs are added up
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// Where inputs that failed are written
    #[arg(long, default_value = ".")]
    failures: PathBuf,
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut ledger = Ledger::open(arguments.ledger.clone())?;
    let is_meant = |target: &&Target| arguments.target.as_deref().is_none_or(|name| name == target.name);
    let meant: Vec<&Target> = TARGETS.iter().filter(is_meant).collect();
    if meant.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!("there is no such target; there are {}", names.join(", ")).into());
    }
    std::panic::set_hook(Box::new(|_| {}));
    let mut has_failed = false;
    for target in meant {
        let run = run(target, ledger.runs(target.name), arguments.seconds);
        if let Some(input) = &run.failed {
            let path = arguments.failures.join(format!("{}-{}.bin", target.name, run.entry.seed));
            std::fs::write(&path, input)?;
            println!("{}: FAILED, the input is in {}", target.name, path.display());
            has_failed = true;
        }
        ledger.add(run.entry)?;
        println!("{}", ledger.line(target.name));
    }
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The result of a run.
struct Run {
    entry: Entry,
    /// The input at which it ended.
    failed: Option<Vec<u8>>,
}

fn run(target: &Target, seed: u64, seconds: u64) -> Run {
    let mut kept = (target.seeds)();
    let mut mutator = Mutator::new(seed, target.name);
    let mut outcomes: HashSet<u64> = HashSet::new();
    let began = cpu_seconds();
    let mut entry = Entry { target: target.name.to_owned(), seed, ..Entry::default() };
    while entry.cpu_seconds < seconds {
        for _ in 0..ROUND {
            let input = mutator.next(&kept);
            entry.inputs += 1;
            let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| (target.read)(&input))) else {
                entry.failures = 1;
                entry.outcomes = outcomes.len() as u64;
                return Run { entry, failed: Some(input) };
            };
            if outcomes.insert(outcome) && kept.len() < KEPT_MAX {
                kept.push(input);
            }
        }
        entry.cpu_seconds = cpu_seconds().saturating_sub(began);
    }
    entry.outcomes = outcomes.len() as u64;
    Run { entry, failed: None }
}

/// CPU seconds of this process.
fn cpu_seconds() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0)
}
