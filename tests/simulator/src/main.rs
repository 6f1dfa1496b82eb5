//! The bench's command: runs seeds of scenarios, prints the table, exits 1 if a gate fails.

use firstbad_protocol::time::Timestamp;
use firstbad_simulator::args::{self, Args};
use firstbad_simulator::ledger::{self, Origin};
use firstbad_simulator::outcome::Outcome;
use firstbad_simulator::scenario::{self, Scenario};
use firstbad_simulator::{bench, capture, golden, shape, table};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> ExitCode {
    match args::parse(std::env::args().skip(1)).and_then(|args| execute(&args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn execute(args: &Args) -> Result<bool, String> {
    let directory = args.directory.clone().unwrap_or_else(scenario::directory);
    let mut scenarios = scenario::read_all(&directory)?;
    scenarios.retain(|scenario| args::fits(&args.scenario, &scenario.name) && scenario.is_of(&args.class));
    if scenarios.is_empty() {
        return Err(format!("no scenario in {} fits `{}`", directory.display(), args.scenario));
    }
    if args.shape {
        scenarios.iter().for_each(|s| println!("{}", shape::text(s, args.first_seed, args.overrides)));
        return Ok(true);
    }
    if let Some(path) = &args.capture {
        return captures(args, &scenarios, path).map(|()| true);
    }
    let outcomes = run_all(args, &scenarios);
    if args.text {
        return Ok(true);
    }
    let limits: BTreeMap<String, (f64, Option<f64>)> =
        scenarios.iter().map(|s| (s.name.clone(), limits(&args.overrides.applied(s)))).collect();
    if let Some(path) = &args.ledger {
        enter(path, &outcomes)?;
    }
    let failed = table::failed_gates(&outcomes, &args.gates, &limits);
    if args.json {
        let summaries = table::summaries(&outcomes);
        let all = serde_json::json!({ "summaries": summaries, "outcomes": outcomes, "failed_gates": failed });
        println!("{all}");
    } else {
        print!("{}", table::text(&outcomes, args.verbose));
        failed.iter().for_each(|gate| println!("GATE FAILS: {gate}"));
    }
    Ok(failed.is_empty())
}

/// Writes outcomes into the ledger at `path`.
fn enter(path: &Path, outcomes: &[Outcome]) -> Result<(), String> {
    let before = std::fs::read_to_string(path).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = Timestamp::from_seconds(i64::try_from(now).unwrap_or(0)).to_string();
    let date = now.get(..10).unwrap_or(&now);
    let after = ledger::extended(&before, outcomes, Origin { engine: &engine_commit(), date })?;
    std::fs::write(path, after).map_err(|e| format!("writing {}: {e}", path.display()))
}

/// The commit that last changed the engine, `+` if it was changed since.
fn engine_commit() -> String {
    let git = |words: &[&str]| {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let said = Command::new("git").arg("-C").arg(home).args(words).args(["--", "diagnosis", "protocol"]).output();
        said.ok().map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let commit = git(&["log", "-1", "--format=%h"]).filter(|commit| !commit.is_empty());
    let changed = git(&["status", "--porcelain"]).is_some_and(|files| !files.is_empty());
    format!("{}{}", commit.unwrap_or_else(|| "unknown".into()), if changed { "+" } else { "" })
}

/// The greatest report interval of a scenario, and its own greatest time to name.
fn limits(scenario: &Scenario) -> (f64, Option<f64>) {
    (scenario.interval_s.greatest(), scenario.expect.name_within_s)
}

/// Writes the first seed of each scenario: one file, or, where there are several scenarios, one per scenario in a directory.
fn captures(args: &Args, scenarios: &[Scenario], path: &Path) -> Result<(), String> {
    let trouble = |path: &Path, e: std::io::Error| format!("writing {}: {e}", path.display());
    for scenario in scenarios {
        let file = if scenarios.len() == 1 { path.to_owned() } else { path.join(format!("{}.jsonl", scenario.name)) };
        if scenarios.len() > 1 {
            std::fs::create_dir_all(path).map_err(|e| trouble(path, e))?;
        }
        let out = File::create(&file).map_err(|e| trouble(&file, e))?;
        let mut out = BufWriter::new(out);
        capture::write(scenario, args.first_seed, args.overrides, &mut out).map_err(|e| trouble(&file, e))?;
        out.flush().map_err(|e| trouble(&file, e))?;
    }
    Ok(())
}

/// Runs every seed of every scenario, on `jobs` threads; outcomes come in order.
fn run_all(args: &Args, scenarios: &[Scenario]) -> Vec<Outcome> {
    let seeds = args.first_seed..args.first_seed + args.seeds;
    let work: Vec<(&Scenario, u64)> =
        scenarios.iter().flat_map(|scenario| seeds.clone().map(move |seed| (scenario, seed))).collect();
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, Outcome>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((scenario, seed)) = work.get(index) else { return };
                    let run = bench::run_with(scenario, *seed, args);
                    if args.text {
                        println!("{}", golden::text(scenario, &run));
                    }
                    let outcome = run.outcome;
                    if let Ok(mut done) = done.lock() {
                        done.insert(index, outcome);
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_default().into_values().collect()
}
