//! How much of the truth reached the wire: for each guilt, which hosts showed it, for how long, against how many usual
//! events, and which hosts could serve as controls. Only the oracle reads it; no engine does.

use std::collections::BTreeMap;

/// Events of one stretch that a guilt caused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) guilt: usize,
    pub(crate) events: f64,
    /// Expected number of events of the same kind without the guilt.
    pub(crate) usual: f64,
}

/// How one host showed one guilt.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HostSeen {
    /// Events of the guilt that arrived.
    pub(crate) events: f64,
    /// Expected number of events of the same kind without the guilt.
    pub(crate) usual: f64,
    /// Reports that arrived while this host was exposed.
    pub(crate) exposed: u32,
    /// Reports that arrived while the guilt acted on other hosts and this host had not been exposed.
    pub(crate) control: u32,
    /// Reports that arrived before the guilt began.
    pub(crate) before: u32,
    /// Reports that arrived after the exposure of this host had ended.
    pub(crate) after: u32,
    /// Second of the first exposure.
    pub(crate) since: Option<f64>,
    /// Second of the last report under exposure.
    pub(crate) until: f64,
}

impl HostSeen {
    /// Whether the events of this host exceed its usual number by more than the usual dispersion explains.
    pub(crate) fn shows(&self) -> bool {
        self.events >= 5.0 && self.events > 4.0 * (self.usual + 1.0).sqrt()
    }
}

/// One load that a load event or the active gauge made visible.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenLoad {
    pub(crate) host: usize,
    pub(crate) version: usize,
    /// Binary that loaded the version.
    pub(crate) binary: usize,
    pub(crate) at: f64,
    pub(crate) until: f64,
    /// Reason of the refusal, as the wire spells it; none if the version became active.
    pub(crate) refusal: Option<&'static str>,
}

impl SeenLoad {
    /// Whether the version became active.
    pub(crate) fn is_applied(&self) -> bool {
        self.refusal.is_none()
    }
}

/// A change of the binary that runs on a host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BinaryChange {
    pub(crate) host: usize,
    pub(crate) at: f64,
}

/// Everything that reached the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// What each host showed, by number of the guilt.
    pub(crate) guilts: Vec<BTreeMap<usize, HostSeen>>,
    pub(crate) loads: Vec<SeenLoad>,
    /// Host-seconds that the arrived reports cover.
    pub(crate) host_s: f64,
    pub(crate) reports: u64,
    pub(crate) bytes: u64,
    pub(crate) binaries: Vec<BinaryChange>,
}

impl Evidence {
    /// Returns empty evidence for this number of guilts.
    pub(crate) fn new(guilts: usize) -> Self {
        Self { guilts: vec![BTreeMap::new(); guilts], ..Self::default() }
    }
}
