//! The composer's command: runs draws and appends them to a ledger, or shows, shrinks or exports one draw.

use anyhow::{Context, bail};
use clap::Parser;
use firstbad_composer::{ledger, run, table};
use firstbad_simulator::composer::{Draw, Outcome, Recipe, shrink};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs composed fleets through intake and engine, and compares the verdicts with the truth.
///
/// Exit code 0 if no verdict accuses an innocent change or exonerates a guilty one, 1 if one does, 2 on an error.
#[derive(Debug, Parser)]
#[command(name = "firstbad-composer", version)]
struct Args {
    /// First seed.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Number of draws.
    #[arg(long, default_value_t = 100)]
    draws: u64,
    /// Part of the seeds to run, as `i/n`; i counts from 0.
    #[arg(long, default_value = "0/1", value_parser = shard)]
    shard: Shard,
    /// Ledger to read and to continue. Without one, outcomes are not stored.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// Further ledgers to include in the sums, such as those of other shards.
    #[arg(long)]
    with: Vec<PathBuf>,
    /// Number of threads.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Prints every draw with a fault.
    #[arg(long)]
    verbose: bool,
    /// Prints fleet, truth, nuisances and verdict of one seed.
    #[arg(long)]
    show: Option<u64>,
    /// Shrinks the failing draw of one seed, and prints the recipe of the smaller draw.
    #[arg(long)]
    shrink: Option<u64>,
    /// Nuisances to leave out of the draw that is shown.
    #[arg(long, value_delimiter = ',')]
    drop: Vec<usize>,
    /// Greatest number of hosts of the draw that is shown.
    #[arg(long, default_value_t = usize::MAX)]
    hosts_max: usize,
    /// File for the capture of the draw that is shown or shrunk.
    #[arg(long)]
    capture: Option<PathBuf>,
    /// Prints the verdict of the draw that is shown as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug)]
struct Shard {
    index: u64,
    of: u64,
}

fn shard(text: &str) -> Result<Shard, String> {
    let (index, of) = text.split_once('/').ok_or("a shard is written i/n")?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
    let shard = Shard { index: number(index)?, of: number(of)? };
    if shard.index < shard.of { Ok(shard) } else { Err("i of i/n counts from 0 to n - 1".into()) }
}

fn main() -> ExitCode {
    match execute(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn execute(args: &Args) -> anyhow::Result<bool> {
    if let Some(seed) = args.show {
        return show(args, &Recipe { seed, hosts_max: args.hosts_max, dropped: args.drop.clone() });
    }
    if let Some(seed) = args.shrink {
        let Some(shrunk) = shrink(seed, run::judged)? else {
            bail!("nothing is wrong with what is said of seed {seed}")
        };
        let Recipe { hosts_max, dropped, .. } = &shrunk.recipe;
        let list: Vec<String> = dropped.iter().map(ToString::to_string).collect();
        println!("{}\n--show {seed} --hosts-max {hosts_max} --drop {}", shrunk.fault, list.join(","));
        return show(args, &shrunk.recipe);
    }
    let engine = run::engine_commit();
    let ledgers: Vec<PathBuf> = args.ledger.iter().chain(&args.with).cloned().collect();
    let known = ledger::read(&ledgers)?;
    let done = ledger::done(&known, &engine);
    let seeds = (args.first_seed..args.first_seed + args.draws).filter(|seed| seed % args.shard.of == args.shard.index);
    let seeds: Vec<u64> = seeds.filter(|seed| !done.contains(seed)).collect();
    println!("engine {engine}: {} draws to run, {} in the ledger already", seeds.len(), done.len());
    let new = run_all(args, &seeds, &engine)?;
    let all: Vec<Outcome> = known.into_iter().filter(|outcome| outcome.engine == engine).chain(new).collect();
    print!("{}", table::text(&all));
    let sums = table::sums(&all);
    Ok(sums.accused == 0 && sums.exonerated == 0)
}

fn show(args: &Args, recipe: &Recipe) -> anyhow::Result<bool> {
    let draw = Draw::compose(recipe);
    if let Some(path) = &args.capture {
        std::fs::write(path, draw.capture()).with_context(|| format!("writing {}", path.display()))?;
    }
    let verdict = run::verdict(&draw)?;
    if args.json {
        println!("{verdict}");
        return Ok(true);
    }
    let outcome = draw.judge(&verdict)?;
    println!("{}said: {}\n{outcome:#?}", draw.show(), outcome.said);
    println!("{}", outcome.fault().unwrap_or_else(|| "nothing is wrong".into()));
    Ok(outcome.fault().is_none())
}

fn run_all(args: &Args, seeds: &[u64], engine: &str) -> anyhow::Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<Outcome>> = Mutex::new(Vec::new());
    let worker = || -> anyhow::Result<()> {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut outcome = run::run(&Recipe::whole(*seed)).with_context(|| format!("seed {seed}"))?;
            outcome.engine = engine.into();
            let Ok(mut outcomes) = outcomes.lock() else { bail!("another thread failed") };
            if let Some(path) = &args.ledger {
                ledger::append(path, &outcome)?;
            }
            if let Some(fault) = outcome.fault().filter(|_| args.verbose) {
                println!("seed {seed}: {fault}");
            }
            outcomes.push(outcome);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..args.jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        let ends = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| bail!("a thread panicked")));
        ends.collect::<anyhow::Result<()>>()
    })?;
    Ok(outcomes.into_inner().unwrap_or_default())
}
