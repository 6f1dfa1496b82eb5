//! What happens in a run, and what must be said of it by when. The judging is in `judge`.

use std::time::Duration;

/// Time between two reports.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// Time that a report may take from the agent's look at the recorder to the answer of `firstbad status`, beside the interval: the
/// collector's next tick, and this program's next look, each of a second.
pub(crate) const WAY_S: f64 = 2.0;

/// What is in the file while all is well. The workers know the upstreams `a` and `b`.
pub(crate) const GOOD: &str = "upstream = a\n";
/// Another file that is as good.
pub(crate) const INNOCENT: &str = "upstream = b\n";
/// The file that breaks each request.
pub(crate) const BAD: &str = "upstream = c\n";

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// One process, a bad file, then the good one again.
    OneProcess,
    /// Four hosts, a bad file on three of them.
    FourHosts,
    /// One process, another good file.
    OneProcessInnocent,
    /// Four hosts, another good file on three of them.
    FourHostsInnocent,
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneProcess => "one-process",
            Self::FourHosts => "four-hosts",
            Self::OneProcessInnocent => "one-process-innocent",
            Self::FourHostsInnocent => "four-hosts-innocent",
        }
    }

    /// Hosts of the fleet, and those of them that get the file.
    pub(crate) const fn hosts(self) -> Hosts {
        match self {
            Self::OneProcess | Self::OneProcessInnocent => Hosts { all: 1, pushed: 1 },
            Self::FourHosts | Self::FourHostsInnocent => Hosts { all: 4, pushed: 3 },
        }
    }

    /// What is pushed.
    pub(crate) const fn pushed(self) -> &'static str {
        match self {
            Self::OneProcess | Self::FourHosts => BAD,
            Self::OneProcessInnocent | Self::FourHostsInnocent => INNOCENT,
        }
    }

    /// How long the pushed file stays before the way back, or before the end where there is none.
    pub(crate) const fn stays(self) -> Duration {
        match self {
            Self::OneProcess => Duration::from_secs(35),
            Self::FourHosts => Duration::from_secs(40),
            Self::OneProcessInnocent | Self::FourHostsInnocent => Duration::from_secs(60),
        }
    }

    /// How long the good file serves again; none: there is no way back.
    pub(crate) const fn way_back(self) -> Option<Duration> {
        match self {
            Self::OneProcess => Some(Duration::from_secs(30)),
            _ => None,
        }
    }
}

/// How many hosts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hosts {
    /// Of the fleet.
    pub(crate) all: usize,
    /// That get the pushed file.
    pub(crate) pushed: usize,
}
