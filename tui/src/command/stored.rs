//! What a collector has stored, in a file of its own for as long as a command reads it.

use crate::cli::Common;
use crate::failure::Failure;
use firstbad_collector::export;
use firstbad_collector::offline::Window;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// The file; removed when this is dropped.
pub(super) struct Stored {
    path: PathBuf,
    bytes: usize,
}

impl Stored {
    /// What the collector has stored up to the end of `window`. What is before the window tells which versions were active when
    /// it begins.
    ///
    /// # Errors
    /// If the collector does not answer, or the file cannot be written.
    pub(super) fn of_collector(common: &Common, window: Window) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("firstbad-stored-{}.jsonl", std::process::id()));
        let trouble = |error: io::Error| {
            Failure::new(format!("cannot keep the collector's export in {}: {error}", path.display()))
                .hint("TMPDIR names another place")
        };
        let create = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = create.map_err(trouble)?;
        let mut stored = Self { path: path.clone(), bytes: 0 };
        let options = export::Options { from: None, to: window.to, format: export::Form::Capture };
        super::export::read_live(common, &options, &mut |chunk| {
            stored.bytes = stored.bytes.saturating_add(chunk.len());
            file.write_all(chunk).map_err(trouble)
        })?;
        Ok(stored)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Whether nothing is stored.
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        // Nothing can be done about a file that does not go.
        let _ = std::fs::remove_file(&self.path);
    }
}
