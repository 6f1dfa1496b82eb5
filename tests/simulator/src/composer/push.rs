//! How a version travels: to which hosts, when each has it, and who refuses it. What it does there is an `Effect`.

use super::fleet::Fleet;
use crate::random::Random;

/// The course of a rollout.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// All hosts within this many seconds, in no order.
    Spread(f64),
    /// Host after host in the fleet's order, over this many seconds.
    Rolling(f64),
    /// 2 %, 10 %, 100 % of the fleet, this many seconds apart.
    Staged(f64),
    /// This share of the fleet, within seconds, and nobody else.
    Canary(f64),
}

/// Which hosts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    /// All.
    All,
    /// This share, chosen by the second number.
    Share(f64, u64),
    /// The others.
    Rest(f64, u64),
    /// One region.
    Region(usize),
    /// One host.
    Host(usize),
    /// Those of this region whose lot by the third number is below the second.
    RegionShare(usize, f64, u64),
}

/// A number in [0, 1) that is always the same for this host and salt.
pub(crate) fn lot(salt: u64, host: usize) -> f64 {
    Random::new(salt ^ (host as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).unit()
}

impl Who {
    /// Whether host number `host` is meant.
    pub(crate) fn holds(self, fleet: &Fleet, host: usize) -> bool {
        let region = || fleet.hosts.get(host).map(|h| h.region);
        match self {
            Self::All => true,
            Self::Share(share, salt) => lot(salt, host) < share,
            Self::Rest(share, salt) => lot(salt, host) >= share,
            Self::Region(wanted) => region() == Some(wanted),
            Self::Host(wanted) => host == wanted,
            Self::RegionShare(wanted, share, salt) => region() == Some(wanted) && lot(salt, host) < share,
        }
    }
}

/// Why a version is not taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// Share of the hosts that refuse.
    pub(crate) share: f64,
    /// Reason, as told.
    pub(crate) reason: &'static str,
    /// The proxy's own words.
    pub(crate) error: &'static str,
    /// Whether nothing usable is active afterwards (`rejected`); else the last good version serves on.
    pub(crate) rejected: bool,
}

/// One version's way to the fleet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push {
    pub(crate) version: usize,
    pub(crate) at: f64,
    pub(crate) shape: Shape,
    pub(crate) who: Who,
    pub(crate) refusal: Option<Refusal>,
    /// Chooses the hosts of a share, and their seconds.
    pub(crate) salt: u64,
}

impl Push {
    /// When it reaches host number `host`; none if it never does.
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

    /// Whether host number `host` refuses it.
    pub(crate) fn refused(&self, host: usize) -> Option<Refusal> {
        self.refusal.filter(|refusal| lot(self.salt ^ 0x7ef5, host) < refusal.share)
    }

    /// Seconds from the first host to the last.
    pub(crate) fn takes_s(&self) -> f64 {
        match self.shape {
            Shape::Spread(seconds) | Shape::Rolling(seconds) => seconds,
            Shape::Staged(gap) => gap * 2.3,
            Shape::Canary(_) => 5.0,
        }
    }
}
