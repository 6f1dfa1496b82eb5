//! The places of panics in captures, bundles and recorders: what `firstbad audit` marks as seen. It counts; it judges
//! nothing.

use super::{OfflineError, is_bundle, open_bundle};
use crate::capture::Capture;
use crate::normalise::Normaliser;
use crate::otlp::Request;
use crate::recorder::{self, RecorderState};
use firstbad_diagnosis::observation::{MorePanics, Observation, PanicCount};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Greatest number of places that are kept. Chosen: a process records at most some hundred (`protocol::recorder`), a
/// capture of a whole fleet of several binaries some thousand.
const PLACES_MAX: usize = 65_536;

/// Panics by their place, `file:line:column`; untrusted text. 0 where only an event without a count was found.
pub type PanicPlaces = BTreeMap<String, u64>;

/// The places of panics in `paths`: directories of recorders, captures, or bundles.
///
/// # Errors
/// If one of them cannot be read, or holds nothing that is understood.
pub fn panic_places(paths: &[PathBuf]) -> Result<PanicPlaces, OfflineError> {
    let mut places = Places::default();
    let (directories, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.iter().cloned().partition(|path| path.is_dir());
    let (bundles, captures): (Vec<PathBuf>, Vec<PathBuf>) = files.into_iter().partition(|path| is_bundle(path));
    for directory in &directories {
        places.recorders(directory)?;
    }
    for path in &bundles {
        let bundle = open_bundle(path)?;
        bundle.batches.iter().flat_map(|batch| &batch.observations).for_each(|observation| places.take(observation));
    }
    if !captures.is_empty() {
        places.captures(&captures)?;
    }
    Ok(places.counts())
}

/// Panics by place and by config. A panic counts once without a config, and once under each config that was in use.
#[derive(Default)]
struct Places(BTreeMap<String, BTreeMap<Option<String>, u64>>);

impl Places {
    fn add(&mut self, place: &str, config: Option<String>, count: u64) {
        if self.0.len() < PLACES_MAX || self.0.contains_key(place) {
            let sum = self.0.entry(place.to_owned()).or_default().entry(config).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    fn take(&mut self, observation: &Observation) {
        match observation {
            Observation::Row(row) => row.panics.iter().for_each(|panics| self.count(panics)),
            Observation::Panic(panic) | Observation::MorePanics(MorePanics { first: panic, .. })
                if panic.exception.is_none() =>
            {
                panic.site.iter().for_each(|place| self.add(place, None, 0));
            }
            _ => {}
        }
    }

    fn count(&mut self, panics: &PanicCount) {
        let config = panics.version.as_ref().map(|(config, _)| config.to_string());
        panics.site.iter().for_each(|place| self.add(place, config.clone(), panics.count));
    }

    fn captures(&mut self, paths: &[PathBuf]) -> Result<(), OfflineError> {
        let (mut capture, mut normaliser) = (Capture::open(paths, None)?, Normaliser::new(&[]));
        capture.replay(|_, request| {
            let batch = match request {
                Request::Metrics(metrics) => normaliser.metrics(metrics),
                Request::Logs(logs) => normaliser.logs(logs),
                Request::Traces(traces) => normaliser.traces(traces),
                Request::Other => return true,
            };
            batch.observations.iter().for_each(|observation| self.take(observation));
            true
        })?;
        Ok(())
    }

    fn recorders(&mut self, directory: &Path) -> Result<(), OfflineError> {
        let found = recorder::panic_places(directory);
        let readable = found.iter().filter(|found| found.state != RecorderState::Unreadable).count();
        if readable == 0 {
            return Err(OfflineError::NoRecorder(directory.to_owned()));
        }
        for place in found.iter().flat_map(|found| &found.places) {
            self.add(&place.place, None, place.count);
        }
        Ok(())
    }

    fn counts(self) -> PanicPlaces {
        // The total where there is one; else the config under which most were counted.
        let count = |by_config: BTreeMap<Option<String>, u64>| by_config.into_values().max().unwrap_or(0);
        self.0.into_iter().map(|(place, by_config)| (place, count(by_config))).collect()
    }
}
