//! Writing a bundle: everything in the order in which it is read, manifest first.

use super::{Bundle, BundleError};
use crate::normalise::Content;
use std::io::Write;

/// Batches are framed by their length, so that a damaged one is named by its offset.
pub(super) const FRAME_BYTES: usize = 4;
const ZSTD_LEVEL: i32 = 6;

/// The names of the entries, in order.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SETTINGS: &str = "settings.json";
pub(super) const VERDICT: &str = "verdict.json";
pub(super) const CHECKPOINT: &str = "checkpoint.postcard";
pub(super) const BATCHES: &str = "batches.postcard";
/// Absent where no engineer said anything, and in bundles of earlier releases.
pub(super) const WORDS: &str = "words.json";
pub(super) const CONTENTS: &str = "contents/";

impl Bundle {
    /// Writes the bundle as `.tar.zst`. The same bundle gives the same bytes.
    ///
    /// # Errors
    /// If `sink` refuses.
    pub fn write(&self, sink: impl Write) -> Result<(), BundleError> {
        let encoder = zstd::Encoder::new(sink, ZSTD_LEVEL)?;
        let mut archive = tar::Builder::new(encoder);
        append(&mut archive, MANIFEST, &json(&self.manifest)?)?;
        append(&mut archive, SETTINGS, &json(&self.settings)?)?;
        append(&mut archive, VERDICT, self.verdict.as_bytes())?;
        append(&mut archive, CHECKPOINT, &self.checkpoint)?;
        append(&mut archive, BATCHES, &self.framed_batches()?)?;
        if !self.words.is_empty() {
            append(&mut archive, WORDS, &json(&self.words)?)?;
        }
        for content in &self.contents {
            append(&mut archive, &content_name(content), &content.body)?;
        }
        archive.into_inner()?.finish()?.flush()?;
        Ok(())
    }

    fn framed_batches(&self) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        for batch in &self.batches {
            let body = postcard::to_stdvec(batch).map_err(|error| unwritable(BATCHES, bytes.len(), &error))?;
            let length = u32::try_from(body.len()).map_err(|error| unwritable(BATCHES, bytes.len(), &error))?;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&body);
        }
        Ok(bytes)
    }
}

/// The name is the hash alone: config and format came from a sender, and stand in the manifest.
fn content_name(content: &Content) -> String {
    format!("{CONTENTS}{}", content.hash.hex())
}

fn append<W: Write>(archive: &mut tar::Builder<W>, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(0);
    archive.append_data(&mut header, name, bytes)?;
    Ok(())
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, BundleError> {
    serde_json::to_vec_pretty(value).map_err(|error| unwritable("json", 0, &error))
}

fn unwritable(entry: &str, offset: usize, error: &dyn std::fmt::Display) -> BundleError {
    BundleError::Entry { entry: entry.to_owned(), offset, reason: error.to_string() }
}
