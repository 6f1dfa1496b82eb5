//! Scores by version with the bounds of contract.md section 3, whatever bounds the senders used: a sender's bucket is
//! counted where its upper bound fits, which is exact for the crate's own buckets.

use super::VersionCounts;
use super::text::Text;
use firstbad_diagnosis::observation::Scores;
use firstbad_protocol::names::{self, SCORE_BOUNDS};

#[derive(Clone, Debug, Default)]
pub(super) struct ScoreCounts {
    /// One per bound, and the rest.
    buckets: [u64; SCORE_BOUNDS.len() + 1],
    sum: f64,
    defaulted: [u64; 4],
}

const REASONS: [&str; 4] = ["sentinel", "nan", "below", "above"];

impl ScoreCounts {
    pub(super) fn add(&mut self, scores: &Scores) {
        let histogram = &scores.histogram;
        for (index, n) in histogram.counts.iter().enumerate() {
            let upper = histogram.bounds.get(index).copied().unwrap_or(f64::INFINITY);
            let place = SCORE_BOUNDS.iter().position(|bound| upper <= *bound).unwrap_or(SCORE_BOUNDS.len());
            if let Some(bucket) = self.buckets.get_mut(place) {
                *bucket = bucket.saturating_add(*n);
            }
        }
        self.sum += histogram.sum.filter(|sum| sum.is_finite()).unwrap_or(0.0);
        for (count, n) in self.defaulted.iter_mut().zip([scores.sentinel, scores.nan, scores.below, scores.above]) {
            *count = count.saturating_add(n);
        }
    }

    pub(super) fn fold(&mut self, other: &Self) {
        let pairs = self.buckets.iter_mut().zip(other.buckets).chain(self.defaulted.iter_mut().zip(other.defaulted));
        for (count, n) in pairs {
            *count = count.saturating_add(n);
        }
        self.sum += other.sum;
    }
}

pub(super) fn render<'a>(labelled: impl Iterator<Item = (String, String, &'a VersionCounts)>, text: &mut Text) {
    let sets: Vec<_> = labelled
        .flat_map(|(config, hash, counts)| {
            counts.scores.iter().map(move |(score, counts)| (config.clone(), hash.clone(), score.as_str(), counts))
        })
        .collect();
    let mut family = text.family(&names::FLEET_SCORES);
    for (config, hash, score, counts) in &sets {
        let values = [config.as_str(), hash.as_str(), score];
        let mut cumulative: u64 = 0;
        for (index, n) in counts.buckets.iter().enumerate() {
            cumulative = cumulative.saturating_add(*n);
            // 1 is spelled `1` by Prometheus 2 and `1.0` by 3; 0.5 is the same in both (dashboards.md, the `le` trap).
            let le = SCORE_BOUNDS.get(index).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
            family.suffixed("_bucket", (&values, Some(&le)), cumulative);
        }
        family.suffixed("_sum", (&values, None), counts.sum);
        family.suffixed("_count", (&values, None), cumulative);
    }
    let mut family = text.family(&names::FLEET_SCORES_DEFAULTED);
    for (config, hash, score, counts) in &sets {
        for (reason, n) in REASONS.iter().zip(counts.defaulted) {
            family.sample(&[config, hash, score, reason], n);
        }
    }
}
