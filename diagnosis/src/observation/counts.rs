//! A row's counts by counter: which of the numbers that a row holds feed which counter, so that nothing is counted twice
//! (contract.md section 2, "Counting"). What is expected is decided elsewhere.

use crate::observation::{Histogram, Name, Outcomes, Row, Scores};
use std::collections::BTreeMap;

/// Requests, failures and panics of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Requests {
    /// All.
    pub all: f64,
    /// Failed, panics included.
    pub failed: f64,
    /// Ended in a panic.
    pub panicked: f64,
    /// Answered, but turned away.
    pub denied: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of one row stay far below 2^52")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// A gauge's value, if it can be one: no share, size or count is negative, infinite or no number.
pub(crate) fn gauge(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite() && *value >= 0.0)
}

impl Requests {
    /// Of outcomes.
    pub(crate) fn of(outcomes: Outcomes) -> Self {
        Self {
            all: float(outcomes.all()),
            failed: float(outcomes.failed()),
            panicked: float(outcomes.panic),
            denied: float(outcomes.denied),
        }
    }

    fn add(&mut self, other: Self) {
        self.all += other.all;
        self.failed += other.failed;
        self.panicked += other.panicked;
        self.denied += other.denied;
    }
}

/// Totals of a row, with panics outside requests.
pub(crate) fn requests(row: &Row) -> Requests {
    let mut sum = outcomes(row);
    sum.panicked = sum.panicked.max(panics(row));
    sum
}

/// Totals of a row; where it has none its largest view stands for them.
fn outcomes(row: &Row) -> Requests {
    let mut sum = Requests::default();
    if row.totals.is_empty() {
        let mut by_config: BTreeMap<&Name, Requests> = BTreeMap::new();
        for view in &row.views {
            by_config.entry(&view.config).or_default().add(Requests::of(view.outcomes));
        }
        for candidate in by_config.values() {
            if candidate.all > sum.all {
                sum = *candidate;
            }
        }
    }
    for total in &row.totals {
        sum.add(Requests::of(total.outcomes));
    }
    sum
}

/// Panics of a row as told by `firstbad.panics`, by config; the total has no name. A row may lie between the counts of one
/// panic under two configs: only sums over rows may be compared.
pub(crate) fn panics_told(row: &Row) -> BTreeMap<Name, u64> {
    let mut by_config: BTreeMap<Name, u64> = BTreeMap::new();
    for panic in &row.panics {
        let config = panic.version.as_ref().map_or_else(|| Name::from(""), |(config, _)| config.clone());
        *by_config.entry(config).or_default() += panic.count;
    }
    by_config
}

/// Panics of a row as outcomes of requests.
pub(crate) fn panics_ended(row: &Row) -> u64 {
    counted(outcomes(row).panicked)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that came as an integer")]
fn counted(count: f64) -> u64 {
    count.max(0.0) as u64
}

/// Panics by `firstbad.panics`: untagged ones are the total; else the config with the most.
fn panics(row: &Row) -> f64 {
    let mut untagged = 0;
    let mut by_config: BTreeMap<&Name, u64> = BTreeMap::new();
    for panic in &row.panics {
        match &panic.version {
            None => untagged += panic.count,
            Some((config, _)) => *by_config.entry(config).or_default() += panic.count,
        }
    }
    float(by_config.values().copied().max().unwrap_or(0).max(untagged))
}

/// Panics of a row by site; those that are tagged count once, under the config with the most.
pub(crate) fn panics_by_site(row: &Row) -> BTreeMap<&Name, u64> {
    let mut tagged: BTreeMap<(&Name, Option<&Name>), u64> = BTreeMap::new();
    for panic in &row.panics {
        let Some(site) = &panic.site else { continue };
        let config = panic.version.as_ref().map(|(config, _)| config);
        *tagged.entry((site, config)).or_default() += panic.count;
    }
    let mut by_site: BTreeMap<&Name, u64> = BTreeMap::new();
    for ((site, _), count) in tagged {
        let most = by_site.entry(site).or_default();
        *most = (*most).max(count);
    }
    by_site
}

/// Events, of all that they are a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Share {
    pub count: f64,
    pub all: f64,
}

/// Scores not computed or out of range, of all scores, of one entry.
pub(crate) fn zeros(scores: &Scores) -> Share {
    let all: u64 = scores.histogram.counts.iter().sum();
    let lowest = scores.histogram.bounds.first().copied().unwrap_or(f64::INFINITY);
    let in_zero_bucket =
        if (0.0..=0.5).contains(&lowest) { scores.histogram.counts.first().copied().unwrap_or(0) } else { 0 };
    let defaulted = scores.sentinel.max(in_zero_bucket) + scores.nan + scores.below + scores.above;
    Share { count: float(defaulted), all: float(all.max(defaulted)) }
}

/// Entries of scores that belong together, and how many scores they hold.
#[derive(Default)]
struct Entries<'a> {
    count: u64,
    all: Vec<&'a Scores>,
}

/// Every score of the row once: tagged entries of one config, or untagged ones.
pub(crate) fn score_entries(row: &Row) -> Vec<&Scores> {
    if row.scores.len() < 2 {
        return row.scores.iter().collect();
    }
    let mut by_tag: BTreeMap<(&Name, Option<&Name>), Entries<'_>> = BTreeMap::new();
    for scores in &row.scores {
        let tag = scores.version.as_ref().map(|(config, _)| config);
        let entry = by_tag.entry((&scores.score, tag)).or_default();
        entry.count += scores.histogram.counts.iter().sum::<u64>() + scores.sentinel;
        entry.all.push(scores);
    }
    let mut best: BTreeMap<&Name, Entries<'_>> = BTreeMap::new();
    for ((score, _), entries) in by_tag {
        let kept = best.entry(score).or_default();
        if kept.all.is_empty() || entries.count > kept.count {
            *kept = entries;
        }
    }
    best.into_values().flat_map(|entries| entries.all).collect()
}

/// How many values lie above `threshold`.
pub(crate) fn above(histogram: &Histogram, threshold: f64) -> Share {
    let mut over = 0;
    let mut all = 0;
    for (index, count) in histogram.counts.iter().enumerate() {
        all += count;
        let lower =
            index.checked_sub(1).and_then(|below| histogram.bounds.get(below)).copied().unwrap_or(f64::NEG_INFINITY);
        if lower >= threshold {
            over += count;
        }
    }
    Share { count: float(over), all: float(all) }
}

/// The ten buckets 0, 1..=9, 10..=19, .., 90..=100 would need bounds that few senders use; these are the buckets of a
/// comparison: each value goes where its upper bound falls, over at most 32 bins.
pub(crate) const BINS: usize = 32;

/// Adds a histogram's counts to comparison bins, by bucket order.
pub(crate) fn add_bins(bins: &mut Vec<u32>, histogram: &Histogram) {
    if bins.len() < BINS {
        bins.resize(BINS, 0);
    }
    let buckets = histogram.counts.len().max(1);
    for (index, count) in histogram.counts.iter().enumerate() {
        let at = if buckets <= BINS { index } else { index * BINS / buckets };
        if let Some(bin) = bins.get_mut(at) {
            *bin = bin.saturating_add(u32::try_from(*count).unwrap_or(u32::MAX));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds need no nanosecond precision")]
pub(crate) fn seconds(row: &Row) -> f64 {
    row.span.end.since(row.span.start).max(0) as f64 / 1e9
}
