//! Loads of a version, or leaves from it, gathered to rollouts: those of one level that follow each other. Of units that
//! did not change with theirs only the number and the time matter, so these are counted by report interval; only the others
//! are kept and put into order, for `align`.

use crate::numerics::align::Pair;
use crate::numerics::time::{Instant, Span};
use crate::state::ids::LevelId;
use std::collections::BTreeMap;

/// Report intervals without a load after which the next one is another rollout's.
pub(crate) const APART: i64 = 6;

/// A load, or leave, that changed something, and the level that it led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Changed {
    pub level: LevelId,
    pub pair: Pair,
}

/// Loads of one level within one report interval.
#[derive(Clone, Copy, Debug)]
struct Slot {
    level: LevelId,
    first: Instant,
    last: Instant,
    count: usize,
}

/// Loads, or leaves, by the level that they led to.
#[derive(Clone, Debug)]
pub(crate) struct Rollouts {
    interval: Span,
    slots: BTreeMap<(LevelId, i64), Slot>,
    changed: Vec<Changed>,
}

/// One rollout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rollout<'a> {
    pub first: Instant,
    pub last: Instant,
    /// Loads.
    pub count: usize,
    /// Those that changed something, in order.
    pub changed: &'a [Changed],
}

impl Rollouts {
    /// None.
    pub(crate) fn new(interval: Span) -> Self {
        Self { interval: interval.max(Span::NS), slots: BTreeMap::new(), changed: Vec::new() }
    }

    /// Adds a load, or leave.
    pub(crate) fn add(&mut self, level: LevelId, pair: Pair) {
        let at = pair.at;
        let slot = self.slots.entry((level, at.0.div_euclid(self.interval.0))).or_insert(Slot {
            level,
            first: at,
            last: at,
            count: 0,
        });
        (slot.first, slot.last, slot.count) = (slot.first.min(at), slot.last.max(at), slot.count + 1);
        if pair.change.is_some() {
            self.changed.push(Changed { level, pair });
        }
    }

    /// The rollouts by their beginning, and by level where they begin at once.
    pub(crate) fn in_order(&mut self) -> Vec<Rollout<'_>> {
        self.changed.sort_unstable();
        let slots: Vec<Slot> = self.slots.values().copied().collect();
        let goes_on = |before: &Slot, slot: &Slot| {
            before.level == slot.level && slot.first - before.last <= APART * self.interval
        };
        let mut rest = self.changed.as_slice();
        let mut all = Vec::new();
        for slots in slots.chunk_by(goes_on) {
            let (Some(from), Some(to)) = (slots.first(), slots.last()) else { continue };
            let here = rest.partition_point(|of| (of.level, of.pair.at) <= (to.level, to.last));
            let (changed, others) = rest.split_at_checked(here).unwrap_or((rest, &[]));
            rest = others;
            let count = slots.iter().map(|slot| slot.count).sum();
            all.push(Rollout { first: from.first, last: to.last, count, changed });
        }
        all.sort_by_key(|rollout| rollout.first);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::time::{Placed, Window};

    const S: Span = Span(1_000_000_000);

    /// What the sums must agree with: all pairs in one order, cut where the level or the time leaps.
    fn plainly(pairs: &[(LevelId, Pair)]) -> Vec<Vec<Pair>> {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        let goes_on =
            |(of, last): &(LevelId, Pair), (level, pair): &(LevelId, Pair)| of == level && pair.at - last.at <= 60 * S;
        let mut groups: Vec<Vec<Pair>> =
            pairs.chunk_by(goes_on).map(|group| group.iter().map(|(_, pair)| *pair).collect()).collect();
        groups.sort_by_key(|group| group.first().map(|pair| pair.at));
        groups
    }

    #[test]
    fn sums_tell_what_a_list_of_all_loads_tells() {
        for salt in 0_u64..200 {
            let of = |host: u64, what: u64| {
                let x = (host + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    ^ (what + 7 * salt).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                (x ^ x >> 31).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
            };
            let one = |host: u64| {
                let at = Instant::ZERO + i64::try_from(of(host, 1) % 4000).unwrap_or(0) * S / 4 - 300 * S;
                let change = of(host, 2).is_multiple_of(3).then_some(Window { start: at, end: at + S });
                let level = LevelId(u32::try_from(of(host, 3) % 3).unwrap_or(0));
                (
                    level,
                    Pair {
                        at,
                        change,
                        near: Placed::default(),
                        guessed: of(host, 4).is_multiple_of(2),
                        gap: Span::ZERO,
                    },
                )
            };
            let pairs: Vec<(LevelId, Pair)> = (0..salt % 60).map(one).collect();
            let mut rollouts = Rollouts::new(10 * S);
            pairs.iter().for_each(|(level, pair)| rollouts.add(*level, *pair));
            let summed: Vec<(Instant, Instant, usize, Vec<Pair>)> = rollouts
                .in_order()
                .iter()
                .map(|of| (of.first, of.last, of.count, of.changed.iter().map(|changed| changed.pair).collect()))
                .collect();
            let listed: Vec<(Instant, Instant, usize, Vec<Pair>)> = plainly(&pairs)
                .into_iter()
                .map(|group| {
                    let (first, last) = (
                        group.first().map(|pair| pair.at).unwrap_or_default(),
                        group.last().map(|pair| pair.at).unwrap_or_default(),
                    );
                    let count = group.len();
                    (first, last, count, group.into_iter().filter(|pair| pair.change.is_some()).collect())
                })
                .collect();
            assert_eq!(summed, listed, "salt {salt}");
        }
    }
}
