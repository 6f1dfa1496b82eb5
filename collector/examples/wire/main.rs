//! What it costs from wire bytes to verdict: the requests of a fleet's report round, made beforehand as OTLP protobuf, are
//! decoded, normalised, joined, taken by the engine and judged, on one thread and without socket or disk. A line of JSON
//! says what each stage took, in quiet rounds and in the one after which the bad version is named; exit code 1 if it is not.
//!
//! `cargo run --release -p firstbad-collector --example wire -- HOSTS`

mod encode;
mod fleet;

use firstbad_collector::normalise::{Normaliser, join_seconds};
use firstbad_collector::otlp::{DecodeError, Encoding, decode_logs, decode_metrics};
use firstbad_diagnosis::observation::Observation;
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::Verdict;
use fleet::{Fleet, INTERVAL, Report};
use rustix::time::{ClockId, clock_gettime};
use std::process::ExitCode;

/// Hosts whose reports are made at a time: a whole round would be most of the memory that is measured.
const AT_ONCE: usize = 1000;
/// Rounds before the bad version; the last ones are told of.
const WARM: i64 = 24;
const TOLD: i64 = 8;
/// Rounds within which it must be named.
const ROUNDS_MAX: i64 = 12;

/// CPU time of the stages of one round, ns; bytes and points that came in.
#[derive(Clone, Copy, Debug, Default)]
struct Stages {
    decode: u64,
    normalise: u64,
    apply: u64,
    tick: u64,
    bytes: u64,
    points: u64,
}

impl Stages {
    const fn cpu(&self) -> u64 {
        self.decode + self.normalise + self.apply + self.tick
    }

    fn json(&self, rounds: u64) -> String {
        let ms = |ns: u64| ns as f64 / 1e6 / rounds.max(1) as f64;
        format!(
            "{{\"decode_ms\":{:.2},\"normalise_ms\":{:.2},\"apply_ms\":{:.2},\"tick_ms\":{:.2},\"all_ms\":{:.2},\
             \"bytes_mb\":{:.2},\"points\":{}}}",
            ms(self.decode),
            ms(self.normalise),
            ms(self.apply),
            ms(self.tick),
            ms(self.cpu()),
            ms(self.bytes),
            self.points / rounds.max(1)
        )
    }

    fn add(&mut self, other: &Self) {
        self.decode += other.decode;
        self.normalise += other.normalise;
        self.apply += other.apply;
        self.tick += other.tick;
        self.bytes += other.bytes;
        self.points += other.points;
    }
}

fn main() -> ExitCode {
    let hosts = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let Some(hosts) = hosts.filter(|hosts| *hosts > 0) else {
        eprintln!("wire HOSTS: a line of JSON; exit code 1 if the bad version is not named");
        return ExitCode::from(2);
    };
    match measured(hosts) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("a request could not be read: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the fleet until the bad version is named; true if it was.
fn measured(hosts: usize) -> Result<bool, DecodeError> {
    let settings = Settings { report_interval_ns: Some(INTERVAL), ..Settings::default() };
    let mut collector = Collector { normaliser: Normaliser::new(&[]), engine: Engine::new(settings) };
    let mut fleet = Fleet::default();
    let mut quiet = Stages::default();
    for round in 0..WARM {
        let stages = collector.round(&mut fleet, hosts)?;
        if round >= WARM - TOLD {
            quiet.add(&stages);
        }
    }
    fleet.bad_from = Some(fleet.round);
    let mut told = (Stages::default(), None);
    for round in 1..=ROUNDS_MAX {
        told.0 = collector.round(&mut fleet, hosts)?;
        if collector.names_the_bad() {
            told.1 = Some(round);
            break;
        }
    }
    let rounds = TOLD.unsigned_abs();
    println!(
        "{{\"hosts\":{hosts},\"quiet_round\":{},\"verdict_round\":{},\"cpu_us_per_host\":{:.1},\"rounds_to_name\":{},\
         \"peak_rss_mb\":{:.0}}}",
        quiet.json(rounds),
        told.0.json(1),
        quiet.cpu() as f64 / 1e3 / (hosts as u64 * rounds) as f64,
        told.1.map_or_else(|| "null".to_owned(), |round| round.to_string()),
        peak_kb() as f64 / 1e3
    );
    Ok(told.1.is_some())
}

struct Collector {
    normaliser: Normaliser,
    engine: Engine,
}

impl Collector {
    /// One report of every host, then a tick.
    fn round(&mut self, fleet: &mut Fleet, hosts: usize) -> Result<Stages, DecodeError> {
        let mut stages = Stages::default();
        let mut waiting: Vec<Observation> = Vec::new();
        for from in (0..hosts).step_by(AT_ONCE) {
            let reports: Vec<Report> = (from..(from + AT_ONCE).min(hosts)).map(|host| fleet.report(host)).collect();
            self.receive(&reports, &mut waiting, &mut stages)?;
        }
        fleet.round += 1;
        let begun = cpu_ns();
        self.engine.apply(&join_seconds(waiting));
        let applied = cpu_ns();
        self.engine.tick(Timestamp(fleet.now()));
        stages.apply += applied - begun;
        stages.tick += cpu_ns() - applied;
        Ok(stages)
    }

    fn receive(
        &mut self,
        reports: &[Report],
        waiting: &mut Vec<Observation>,
        stages: &mut Stages,
    ) -> Result<(), DecodeError> {
        let begun = cpu_ns();
        let metrics = reports.iter().map(|report| decode_metrics(&report.metrics, Encoding::Protobuf));
        let metrics = metrics.collect::<Result<Vec<_>, DecodeError>>()?;
        let logs = reports.iter().filter_map(|report| report.logs.as_deref());
        let logs = logs.map(|bytes| decode_logs(bytes, Encoding::Protobuf)).collect::<Result<Vec<_>, DecodeError>>()?;
        let decoded = cpu_ns();
        for request in &metrics {
            waiting.extend(self.normaliser.metrics(request).observations);
        }
        for request in &logs {
            waiting.extend(self.normaliser.logs(request).observations);
        }
        stages.decode += decoded - begun;
        stages.normalise += cpu_ns() - decoded;
        for report in reports {
            stages.bytes += (report.metrics.len() + report.logs.as_ref().map_or(0, Vec::len)) as u64;
            stages.points += report.points as u64;
        }
        Ok(())
    }

    /// Whether the bad version, and it alone, is named as cause.
    fn names_the_bad(&self) -> bool {
        self.engine.diagnosis().incidents.iter().any(|incident| {
            incident.verdict == Verdict::Cause
                && incident.cause.as_ref().is_some_and(|cause| cause.hashes == [Fleet::bad()])
        })
    }
}

/// CPU time of this thread.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}

/// Greatest resident memory of this process, kB.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
