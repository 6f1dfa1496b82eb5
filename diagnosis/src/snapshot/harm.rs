//! Places of panics and deaths of processes, as they were reported.

use crate::state::State;
use firstbad_protocol::limits::{SNAPSHOT_DEATHS_MAX, SNAPSHOT_SITES_MAX};
use firstbad_protocol::snapshot::{DeathView, SiteView};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Places of panics and exceptions, those with most first.
pub(crate) fn sites(state: &State) -> Vec<SiteView> {
    let mut views: Vec<SiteView> = state
        .panics
        .iter()
        .map(|seen| {
            let counted = seen.site.as_ref().and_then(|site| state.panic_counts.get(site)).copied().unwrap_or(0);
            SiteView {
                site: seen.site.as_ref().map(ToString::to_string),
                message: seen.message.to_string(),
                first_seen: Some(seen.first.into()),
                count: counted.max(seen.count),
                hosts: seen.units.len() as u64,
            }
        })
        .collect();
    let with_event: BTreeSet<&str> = state.panics.iter().filter_map(|seen| seen.site.as_deref()).collect();
    let only_counted = state.panic_counts.iter().filter(|(site, _)| !with_event.contains(&***site));
    views.extend(only_counted.map(|(site, count)| SiteView {
        site: Some(site.to_string()),
        message: String::new(),
        first_seen: None,
        count: *count,
        hosts: 0,
    }));
    views.sort_by(|one, other| (Reverse(one.count), &one.site).cmp(&(Reverse(other.count), &other.site)));
    views.truncate(SNAPSHOT_SITES_MAX);
    views
}

/// Deaths of processes, latest first. A process that is only not heard is none.
pub(crate) fn deaths(state: &State) -> Vec<DeathView> {
    let runs = state.units.iter().flat_map(|unit| unit.runs.iter().map(move |run| (unit, run)));
    let mut found: Vec<_> = runs.filter(|(_, run)| run.is_death()).collect();
    found.sort_by(|(unit, run), (other, later)| (Reverse(run.end), &unit.host).cmp(&(Reverse(later.end), &other.host)));
    found.truncate(SNAPSHOT_DEATHS_MAX);
    found
        .into_iter()
        .map(|(unit, run)| DeathView {
            host: unit.host.to_string(),
            first: run.start.into(),
            last: run.end.into(),
            deaths: run.observed as u64,
            loading: run.level.and_then(|level| state.tables.level_at(level)?.hash()),
            goes_on: run.open,
        })
        .collect()
}
