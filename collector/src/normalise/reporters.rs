//! The processes that report under one set of resource attributes, by their start times. Most resources are one process,
//! which has a successor when it restarts. Where the start times of a series alternate, several processes report at once and
//! only their start times differ: one gap reports that (contract.md section 1).

use super::life::{LIFE_KEPT_NS, LIVES_MAX, START_JITTER_NS};
use serde::{Deserialize, Serialize};

/// Number of reports with a return to an earlier start time that proves several processes. A restart can cause two: the last
/// report of the old process may arrive after the first of its successor.
const RETURNS_MIN: u8 = 3;

/// The processes of one resource.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Reporters {
    lives: Vec<Reporter>,
    returns: u8,
    /// Whether more processes had one start time than can be distinguished.
    crowded: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Reporter {
    /// Earliest start among its series; 0 if the sender gave none.
    start: i64,
    /// Times of the last two reports with cumulative points, or 0.
    times: [i64; 2],
}

impl Reporters {
    /// Times of the last two reports of the process that began at `start`, else of its predecessor; 0 is none.
    pub(super) fn times(&self, start: i64) -> [i64; 2] {
        let newest = self.lives.iter().max_by_key(|life| life.times[1]);
        let own = self.lives.iter().find(|life| is_same(life.start, start));
        let follows = |life: &&Reporter| start.saturating_add(START_JITTER_NS) > life.times[1];
        own.or_else(|| newest.filter(follows)).map_or([0; 2], |life| life.times)
    }

    /// Notes that a series went back to an earlier start time. Returns true once: when that proves several processes.
    pub(super) fn note_return(&mut self) -> bool {
        self.returns = self.returns.saturating_add(1);
        self.returns == RETURNS_MIN
    }

    /// Notes that more processes had one start time than can be distinguished. Returns true once.
    pub(super) fn note_crowd(&mut self) -> bool {
        !std::mem::replace(&mut self.crowded, true)
    }

    /// Whether more processes had one start time than can be distinguished.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Notes the last two reports of the process that began at `start`.
    pub(super) fn note(&mut self, start: i64, times: [i64; 2]) {
        if times[1] == 0 || start == i64::MAX {
            return;
        }
        let latest = self.lives.iter().map(|life| life.times[1]).max().unwrap_or(0);
        if let Some(life) = self.lives.iter_mut().find(|life| is_same(life.start, start)) {
            *life = Reporter { start, times };
            return;
        }
        let ended = latest.max(times[1]).saturating_sub(LIFE_KEPT_NS);
        self.lives.retain(|life| life.times[1] >= ended);
        if self.lives.len() >= LIVES_MAX {
            let oldest = self.lives.iter().enumerate().min_by_key(|(_, life)| life.times[1]);
            self.lives.swap_remove(oldest.map_or(0, |(place, _)| place));
        }
        self.lives.push(Reporter { start, times });
    }
}

fn is_same(one: i64, other: i64) -> bool {
    one.abs_diff(other) <= START_JITTER_NS.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::time::SECOND_NS;

    fn report(reporters: &mut Reporters, start: i64, at: i64) {
        let known = reporters.times(start * SECOND_NS);
        reporters.note(start * SECOND_NS, [known[1], at * SECOND_NS]);
    }

    #[test]
    fn each_process_has_reports_of_its_own_and_a_successor_those_before_it() {
        let mut reporters = Reporters::default();
        for (start, at) in [(1, 10), (5, 12), (1, 20), (5, 22), (1, 30)] {
            report(&mut reporters, start, at);
        }
        assert_eq!(reporters.times(SECOND_NS), [20 * SECOND_NS, 30 * SECOND_NS]);
        assert_eq!(reporters.times(5 * SECOND_NS), [12 * SECOND_NS, 22 * SECOND_NS]);
        assert_eq!(reporters.times(3 * SECOND_NS), [0, 0], "a third one that was there before has none");
        assert_eq!(reporters.times(32 * SECOND_NS), [20 * SECOND_NS, 30 * SECOND_NS], "one that begins now follows");
        assert_eq!(reporters.times(SECOND_NS * 3 / 2), [20 * SECOND_NS, 30 * SECOND_NS], "a start that moved");
    }

    #[test]
    fn several_processes_are_reported_once() {
        let mut reporters = Reporters::default();
        let said: Vec<bool> = (0..6).map(|_| reporters.note_return()).collect();
        assert_eq!(said, [false, false, true, false, false, false]);
    }

    #[test]
    fn who_ended_is_forgotten() {
        let mut reporters = Reporters::default();
        (0..100).for_each(|life| report(&mut reporters, 20 * life, 20 * life + 10));
        assert!(reporters.lives.len() <= 17, "{}", reporters.lives.len());
    }
}
