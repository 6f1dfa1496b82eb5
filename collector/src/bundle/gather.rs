//! Gathering a bundle from a running collector's store: from a checkpoint well before the onset to the batch after which
//! the verdict was given.

use super::{Bundle, BundleError, ContentNote, Manifest, SCHEMA};
use crate::normalise::Content;
use crate::publish::Published;
use crate::store::{BatchRange, Checkpoint, SqliteReader, StoreReader};
use crate::words::Words;
use firstbad_protocol::Hash;
use firstbad_protocol::limits::{BUNDLE_BYTES_UNPACKED_MAX, BUNDLE_ENTRIES_MAX};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{Diagnosis, State};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// The story begins this long before the onset, so that a baseline can be seen.
const LEAD_NS: i64 = 600 * SECOND_NS;
/// An incident that ended longer ago is bundled as of its end, not as of now.
const RESOLVED_LATELY_NS: i64 = 900 * SECOND_NS;
/// Contents are the smaller part of a bundle; more than this of them is left out and said so.
const CONTENTS_BYTES_MAX: usize = BUNDLE_BYTES_UNPACKED_MAX / 8;
/// A batch in memory takes about this many bytes per observation; it bounds a window that would not fit.
const OBSERVATION_BYTES: usize = 1024;

/// What to bundle.
#[derive(Clone, Debug)]
pub struct BundleRequest {
    /// The incident's id.
    pub incident: String,
    /// The collector's store.
    pub data_dir: PathBuf,
    /// The engine's settings.
    pub settings: firstbad_diagnosis::Settings,
    /// What was published last.
    pub latest: Arc<Published>,
}

/// What the verdict is, and after which batch it was given.
struct Word {
    onset: Timestamp,
    last_batch: u64,
    at: Option<Timestamp>,
    diagnosis: Diagnosis,
    json: String,
}

/// Gathers a bundle.
///
/// # Errors
/// If there is no such incident, or what it needs has been deleted.
pub fn build(request: &BundleRequest) -> Result<Bundle, BundleError> {
    let store = SqliteReader::open(&request.data_dir)?;
    let word = word(request, &store)?;
    let unavailable =
        |reason: &str| BundleError::Unavailable { id: request.incident.clone(), reason: reason.to_owned() };
    let checkpoint = checkpoint(&store, &word)?
        .ok_or_else(|| unavailable("the engine's state before it was deleted by retention"))?;
    let range = BatchRange { after: checkpoint.batch, last: word.last_batch };
    let (mut batches, mut observations) = (Vec::new(), 0_usize);
    let most = BUNDLE_BYTES_UNPACKED_MAX / OBSERVATION_BYTES;
    store.batches(range, &mut |batch| {
        observations = observations.saturating_add(batch.observations.len());
        batches.push(batch);
        observations <= most
    })?;
    if observations > most {
        return Err(unavailable("its observations are larger than a bundle can be"));
    }
    if batches.len() as u64 != range.last.saturating_sub(range.after) {
        return Err(unavailable("some of its observations were deleted by retention"));
    }
    let words = Words::as_of(store.words()?, range.last).all().cloned().collect();
    let (contents, contents_missing) = contents(&store, &word.diagnosis, &request.incident)?;
    let manifest = Manifest {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        incident: request.incident.clone(),
        after_batch: range.after,
        last_batch: range.last,
        batches: batches.len() as u64,
        at: word.at,
        contents: contents.iter().map(note).collect(),
        contents_missing,
    };
    let settings = request.settings.clone();
    Ok(Bundle { manifest, settings, checkpoint: checkpoint.engine, batches, words, contents, verdict: word.json })
}

/// The current word on the incident, or, where it ended a while ago, the last.
fn word(request: &BundleRequest, store: &SqliteReader) -> Result<Word, BundleError> {
    let latest = &request.latest;
    let current = latest.snapshot.diagnosis.incidents.iter().find(|incident| incident.id == request.incident);
    let lately = latest.snapshot.at.unwrap_or_default() - RESOLVED_LATELY_NS;
    if let Some(incident) = current
        && (incident.state != State::Resolved || incident.resolved_at.is_none_or(|at| at > lately))
    {
        let mut diagnosis = latest.snapshot.diagnosis.clone();
        // The playbooks that everybody has: a bundle is diagnosed elsewhere, and gives the same verdict.
        firstbad_playbooks::annotate(&mut diagnosis);
        let json = crate::diagnosis_json(&diagnosis);
        return Ok(Word { onset: incident.onset, last_batch: latest.batch, at: latest.snapshot.at, diagnosis, json });
    }
    let record = store.incident(&request.incident)?;
    let record = record.ok_or_else(|| BundleError::NoIncident(request.incident.clone()))?;
    let diagnosis: Diagnosis = serde_json::from_str(&record.diagnosis).map_err(|error| BundleError::Entry {
        entry: format!("incident {}", record.id),
        offset: 0,
        reason: error.to_string(),
    })?;
    Ok(Word { onset: record.onset, last_batch: record.batch, at: None, diagnosis, json: record.diagnosis })
}

/// The newest checkpoint before the onset's lead, if it stands before the verdict; any before the verdict else.
fn checkpoint(store: &SqliteReader, word: &Word) -> Result<Option<Checkpoint>, BundleError> {
    let found = store.checkpoint_before(word.onset - LEAD_NS)?;
    Ok(found.filter(|checkpoint| checkpoint.batch < word.last_batch))
}

fn note(content: &Content) -> ContentNote {
    ContentNote { hash: content.hash, config: content.config.to_string(), format: content.format.to_string() }
}

/// Contents of the versions that the incident names, and those that are not there.
fn contents(store: &SqliteReader, diagnosis: &Diagnosis, id: &str) -> Result<(Vec<Content>, Vec<Hash>), BundleError> {
    let mut named = BTreeSet::new();
    for incident in diagnosis.incidents.iter().filter(|incident| incident.id == id) {
        named.extend(incident.cause.iter().flat_map(|cause| cause.hashes.iter().copied()));
        named.extend(incident.suspects.iter().flat_map(|suspect| suspect.hashes.iter().copied()));
        named.extend(incident.last_known_good.iter().map(|good| good.hash));
        named.extend(incident.input.iter().filter_map(|input| input.against));
    }
    let (mut contents, mut missing, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
    for hash in named {
        match store.content(&hash)? {
            Some(content) if contents.len() < BUNDLE_ENTRIES_MAX / 2 && bytes < CONTENTS_BYTES_MAX => {
                bytes = bytes.saturating_add(content.body.len());
                contents.push(content);
            }
            _ => missing.push(hash),
        }
    }
    Ok((contents, missing))
}
