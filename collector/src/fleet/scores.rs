//! Scores by version with the bounds of contract.md section 3, whatever bounds the senders used: a sender's bucket is
//! counted where its upper bound fits, which is exact for the crate's own buckets.

use super::VersionCounts;
use super::text::{Family, Labels, Text};
use firstbad_diagnosis::observation::Scores;
use firstbad_protocol::names::{self, SCORE_BOUNDS};

#[derive(Clone, Debug, Default)]
pub(crate) struct ScoreCounts {
    /// One per bound, and the rest.
    buckets: [u64; SCORE_BOUNDS.len() + 1],
    sum: f64,
    defaulted: [u64; 4],
}

const REASONS: [&str; 4] = ["sentinel", "nan", "below", "above"];

impl ScoreCounts {
    pub(super) fn add(&mut self, scores: &Scores) {
        self.add_buckets(&scores.histogram.bounds, &scores.histogram.counts, scores.histogram.sum);
        for (count, n) in self.defaulted.iter_mut().zip([scores.sentinel, scores.nan, scores.below, scores.above]) {
            *count = count.saturating_add(n);
        }
    }

    /// Counts `counts[i]` values up to `bounds[i]`; the last count has no bound.
    pub(crate) fn add_buckets(&mut self, bounds: &[f64], counts: &[u64], sum: Option<f64>) {
        for (index, n) in counts.iter().enumerate() {
            let upper = bounds.get(index).copied().unwrap_or(f64::INFINITY);
            let place = SCORE_BOUNDS.iter().position(|bound| upper <= *bound).unwrap_or(SCORE_BOUNDS.len());
            if let Some(bucket) = self.buckets.get_mut(place) {
                *bucket = bucket.saturating_add(*n);
            }
        }
        self.sum += sum.filter(|sum| sum.is_finite()).unwrap_or(0.0);
    }

    /// Writes the three parts of a histogram.
    pub(crate) fn write(&self, family: &mut Family<'_>, labels: Labels<'_>) {
        let mut cumulative: u64 = 0;
        for (index, n) in self.buckets.iter().enumerate() {
            cumulative = cumulative.saturating_add(*n);
            // 1 is spelled `1` by Prometheus 2 and `1.0` by 3; 0.5 is the same in both (dashboards.md, the `le` trap).
            let le = SCORE_BOUNDS.get(index).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
            family.suffixed("_bucket", Labels { le: &le, ..labels }, cumulative);
        }
        family.suffixed("_sum", labels, self.sum);
        family.suffixed("_count", labels, cumulative);
    }

    /// Takes away what was served.
    pub(super) fn subtract(&mut self, served: &Self) {
        let pairs = self.buckets.iter_mut().zip(served.buckets).chain(self.defaulted.iter_mut().zip(served.defaulted));
        for (count, n) in pairs {
            *count = count.saturating_sub(n);
        }
        self.sum -= served.sum;
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
        counts.write(&mut family, Labels { values: &values, ..Labels::default() });
    }
    let mut family = text.family(&names::FLEET_SCORES_DEFAULTED);
    for (config, hash, score, counts) in &sets {
        for (reason, n) in REASONS.iter().zip(counts.defaulted) {
            family.sample(&[config, hash, score, reason], n);
        }
    }
}
