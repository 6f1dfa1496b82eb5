//! Plays all runs of a scenario, several at the same time, and prints the outcome of each run and of all.

use crate::Settings;
use crate::fleet::can_be_apart;
use crate::parts::{Error, Started, myself};
use crate::run::{Outcome, time_max};
use crate::scenario::Scenario;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::{RecvTimeoutError, channel};

/// Plays the scenario. The exit code is 1 if a run is wrong.
///
/// # Errors
/// If a run cannot be played.
pub(crate) fn play(scenario: Scenario, settings: &Settings) -> Result<ExitCode, Error> {
    let firstbad = settings.firstbad.clone().unwrap_or_else(firstbad_tests::firstbad);
    if !firstbad.exists() {
        return Err(format!("{} is missing: cargo build --release -p firstbad", firstbad.display()).into());
    }
    let apart = !settings.loopback && can_be_apart();
    let place = if apart { "network namespaces of their own" } else { "loopback" };
    println!("{}: {} runs, hosts in {place}, reports every 10 s", scenario.name(), settings.runs);
    let home = Home::create()?;
    let runs = Runs { scenario, settings, home: &home.0, apart };
    let next = Mutex::new(1..=settings.runs);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..settings.parallel.clamp(1, settings.runs.max(1)) {
            scope.spawn(|| {
                while let Some(number) = next.lock().unwrap_or_else(PoisonError::into_inner).next() {
                    let played = runs.play(number);
                    if let Ok(outcome) = &played {
                        println!("{}", line(outcome));
                    }
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(played);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let outcomes: Vec<Outcome> = outcomes.into_iter().collect::<Result<_, _>>()?;
    let right = outcomes.iter().filter(|outcome| outcome.holds()).count();
    for line in times(&outcomes) {
        println!("{line}");
    }
    println!("{}: {right} of {} right", scenario.name(), outcomes.len());
    Ok(if right == outcomes.len() && right > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A temporary directory of this process. Dropping it removes the directory.
struct Home(PathBuf);

impl Home {
    fn create() -> Result<Self, Error> {
        let directory = std::env::temp_dir().join(format!("firstbad-small-fleets-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What all runs of a scenario share.
struct Runs<'a> {
    scenario: Scenario,
    settings: &'a Settings,
    home: &'a Path,
    /// Whether each run has its own network namespace.
    apart: bool,
}

impl Runs<'_> {
    /// Plays run number `number` in its own process.
    fn play(&self, number: u32) -> Result<Outcome, Error> {
        let Self { scenario, settings, home, apart } = *self;
        let mut command = if apart {
            let mut command = Command::new("unshare");
            command.args(["--net", "--"]).arg(std::env::current_exe()?);
            command
        } else {
            myself()?
        };
        let directory = home.join(format!("run-{number}"));
        std::fs::create_dir_all(&directory)?;
        command.args(["run", scenario.name(), &number.to_string()]).arg(&directory);
        command.args(["--runs", &settings.runs.to_string(), "--healthy-s", &settings.healthy_s.to_string()]);
        for (flag, path) in [("--firstbad", &settings.firstbad), ("--keep", &settings.keep)] {
            if let Some(path) = path {
                command.arg(flag).arg(path);
            }
        }
        if !apart {
            command.arg("--loopback");
        }
        let mut run = Started::of(command.stderr(Stdio::inherit()))?;
        let output = run.0.stdout.take().ok_or("no standard output")?;
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let _ = sender.send(BufReader::new(output).lines().map_while(Result::ok).last());
        });
        let line = match receiver.recv_timeout(time_max(scenario, settings)) {
            Ok(line) => line.ok_or_else(|| format!("run {number} said nothing"))?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Err(format!("run {number} did not end in {} s", time_max(scenario, settings).as_secs()).into());
            }
        };
        Ok(serde_json::from_str(&line)?)
    }
}

/// Describes a run in one line: the times of its claims, and the claims that do not hold.
fn line(outcome: &Outcome) -> String {
    let mut line = format!("run {:02}  {}", outcome.number, if outcome.holds() { "right" } else { "WRONG" });
    for finding in &outcome.findings {
        match (finding.holds, finding.took_s) {
            (true, Some(took_s)) => line += &format!("  {} {took_s:.1} s", finding.claim),
            (true, None) => {}
            (false, Some(took_s)) => line += &format!("  NOT {} ({took_s:.1} s, {})", finding.claim, finding.detail),
            (false, None) => line += &format!("  NOT {} ({})", finding.claim, finding.detail),
        }
    }
    line
}

/// Returns the median and the longest time of each claim with a time.
fn times(outcomes: &[Outcome]) -> Vec<String> {
    let mut by_claim: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for finding in outcomes.iter().flat_map(|outcome| &outcome.findings) {
        if let Some(took_s) = finding.took_s {
            by_claim.entry(&finding.claim).or_default().push(took_s);
        }
    }
    let described = |(claim, mut times): (&str, Vec<f64>)| {
        times.sort_by(f64::total_cmp);
        let (median, longest) = (times.get(times.len() / 2)?, times.last()?);
        Some(format!("{claim}: {} times, median {median:.1} s, longest {longest:.1} s", times.len()))
    };
    by_claim.into_iter().filter_map(described).collect()
}
