//! The scenarios: what happens in a run, and when. Verdicts are judged in `judge`.

use std::time::Duration;

/// Time between two reports of an agent. Chosen: a usual setting.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// Longest time from an agent's report to the answer of `firstbad status` that includes it, seconds: one until the collector's
/// next tick, and one until this program's next look.
pub(crate) const WAY_S: f64 = 2.0;

/// Content of the good file. The workers can serve with the upstreams `a` and `b`.
pub(crate) const GOOD: &str = "upstream = a\n";
/// Content of another good file.
pub(crate) const INNOCENT: &str = "upstream = b\n";
/// Content of the bad file, with which every request fails.
pub(crate) const BAD: &str = "upstream = c\n";

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// One process gets a bad file, then the good one again.
    OneProcess,
    /// Three of four hosts get a bad file.
    FourHosts,
    /// One process gets another good file.
    OneProcessInnocent,
    /// Three of four hosts get another good file.
    FourHostsInnocent,
}

impl Scenario {
    /// Returns the name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneProcess => "one-process",
            Self::FourHosts => "four-hosts",
            Self::OneProcessInnocent => "one-process-innocent",
            Self::FourHostsInnocent => "four-hosts-innocent",
        }
    }

    /// Returns the number of hosts, and of those that get the pushed file.
    pub(crate) const fn hosts(self) -> Hosts {
        match self {
            Self::OneProcess | Self::OneProcessInnocent => Hosts { all: 1, pushed: 1 },
            Self::FourHosts | Self::FourHostsInnocent => Hosts { all: 4, pushed: 3 },
        }
    }

    /// Returns the content of the pushed file.
    pub(crate) const fn pushed(self) -> &'static str {
        match self {
            Self::OneProcess | Self::FourHosts => BAD,
            Self::OneProcessInnocent | Self::FourHostsInnocent => INNOCENT,
        }
    }

    /// Returns the time from the push to the rollback, or to the end if there is no rollback.
    pub(crate) const fn stays(self) -> Duration {
        match self {
            Self::OneProcess => Duration::from_secs(35),
            Self::FourHosts => Duration::from_secs(40),
            Self::OneProcessInnocent | Self::FourHostsInnocent => Duration::from_secs(60),
        }
    }

    /// Returns the time from the rollback to the end; none if there is no rollback.
    pub(crate) const fn way_back(self) -> Option<Duration> {
        match self {
            Self::OneProcess => Some(Duration::from_secs(30)),
            _ => None,
        }
    }
}

/// Numbers of hosts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hosts {
    /// Hosts of the fleet.
    pub(crate) all: usize,
    /// Hosts that get the pushed file.
    pub(crate) pushed: usize,
}
