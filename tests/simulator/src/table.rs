//! Prints what a bench run came to: a line per scenario, totals, cost, calibration, methods and the failing runs.

mod failures;
mod gates;
mod methods;
mod summary;

use crate::outcome::Outcome;
use failures::failures;
pub use gates::{Gates, failed_gates};
use methods::methods;
use std::collections::BTreeMap;
use std::fmt::Write;
pub use summary::{Summary, summaries, upper_bound};

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
    methods(&mut out, outcomes);
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

/// Calibration: how often answers of a confidence are right, those that accuse apart from those that do not.
fn reliability(out: &mut String, outcomes: &[Outcome]) {
    let mut bins: BTreeMap<(bool, u32), (usize, usize, f64)> = BTreeMap::new();
    for outcome in outcomes {
        if let Some(confidence) = outcome.confidence {
            let tenth = (confidence * 10.0).floor().clamp(0.0, 9.0) as u32;
            let bin = bins.entry((!outcome.accuses, tenth)).or_default();
            bin.0 += 1;
            bin.1 += usize::from(outcome.right);
            bin.2 += confidence;
        }
    }
    let _ = writeln!(out, "confidence: bin, answers, mean confidence, share right");
    for ((calm, tenth), (answers, right, sum)) in bins {
        let (n, bin) = (answers as f64, f64::from(tenth) / 10.0);
        let word = if calm { "abstains" } else { "accuses" };
        let _ = writeln!(out, "  {word:<8} {bin:.1}  {answers:>5}  {:.3}  {:.3}", sum / n, right as f64 / n);
    }
}
