//! Classic histograms, put together from their series: one series per bound, and their sum. Prometheus may send the series of
//! one histogram in several requests. Such a part is left out: the counts are cumulative, so the next whole one makes up for
//! it.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// Histograms whose number of bounds is remembered. Chosen: 1,000 processes of 64 histograms each.
const KNOWN_MAX: usize = 65_536;

/// How many bounds each histogram had at most, so that a part of one is recognised.
#[derive(Debug, Default)]
pub(crate) struct KnownBounds(Mutex<HashMap<u64, usize>>);

impl KnownBounds {
    /// Whether a histogram with so many bounds is whole, as far as is known; the greatest number is remembered.
    fn is_whole(&self, key: u64, bounds: usize) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX && !known.contains_key(&key) {
            known.clear();
        }
        let most = known.entry(key).or_insert(bounds);
        *most = bounds.max(*most);
        *most == bounds
    }
}

/// The series of one histogram at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// Cumulative counts by bound, in the order of the bounds.
    counts: BTreeMap<Bound, f64>,
    pub(super) sum: Option<f64>,
    /// When it began, milliseconds since the Unix epoch; 0: not given.
    pub(super) start_ms: i64,
}

/// An upper bound, ordered as numbers are.
#[derive(Clone, Copy, Debug)]
struct Bound(f64);

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Bound {}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A whole histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Whole {
    /// Upper bounds, ascending, without infinity.
    pub(super) bounds: Vec<f64>,
    /// Values in each bucket, one more than bounds.
    pub(super) counts: Vec<u64>,
    /// All values.
    pub(super) count: u64,
}

impl Parts {
    /// Takes the series of the bound that the label `le` gives. Returns whether it gives one.
    pub(super) fn take_bucket(&mut self, le: &str, count: f64) -> bool {
        let bound = match le {
            "+Inf" => Some(f64::INFINITY),
            le => le.parse().ok().filter(|bound: &f64| bound.is_finite()),
        };
        bound.map(|bound| self.counts.insert(Bound(bound), count)).is_some()
    }

    /// The histogram, if its series are all there: none are missing that `known` has seen, the last bound is infinity, and no
    /// count falls. `key` identifies the histogram.
    pub(super) fn whole(&self, key: &impl Hash, known: &KnownBounds) -> Option<Whole> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let ends = self.counts.last_key_value().is_some_and(|(bound, _)| bound.0.is_infinite());
        if !ends || !known.is_whole(hasher.finish(), self.counts.len()) {
            return None;
        }
        let mut whole = Whole::default();
        for (bound, cumulative) in &self.counts {
            let cumulative = natural(*cumulative)?;
            whole.counts.push(cumulative.checked_sub(whole.count)?);
            whole.count = cumulative;
            if bound.0.is_finite() {
                whole.bounds.push(bound.0);
            }
        }
        Some(whole)
    }
}

/// A count that a float holds exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within range")]
fn natural(value: f64) -> Option<u64> {
    (0.0..9.0e15).contains(&value).then(|| value.round() as u64)
}
