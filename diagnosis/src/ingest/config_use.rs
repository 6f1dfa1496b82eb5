//! Requests of a row by the config that they used. What they say is decided in `evidence::uses`.

use crate::observation::counts::Requests;
use crate::state::ids::FactorId;
use crate::state::ring::{Use, Used};
use std::collections::BTreeMap;

/// Requests of a row that used a config.
pub(crate) struct OfConfig {
    factor: FactorId,
    requests: Requests,
}

/// Adds requests of a row that used a config.
pub(crate) fn add(by_config: &mut Vec<OfConfig>, factor: FactorId, more: Requests) {
    match by_config.iter_mut().find(|known| known.factor == factor) {
        Some(OfConfig { requests: of, .. }) => (of.failed, of.all) = (of.failed + more.failed, of.all + more.all),
        None => by_config.push(OfConfig { factor, requests: more }),
    }
}

/// Adds what a row tells, of requests by config and of all of its requests.
pub(crate) fn note(uses: &mut BTreeMap<FactorId, Use>, by_config: &[OfConfig], total: Requests) {
    for OfConfig { factor, requests: of } in by_config {
        let inside = Used { failed: of.failed, all: of.all };
        let outside = Used { failed: (total.failed - of.failed).max(0.0), all: (total.all - of.all).max(0.0) };
        uses.entry(*factor).or_default().add(Use { inside, outside });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_room_for_the_others_counts_none() {
        let mut uses = BTreeMap::new();
        let of = |failed: f64, all: f64| Requests { all, failed, ..Requests::default() };
        let mut by_config = Vec::new();
        add(&mut by_config, FactorId(3), of(2.0, 10.0));
        add(&mut by_config, FactorId(3), of(1.0, 5.0));
        note(&mut uses, &by_config, of(2.0, 14.0));
        assert_eq!(
            uses.get(&FactorId(3)),
            Some(&Use { inside: Used { failed: 3.0, all: 15.0 }, outside: Used::default() })
        );
    }
}
