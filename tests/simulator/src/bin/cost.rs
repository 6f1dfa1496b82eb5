//! What the engine costs at a number of hosts: CPU time of a quiet tick and of a diagnosing one, of an observation, bytes
//! of its state, and whether the bad version is named at all. One size a process, so that the peak of memory is its own.
//! Under `valgrind --tool=callgrind --toggle-collect='*quiet_tick*'`, with `--no-clock` (rustix asks the vDSO, which
//! valgrind hides), the instructions of the measured ticks are counted instead.

use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::verdict::{Diagnosis, Verdict};
use firstbad_simulator::cost::{CostFleet, INTERVAL, VERSIONS};
use rustix::time::{ClockId, clock_gettime};
use std::process::ExitCode;

/// Hosts whose report is applied at a time: the fleet's whole report at once would be most of the memory that is measured.
const AT_ONCE: usize = 1000;
/// Report intervals until expectations are known, with the last good versions; then quiet and measured; then with the bad
/// one, measured.
const WHOLE: Length = Length { warm: 40, quiet: 12, bad: 18 };
/// As few as will do, for valgrind at many hosts.
const BRIEF_RUN: Length = Length { warm: 20, quiet: 2, bad: 3 };

#[derive(Clone, Copy)]
struct Length {
    warm: usize,
    quiet: usize,
    bad: usize,
}

const NO_CLOCK: &str = "--no-clock";
const BRIEF: &str = "--brief";
const USAGE: &str = "cost HOSTS [--no-clock] [--brief]: a line of JSON; exit code 1 if the bad version is not named";

fn main() -> ExitCode {
    let hosts = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let Some(hosts) = hosts.filter(|hosts| *hosts > 0) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let length = if std::env::args().any(|word| word == BRIEF) { BRIEF_RUN } else { WHOLE };
    let mut run = Run::new(hosts);
    run.remember();
    for _ in 0..length.warm {
        run.report();
        run.engine.tick(run.fleet.now());
    }
    run.taking = (0, 0);
    let quiet: Vec<u64> = (0..length.quiet).map(|_| run.measured(quiet_tick)).collect();
    let (state, grown) = (run.engine.checkpoint().map_or(0, |bytes| bytes.len()), status_kb("VmRSS:") - run.rss_before);
    let quiet_taking = run.taking;
    run.fleet.publish_bad();
    let mut diagnosing = Vec::new();
    let mut named = None;
    for round in 1..=length.bad {
        let ns = run.measured(diagnosing_tick);
        let diagnosis = run.engine.diagnosis();
        if !diagnosis.incidents.is_empty() {
            diagnosing.push(ns);
        }
        named = named.or_else(|| names(&run.fleet, &diagnosis).then_some(round));
    }
    let (diagnosis, snapshot) = (timed(|| run.engine.diagnosis()), timed(|| run.engine.snapshot()));
    println!(
        "{{\"hosts\":{hosts},\"versions\":{VERSIONS},\"quiet_ms\":{},\"diagnosing_ms\":{},\"diagnosing_ticks\":{},\
         \"observation_us\":{:.2},\"diagnosis_ms\":{:.2},\"snapshot_ms\":{:.2},\"state_checkpoint_mb\":{:.1},\
         \"state_rss_mb\":{:.1},\"peak_rss_mb\":{:.1},\"intervals_to_name\":{}}}",
        summary(&quiet),
        summary(&diagnosing),
        diagnosing.len(),
        quiet_taking.0 as f64 / 1e3 / quiet_taking.1.max(1) as f64,
        ms(diagnosis),
        ms(snapshot),
        state as f64 / 1e6,
        grown as f64 / 1e3,
        status_kb("VmHWM:") as f64 / 1e3,
        named.map_or_else(|| "null".to_owned(), |round| round.to_string())
    );
    if named.is_some() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Mean and greatest of some times.
fn summary(ns: &[u64]) -> String {
    let mean = ns.iter().sum::<u64>() / ns.len().max(1) as u64;
    format!("{{\"mean\":{:.3},\"greatest\":{:.3}}}", ms(mean), ms(ns.iter().copied().max().unwrap_or(0)))
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

struct Run {
    fleet: CostFleet,
    hosts: usize,
    engine: Engine,
    rss_before: u64,
    /// Time of taking observations, and how many.
    taking: (u64, u64),
}

impl Run {
    fn new(hosts: usize) -> Self {
        let fleet = CostFleet::new(hosts);
        let settings = Settings { report_interval_ns: Some(INTERVAL), ..Settings::default() };
        Self { fleet, hosts, engine: Engine::new(settings), rss_before: status_kb("VmRSS:"), taking: (0, 0) }
    }

    /// The fleet tells what it has loaded until now.
    fn remember(&mut self) {
        let at_once = AT_ONCE / VERSIONS;
        for from in (0..self.hosts).step_by(at_once) {
            self.engine.apply(&self.fleet.history(from..(from + at_once).min(self.hosts)));
        }
    }

    /// The fleet reports one interval.
    fn report(&mut self) {
        for from in (0..self.hosts).step_by(AT_ONCE) {
            let observations = self.fleet.report(from..(from + AT_ONCE).min(self.hosts));
            let begun = cpu_ns();
            self.engine.apply(&observations);
            self.taking.0 += cpu_ns() - begun;
            self.taking.1 += observations.len() as u64;
        }
        self.fleet.round += 1;
    }

    /// As [`Run::report`], then a tick; gives its time.
    fn measured(&mut self, tick: fn(&mut Run)) -> u64 {
        self.report();
        let begun = cpu_ns();
        tick(self);
        cpu_ns() - begun
    }
}

/// A name of its own for callgrind.
#[inline(never)]
fn quiet_tick(run: &mut Run) {
    run.engine.tick(run.fleet.now());
}

/// As above.
#[inline(never)]
fn diagnosing_tick(run: &mut Run) {
    let at = run.fleet.now();
    run.engine.tick(at);
}

fn timed<T>(what: impl FnOnce() -> T) -> u64 {
    let begun = cpu_ns();
    let _kept = what();
    cpu_ns() - begun
}

/// Whether the bad version, and it alone, is named as cause.
fn names(fleet: &CostFleet, diagnosis: &Diagnosis) -> bool {
    diagnosis.incidents.iter().any(|incident| {
        incident.verdict == Verdict::Cause
            && incident.cause.as_ref().is_some_and(|cause| cause.hashes == Vec::from_iter(fleet.bad()))
    })
}

/// CPU time of this thread.
fn cpu_ns() -> u64 {
    if std::env::args().any(|word| word == NO_CLOCK) {
        return 0;
    }
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}

/// A line of `/proc/self/status`, kB.
fn status_kb(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
