//! Lines and inlined functions of an address, from the debug information: in the binary, in a separate debug file, or in
//! a split one (`.dwp`, `.dwo`).

use crate::name::plain;
use addr2line::Loader;
use std::path::Path;

/// Greatest number of inlined functions at one address that are read. Chosen: the deepest in the binaries that were
/// measured has 40; a damaged file could pretend any number.
const FRAMES_MAX: usize = 128;

/// One function of a chain of inlined ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) function: Option<String>,
    pub(crate) file: Option<String>,
    /// From 1; 0 if it is not known.
    pub(crate) line: u32,
    pub(crate) column: Option<u32>,
}

/// The debug information of one binary.
pub(crate) struct Lines(Option<Loader>);

impl Lines {
    /// Opens the debug information of the file at `path`.
    pub(crate) fn of(path: &Path) -> Self {
        Self(Loader::new(path).ok())
    }

    /// Without any: every address is unknown.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Whether there is any.
    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the functions at `address`, the innermost first.
    pub(crate) fn frames(&self, address: u64) -> Vec<Frame> {
        let mut found = Vec::new();
        let Some(Ok(mut frames)) = self.0.as_ref().map(|loader| loader.find_frames(address)) else { return found };
        while let (Ok(Some(frame)), true) = (frames.next(), found.len() < FRAMES_MAX) {
            let function = frame.function.as_ref().and_then(|name| Some(plain(&name.raw_name().ok()?)));
            let place = frame.location;
            found.push(Frame {
                function,
                file: place.as_ref().and_then(|place| place.file).map(str::to_owned),
                line: place.as_ref().and_then(|place| place.line).unwrap_or(0),
                column: place.and_then(|place| place.column).filter(|column| *column > 0),
            });
        }
        found
    }
}
