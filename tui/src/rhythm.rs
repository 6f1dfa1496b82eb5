//! How a flapping incident comes and goes, read off the lines of the chart: how often it rose, and a period only where
//! the rises agree on one. Good and bad files alternate at random, so most gaps are no period.

use firstbad_protocol::Hash;
use firstbad_protocol::snapshot::{Line, LineRole, Snapshot};
use firstbad_protocol::verdict::{Incident, Signal};

/// A line that never gets this high is noise.
const NOISE: f64 = 0.01;

/// How it comes and goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rhythm {
    /// How often it rose within what the chart shows.
    pub(crate) times: usize,
    /// Seconds from one rise to the next, if the gaps agree to a third.
    pub(crate) period_s: Option<u64>,
}

/// The rhythm of the accused versions' errors, else of the whole fleet's: of the line that rose most often.
pub(crate) fn rhythm(snapshot: &Snapshot, incident: &Incident) -> Rhythm {
    let accused: Vec<Hash> = incident.cause.iter().flat_map(|cause| cause.hashes.iter().copied()).collect();
    let about = |line: &&Line| {
        let of_it = line.hashes.iter().any(|hash| accused.contains(hash));
        of_it || (line.signal == Signal::Errors && line.role() == LineRole::Fleet)
    };
    let lines = snapshot.lines.iter().filter(about);
    let found = lines.map(|line| (rises(line), line.step_s)).max_by_key(|(rises, _)| rises.len());
    found.map_or_else(Rhythm::default, |(rises, step_s)| Rhythm {
        times: rises.len(),
        period_s: period(&rises).map(|points| (points * step_s).round() as u64),
    })
}

/// Points at which a line comes to half of its peak from below a quarter of it. Where nobody has a version, its line has no
/// points, and that is below: the fleet is off it.
fn rises(line: &Line) -> Vec<usize> {
    let peak = line.points.iter().flatten().fold(0.0_f64, |peak, point| peak.max(*point));
    let mut rises = Vec::new();
    let mut high = false;
    for (index, point) in line.points.iter().map(|point| point.unwrap_or(0.0)).enumerate() {
        if !high && point >= peak / 2.0 && peak >= NOISE {
            rises.push(index);
            high = true;
        }
        high &= point >= peak / 4.0;
    }
    rises
}

/// The middle gap of at least three rises, in points, where none is further from another than a third: a rise is seen when
/// half of the fleet has loaded, and that moves by a few points.
fn period(rises: &[usize]) -> Option<f64> {
    let mut gaps: Vec<usize> = rises.windows(2).filter_map(|pair| pair.last()?.checked_sub(*pair.first()?)).collect();
    gaps.sort_unstable();
    let (least, most, middle) = (gaps.first()?, gaps.last()?, gaps.get(gaps.len() / 2)?);
    let agree = gaps.len() >= 2 && most - least <= (most / 3).max(1);
    u32::try_from(*middle).ok().filter(|_| agree).map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn line(points: &[f64]) -> Line {
        let named = fixture::named();
        let shape = named.lines.iter().find(|line| !line.hashes.is_empty()).expect("an accused line");
        let points = points.iter().map(|point| (*point >= 0.0).then_some(*point)).collect();
        Line { points, step_s: 1.0, ..shape.clone() }
    }

    fn of(points: &[f64]) -> Rhythm {
        let mut snapshot = fixture::named();
        snapshot.lines = vec![line(points)];
        rhythm(&snapshot, &fixture::incident())
    }

    #[test]
    fn equal_gaps_are_a_period_and_others_are_only_counted() {
        let (up, off) = ([0.7, 0.6], [-1.0, -1.0, -1.0]);
        let even: Vec<f64> = [up.as_slice(), &off, &up, &off, &up].concat();
        assert_eq!(of(&even), Rhythm { times: 3, period_s: Some(5) });
        let uneven: Vec<f64> = [up.as_slice(), &off, &up, &off, &off, &off, &up].concat();
        assert_eq!(of(&uneven), Rhythm { times: 3, period_s: None });
        assert_eq!(of(&[up.as_slice(), &off, &up].concat()), Rhythm { times: 2, period_s: None });
    }

    #[test]
    fn noise_has_no_rhythm() {
        assert_eq!(of(&[0.001, 0.004, 0.001, 0.004, 0.001, 0.004]), Rhythm::default());
        let around_half = of(&[0.0, 0.9, 0.4, 0.5, 0.4, 0.5, 0.4]);
        assert_eq!(around_half, Rhythm { times: 1, period_s: None }, "what wavers has risen once");
    }
}
