//! How many hosts there are, and which need a restart: from the snapshot's counts over all hosts. Its list of hosts has a
//! bound, so counts from the list are shown as "at least".

use crate::screen::text;
use firstbad_protocol::limits::SNAPSHOT_HOSTS_MAX;
use firstbad_protocol::snapshot::{PlaceCount, Snapshot};
use std::collections::BTreeSet;

/// Hosts that need a restart or a good version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due<'a> {
    /// How many.
    pub(crate) hosts: u64,
    /// Whether that is only a lower bound.
    pub(crate) is_at_least: bool,
    /// Their names: all of them, or none. Untrusted text.
    pub(crate) names: Vec<&'a str>,
}

impl Due<'_> {
    /// Whether every host has its name in `names`, so that the names can be handed on as the whole.
    pub(crate) fn names_are_whole(&self) -> bool {
        !self.is_at_least && self.names.len() as u64 == self.hosts
    }

    /// The number, with "at least" where it is only a lower bound.
    pub(crate) fn told(&self) -> String {
        let at_least = if self.is_at_least { "at least " } else { "" };
        format!("{at_least}{}", text::count(self.hosts))
    }
}

/// The hosts that need a restart or a good version.
pub(crate) fn due(snapshot: &Snapshot) -> Due<'_> {
    if let Some(census) = &snapshot.census {
        let names: Vec<&str> = census.restart_names.iter().map(String::as_str).collect();
        return Due { hosts: census.needing_restart, is_at_least: false, names };
    }
    let due = snapshot.hosts.iter().filter(|host| host.needs_restart);
    let names: BTreeSet<&str> = due.map(|host| host.host.as_str()).collect();
    let (hosts, is_at_least) = (names.len() as u64, is_cut(snapshot));
    Due { hosts, is_at_least, names: if is_at_least { Vec::new() } else { names.into_iter().collect() } }
}

/// Whether there are more hosts than the snapshot lists.
pub(crate) fn is_cut(snapshot: &Snapshot) -> bool {
    let listed = snapshot.hosts.len();
    snapshot.census.as_ref().map_or(listed >= SNAPSHOT_HOSTS_MAX, |census| census.entries > listed as u64)
}

/// `512 of 1,678 listed` where the list is cut.
pub(crate) fn cut_told(snapshot: &Snapshot) -> Option<String> {
    let all = snapshot.census.as_ref().map_or_else(|| "more".to_owned(), |census| text::count(census.entries));
    is_cut(snapshot).then(|| format!("{} of {all} listed", text::count(snapshot.hosts.len() as u64)))
}

/// Distinct values of a dimension; none where only a cut list is known.
pub(crate) fn places(snapshot: &Snapshot, key: &str) -> Option<PlaceCount> {
    if let Some(census) = &snapshot.census {
        return census.places.get(key).copied();
    }
    let of = |only_failing: bool| {
        let chosen = snapshot.hosts.iter().filter(|host| host.failing || !only_failing);
        chosen.filter_map(|host| host.dimensions.get(key)).collect::<BTreeSet<_>>().len() as u64
    };
    (!is_cut(snapshot)).then(|| PlaceCount { failing: of(true), all: of(false) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_list_that_is_cut_is_never_told_as_the_whole() {
        let whole = fixture::named();
        assert!(due(&whole).names_are_whole() && cut_told(&whole).is_none());
        let mut cut = fixture::large(1_678);
        let found = due(&cut);
        assert_eq!((found.told().as_str(), found.names_are_whole()), ("1,678", true), "all names are known");
        assert_eq!(cut_told(&cut).as_deref(), Some("512 of 1,678 listed"));
        assert_eq!(places(&cut, "cloud.region"), Some(PlaceCount { failing: 3, all: 3 }));
        cut.census.as_mut().expect("counted").restart_names.clear();
        assert!(!due(&cut).names_are_whole(), "more names than a snapshot holds");
        cut.census = None;
        let found = due(&cut);
        assert_eq!((found.told().as_str(), found.names_are_whole()), ("at least 512", false));
        assert_eq!((cut_told(&cut).as_deref(), places(&cut, "cloud.region")), (Some("512 of more listed"), None));
    }
}
