//! What really happened in a run: when hosts were exposed to the guilty change and when they first suffered, and which
//! versions were loaded where. The judge reads it; the engine never sees it.

use std::collections::BTreeMap;

/// Ground truth of a run so far.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    exposed: BTreeMap<usize, f64>,
    suffered: BTreeMap<usize, f64>,
    last_suffering_s: Option<f64>,
    loaded: BTreeMap<usize, Loaded>,
}

/// How far a version came.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    /// Second of its first load.
    pub first_s: f64,
    /// Loads, hosts counted each time.
    pub loads: usize,
}

impl Truth {
    /// A host was exposed to something guilty.
    pub fn expose(&mut self, host: usize, at: f64) {
        let first = self.exposed.entry(host).or_insert(at);
        *first = first.min(at);
    }

    /// A host suffers.
    pub fn suffer(&mut self, host: usize, at: f64) {
        let first = self.suffered.entry(host).or_insert(at);
        *first = first.min(at);
        self.last_suffering_s = self.last_suffering_s.map_or(Some(at), |last| Some(last.max(at)));
    }

    /// A host was offered a version.
    pub fn load(&mut self, version: usize, at: f64) {
        let loaded = self.loaded.entry(version).or_insert(Loaded { first_s: at, loads: 0 });
        loaded.first_s = loaded.first_s.min(at);
        loaded.loads += 1;
    }

    /// How far a version came; none if no host was offered it.
    #[must_use]
    pub fn loaded(&self, version: usize) -> Option<Loaded> {
        self.loaded.get(&version).copied()
    }

    /// Second at which the `n`th host was exposed, or the last if there were fewer; none if none was.
    #[must_use]
    pub fn nth_exposed(&self, n: usize) -> Option<f64> {
        nth(&self.exposed, n)
    }

    /// Second at which the `n`th host suffered, or the last if there were fewer; none if none did.
    #[must_use]
    pub fn nth_suffering(&self, n: usize) -> Option<f64> {
        nth(&self.suffered, n)
    }

    /// Last second at which a host suffered; none if none did.
    #[must_use]
    pub fn last_suffering(&self) -> Option<f64> {
        self.last_suffering_s
    }

    /// Hosts exposed.
    #[must_use]
    pub fn hosts_exposed(&self) -> usize {
        self.exposed.len()
    }

    /// Hosts that ever suffered.
    #[must_use]
    pub fn hosts_suffering(&self) -> usize {
        self.suffered.len()
    }
}

fn nth(times: &BTreeMap<usize, f64>, n: usize) -> Option<f64> {
    let mut sorted: Vec<f64> = times.values().copied().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(n.saturating_sub(1)).or(sorted.last()).copied()
}
