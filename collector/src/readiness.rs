//! Whether the collector does its work now: `/ready`, `grpc.health.v1`, the status and the metric `firstbad_collector_degraded`
//! all answer from here. That the process runs is another question, which `/health` answers.

use crate::health::Health;
use crate::publish::Published;
use firstbad_protocol::time::{SECOND_NS, Timestamp};

/// Verdicts may be so far behind the last commit. A tick is due each second and judged within milliseconds; more is a backlog,
/// as after a restart on a large store.
const BEHIND_NS: i64 = 30 * SECOND_NS;
/// The machine's clock may be so far behind the last commit. Smaller steps are those of an ordinary time service.
const CLOCK_NS: i64 = 10 * SECOND_NS;
/// Without a report for so long, a fleet that reported before is not seen any more. Senders report every 60 s at least.
const UNHEARD_NS: i64 = 300 * SECOND_NS;

/// Why a collector does not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotReady {
    /// The store is being opened and replayed.
    Starting,
    /// Nothing can be stored.
    Store,
    /// The machine's clock was set back.
    Clock,
    /// The engine has not judged yet what is stored.
    Behind,
    /// A fleet reported before, and nobody does now.
    Blind,
}

impl NotReady {
    /// All of them; the most serious first.
    pub(crate) const ALL: [Self; 5] = [Self::Starting, Self::Store, Self::Clock, Self::Behind, Self::Blind];

    /// Label of the metric.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Store => "store",
            Self::Clock => "clock",
            Self::Behind => "behind",
            Self::Blind => "blind",
        }
    }

    /// In words. They hold nothing of the fleet: `/ready` needs no credential.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting: the store is being read",
            Self::Store => "nothing can be stored",
            Self::Clock => "the clock of this machine was set back: nothing is judged until it has caught up",
            Self::Behind => "verdicts are more than 30 s behind what is stored",
            Self::Blind => "no process reports any more",
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    is_degraded: bool,
    /// The receive clock.
    now: Timestamp,
    /// Tick of the last commit; none before the first one of this process.
    committed: Option<Timestamp>,
    /// Tick of the last verdicts.
    judged: Option<Timestamp>,
    /// When a report was committed last; before the first one, when the process started.
    heard: Option<Timestamp>,
    hosts_reporting: u64,
    hosts_silent: u64,
}

/// What keeps a collector that has started from its work; empty: nothing. Most serious first.
pub(crate) fn of(health: &Health, latest: &Published, now: Timestamp) -> Vec<NotReady> {
    let fleet = latest.snapshot.fleet;
    reasons(Facts {
        is_degraded: health.degraded().is_some(),
        now,
        committed: health.committed_at(),
        judged: latest.snapshot.at,
        heard: health.heard_at(),
        hosts_reporting: fleet.hosts_reporting,
        hosts_silent: fleet.hosts_silent,
    })
}

fn reasons(facts: Facts) -> Vec<NotReady> {
    let Facts { is_degraded, now, committed, judged, heard, hosts_reporting, hosts_silent } = facts;
    let is_set_back = committed.is_some_and(|committed| committed.since(now) > CLOCK_NS);
    let is_behind = committed.zip(judged).is_some_and(|(committed, judged)| committed.since(judged) > BEHIND_NS);
    let all_silent = hosts_reporting == 0 && hosts_silent > 0;
    // Hosts fall silent by the time of events, which stands when all stop together.
    let unheard = hosts_reporting > 0 && heard.is_some_and(|heard| now.since(heard) > UNHEARD_NS);
    let holds = |reason: &NotReady| match reason {
        NotReady::Starting => false,
        NotReady::Store => is_degraded,
        NotReady::Clock => is_set_back,
        NotReady::Behind => is_behind,
        NotReady::Blind => all_silent || unheard,
    };
    NotReady::ALL.into_iter().filter(holds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_763_465_400);

    fn seconds(n: i64) -> i64 {
        n * SECOND_NS
    }

    fn well() -> Facts {
        Facts {
            is_degraded: false,
            now: NOW,
            committed: Some(NOW - seconds(1)),
            judged: Some(NOW - seconds(2)),
            heard: Some(NOW - seconds(60)),
            hosts_reporting: 12,
            hosts_silent: 3,
        }
    }

    #[test]
    fn each_reason_is_given_for_its_own_fact_and_for_no_other() {
        assert_eq!(reasons(well()), []);
        assert_eq!(
            reasons(Facts { now: NOW, ..Facts::default() }),
            [],
            "a new collector that nobody sends to is ready"
        );
        assert_eq!(reasons(Facts { is_degraded: true, ..well() }), [NotReady::Store]);
        assert_eq!(reasons(Facts { now: NOW - seconds(3600), ..well() }), [NotReady::Clock]);
        assert_eq!(reasons(Facts { judged: Some(NOW - seconds(120)), ..well() }), [NotReady::Behind]);
        assert_eq!(reasons(Facts { heard: Some(NOW - seconds(301)), ..well() }), [NotReady::Blind]);
        assert_eq!(reasons(Facts { hosts_reporting: 0, ..well() }), [NotReady::Blind]);
        let several = Facts { is_degraded: true, hosts_reporting: 0, ..well() };
        assert_eq!(reasons(several), [NotReady::Store, NotReady::Blind]);
    }

    #[test]
    fn labels_and_words_are_of_one_reason_each() {
        for (index, reason) in NotReady::ALL.iter().enumerate() {
            assert!(!reason.words().is_empty());
            assert!(!NotReady::ALL[..index].iter().any(|earlier| earlier.label() == reason.label()), "{reason:?}");
        }
    }
}
