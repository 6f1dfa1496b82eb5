//! What of the truth came onto the wire: for each guilt, which hosts showed it, for how long, beside how much of the usual,
//! and who could be compared. Only the oracle reads it; no engine does.

use std::collections::BTreeMap;

/// Events of one stretch that a guilt caused, beside what there would have been of the kind without it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) guilt: usize,
    pub(crate) events: f64,
    pub(crate) usual: f64,
}

/// What one host showed of one guilt.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HostSeen {
    /// Events that arrived, and how many of the kind would have been there without it.
    pub(crate) events: f64,
    pub(crate) usual: f64,
    /// Reports that arrived from it while exposed, and while others were and it was not.
    pub(crate) exposed: u32,
    pub(crate) control: u32,
    /// Reports that arrived before anybody was exposed.
    pub(crate) before: u32,
    /// Reports after its own exposure had ended.
    pub(crate) after: u32,
    /// Second of its first exposure.
    pub(crate) since: Option<f64>,
    /// Last second at which it showed.
    pub(crate) until: f64,
}

impl HostSeen {
    /// Whether what it shows stands out of what it usually has, by more than its usual dispersion.
    pub(crate) fn shows(&self) -> bool {
        self.events >= 5.0 && self.events > 4.0 * (self.usual + 1.0).sqrt()
    }
}

/// One load that arrived, or could be seen by the active gauge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenLoad {
    pub(crate) host: usize,
    pub(crate) version: usize,
    pub(crate) at: f64,
    pub(crate) until: f64,
    pub(crate) refused: bool,
}

/// What came onto the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// By guilt, by host.
    pub(crate) guilts: Vec<BTreeMap<usize, HostSeen>>,
    pub(crate) loads: Vec<SeenLoad>,
    /// Seconds of hosts from which reports arrived.
    pub(crate) host_s: f64,
    pub(crate) reports: u64,
    pub(crate) bytes: u64,
    /// Hosts by the second at which each got another binary.
    pub(crate) binaries: Vec<(usize, usize, f64)>,
}

impl Evidence {
    /// An empty one for so many guilts.
    pub(crate) fn new(guilts: usize) -> Self {
        Self { guilts: vec![BTreeMap::new(); guilts], ..Self::default() }
    }
}
