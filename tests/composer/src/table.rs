//! Sums up a ledger: rates with exact bounds, calibration, times.

use firstbad_simulator::composer::Outcome;
use firstbad_simulator::table::upper_bound;
use std::fmt::Write as _;

/// Lower edges of the bins of confidence. Chosen: finer near 1, where most confidences are.
const BINS: [f64; 6] = [0.0, 0.5, 0.8, 0.9, 0.95, 0.99];

/// Sums of a ledger. All are counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// Draws.
    pub draws: usize,
    /// Draws with a false accusation.
    pub accused: usize,
    /// Draws with a wrong exoneration.
    pub exonerated: usize,
    /// Guilty changes that the oracle can name.
    pub clear: usize,
    /// Guilty changes that the oracle can name and the verdict names.
    pub clear_named: usize,
}

/// Sums up `outcomes`.
#[must_use]
pub fn sums(outcomes: &[Outcome]) -> Sums {
    let count = |of: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| of(outcome)).count();
    Sums {
        draws: outcomes.len(),
        accused: count(&|outcome| outcome.accused > 0),
        exonerated: count(&|outcome| outcome.exonerated > 0),
        clear: outcomes.iter().map(|outcome| outcome.clear).sum(),
        clear_named: outcomes.iter().map(|outcome| outcome.clear_named).sum(),
    }
}

/// Returns the table of `outcomes`.
#[must_use]
pub fn text(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    let sum = |of: &dyn Fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    let of = sums(outcomes);
    let seeds = outcomes.iter().map(|outcome| outcome.seed);
    let mut line = |text: String| {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    line(format!("draws {} (seeds {} to {})", of.draws, seeds.clone().min().unwrap_or(0), seeds.max().unwrap_or(0)));
    line(format!("draws with a false accusation: {}", with_bound(of.accused, of.draws)));
    line(format!("draws with a wrong exoneration: {}", with_bound(of.exonerated, of.draws)));
    let missed = of.clear - of.clear_named;
    line(format!(
        "identifiable changes named: {} of {}; missed {}",
        of.clear_named,
        of.clear,
        with_bound(missed, of.clear)
    ));
    line(format!(
        "  all guilty changes named: {} of {}; in part: {}",
        sum(&|o| o.named),
        sum(&|o| o.guilts),
        sum(&|o| o.parts)
    ));
    line(format!("ties: said {} of {}, broken {}", sum(&|o| o.tied_said), sum(&|o| o.tied), sum(&|o| o.tied_broken)));
    line(format!("outside events called external: {} of {}", sum(&|o| o.outside_said), sum(&|o| o.outside)));
    line(format!("last known good right: {} of {}", sum(&|o| o.good_right), sum(&|o| o.good_asked)));
    let needless = |calm: bool| {
        let of: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.calm == calm).collect();
        let count: usize = of.iter().map(|outcome| outcome.needless).sum();
        let days: f64 = of.iter().map(|outcome| outcome.host_days).sum();
        let hours: f64 = of.iter().map(|outcome| outcome.length_s / 3600.0).sum();
        let with = of.iter().filter(|outcome| outcome.needless > 0).count();
        format!(
            "{count} in {with} of {} draws, {:.3} a host-day, {:.2} a fleet-hour",
            of.len(),
            per(count, days),
            per(count, hours)
        )
    };
    line(format!("needless incidents where nothing hurts: {}", needless(true)));
    line(format!("  beside a truth or an outage: {}", needless(false)));
    line(format!(
        "draws with an incident open more than 5 min after the last harm: {}",
        outcomes.iter().filter(|o| o.open_late > 0).count()
    ));
    line(format!(
        "seconds from the twelfth exposed host to the name, median / 95th: {}",
        quantiles(outcomes.iter().filter_map(|o| o.to_name_s))
    ));
    line(format!("milliseconds a draw, median / 95th: {}", quantiles(outcomes.iter().map(|o| o.ms as f64))));
    calibration(outcomes, &mut out);
    out
}

fn per(count: usize, of: f64) -> f64 {
    if of > 0.0 { count as f64 / of } else { 0.0 }
}

fn with_bound(k: usize, n: usize) -> String {
    let share = if n > 0 { k as f64 / n as f64 } else { 0.0 };
    format!("{k} of {n} ({:.2} %, at most {:.2} % with 95 %)", share * 100.0, upper_bound(k, n) * 100.0)
}

fn quantiles(values: impl Iterator<Item = f64>) -> String {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get(((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied();
    at(0.5).zip(at(0.95)).map_or_else(|| "none".into(), |(median, most)| format!("{median:.0} / {most:.0}"))
}

/// One final accusation.
struct Accusation {
    confidence: f64,
    right: bool,
}

/// Reads an accusation as the ledger spells it: `0.93+`.
fn accusation(word: &str) -> Option<Accusation> {
    let confidence = word.get(..word.len().checked_sub(1)?)?.parse().ok()?;
    Some(Accusation { confidence, right: word.ends_with('+') })
}

fn calibration(outcomes: &[Outcome], out: &mut String) {
    let words = outcomes.iter().flat_map(|outcome| outcome.confidences.split_whitespace());
    let all: Vec<Accusation> = words.filter_map(accusation).collect();
    for (index, from) in BINS.into_iter().enumerate() {
        let until = BINS.get(index + 1).copied().unwrap_or(f64::INFINITY);
        let bin: Vec<_> = all.iter().filter(|one| from <= one.confidence && one.confidence < until).collect();
        if !bin.is_empty() {
            let right = bin.iter().filter(|one| one.right).count();
            let _ = writeln!(out, "confidence from {from:.2}: {right} of {} accuse nothing innocent", bin.len());
        }
    }
}
