//! Reports each restart of a process once. Every cumulative series shows a restart in its own next point. A series that
//! counts seldom has that point many reports later, so one restart would otherwise be reported once per series.

use super::keys::Key;
use super::life::START_JITTER_NS;
use super::series::Reading;
use super::table::Table;
use firstbad_protocol::limits::INSTANCES_MAX;

/// When the newest process of each sender started.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    newest: Table<Between>,
}

/// Between which times, in unix nanoseconds, a process started.
#[derive(Clone, Copy, Debug)]
struct Between {
    earliest: i64,
    latest: i64,
}

impl Between {
    /// `start` is the series' own start time, 0 where its sender tells none; then only the counts tell, which fell
    /// between the last point and this one.
    fn of<T>(reading: &Reading<T>, start: i64) -> Self {
        if start != 0 && reading.span.start == start {
            return Self { earliest: start, latest: start };
        }
        Self { earliest: reading.span.start, latest: reading.span.end }
    }

    /// Whether both may be one start. An older start that shows later is none either: its report was late.
    fn is_known_by(self, newest: Self) -> bool {
        self.earliest <= newest.latest.saturating_add(START_JITTER_NS)
    }
}

impl Restarts {
    pub(super) fn tick(&mut self) {
        self.newest.tick();
    }

    /// Takes a reading of a sender's series with that start time, and lets it tell of a restart only once.
    pub(super) fn once<T>(&mut self, sender: Key, start: i64, mut reading: Reading<T>) -> Reading<T> {
        if !reading.restarted {
            return reading;
        }
        let between = Between::of(&reading, start);
        match self.newest.get_mut(sender) {
            Some(newest) if between.is_known_by(*newest) => reading.restarted = false,
            Some(newest) => *newest = between,
            None => {
                self.newest.insert(sender, between, INSTANCES_MAX);
            }
        }
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::super::number::PointSpan;
    use super::*;
    use firstbad_protocol::time::SECOND_NS;

    /// A reading of `from_s` to `to_s` that shows a restart.
    fn reading(from_s: i64, to_s: i64) -> Reading<u64> {
        let span = PointSpan { start: from_s * SECOND_NS, end: to_s * SECOND_NS };
        Reading { span, amount: 1, restarted: true }
    }

    /// Whether a reading of a series that started at `start_s` is news of a restart.
    fn is_news(restarts: &mut Restarts, start_s: i64, reading: Reading<u64>) -> bool {
        restarts.once(7, start_s * SECOND_NS, reading).restarted
    }

    #[test]
    fn a_restart_is_told_once_however_many_series_show_it() {
        let mut restarts = Restarts::default();
        assert!(is_news(&mut restarts, 100, reading(100, 110)));
        assert!(!is_news(&mut restarts, 100, reading(100, 150)), "a series that counts seldom");
        assert!(!is_news(&mut restarts, 0, reading(90, 160)), "one without a start time, whose counts fell");
        assert!(!is_news(&mut restarts, 40, reading(40, 110)), "a late report of the process before");
        assert!(is_news(&mut restarts, 170, reading(170, 180)), "the next restart");
        assert!(is_news(&mut restarts, 0, reading(180, 190)), "and one that only a fall shows");
    }

    #[test]
    fn each_sender_restarts_by_itself() {
        let mut restarts = Restarts::default();
        assert!(is_news(&mut restarts, 100, reading(100, 110)));
        assert!(restarts.once(8, 100 * SECOND_NS, reading(100, 110)).restarted);
    }
}
