//! The table of methods: the engine beside the simple methods, on the same runs, asked at the same moments.

use crate::compare::Moment;
use crate::outcome::{MethodSaid, Outcome, Said};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What one method said over all runs of one class.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    said: BTreeMap<Said, usize>,
}

impl Tally {
    fn add(&mut self, said: Said) {
        self.runs += 1;
        *self.said.entry(said).or_default() += 1;
    }

    fn of(&self, said: Said) -> usize {
        self.said.get(&said).copied().unwrap_or(0)
    }
}

/// One line of the table.
#[derive(Debug, Default)]
struct Line {
    /// Positives.
    guilty: Tally,
    /// Of them, those whose signal is failed requests.
    seen: Tally,
    /// Negatives.
    innocent: Tally,
}

/// Prints the table; nothing if no method was asked.
pub(super) fn methods(out: &mut String, outcomes: &[Outcome]) {
    let mut lines: BTreeMap<(Moment, &str), Line> = BTreeMap::new();
    for outcome in outcomes {
        for MethodSaid { method, moment, said } in &outcome.methods {
            let line = lines.entry((*moment, method)).or_default();
            match outcome.class.as_str() {
                "positive" => {
                    line.guilty.add(*said);
                    if outcome.failed_requests {
                        line.seen.add(*said);
                    }
                }
                "negative" => line.innocent.add(*said),
                _ => {}
            }
        }
    }
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "{:<5} {:<24} | positives: {:>7} {:>6} {:>6} {:>6} | failed requests: {:>7} {:>6} | negatives: {:>6} {:>6}",
        "asked", "method", "right", "false", "place", "silent", "right", "false", "false", "right"
    );
    for ((moment, method), line) in lines {
        let _ = writeln!(
            out,
            "{:<5} {method:<24} | {:>18} {:>6} {:>6} {:>6} | {:>24} {:>6} | {:>17} {:>6}",
            if moment == Moment::Early { "early" } else { "end" },
            format!("{}/{}", line.guilty.of(Said::Right), line.guilty.runs),
            line.guilty.of(Said::FalseAccusation),
            line.guilty.of(Said::WrongPlace),
            line.guilty.of(Said::Silent),
            format!("{}/{}", line.seen.of(Said::Right), line.seen.runs),
            line.seen.of(Said::FalseAccusation),
            format!("{}/{}", line.innocent.of(Said::FalseAccusation), line.innocent.runs),
            line.innocent.of(Said::Right),
        );
    }
}
