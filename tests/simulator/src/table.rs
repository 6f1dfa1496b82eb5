//! Sums outcomes up per scenario, prints the table, and says which gates fail.

use crate::judge::Outcome;
use std::collections::BTreeMap;
use std::fmt::Write;

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

/// The table, the totals and the failing runs.
#[must_use]
pub fn text(outcomes: &[Outcome], verbose: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{:<28} {:>4} {:>6} {:>7} {:>7} {:>7} {:>12} {:>12} {:>4} {:>4} {:>4} {:>6} {:>4} {:>4} {:>7}",
        "scenario",
        "runs",
        "right%",
        "prop",
        "scope",
        "hashes",
        "first med/95",
        "name med/95",
        "abst",
        "flip",
        "FALS",
        "bound",
        "EXON",
        "inc+",
        "ms/int"
    );
    for s in summaries(outcomes) {
        line(&mut out, &s);
    }
    for class in ["positive", "open", "negative"] {
        let of: Vec<&Outcome> = outcomes.iter().filter(|o| o.class == class).collect();
        if !of.is_empty() {
            line(&mut out, &Summary::of(&format!("TOTAL {class}"), &of));
        }
    }
    cost(&mut out, outcomes);
    reliability(&mut out, outcomes);
    simple(&mut out, outcomes);
    failures(&mut out, outcomes, verbose);
    out
}

fn line(out: &mut String, s: &Summary) {
    let pair = |p: Option<(f64, f64)>| p.map_or("-".into(), |(median, p95)| format!("{median:.0}/{p95:.0}"));
    let part = |(right, of): (usize, usize)| if of == 0 { "-".into() } else { format!("{right}/{of}") };
    let _ = writeln!(
        out,
        "{:<28} {:>4} {:>6.1} {:>7} {:>7} {:>7} {:>12} {:>12} {:>4} {:>4} {:>4} {:>6.3} {:>4} {:>4} {:>7.2}",
        s.scenario,
        s.runs,
        100.0 * s.right as f64 / s.runs.max(1) as f64,
        part(s.property),
        part(s.scope),
        part(s.complete),
        pair(s.from_first_s),
        pair(s.to_name_s),
        s.abstained,
        s.flips,
        s.false_accusations,
        s.false_bound,
        s.exonerations,
        s.too_many,
        s.engine_ms
    );
}

/// Means over all runs of the greatest fleet: CPU time, so other load on the machine shows little.
fn cost(out: &mut String, outcomes: &[Outcome]) {
    let hosts = outcomes.iter().map(|outcome| outcome.hosts).max().unwrap_or(0);
    let sum = |part: &dyn Fn(&Outcome) -> (u64, u64)| {
        let all = outcomes.iter().filter(|outcome| outcome.hosts * 2 > hosts).map(part);
        let (ns, times) = all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        ns as f64 / times.max(1) as f64
    };
    let _ = writeln!(
        out,
        "cost at up to {hosts} hosts: {:.1} us an observation, {:.2} ms a quiet tick, {:.2} ms a diagnosing tick",
        sum(&|outcome| outcome.taking) / 1e3,
        sum(&|outcome| outcome.quiet) / 1e6,
        sum(&|outcome| outcome.diagnosing) / 1e6
    );
}

fn reliability(out: &mut String, outcomes: &[Outcome]) {
    let mut bins: BTreeMap<u32, (usize, usize, f64)> = BTreeMap::new();
    for outcome in outcomes {
        if let Some(confidence) = outcome.confidence {
            let bin = bins.entry((confidence * 10.0).floor().clamp(0.0, 9.0) as u32).or_default();
            bin.0 += 1;
            bin.1 += usize::from(outcome.right);
            bin.2 += confidence;
        }
    }
    let _ = writeln!(out, "confidence: bin, answers, mean confidence, share right");
    for (bin, (answers, right, sum)) in bins {
        let n = answers as f64;
        let _ = writeln!(out, "  {:.1}  {answers:>5}  {:.3}  {:.3}", f64::from(bin) / 10.0, sum / n, right as f64 / n);
    }
}

fn simple(out: &mut String, outcomes: &[Outcome]) {
    let mut methods: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (method, result) in outcomes.iter().flat_map(|outcome| &outcome.simple) {
        *methods.entry(method).or_default().entry(result).or_default() += 1;
    }
    for (method, results) in methods {
        let words: Vec<String> = results.iter().map(|(result, count)| format!("{result} {count}")).collect();
        let _ = writeln!(out, "simple method {method:<24} {}", words.join(", "));
    }
}

fn failures(out: &mut String, outcomes: &[Outcome], verbose: bool) {
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    for o in outcomes {
        let mut wrong: Vec<String> = Vec::new();
        wrong.extend(o.false_accusation.as_ref().map(|what| format!("FALSE ACCUSATION {what}")));
        wrong.extend(o.wrong_exoneration.as_ref().map(|what| format!("WRONG EXONERATION {what}")));
        wrong.extend((!o.right).then(|| "not admissible".to_owned()));
        for (what, verdict) in [("property", o.property), ("scope", o.scope), ("hashes", o.complete)] {
            wrong.extend((verdict == Some(false)).then(|| format!("{what} wrong")));
        }
        wrong.extend(o.too_many_incidents.then(|| format!("{} incidents", o.incidents)));
        wrong.extend((o.flips > 0).then(|| format!("{} flips", o.flips)));
        let count = shown.entry(&o.scenario).or_default();
        if wrong.is_empty() || (*count >= 3 && !verbose) {
            continue;
        }
        *count += 1;
        let _ = writeln!(
            out,
            "{} --first-seed {} : {}\n    answered   {}\n    admissible {}",
            o.scenario,
            o.seed,
            wrong.join("; "),
            o.answered,
            o.admissible
        );
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_clopper_and_pearson() {
        assert!((upper_bound(0, 1000) - 0.002_991).abs() < 1e-5);
        assert!((upper_bound(1, 20) - 0.216).abs() < 1e-3);
    }
}
