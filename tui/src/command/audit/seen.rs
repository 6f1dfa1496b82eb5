//! Which sites panicked: in incidents of a collector, in captures and bundles, in recorders.

use crate::cli::Common;
use crate::failure::Failure;
use firstbad_audit::Site;
use firstbad_collector::offline::{PanicPlaces, panic_places};
use firstbad_collector::{Client, ClientError};
use std::path::PathBuf;

/// Length to which a recorder cuts the name of a file, from its front, bytes (`protocol::recorder::layout`).
const FILE_BYTES_MAX: usize = firstbad_protocol::recorder::layout::site::FILE_BYTES_MAX;

/// Places of panics.
#[derive(Default)]
pub(super) struct Seen {
    places: PanicPlaces,
    /// Whether anything was asked.
    pub(super) was_asked: bool,
    /// Why a collector could not be asked. The list of sites is whole without it.
    pub(super) blind_spot: Option<String>,
}

impl Seen {
    /// Reads `paths`, and asks the collector if one is named.
    ///
    /// # Errors
    /// If a path cannot be read.
    pub(super) fn read(common: &Common, paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut seen = Self { was_asked: !paths.is_empty() || common.collector.is_some(), ..Self::default() };
        if !paths.is_empty() {
            seen.places = panic_places(paths)?;
        }
        if common.collector.is_some() {
            match first_errors(&crate::command::client(common)?) {
                Ok(places) => seen.add(places),
                Err(error) => seen.blind_spot = Some(format!("sites of incidents are not marked: {error}")),
            }
        }
        Ok(seen)
    }

    fn add(&mut self, places: PanicPlaces) {
        for (place, count) in places {
            let known = self.places.entry(place).or_default();
            // Both may count the same panics.
            *known = (*known).max(count);
        }
    }

    /// Returns how often `site` panicked, as far as it was counted; none if it did not.
    pub(super) fn panics(&self, site: &Site) -> Option<u64> {
        let reports = site.reports.as_deref()?;
        self.places.get(reports).or_else(|| self.places.get(tail(reports)?)).copied()
    }

    /// Returns the places that no site reports: of other builds or programs, or missed.
    pub(super) fn elsewhere<'s>(&'s self, sites: &[Site]) -> Vec<(&'s str, u64)> {
        let reported: Vec<&str> = sites.iter().filter_map(|site| site.reports.as_deref()).collect();
        let known: std::collections::BTreeSet<&str> =
            reported.iter().copied().chain(reported.iter().filter_map(|reports| tail(reports))).collect();
        let others = self.places.iter().filter(|(place, _)| !known.contains(place.as_str()));
        others.map(|(place, count)| (place.as_str(), *count)).collect()
    }
}

/// Returns `reports` as a recorder writes it, if the name of its file is cut.
fn tail(reports: &str) -> Option<&str> {
    let mut from_the_end = reports.rmatch_indices(':').map(|(at, _)| at);
    let file_end = from_the_end.nth(1)?;
    reports.get(file_end.checked_sub(FILE_BYTES_MAX).filter(|cut| *cut > 0)?..)
}

fn first_errors(client: &Client) -> Result<PanicPlaces, ClientError> {
    let incidents = client.incidents()?;
    let errors = incidents.into_iter().filter_map(|incident| incident.first_error);
    Ok(errors.filter_map(|error| Some((error.site?, error.count))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_a_recorder_cut_is_known_again() {
        let long = format!("/{}/main.rs:7:9", "d".repeat(300));
        let cut = tail(&long).expect("it is long");
        assert_eq!(cut.len(), FILE_BYTES_MAX + ":7:9".len());
        assert!(long.ends_with(cut));
        assert_eq!(tail("src/main.rs:7:9"), None);
        assert_eq!(tail("nonsense"), None);
    }
}
