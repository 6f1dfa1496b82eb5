//! Which gates a bench run fails.

use super::summary::{Summary, summaries};
use crate::outcome::Outcome;
use std::collections::BTreeMap;

/// What must hold; defaults are those of the issue.
#[derive(Clone, Copy, Debug)]
pub struct Gates {
    /// Least share of right answers over positive runs.
    pub top1: f64,
    /// Least share of right properties where the scenario says.
    pub property: f64,
    /// Greatest median time to name, seconds (or 2 report intervals).
    pub median_s: f64,
    /// Greatest 95th percentile of it, seconds (or 6 report intervals).
    pub p95_s: f64,
    /// Greatest number of false accusations.
    pub false_accusations: usize,
    /// Greatest number of wrong exonerations.
    pub exonerations: usize,
}

impl Default for Gates {
    fn default() -> Self {
        Self { top1: 0.99, property: 0.95, median_s: 30.0, p95_s: 120.0, false_accusations: 0, exonerations: 0 }
    }
}

/// Which gates fail, a sentence each. `limits` holds each scenario's greatest interval and own greatest time to name.
#[must_use]
pub fn failed_gates(outcomes: &[Outcome], gates: &Gates, limits: &BTreeMap<String, (f64, Option<f64>)>) -> Vec<String> {
    let mut failed = Vec::new();
    let positive: Vec<&Outcome> = outcomes.iter().filter(|o| o.class == "positive").collect();
    let all: Vec<&Outcome> = outcomes.iter().collect();
    let (p, a) = (Summary::of("positive", &positive), Summary::of("all", &all));
    let share = |(right, of): (usize, usize)| if of == 0 { 1.0 } else { right as f64 / of as f64 };
    let mut gate = |ok: bool, words: String| {
        if !ok {
            failed.push(words);
        }
    };
    gate(
        share((p.right, p.runs)) >= gates.top1,
        format!("top-1 of positives {}/{} below {}", p.right, p.runs, gates.top1),
    );
    gate(
        share(p.property) >= gates.property,
        format!("property {}/{} below {}", p.property.0, p.property.1, gates.property),
    );
    gate(
        a.false_accusations <= gates.false_accusations,
        format!("{} runs with a false accusation", a.false_accusations),
    );
    gate(a.exonerations <= gates.exonerations, format!("{} runs with a wrong exoneration", a.exonerations));
    for s in summaries(outcomes).iter().filter(|s| s.class == "positive") {
        let (interval, within) = limits.get(&s.scenario).copied().unwrap_or((10.0, None));
        let Some((median, p95)) = s.to_name_s else { continue };
        let most = within.map_or(gates.median_s, |within| 0.4 * within).max(2.0 * interval);
        let most95 = within.unwrap_or(gates.p95_s).max(6.0 * interval);
        gate(median <= most, format!("{}: median time to name {median:.0} s above {most:.0} s", s.scenario));
        gate(p95 <= most95, format!("{}: p95 time to name {p95:.0} s above {most95:.0} s", s.scenario));
    }
    failed
}
