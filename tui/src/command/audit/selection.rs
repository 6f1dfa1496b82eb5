//! Which sites are listed one by one; all others are summed by crate.

use crate::cli::AuditArgs;
use firstbad_audit::{Kind, Origin, Site};
use std::collections::BTreeMap;

/// The choice of the command line.
pub(super) struct Selection<'a>(&'a AuditArgs);

impl<'a> Selection<'a> {
    pub(super) fn of(arguments: &'a AuditArgs) -> Self {
        Self(arguments)
    }

    /// Whether it counts at all: `--kind`.
    pub(super) fn counts(&self, site: &Site) -> bool {
        self.0.kinds.is_empty() || self.0.kinds.contains(&site.kind)
    }

    /// Whether it is listed. Filters by crate and by path stand in for "own code"; both must hold if both are given.
    pub(super) fn lists(&self, site: &Site) -> bool {
        let AuditArgs { crates, paths, all, .. } = self.0;
        let is_chosen = if crates.is_empty() && paths.is_empty() {
            *all || site.origin == Origin::Own
        } else {
            (crates.is_empty() || crates.iter().any(|name| is_same_crate(name, &site.crate_name)))
                && (paths.is_empty() || paths.iter().any(|prefix| site.file.starts_with(prefix.as_str())))
        };
        is_chosen && self.counts(site)
    }
}

/// Cargo writes `serde-json` or `serde_json` where `rustc` writes `serde_json`.
fn is_same_crate(wanted: &str, name: &str) -> bool {
    wanted.replace('-', "_") == name.replace('-', "_")
}

/// The crates of sites that are not listed, by origin, name and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CrateId<'a> {
    pub(super) origin: Origin,
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
}

/// Number of sites by kind.
pub(super) type Kinds = BTreeMap<Kind, usize>;

/// Returns the numbers by crate of the sites that count and are not listed.
pub(super) fn by_crate<'a>(sites: &'a [Site], selection: &Selection<'_>) -> BTreeMap<CrateId<'a>, Kinds> {
    let mut crates: BTreeMap<CrateId<'a>, Kinds> = BTreeMap::new();
    for site in sites.iter().filter(|site| selection.counts(site) && !selection.lists(site)) {
        let id = CrateId { origin: site.origin, name: &site.crate_name, version: site.version.as_deref() };
        *crates.entry(id).or_default().entry(site.kind).or_default() += 1;
    }
    crates
}
