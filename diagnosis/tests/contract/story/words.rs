//! The words of a story: versions, what happens to a host, and how its requests end. When it happens is decided by the
//! tests, what is counted then by `host`.

use crate::fleet::name;
use firstbad_diagnosis::observation::Name;
use firstbad_protocol::Hash;

/// One version of one config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) config: &'static str,
    pub(crate) content: &'static str,
    /// Rows of its content, of which 200 are allowed.
    pub(crate) rows: i64,
    /// Producer; empty if the load event has none.
    pub(crate) producer: &'static str,
}

impl Version {
    pub(crate) const fn of(config: &'static str, content: &'static str) -> Self {
        Self { config, content, rows: 60, producer: "" }
    }

    pub(crate) const fn made_by(self, producer: &'static str) -> Self {
        Self { producer, ..self }
    }

    pub(crate) const fn with_rows(self, rows: i64) -> Self {
        Self { rows, ..self }
    }

    pub(crate) fn hash(self) -> Hash {
        Hash::of(format!("{} {}", self.config, self.content).as_bytes())
    }
}

/// What happens to one host.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening {
    Load(Version),
    /// The last good version goes on serving.
    Refuse(Version, Refusal),
    Panic(&'static str),
    /// The process ends on purpose and says so.
    Exit,
    /// It says nothing more.
    Vanish,
    /// A new process on the same host, of a binary, with nothing loaded.
    Begin(&'static str),
    /// The same for a process that sends no start event: only its reports show that it started.
    Return(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) error: &'static str,
}

/// A version that serves, and since when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving {
    pub(crate) version: Version,
    pub(crate) since_ms: i64,
}

impl Serving {
    /// As reports name it.
    pub(super) fn named(&self) -> (Name, Hash) {
        (name(self.version.config), self.version.hash())
    }
}

/// Shares of requests that do not end well, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shares {
    pub(crate) denied: f64,
    pub(crate) error: f64,
    pub(crate) panic: f64,
}

impl Shares {
    pub(crate) fn errors(share: f64) -> Self {
        Self { error: share, ..Self::default() }
    }

    pub(crate) fn denied(share: f64) -> Self {
        Self { denied: share, ..Self::default() }
    }

    /// The shares if, and none else.
    pub(crate) fn when(self, holds: bool) -> Self {
        if holds { self } else { Self::default() }
    }
}

/// A number from 0 to 1 that a host, a moment and a purpose always give.
pub(crate) fn draw(host: i64, at_ms: i64, purpose: u64) -> f64 {
    let mut mixed = host.unsigned_abs() << 44 ^ at_ms.unsigned_abs() << 8 ^ purpose;
    for _ in 0..2 {
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
    }
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}
