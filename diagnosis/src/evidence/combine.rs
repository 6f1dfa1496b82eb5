//! How what single hosts say is put together into what all say, where requests before and after a load are told.

use crate::numerics::math::float;
use crate::state::ids::UnitId;
use crate::state::load_reports::Divided;
use std::collections::BTreeMap;

/// Ages since the load at which failing may change, parts of a report.
pub(crate) const AGES: [i64; 4] = [16, 8, 4, 2];

/// From which it is said at all.
pub(crate) const TOLD_AT: f64 = 3.0;

/// Hosts from which it is told.
const HOSTS_MIN: usize = 3;

/// Most that one host may say, as a log likelihood ratio, for the load and against it: what failed before it is a
/// contradiction, and an accusation that too many would have to make may be made by other evidence.
const HOST_MAX: f64 = 4.0;
const AGAINST_MAX: f64 = 12.0;

/// Least that hosts must say on the mean.
const HOST_MIN: f64 = 0.1;

/// Variance of what hosts say over that of independent requests: failures come in bursts, and mixes of scores differ.
const DISPERSION: f64 = 1.3;

/// Most that all may say.
const MOST: f64 = 20.0;

/// Log likelihood ratio over all hosts, and the number of these hosts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub ratio: f64,
    pub hosts: usize,
}

/// Combines the log likelihood ratios of single reports into that of all hosts.
pub(crate) fn said_by(told: &[&Divided], each: &[f64]) -> Option<Said> {
    let mut by_unit: BTreeMap<UnitId, f64> = BTreeMap::new();
    for (of, said) in told.iter().zip(each) {
        *by_unit.entry(of.unit).or_default() += said;
    }
    if by_unit.len() < HOSTS_MIN {
        return None;
    }
    let mut each: Vec<f64> = by_unit.values().map(|said| said.clamp(-AGAINST_MAX, HOST_MAX)).collect();
    each.sort_by(f64::total_cmp);
    // A clock that is off shifts a report against the common course: the sixth that says most has no say.
    each.truncate(each.len() - each.len() / 6);
    let said = each.iter().sum::<f64>();
    // Small differences over many hosts are how far the course is from the true one.
    let ratio = if said < HOST_MIN * float(each.len()) { said.min(0.0) } else { said / DISPERSION };
    Some(Said { ratio: ratio.min(MOST), hosts: by_unit.len() })
}
