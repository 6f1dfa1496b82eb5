//! The engine and the simple methods asked the same question at the same two moments: a minute after the true onset (two
//! report intervals, where these are longer), and at the end of the window. Without an onset, the middle of the run takes
//! its place. Which answers are right is `judge`'s to say.

use crate::plan::Plan;
use crate::simple::{Board, answers};
use crate::truth::Truth;
use firstbad_diagnosis::observation::Observation;
use firstbad_protocol::verdict::{Cause, Diagnosis, Verdict};

/// When a method was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// A minute after the onset.
    Early,
    /// At the end of the window.
    End,
}

/// What a method named at a moment.
#[derive(Clone, Debug)]
pub struct Named {
    /// Method.
    pub method: &'static str,
    /// When.
    pub moment: Moment,
    /// What; none when it is silent.
    pub cause: Option<Cause>,
}

/// Watches a run for all methods.
#[derive(Debug)]
pub struct Comparison {
    board: Board,
    engine: Vec<(f64, Option<Cause>)>,
}

impl Comparison {
    /// Before a run.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self { board: Board::new(plan.interval_s), engine: Vec::new() }
    }

    /// Takes what arrived by second `at`, and what the engine says of it.
    pub fn take(&mut self, arrived: &[Observation], diagnosis: &Diagnosis, at: f64) {
        self.board.take(arrived);
        self.engine.push((at, leading(diagnosis)));
    }

    /// What was named at both moments, once the run is over: nobody then knows more than was known at the moment.
    #[must_use]
    pub fn named(&self, plan: &Plan, truth: &Truth) -> Vec<Named> {
        let onset = truth.nth_suffering(1).unwrap_or(plan.length_s / 2.0);
        let early = onset + (2.0 * plan.interval_s).max(60.0);
        let mut all = Vec::new();
        for (moment, at) in [(Moment::Early, early), (Moment::End, plan.length_s)] {
            let engine = self.engine.iter().take_while(|(second, _)| *second <= at).last();
            let engine = ("the engine", engine.and_then(|(_, cause)| cause.clone()));
            let methods = answers(&self.board, plan.at(onset).0, plan.at(at).0);
            let named = methods.into_iter().chain([engine]);
            all.extend(named.map(|(method, cause)| Named { method, moment, cause }));
        }
        all
    }
}

/// What the engine names: an accused change before anything external.
fn leading(diagnosis: &Diagnosis) -> Option<Cause> {
    let with = |accuses: bool| {
        let fits = |verdict: Verdict| if accuses { verdict.accuses() } else { verdict == Verdict::External };
        diagnosis.incidents.iter().filter(|incident| fits(incident.verdict)).find_map(|incident| incident.cause.clone())
    };
    with(true).or_else(|| with(false))
}
