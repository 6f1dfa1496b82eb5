//! Own-load alignment: do hosts begin to fail each at its own load, or all at one moment? Beginnings are known only to lie
//! within a bracket (a report, or a part of one), so both answers are held against brackets, not against points: where
//! reports are coarser than the rollout was quick, neither wins.

use crate::math::{float, median, spread};
use crate::model::Ns;
use crate::tally::seconds;

/// Scales tried for how far a beginning may lie from where it should, in report intervals.
const SCALES: [f64; 8] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];
/// Hosts looked at, every so many of all: more would not change the answer.
const HOSTS_MAX: usize = 256;
/// Share of hosts that follow neither.
const STRAY: f64 = 0.05;
/// Most that one host may say, as a log likelihood ratio.
const HOST_MAX: f64 = 1.5;
/// Small differences over many hosts are no alignment.
const HOST_MIN: f64 = 0.2;

/// One host's load, or leave, and when its failing began, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub at: Ns,
    /// Between which times the change lies; none if none came.
    pub change: Option<(Ns, Ns)>,
}

/// What a rollout says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Alignment {
    /// Log likelihood ratio of "at its own load" over "at one moment".
    pub ratio: f64,
    /// Hosts, spread of the changes, spread of the changes after the own load, median delay (seconds).
    pub lag: (u64, f64, f64, f64),
}

/// Compares the two answers over the pairs that changed.
pub(crate) fn align(pairs: &[Pair], interval: Ns) -> Alignment {
    let changed = || pairs.iter().filter_map(|pair| Some((pair.at, pair.change?)));
    let all = changed().count();
    let matched: Vec<(Ns, (Ns, Ns))> = changed().step_by(all.div_ceil(HOSTS_MAX).max(1)).collect();
    let Some(first) = matched.first().map(|(at, _)| *at).filter(|_| matched.len() >= 3) else {
        return Alignment::default();
    };
    let unit = seconds(interval);
    let own: Vec<(f64, f64)> =
        matched.iter().map(|(at, (from, to))| (seconds(from - at) / unit, seconds(to - at) / unit)).collect();
    let moment: Vec<(f64, f64)> =
        matched.iter().map(|(_, (from, to))| (seconds(from - first) / unit, seconds(to - first) / unit)).collect();
    let each = trimmed(best(&own).into_iter().zip(best(&moment)).map(|(own, moment)| own - moment).collect());
    let each = if (0.0..HOST_MIN).contains(&each) { 0.0 } else { each.clamp(-HOST_MAX, HOST_MAX) };
    let middles = |brackets: &[(f64, f64)]| -> Vec<f64> {
        brackets.iter().map(|(from, to)| f64::midpoint(*from, *to) * unit).collect()
    };
    let mut lags = middles(&own);
    let lag = (all as u64, spread(&middles(&moment)), spread(&lags), median(&mut lags));
    Alignment { ratio: each * (float(matched.len()) - 1.0), lag }
}

/// Mean without the sixth at either end: a clock that is off shifts load and failing alike, and would look like a load
/// that is followed, however many hosts fail at one moment.
fn trimmed(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 6;
    let kept = values.get(cut..values.len() - cut).unwrap_or_default();
    kept.iter().sum::<f64>() / float(kept.len().max(1))
}

/// Log likelihoods of the brackets around one place, at the scale and place where their sum is greatest.
fn best(brackets: &[(f64, f64)]) -> Vec<f64> {
    let mut middles: Vec<f64> = brackets.iter().map(|(from, to)| f64::midpoint(*from, *to)).collect();
    let middle = median(&mut middles);
    let mut ends: Vec<f64> = brackets.iter().map(|(from, _)| *from).collect();
    let latest = median(&mut ends);
    let mut top = (f64::NEG_INFINITY, Vec::new());
    for place in [middle, latest, f64::midpoint(middle, latest)] {
        for scale in SCALES {
            let each: Vec<f64> = brackets.iter().map(|bracket| libm::log(within(*bracket, place, scale))).collect();
            let sum: f64 = each.iter().sum();
            if sum > top.0 {
                top = (sum, each);
            }
        }
    }
    top.1
}

/// Probability that a beginning lies in the bracket: logistic around the place, and a few strays anywhere within minutes.
fn within((from, to): (f64, f64), place: f64, scale: f64) -> f64 {
    let below = |x: f64| 1.0 / (1.0 + libm::exp(-((x - place) / scale).clamp(-500.0, 500.0)));
    let stray = ((to - from) / 30.0).clamp(1e-3, 1.0);
    (1.0 - STRAY) * (below(to) - below(from)).max(0.0) + STRAY * stray
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Ns = 1_000_000_000;

    fn pairs(load: impl Fn(i64) -> i64, begin: impl Fn(i64) -> i64, bracket: impl Fn(i64) -> (i64, i64)) -> Vec<Pair> {
        (0..40).map(|host| Pair { at: load(host), change: Some(bracket(begin(host))) }).collect()
    }

    fn exactly(at: i64) -> (i64, i64) {
        (at - S / 2, at + S / 2)
    }

    fn report(at: i64) -> (i64, i64) {
        (at.div_euclid(10 * S) * 10 * S, (at.div_euclid(10 * S) + 1) * 10 * S)
    }

    #[test]
    fn beginnings_at_own_loads_and_at_one_moment_are_told_apart() {
        let load = |host: i64| host * 3 * S / 4;
        let own = align(&pairs(load, |host| load(host) + S / 2, exactly), 10 * S);
        assert!(own.ratio > 20.0, "{own:?}");
        let moment = align(&pairs(load, |_| 15 * S, exactly), 10 * S);
        assert!(moment.ratio < -20.0, "{moment:?}");
    }

    #[test]
    fn a_rollout_within_one_report_says_nothing_either_way() {
        let load = |host: i64| host * S / 10;
        let own = align(&pairs(load, |host| load(host) + S / 2, report), 10 * S);
        assert!(own.ratio.abs() < 4.0, "{own:?}");
    }

    #[test]
    fn a_rollout_over_three_reports_is_seen_through_them() {
        let load = |host: i64| host * 3 * S / 4;
        let own = align(&pairs(load, |host| load(host) + S / 2, report), 10 * S);
        assert!(own.ratio > 6.0, "{own:?}");
        let moment = align(&pairs(load, |_| 15 * S, report), 10 * S);
        assert!(moment.ratio < -6.0, "{moment:?}");
    }
}
