//! Rollouts of versions: the hosts that get a version, the second of its arrival, and the hosts that refuse it. What the
//! version does there is an `Effect`.

use super::fleet::Fleet;
use crate::random::Random;
use std::fmt;

/// The shape of a rollout.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// All hosts within this many seconds, in random order.
    Spread(f64),
    /// One host after another in the fleet's rollout order, over this many seconds.
    Rolling(f64),
    /// Stages of 2 %, 10 % and 100 % of the fleet, this many seconds apart.
    Staged(f64),
    /// This share of the fleet, within 5 seconds, and no other host.
    Canary(f64),
}

/// A set of hosts. The hosts of a share are random; `salt` selects them.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    /// All hosts.
    All,
    /// A share of the hosts.
    Share { share: f64, salt: u64 },
    /// All hosts except those of the `Share` with the same fields.
    Rest { share: f64, salt: u64 },
    /// The hosts of one region.
    Region(usize),
    /// One host.
    Host(usize),
    /// A share of the hosts of one region.
    RegionShare { region: usize, share: f64, salt: u64 },
}

/// Printed without the names of the fields: the ledger holds the truth of each draw in these words, and must stay comparable.
impl fmt::Debug for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => out.write_str("All"),
            Self::Share { share, salt } => out.debug_tuple("Share").field(share).field(salt).finish(),
            Self::Rest { share, salt } => out.debug_tuple("Rest").field(share).field(salt).finish(),
            Self::Region(region) => out.debug_tuple("Region").field(region).finish(),
            Self::Host(host) => out.debug_tuple("Host").field(host).finish(),
            Self::RegionShare { region, share, salt } => {
                out.debug_tuple("RegionShare").field(region).field(share).field(salt).finish()
            }
        }
    }
}

/// Returns a random number in [0, 1) that depends on host and salt only.
pub(crate) fn lot(salt: u64, host: usize) -> f64 {
    Random::new(salt ^ (host as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).unit()
}

impl Who {
    /// Whether host number `host` is in the set.
    pub(crate) fn holds(self, fleet: &Fleet, host: usize) -> bool {
        let region = || fleet.hosts.get(host).map(|h| h.region);
        match self {
            Self::All => true,
            Self::Share { share, salt } => lot(salt, host) < share,
            Self::Rest { share, salt } => lot(salt, host) >= share,
            Self::Region(wanted) => region() == Some(wanted),
            Self::Host(wanted) => host == wanted,
            Self::RegionShare { region: wanted, share, salt } => region() == Some(wanted) && lot(salt, host) < share,
        }
    }
}

/// The refusal of a version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// Share of the hosts that refuse.
    pub(crate) share: f64,
    /// Reason, as the wire spells it.
    pub(crate) reason: &'static str,
    /// Error message of the proxy.
    pub(crate) error: &'static str,
    /// Whether no version is active afterwards (`rejected`); otherwise the last good version stays active.
    pub(crate) rejected: bool,
}

/// The rollout of one version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push {
    pub(crate) version: usize,
    pub(crate) at: f64,
    pub(crate) shape: Shape,
    pub(crate) who: Who,
    pub(crate) refusal: Option<Refusal>,
    /// Seeds the arrival times of hosts, and the hosts that refuse.
    pub(crate) salt: u64,
}

impl Push {
    /// Returns the second at which the version reaches host number `host`; none if it never does.
    pub(crate) fn arrival(&self, fleet: &Fleet, host: usize) -> Option<f64> {
        if !self.who.holds(fleet, host) {
            return None;
        }
        let place = fleet.hosts.get(host)?.place;
        let jitter = lot(self.salt, host);
        let after = match self.shape {
            Shape::Spread(seconds) => jitter * seconds,
            Shape::Rolling(seconds) => place * seconds + jitter,
            Shape::Staged(gap) if place < 0.02 => jitter * gap * 0.1,
            Shape::Staged(gap) if place < 0.1 => gap + jitter * gap * 0.1,
            Shape::Staged(gap) => (2.0 + jitter * 0.3) * gap,
            Shape::Canary(share) if place < share => jitter * 5.0,
            Shape::Canary(_) => return None,
        };
        Some(self.at + after)
    }

    /// Returns the refusal of host number `host`, if it refuses the version.
    pub(crate) fn refused(&self, host: usize) -> Option<Refusal> {
        self.refusal.filter(|refusal| lot(self.salt ^ 0x7ef5, host) < refusal.share)
    }

    /// Returns the seconds from the first host to the last.
    pub(crate) fn takes_s(&self) -> f64 {
        match self.shape {
            Shape::Spread(seconds) | Shape::Rolling(seconds) => seconds,
            Shape::Staged(gap) => gap * 2.3,
            Shape::Canary(_) => 5.0,
        }
    }
}
