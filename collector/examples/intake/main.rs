//! Items that a server acknowledges per second of its CPU time: the collector, with correlation and fsync on, beside rotel
//! with an exporter that drops everything, and beside a bare walker. The three get the same batches in one run, their rounds
//! interleaved, because the figures of one server move by a factor of two with what else the machine does; ratios within a
//! round hold. `attack` and `soak` look at its bounds. `docs/intake.md` has the figures, the method and its limits.
//!
//! `cargo build --release -p firstbad-collector --bins --example intake && target/release/examples/intake pair`

mod attack;
mod batches;
mod load;
mod servers;
mod settings;
mod soak;
mod walker;

use clap::Parser as _;
use load::Sender;
use servers::{Kind, Programs, Server};
use settings::{Arguments, Command, Pair, Shape};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

/// What a server took in one round.
#[derive(Clone, Debug, Default)]
struct Round {
    /// Items acknowledged per second of CPU time.
    items_per_cpu_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    peak_mib: f64,
    failed: u64,
    unsent: u64,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Walk { port } => walker::serve(port).map(|()| true),
        Command::Pair(pair) => compare(&pair).map(|()| true),
        Command::Attack(attack) => attack::run(&attack),
        Command::Soak(soak) => soak::run(&soak),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("intake: {error}");
            ExitCode::from(2)
        }
    }
}

fn compare(pair: &Pair) -> io::Result<()> {
    let programs = Programs::find(pair)?;
    println!(
        "thousands of items acknowledged per second of the server's CPU time; medians of {} interleaved rounds of {} s\n\
         ratios are those of the rounds, with their least and greatest\n\n\
         | shape | rotel | collector | walker | collector / rotel | collector / walker | p50, p99 ms rotel | p50, p99 ms \
         collector | peak MiB | failed, unsent |\n|---|---|---|---|---|---|---|---|---|---|",
        pair.rounds, pair.secs
    );
    for shape in Shape::all().into_iter().filter(|shape| shape.name().contains(&pair.only)) {
        println!("{}", row(shape, &measured(shape, pair, &programs)?));
    }
    Ok(())
}

/// The rounds of each server, in the order of [`Kind::ALL`].
fn measured(shape: Shape, pair: &Pair, programs: &Programs) -> io::Result<[Vec<Round>; 3]> {
    let batches = Arc::new(batches::batches(shape.signal, shape.items));
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    let servers = Kind::ALL.into_iter().map(|kind| programs.start(kind)).collect::<io::Result<Vec<Server>>>()?;
    for round in 0..pair.rounds {
        let mut order: Vec<_> = servers.iter().zip(&mut rounds).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for (server, rounds) in order {
            let sender = Sender::new(server.address(shape.proto), shape, Arc::clone(&batches));
            rounds.push(one(server, &sender, shape, pair.secs)?);
        }
    }
    Ok(rounds)
}

fn one(server: &Server, sender: &Sender, shape: Shape, secs: f64) -> io::Result<Round> {
    let before = server.cpu_s()?;
    let mut sent = sender.run(secs)?;
    let cpu_s = server.cpu_when_idle_s()? - before;
    Ok(Round {
        items_per_cpu_s: sent.batches as f64 * shape.items as f64 / cpu_s.max(0.01),
        p50_ms: sent.latency_ms(500),
        p99_ms: sent.latency_ms(990),
        peak_mib: server.peak_mib()?,
        failed: sent.failed,
        unsent: sent.unsent,
    })
}

/// A row of the table.
fn row(shape: Shape, [rotel, collector, walker]: &[Vec<Round>; 3]) -> String {
    let thousands = |rounds: &[Round]| median(rounds.iter().map(|round| round.items_per_cpu_s / 1e3));
    let ratio = |to: &[Round]| {
        let ratios =
            collector.iter().zip(to).map(|(ours, theirs)| ours.items_per_cpu_s / theirs.items_per_cpu_s.max(1.0));
        let ratios: Vec<f64> = ratios.collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = ratios.iter().copied().fold(0.0, f64::max);
        format!("{:.2} ({least:.2} to {greatest:.2})", median(ratios))
    };
    let latency = |rounds: &[Round]| {
        let [p50, p99] =
            [|round: &Round| round.p50_ms, |round: &Round| round.p99_ms].map(|of| median(rounds.iter().map(of)));
        format!("{p50:.1}, {p99:.1}")
    };
    let peak = |rounds: &[Round]| rounds.iter().map(|round| round.peak_mib).fold(0.0, f64::max);
    let sum = |of: fn(&Round) -> u64| collector.iter().map(of).sum::<u64>();
    format!(
        "| {} | {:.0} | {:.0} | {:.0} | {} | {} | {} | {} | {:.0} | {}, {} |",
        shape.name(),
        thousands(rotel),
        thousands(collector),
        thousands(walker),
        ratio(rotel),
        ratio(walker),
        latency(rotel),
        latency(collector),
        peak(collector),
        sum(|round| round.failed),
        sum(|round| round.unsent)
    )
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let below = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    below.midpoint(values.get(values.len() / 2).copied().unwrap_or(0.0))
}
