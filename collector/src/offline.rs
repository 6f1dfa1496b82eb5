//! A verdict without a collector: captures through normaliser and engine, or a bundle through the engine. When the engine
//! ticks is decided in `play`; what is read, by `capture` and `bundle`; what it means, by the engine.

mod panics;
mod play;
mod window;

use crate::bundle::{Bundle, BundleError};
use crate::capture::{Capture, CaptureError};
pub use crate::moment::Moment;
use crate::normalise::{Content, Understanding};
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::Diagnosis;
pub use panics::{PanicPlaces, panic_places};
use play::Play;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
pub use window::Window;

/// Start of a zstd frame: a bundle is a compressed tar; a compressed capture starts with `{` inside.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What may be asked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Nothing later is read, and suspects are ranked as of then.
    pub at: Option<Timestamp>,
    /// The times that are read as data.
    pub window: Window,
    /// Attribute keys that are dimensions beside the default ones.
    pub dimensions: Vec<String>,
}

impl Options {
    /// The latest time that is read.
    fn horizon(&self) -> Option<Timestamp> {
        [self.at, self.window.to].into_iter().flatten().min()
    }

    fn are_default(&self) -> bool {
        self.at.is_none() && !self.window.is_given() && self.dimensions.is_empty()
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Offline {
    /// The verdicts.
    pub diagnosis: Diagnosis,
    /// Everything a screen shows, as of the end.
    pub snapshot: Snapshot,
    /// Captured contents, for the difference view.
    pub contents: Vec<Content>,
    /// The number of resources in the captures that were understood; none for a bundle, which holds only observations.
    pub understanding: Option<Understanding>,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// No file was named.
    #[error("no capture or bundle was named")]
    NothingNamed,
    /// Captures that cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A bundle that cannot be read.
    #[error("{path}: {source}")]
    Bundle {
        /// The bundle.
        path: PathBuf,
        /// What is wrong with it.
        source: BundleError,
    },
    /// A bundle among several files.
    #[error(
        "{0} is a bundle: diagnose it alone, without --at, --from, --to and --dimension, since it carries its own window and settings"
    )]
    BundleAmongOthers(PathBuf),
    /// A directory without recorders.
    #[error("{} holds no recorder that can be read", .0.display())]
    NoRecorder(PathBuf),
    /// A window that ends before it begins.
    #[error("the window is empty: {from} is later than {to}")]
    Backwards {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
    /// A window that holds nothing.
    #[error("the captures hold nothing {window}{}", latest_before(*before))]
    NothingWithin {
        /// The window.
        window: Window,
        /// The latest time before it.
        before: Option<Timestamp>,
    },
}

fn latest_before(before: Option<Timestamp>) -> String {
    before.map_or_else(String::new, |at| format!("; what they tell last before that is of {at}"))
}

/// The verdict of captures (merged by time; `-` is standard input) or of one bundle.
///
/// # Errors
/// If nothing is readable.
pub fn diagnose(paths: &[PathBuf], options: &Options) -> Result<Offline, OfflineError> {
    run(paths, options, None)
}

/// The same, showing the moment after every tick; it stops where `on_tick` breaks.
///
/// # Errors
/// If nothing is readable.
pub fn replay<'a>(
    paths: &[PathBuf],
    options: &'a Options,
    on_tick: &'a mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
) -> Result<Offline, OfflineError> {
    run(paths, options, Some(on_tick))
}

type OnTick<'a> = &'a mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>;

fn run<'a>(paths: &[PathBuf], options: &'a Options, on_tick: Option<OnTick<'a>>) -> Result<Offline, OfflineError> {
    if paths.is_empty() {
        return Err(OfflineError::NothingNamed);
    }
    if let (Some(from), Some(to)) = (options.window.from, options.horizon())
        && from > to
    {
        return Err(OfflineError::Backwards { from, to });
    }
    if let Some(path) = paths.iter().find(|path| is_bundle(path)) {
        let alone = paths.len() == 1 && options.are_default();
        return if alone { bundle(path, on_tick) } else { Err(OfflineError::BundleAmongOthers(path.clone())) };
    }
    captures(paths, options, on_tick)
}

/// Whether `path` is meant as a bundle: by its name, so that a damaged one is refused as one; or because it is a zstd frame
/// that holds a tar archive, whose first entry is told by its magic at byte 257.
fn is_bundle(path: &Path) -> bool {
    use std::io::{Read as _, Seek as _};
    // What was read of a pipe would be missing in the capture that it holds.
    if !path.is_file() {
        return false;
    }
    let Ok(mut file) = std::fs::File::open(path) else { return false };
    if path.to_string_lossy().ends_with(".tar.zst") {
        return true;
    }
    let mut magic = [0; 4];
    if file.read_exact(&mut magic).is_err() || magic != ZSTD || file.rewind().is_err() {
        return false;
    }
    let mut head = Vec::new();
    let Ok(decoder) = zstd::Decoder::new(file) else { return false };
    let _ = decoder.take(262).read_to_end(&mut head);
    head.get(257..262) == Some(b"ustar".as_slice())
}

/// The bundle in the file `path`.
///
/// # Errors
/// If it cannot be read, or is none.
pub fn open_bundle(path: &Path) -> Result<Bundle, OfflineError> {
    let fault = |source| OfflineError::Bundle { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(|error| fault(error.into()))?;
    Bundle::read(file).map_err(fault)
}

fn bundle(path: &Path, mut on_tick: Option<OnTick<'_>>) -> Result<Offline, OfflineError> {
    let fault = |source| OfflineError::Bundle { path: path.to_owned(), source };
    let bundle = open_bundle(path)?;
    let mut stopped = false;
    let mut show = |moment: &Moment<'_>| {
        if let Some(show) = &mut on_tick
            && !stopped
        {
            stopped = show(moment).is_break();
        }
    };
    let snapshot = bundle.replay(&mut show).map_err(fault)?;
    Ok(Offline { diagnosis: snapshot.diagnosis.clone(), snapshot, contents: bundle.contents, understanding: None })
}

fn captures<'a>(paths: &[PathBuf], options: &'a Options, on_tick: Option<OnTick<'a>>) -> Result<Offline, OfflineError> {
    let mut capture = Capture::open(paths, options.horizon())?;
    let mut play = Play::new(options, on_tick, capture.lines());
    capture.replay(|when, request| play.take(when, request))?;
    play.finish(capture.broken()).map_err(|before| OfflineError::NothingWithin { window: options.window, before })
}
