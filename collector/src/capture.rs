//! Captures: OTLP/JSON lines in files, compressed files or standard input. Requests in another framing are converted to lines
//! first. Lines are read in time order, whatever the size of the capture. The order and the cost of a broken line (a named
//! gap) are decided here; the meaning of a line is decided by the normaliser.
//!
//! Two passes: the first finds each line's time, by its bytes alone, and keeps it with the line's place, 56 bytes a line;
//! the second reads lines by offset and decodes them. Only compressed files and standard input are held, as one temporary file each.

mod clocks;
mod framing;
mod index;
mod source;
mod times;

pub use index::{BrokenLine, Capture};
pub use times::Stretch;

use std::path::PathBuf;

/// A capture that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file itself.
    #[error("cannot read {path}: {source}")]
    Io {
        /// What was read; `-` is standard input.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Not one line of any file is an OTLP request.
    #[error("nothing readable in {files}: {first}")]
    NothingReadable {
        /// The files.
        files: String,
        /// The first fault found, with file, line and offset.
        first: String,
    },
}

#[cfg(test)]
mod tests;
