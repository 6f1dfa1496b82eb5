//! Who is in the fleet: hosts, regions, engines. What they do is decided by `proxy`.

use serde::{Deserialize, Serialize};

/// The proxy's two engines, and so its two binary versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Engine {
    /// The new one: `Live<T>`, preallocates, and panics on the request path when the preallocation is too small.
    Fl2,
    /// The old one: its own loader, and a score of 0 when it has no features.
    Fl,
}

impl Engine {
    /// `service.version`.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Fl2 => "fl2",
            Self::Fl => "fl",
        }
    }
}

/// One host and what runs on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Host {
    /// `host.name`.
    pub(crate) name: String,
    /// `cloud.region`.
    pub(crate) region: String,
    /// Engine.
    pub(crate) engine: Engine,
    /// Request arenas of the new engine, where they are fixed. A panic never returns its arena, so a fixed pool runs dry
    /// during the outage and the host needs a restart even after the good file is back (signatures.md P24). None: a lost
    /// arena is replaced.
    pub(crate) arenas: Option<u32>,
}

/// Regions of the fleet.
pub(crate) const REGIONS: [&str; 4] = ["weur", "enam", "apac", "sam"];
/// Hosts of the new engine in each region.
const FL2_PER_REGION: u32 = 4;
/// Hosts of the old engine in each region.
const FL_PER_REGION: u32 = 2;
/// About twelve seconds of panics at the demo's rate: less than any outage here lasts (at least sixteen), so that such a
/// host is dry when the good file returns.
const ARENAS_FEW: u32 = 280;

/// The fleet: 16 hosts of the new engine and 8 of the old, over four regions. The last new host of the first three
/// regions is a small machine with a fixed number of arenas.
pub(crate) fn fleet() -> Vec<Host> {
    let mut hosts = Vec::new();
    for (index, region) in REGIONS.into_iter().enumerate() {
        let host = |engine: Engine, number: u32, arenas: Option<u32>| Host {
            name: format!("{region}-{}-{number}", engine.version()),
            region: region.to_owned(),
            engine,
            arenas,
        };
        for number in 1..=FL2_PER_REGION {
            let small = number == FL2_PER_REGION && index < 3;
            hosts.push(host(Engine::Fl2, number, small.then_some(ARENAS_FEW)));
        }
        hosts.extend((1..=FL_PER_REGION).map(|number| host(Engine::Fl, number, None)));
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_fleet_has_two_engines_in_every_region_and_distinct_hosts() {
        let hosts = fleet();
        assert_eq!(hosts.iter().filter(|host| host.engine == Engine::Fl2).count(), 16);
        assert_eq!(hosts.iter().filter(|host| host.engine == Engine::Fl).count(), 8);
        assert_eq!(hosts.iter().map(|host| &host.name).collect::<BTreeSet<_>>().len(), 24);
        let cells: BTreeSet<_> = hosts.iter().map(|host| (&host.region, host.engine)).collect();
        assert_eq!(cells.len(), 8);
    }
}
