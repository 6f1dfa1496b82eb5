//! Reading a bundle that anybody may have written: sizes are bounded while decompressing, names are matched against the
//! known ones and never become a path.

use super::write::{BATCHES, CHECKPOINT, CONTENTS, FRAME_BYTES, MANIFEST, SETTINGS, VERDICT, WORDS};
use super::{Bundle, BundleError, ContentNote, Manifest, SCHEMA};
use crate::normalise::Content;
use crate::store::Batch;
use crate::words::{self, StoredWord};
use firstbad_protocol::Untrusted;
use firstbad_protocol::limits::{BUNDLE_BYTES_UNPACKED_MAX, BUNDLE_ENTRIES_MAX};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// A window of 8 MiB: what our own level needs, and a frame cannot claim more memory than that.
const WINDOW_LOG_MAX: u32 = 23;

pub(super) fn read(source: impl Read) -> Result<Bundle, BundleError> {
    let mut entries = unpack(source)?;
    let manifest: Manifest = parse(&mut entries, MANIFEST)?;
    if manifest.schema != SCHEMA {
        let tool_version = Untrusted(&manifest.tool_version).cut(32);
        return Err(BundleError::Schema { found: manifest.schema, tool_version, known: SCHEMA });
    }
    let settings = parse(&mut entries, SETTINGS)?;
    let verdict = String::from_utf8(take(&mut entries, VERDICT)?)
        .map_err(|error| malformed(VERDICT, error.utf8_error().valid_up_to(), &"it is no UTF-8"))?;
    let checkpoint = take(&mut entries, CHECKPOINT)?;
    let mut batches = batches(&take(&mut entries, BATCHES)?, &manifest)?;
    let words: Vec<StoredWord> = if entries.contains_key(WORDS) { parse(&mut entries, WORDS)? } else { Vec::new() };
    let mut changes = words::changes(&words);
    for batch in &mut batches {
        batch.words = changes.remove(&batch.seq).unwrap_or_default();
    }
    let contents = manifest.contents.iter().map(|note| content(note, &mut entries)).collect::<Result<_, _>>()?;
    Ok(Bundle { manifest, settings, checkpoint, batches, words, contents, verdict })
}

/// Every entry by name. Unknown names are kept out: they may come from a later version.
fn unpack(source: impl Read) -> Result<BTreeMap<String, Vec<u8>>, BundleError> {
    let mut decoder = zstd::Decoder::new(source)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    let mut left = BUNDLE_BYTES_UNPACKED_MAX;
    // The archive reader, too, is bounded: a header may claim anything, and skipping is reading.
    let mut archive = tar::Archive::new(decoder.take(BUNDLE_BYTES_UNPACKED_MAX as u64 + (1 << 20)));
    let mut entries = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry.map_err(|error| if entries.is_empty() { none(&error) } else { broken(&error) })?;
        let name = entry.path().map_err(|error| broken(&error))?.to_string_lossy().into_owned();
        if entries.len() >= BUNDLE_ENTRIES_MAX {
            return Err(BundleError::TooLarge { limit: BUNDLE_ENTRIES_MAX, unit: "entries" });
        }
        let mut bytes = Vec::new();
        let read = entry.by_ref().take(left as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| malformed(&name, bytes.len(), &error))?;
        left = left
            .checked_sub(bytes.len())
            .ok_or(BundleError::TooLarge { limit: BUNDLE_BYTES_UNPACKED_MAX, unit: "bytes, unpacked" })?;
        entries.insert(name, bytes);
    }
    if entries.is_empty() {
        return Err(BundleError::NoBundle("it is empty".to_owned()));
    }
    Ok(entries)
}

fn none(error: &io::Error) -> BundleError {
    BundleError::NoBundle(format!("it does not begin as a .tar.zst archive does ({error})"))
}

fn broken(error: &io::Error) -> BundleError {
    malformed("(archive)", 0, &format!("it is cut short or damaged: {error}"))
}

fn malformed(entry: &str, offset: usize, reason: &dyn std::fmt::Display) -> BundleError {
    BundleError::Entry { entry: Untrusted(entry).cut(100), offset, reason: reason.to_string() }
}

fn take(entries: &mut BTreeMap<String, Vec<u8>>, name: &'static str) -> Result<Vec<u8>, BundleError> {
    entries.remove(name).ok_or(BundleError::Missing(name))
}

fn parse<T: DeserializeOwned>(entries: &mut BTreeMap<String, Vec<u8>>, name: &'static str) -> Result<T, BundleError> {
    let bytes = take(entries, name)?;
    serde_json::from_slice(&bytes).map_err(|error| malformed(name, offset_of(&bytes, &error), &error))
}

/// serde_json counts lines and columns; people and tools count bytes.
fn offset_of(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)
}

fn batches(bytes: &[u8], manifest: &Manifest) -> Result<Vec<Batch>, BundleError> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let offset = bytes.len() - rest.len();
        let cut = || malformed(BATCHES, offset, &"it is cut short");
        let (frame, after) = rest.split_first_chunk::<FRAME_BYTES>().ok_or_else(cut)?;
        let length = usize::try_from(u32::from_le_bytes(*frame)).map_err(|_| cut())?;
        let (body, after) = after.split_at_checked(length).ok_or_else(cut)?;
        let batch: Batch = postcard::from_bytes(body).map_err(|error| malformed(BATCHES, offset, &error))?;
        let previous = batches.last().map_or(manifest.after_batch, |batch| batch.seq);
        if batch.seq <= previous {
            return Err(malformed(BATCHES, offset, &format!("batch {} follows batch {previous}", batch.seq)));
        }
        batches.push(batch);
        rest = after;
    }
    if batches.len() as u64 != manifest.batches {
        let reason = format!("the manifest tells of {} batches, here are {}", manifest.batches, batches.len());
        return Err(malformed(BATCHES, bytes.len(), &reason));
    }
    Ok(batches)
}

fn content(note: &ContentNote, entries: &mut BTreeMap<String, Vec<u8>>) -> Result<Content, BundleError> {
    let name = format!("{CONTENTS}{}", note.hash.hex());
    let absent = || malformed(MANIFEST, 0, &format!("it names `{name}`, which is not in the bundle"));
    let body = entries.remove(&name).ok_or_else(absent)?;
    Ok(Content { hash: note.hash, config: note.config.as_str().into(), format: note.format.as_str().into(), body })
}
