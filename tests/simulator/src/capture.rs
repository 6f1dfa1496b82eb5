//! Writes a run as a capture in the contract's format (OTLP/JSON lines, section 4), for tests that go the whole way. The
//! same observations that the bench applies become metrics and log events; temporality and style vary by seed. In which
//! order and how often lines are written is decided here; which metric or event carries what, in the modules below.

mod events;
mod points;
mod style;

use crate::overrides::Overrides;
use crate::plan::Plan;
use crate::random::Random;
use crate::scenario::Scenario;
use crate::simulation::{Simulation, step_s};
use firstbad_diagnosis::observation::{Observation, Row, Source};
use points::Series;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use style::Style;

/// How long lines wait to be written, seconds: a process counts on in the order of its own time, however late its reports
/// arrive, so the rows of one process are written in that order. No scenario delays by more.
const HOLD_S: f64 = 600.0;

/// Writes run `seed` of `scenario`.
///
/// # Errors
/// If `out` refuses.
pub fn write(scenario: &Scenario, seed: u64, overrides: Overrides, out: &mut impl Write) -> io::Result<()> {
    let plan = Plan::draw(scenario, seed, overrides);
    let mut random = Random::fork(plan.seed, "capture");
    let style = Style::draw(&mut random);
    let mut writer = Writer {
        plan: &plan,
        style,
        series: Series::new(style.cumulative),
        waiting: Waiting::default(),
        sequence: 0,
        random,
        out,
    };
    let mut simulation = Simulation::new(&plan);
    let mut at = 0.0;
    while at < plan.length_s {
        at += step_s(plan.interval_s);
        for observation in simulation.step(at) {
            writer.waiting.put(at, observation);
        }
        writer.until(at - HOLD_S)?;
    }
    writer.until(f64::INFINITY)
}

/// What is still to be written, in the order of arrival; rows of one process in the order of their spans.
#[derive(Default)]
struct Waiting {
    slots: VecDeque<(f64, Slot)>,
    rows: BTreeMap<Option<Source>, BTreeMap<(i64, u64), Row>>,
    count: u64,
}

enum Slot {
    /// The next row of this source.
    Row(Option<Source>),
    Event(Box<Observation>),
}

impl Waiting {
    fn put(&mut self, at: f64, observation: Observation) {
        self.count += 1;
        let slot = match observation {
            Observation::Row(row) => {
                let source = Some(row.source.clone()).filter(|source| *source != Source::Aggregate);
                self.rows.entry(source.clone()).or_default().insert((row.span.end.0, self.count), row);
                Slot::Row(source)
            }
            event => Slot::Event(Box::new(event)),
        };
        self.slots.push_back((at, slot));
    }

    /// The next one that arrived before `at`.
    fn next(&mut self, at: f64) -> Option<Observation> {
        self.slots.front().filter(|(arrived, _)| *arrived < at)?;
        match self.slots.pop_front()?.1 {
            Slot::Row(source) => Some(Observation::Row(self.rows.get_mut(&source)?.pop_first()?.1)),
            Slot::Event(event) => Some(*event),
        }
    }
}

struct Writer<'a, W> {
    plan: &'a Plan,
    style: Style,
    series: Series,
    waiting: Waiting,
    sequence: u64,
    random: Random,
    out: &'a mut W,
}

impl<W: Write> Writer<'_, W> {
    /// Writes what arrived before `at`.
    fn until(&mut self, at: f64) -> io::Result<()> {
        while let Some(observation) = self.waiting.next(at) {
            self.sequence += 1;
            let Some(line) = self.line(&observation) else { continue };
            writeln!(self.out, "{line}")?;
            // Senders repeat what was not acknowledged: receivers know repeats by series and time, or boot and sequence.
            if self.random.chance(0.01) {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    fn line(&mut self, observation: &Observation) -> Option<Value> {
        match observation {
            Observation::Row(row) => Some(points::metrics(self.plan, self.style, &mut self.series, row)),
            other => events::log(other, self.style, self.sequence),
        }
    }
}
