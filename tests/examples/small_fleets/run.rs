//! One run: starts the fleet, lets it serve, pushes, asks for the verdict every second, judges, and prints the outcome as one
//! line of JSON.

use crate::Settings;
use crate::fleet::{Fleet, What, WorkerEvent};
use crate::judge::{Finding, Story, judge};
use crate::looks::{Look, look};
use crate::parts::{Error, end_with_the_parent};
use crate::scenario::{GOOD, REPORT_INTERVAL, Scenario};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Time between two looks. Chosen.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Greatest number of consecutive looks without an answer; one more ends the run. Chosen for a busy machine.
const UNANSWERED_MAX: u32 = 15;
/// Time between the pushes to two hosts. Chosen.
const STAGGER: Duration = Duration::from_millis(700);
/// Longest time of a run beyond its planned waits. Chosen.
pub(crate) const SLACK: Duration = Duration::from_secs(120);

/// The outcome of a run, as it prints it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Number of the run.
    pub(crate) number: u32,
    /// The result of every claim.
    pub(crate) findings: Vec<Finding>,
}

impl Outcome {
    /// Whether every claim holds.
    pub(crate) fn holds(&self) -> bool {
        !self.findings.is_empty() && self.findings.iter().all(|finding| finding.holds)
    }
}

/// Returns the duration of the healthy traffic in this run. It differs between runs, so that each pushes at another phase
/// of the report interval.
fn healthy(number: u32, settings: &Settings) -> Duration {
    let phase = REPORT_INTERVAL * (number.saturating_sub(1) % settings.runs.max(1)) / settings.runs.max(1);
    Duration::from_secs(u64::from(settings.healthy_s)) + phase
}

/// Returns the longest time that a run may take.
pub(crate) fn time_max(scenario: Scenario, settings: &Settings) -> Duration {
    healthy(settings.runs, settings) + scenario.stays() + scenario.way_back().unwrap_or_default() + SLACK
}

/// A run and its observations.
struct Run {
    scenario: Scenario,
    fleet: Fleet,
    events: Vec<WorkerEvent>,
    looks: Vec<Look>,
    /// Number of looks without an answer since the last answer.
    unanswered: u32,
}

/// Plays a run.
///
/// # Errors
/// If the fleet cannot be started or asked.
pub(crate) fn play(scenario: Scenario, number: u32, directory: &Path, settings: &Settings) -> Result<ExitCode, Error> {
    end_with_the_parent();
    let fleet = Fleet::start(scenario, directory, settings, !settings.loopback)?;
    let mut run = Run { scenario, fleet, events: Vec::new(), looks: Vec::new(), unanswered: 0 };
    run.watch(healthy(number, settings))?;
    let hosts = scenario.hosts();
    for host in 0..hosts.pushed {
        run.fleet.push(host, scenario.pushed())?;
        run.watch(STAGGER)?;
    }
    run.watch(scenario.stays())?;
    if let Some(stays) = scenario.way_back() {
        for host in 0..hosts.pushed {
            run.fleet.push(host, GOOD)?;
        }
        run.watch(stays)?;
    }
    run.events.extend(run.fleet.events());
    let findings = judge(scenario, &run.story(), &run.looks);
    if let Some(keep) = &settings.keep {
        run.keep(keep, number)?;
    }
    println!("{}", serde_json::to_string(&Outcome { number, findings })?);
    Ok(ExitCode::SUCCESS)
}

impl Run {
    /// Looks again and again until `time` has passed.
    fn watch(&mut self, time: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + time;
        loop {
            let next = Instant::now() + LOOK_EVERY;
            match look(&self.fleet) {
                Ok(look) => {
                    self.unanswered = 0;
                    self.looks.push(look);
                }
                Err(error) if self.unanswered >= UNANSWERED_MAX => return Err(error),
                Err(_) => self.unanswered += 1,
            }
            std::thread::sleep(next.min(deadline).saturating_duration_since(Instant::now()));
            if Instant::now() >= deadline {
                return Ok(());
            }
        }
    }

    /// Returns the story that the workers reported.
    fn story(&self) -> Story {
        let upstream = |content: &str| content.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        let (pushed, good) = (upstream(self.scenario.pushed()), upstream(GOOD));
        let loads = |wanted: &str| -> Vec<u64> {
            let wanted = What::Loaded(wanted.to_owned());
            self.events.iter().filter(|event| event.what == wanted).map(|event| event.at_ns).collect()
        };
        let pushed = loads(&pushed);
        let pushed_ns = pushed.iter().min().copied();
        let failures = self.events.iter().filter(|event| event.what == What::TenthFailure);
        Story {
            pushed_ns,
            hosts_pushed: pushed.len(),
            tenth_failure_ns: failures.map(|event| event.at_ns).min(),
            way_back_ns: loads(&good).into_iter().filter(|at_ns| pushed_ns.is_some_and(|from| *at_ns > from)).max(),
        }
    }

    /// Stores the observations in `directory`, and the bundle of the incident if there is one.
    fn keep(&self, directory: &Path, number: u32) -> Result<(), Error> {
        std::fs::create_dir_all(directory)?;
        let name = format!("{}-{number:02}", self.scenario.name());
        let mut lines = String::new();
        for event in &self.events {
            let what = format!("{:?}", event.what);
            lines += &format!("{}\n", json!({"at_ns": event.at_ns, "host": event.host, "told": what}));
        }
        for look in &self.looks {
            lines += &(serde_json::to_string(look)? + "\n");
        }
        std::fs::write(directory.join(format!("{name}.jsonl")), lines)?;
        let mut bundle = Command::new(&self.fleet.firstbad);
        bundle.args(["bundle", "latest", "--collector", &self.fleet.api, "-o"]);
        bundle.arg(directory.join(format!("{name}.tar.zst"))).stdin(Stdio::null()).stdout(Stdio::null());
        let _ = bundle.stderr(Stdio::null()).status()?;
        Ok(())
    }
}
