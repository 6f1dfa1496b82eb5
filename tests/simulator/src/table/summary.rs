//! Outcomes summed up: shares, quantiles and bounds.

use crate::outcome::Outcome;
use std::collections::BTreeMap;

/// Outcomes of one scenario, summed up.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Summary {
    /// Scenario.
    pub scenario: String,
    /// Class.
    pub class: String,
    /// Runs.
    pub runs: usize,
    /// Runs with an admissible final answer.
    pub right: usize,
    /// Right and judged properties.
    pub property: (usize, usize),
    /// Right and judged scopes.
    pub scope: (usize, usize),
    /// Runs that name every version, of those judged.
    pub complete: (usize, usize),
    /// Seconds from the first exposure to the name: median and 95th percentile.
    pub from_first_s: Option<(f64, f64)>,
    /// Seconds from the measure's start to the name: median and 95th percentile.
    pub to_name_s: Option<(f64, f64)>,
    /// Runs that named nothing.
    pub abstained: usize,
    /// Names taken back.
    pub flips: u32,
    /// Runs with a false accusation.
    pub false_accusations: usize,
    /// Upper 95 % bound of their rate.
    pub false_bound: f64,
    /// Runs with a wrong exoneration.
    pub exonerations: usize,
    /// Runs with too many incidents.
    pub too_many: usize,
    /// Engine time per report interval, ms.
    pub engine_ms: f64,
    /// Greatest number of hosts.
    pub hosts: usize,
}

impl Summary {
    /// Sums up outcomes.
    #[must_use]
    pub fn of(name: &str, outcomes: &[&Outcome]) -> Self {
        let count = |is: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
        let judged = |what: &dyn Fn(&Outcome) -> Option<bool>| {
            (count(&|o| what(o) == Some(true)), count(&|o| what(o).is_some()))
        };
        let intervals: f64 = outcomes.iter().map(|o| o.intervals).sum();
        let wrong = count(&|o| o.false_accusation.is_some());
        Self {
            scenario: name.into(),
            class: outcomes.first().map(|o| o.class.clone()).unwrap_or_default(),
            runs: outcomes.len(),
            right: count(&|o| o.right),
            property: judged(&|o| o.property),
            scope: judged(&|o| o.scope),
            complete: judged(&|o| o.complete),
            from_first_s: quantiles(outcomes.iter().filter_map(|o| o.from_first_s)),
            to_name_s: quantiles(outcomes.iter().filter_map(|o| o.to_name_s)),
            abstained: count(&|o| o.abstained),
            flips: outcomes.iter().map(|o| o.flips).sum(),
            false_accusations: wrong,
            false_bound: upper_bound(wrong, outcomes.len()),
            exonerations: count(&|o| o.wrong_exoneration.is_some()),
            too_many: count(&|o| o.too_many_incidents),
            engine_ms: outcomes.iter().map(|o| o.engine_ns as f64 / 1e6).sum::<f64>() / intervals.max(1.0),
            hosts: outcomes.iter().map(|o| o.hosts).max().unwrap_or(0),
        }
    }
}

/// Median and 95th percentile.
fn quantiles(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get(((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied();
    Some((at(0.5)?, at(0.95)?))
}

/// Exact upper 95 % bound (Clopper and Pearson, one-sided) of a rate seen `k` times in `n`.
#[must_use]
pub fn upper_bound(k: usize, n: usize) -> f64 {
    if n == 0 || k >= n {
        return 1.0;
    }
    let at_most = |p: f64| {
        let mut term = (1.0 - p).powi(n as i32);
        let mut sum = term;
        for i in 0..k {
            term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
            sum += term;
        }
        sum
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if at_most(middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

/// Summaries per scenario, by name.
#[must_use]
pub fn summaries(outcomes: &[Outcome]) -> Vec<Summary> {
    let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        groups.entry(&outcome.scenario).or_default().push(outcome);
    }
    groups.iter().map(|(name, outcomes)| Summary::of(name, outcomes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_clopper_and_pearson() {
        assert!((upper_bound(0, 1000) - 0.002_991).abs() < 1e-5);
        assert!((upper_bound(1, 20) - 0.216).abs() < 1e-3);
    }
}
