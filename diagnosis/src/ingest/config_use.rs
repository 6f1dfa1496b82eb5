//! Requests of a row by the config that they used. What they say is decided in `evidence::uses`.

use crate::observation::counts::Requests;
use crate::state::ring::Use;
use std::collections::BTreeMap;

/// Adds requests of a row that used a config.
pub(crate) fn add(by_config: &mut Vec<(u16, Requests)>, factor: u16, more: Requests) {
    match by_config.iter_mut().find(|(known, _)| *known == factor) {
        Some((_, of)) => (of.failed, of.all) = (of.failed + more.failed, of.all + more.all),
        None => by_config.push((factor, more)),
    }
}

/// Adds what a row tells, of requests by config and of all of its requests.
pub(crate) fn note(uses: &mut BTreeMap<u16, Use>, by_config: &[(u16, Requests)], total: Requests) {
    for (factor, of) in by_config {
        let outside = ((total.failed - of.failed).max(0.0), (total.all - of.all).max(0.0));
        uses.entry(*factor).or_default().add(Use { inside: (of.failed, of.all), outside });
    }
}
