//! Whether a run gets the same verdict whichever way it goes: observations applied as they arrive (the bench), the same
//! observations in the order of their own times, and a capture of the run read by `firstbad diagnose`. Which verdict is
//! right is not asked here.

use crate::overrides::Overrides;
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::simulation::{Simulation, step_s};
use firstbad_diagnosis::observation::{Observation, Source};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::time::SECOND_NS;
use firstbad_protocol::verdict::{Diagnosis, Incident};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What three ways of one run came to, incident by incident, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// As it arrived.
    pub arrived: Vec<String>,
    /// In the order of its own times.
    pub ordered: Vec<String>,
    /// From the capture.
    pub captured: Vec<String>,
}

impl Agreement {
    /// Whether the capture says what its observations say in the same order: a difference is the wire's.
    #[must_use]
    pub fn of_the_wire(&self) -> bool {
        self.ordered == self.captured
    }

    /// Whether order does not matter: a difference is the engine's, or the lateness that a capture does not have.
    #[must_use]
    pub fn of_the_order(&self) -> bool {
        self.arrived == self.ordered
    }
}

/// How the run comes back from a capture.
#[derive(Clone, Copy, Debug)]
pub struct Replay<'a> {
    /// The binary `firstbad` that reads the capture.
    pub firstbad: &'a Path,
    /// File to which the capture is written.
    pub capture: &'a Path,
}

/// Runs `scenario` the three ways, the last one through a capture and `replay`.
///
/// # Errors
/// If the capture cannot be written or read.
pub fn of(scenario: &Scenario, seed: u64, overrides: Overrides, replay: Replay) -> Result<Agreement, String> {
    let Replay { firstbad, capture: file } = replay;
    let plan = Plan::draw(scenario, seed, overrides);
    let trouble = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut out = std::io::BufWriter::new(std::fs::File::create(file).map_err(trouble)?);
    crate::capture::write(scenario, seed, overrides, &mut out).map_err(trouble)?;
    std::io::Write::flush(&mut out).map_err(trouble)?;
    drop(out);
    Ok(Agreement {
        arrived: words(&arrived(&plan)),
        ordered: words(&ordered(&plan)),
        captured: words(&captured(&plan, firstbad, file)?),
    })
}

fn engine(plan: &Plan) -> Engine {
    let dimensions = Some(plan.fleet.cell_key.clone()).filter(|key| !key.is_empty());
    Engine::new(Settings { dimensions: dimensions.into_iter().collect(), ..Settings::default() })
}

fn arrived(plan: &Plan) -> Diagnosis {
    let (mut engine, mut simulation, mut at) = (engine(plan), Simulation::new(plan), 0.0);
    while at < plan.length_s {
        at += step_s(plan.interval_s);
        engine.apply(&simulation.step(at));
        engine.tick(plan.at(at));
    }
    engine.diagnosis()
}

/// Events of a second before its rows, and one tick a second, as a capture is replayed.
fn ordered(plan: &Plan) -> Diagnosis {
    let (mut simulation, mut at) = (Simulation::new(plan), 0.0);
    let mut seconds: BTreeMap<i64, Vec<Observation>> = BTreeMap::new();
    while at < plan.length_s {
        at += step_s(plan.interval_s);
        for observation in simulation.step(at) {
            seconds.entry(key(&observation).0.div_euclid(SECOND_NS)).or_default().push(observation);
        }
    }
    let mut engine = engine(plan);
    for mut observations in seconds.into_values() {
        observations.sort_by(|a, b| {
            let (is_row, other) = (matches!(a, Observation::Row(_)), matches!(b, Observation::Row(_)));
            let of_events = || key(a).cmp(&key(b));
            let of_rows = || (key(a).2, key(a).0).cmp(&(key(b).2, key(b).0));
            is_row.cmp(&other).then_with(|| if is_row { of_rows() } else { of_events() })
        });
        let latest = observations.iter().map(|observation| key(observation).0).max().unwrap_or(0);
        engine.apply(&observations);
        engine.tick(firstbad_protocol::time::Timestamp(latest));
    }
    engine.diagnosis()
}

/// Time, rank among equal times, source.
fn key(observation: &Observation) -> (i64, u8, Option<&Source>) {
    match observation {
        Observation::Change(change) => (change.at.0, 0, change.source.as_ref()),
        Observation::Exit(exit) => (exit.at.0, 1, Some(&exit.source)),
        Observation::Start(start) => (start.at.0, 2, Some(&start.source)),
        Observation::Load(load) => (load.at.0, 3, Some(&load.source)),
        Observation::Panic(panic) => (panic.at.0, 4, Some(&panic.source)),
        Observation::Row(row) => (row.span.end.0, 5, Some(&row.source)),
        Observation::Gap(gap) => (gap.at.0, 6, None),
        Observation::MorePanics(more) => (more.last.0, 4, Some(&more.first.source)),
    }
}

fn captured(plan: &Plan, firstbad: &Path, file: &Path) -> Result<Diagnosis, String> {
    let mut command = Command::new(firstbad);
    command.args(["diagnose", "--format", "json"]).arg(file);
    if !plan.fleet.cell_key.is_empty() {
        command.args(["--dimension", &plan.fleet.cell_key]);
    }
    let output = command.output().map_err(|error| format!("{}: {error}", firstbad.display()))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn words(diagnosis: &Diagnosis) -> Vec<String> {
    let mut words: Vec<String> = diagnosis.incidents.iter().map(in_words).collect();
    words.sort();
    words
}

/// Verdict, cause, property and scope: all that must agree.
fn in_words(incident: &Incident) -> String {
    let Some(cause) = &incident.cause else { return format!("{:?}", incident.verdict) };
    let mut hashes: Vec<String> = cause.hashes.iter().map(|hash| hash.short().chars().take(4).collect()).collect();
    hashes.sort();
    let change = cause.change.as_ref().map(|change| format!("{}:{}", change.kind, change.target));
    format!(
        "{:?} {:?} {} [{}] {} {:?} {:?} {}",
        incident.verdict,
        cause.kind,
        cause.config.as_deref().unwrap_or("-"),
        hashes.join(" "),
        cause.property.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        cause.scope,
        cause.dimensions,
        change.unwrap_or_default()
    )
}
