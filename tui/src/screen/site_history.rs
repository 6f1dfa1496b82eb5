//! How often one place in the code panicked over time, as far as the screen keeps moments: a replay those of its files, a live
//! screen those since it was opened.

use super::runtime::Frames;
use firstbad_protocol::time::Timestamp;

/// Moments that are looked at: unpacking one of a large fleet takes about two milliseconds.
const MOMENTS_MAX: usize = 64;

/// What was counted at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SitePoint {
    /// The moment.
    pub(crate) at: Timestamp,
    /// Panics counted there until then; 0 where the place was not listed yet.
    pub(crate) count: u64,
}

/// The history of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SiteHistory {
    /// The place in the source; none for panics without a known place. Untrusted text.
    pub(crate) site: Option<String>,
    /// When it was asked for, on the screen's clock, ms.
    pub(crate) asked_ms: u64,
    /// Moments, earliest first.
    pub(crate) points: Vec<SitePoint>,
}

/// Panics between two moments that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    /// The later moment.
    pub(crate) until: Timestamp,
    /// Panics since the earlier one; none where the count fell, since the collector began to count anew.
    pub(crate) panics: Option<u64>,
}

impl SiteHistory {
    /// Panics between the moments.
    pub(crate) fn growth(&self) -> Vec<Growth> {
        let pairs = self.points.iter().zip(self.points.iter().skip(1));
        pairs.map(|(one, next)| Growth { until: next.at, panics: next.count.checked_sub(one.count) }).collect()
    }
}

/// The counts of `site` at evenly spaced frames, the last among them.
pub(crate) fn points(frames: &mut dyn Frames, site: Option<&str>) -> Vec<SitePoint> {
    let count = frames.count();
    let step = count.div_ceil(MOMENTS_MAX).max(1);
    let mut places: Vec<usize> = (0..count).rev().step_by(step).collect();
    places.reverse();
    let point = |place: usize| {
        let snapshot = frames.frame(place)?;
        let listed = snapshot.sites.iter().find(|listed| listed.site.as_deref() == site);
        Some(SitePoint { at: snapshot.at?, count: listed.map_or(0, |listed| listed.count) })
    };
    places.into_iter().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::film::Seen;
    use crate::fixture::{self, ONSET};
    use firstbad_protocol::snapshot::Snapshot;
    use firstbad_protocol::time::SECOND_NS;
    use std::sync::Arc;

    #[test]
    fn a_place_has_the_growth_of_its_count_between_frames() {
        let mut seen = Seen::default();
        let site = fixture::named().sites[0].site.clone();
        for (second, count) in [(0, None), (10, Some(3)), (20, Some(10)), (30, Some(4))] {
            let mut snapshot = Snapshot { at: Some(ONSET + second * SECOND_NS), ..fixture::named() };
            match count {
                Some(count) => snapshot.sites[0].count = count,
                None => snapshot.sites.clear(),
            }
            seen.note(&Arc::new(snapshot));
        }
        let points = points(&mut seen, site.as_deref());
        let grown: Vec<Option<u64>> =
            SiteHistory { site, asked_ms: 0, points }.growth().iter().map(|growth| growth.panics).collect();
        assert_eq!(grown, [Some(3), Some(7), None]);
    }

    #[test]
    fn of_many_frames_few_are_unpacked_and_the_newest_is_among_them() {
        let mut seen = Seen::default();
        for second in 0..300 {
            seen.note(&Arc::new(Snapshot { at: Some(ONSET + second * SECOND_NS), ..fixture::empty() }));
        }
        let points = points(&mut seen, None);
        assert!(points.len() <= MOMENTS_MAX && points.len() > MOMENTS_MAX / 2, "{}", points.len());
        assert_eq!(points.last().map(|point| point.at), Some(ONSET + 299 * SECOND_NS));
    }
}
