//! What `firstbad recorder list` prints, as data; `dump` is beside it. Texts are untrusted; the command line escapes them.

use super::RecorderError;
use super::attributes::active;
use super::file::{self, RecorderFile, Stage};
use firstbad_protocol::names::attribute;
use firstbad_protocol::recorder::{DecodeError, RecorderImage, SiteImage};
use firstbad_protocol::time::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The state of one recorder file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecorderState {
    /// Its process holds the lock.
    Live,
    /// Its process is gone.
    Dead,
    /// It cannot be opened or decoded.
    Unreadable,
    /// Written by a version of the crate whose layout this program does not know.
    ForeignLayout,
}

/// One line of `firstbad recorder list`.
#[derive(Clone, Debug, Serialize)]
pub struct RecorderEntry {
    /// The file.
    pub path: PathBuf,
    /// Its state.
    pub state: RecorderState,
    /// Whether its process ended on purpose; none while it lives.
    pub clean: Option<bool>,
    /// Whether its death was reported.
    pub reported: bool,
    /// `service.name`; untrusted text.
    pub service: Option<String>,
    /// `service.instance.id`; untrusted text.
    pub instance: Option<String>,
    /// `host.name`; untrusted text.
    pub host: Option<String>,
    /// Process id in the process's own namespace.
    pub pid: Option<u32>,
    /// Creation of the recorder.
    pub started: Option<Timestamp>,
    /// Size, bytes.
    pub size: u64,
    /// Active versions, `name=sha256:..`; untrusted text.
    pub active: Vec<String>,
    /// Why it is unreadable, with file and offset.
    pub problem: Option<String>,
}

/// Every recorder in `directories`, by path.
#[must_use]
pub fn list(directories: &[PathBuf]) -> Vec<RecorderEntry> {
    file::find(directories).into_iter().map(|(path, stage)| read(&path, stage).0).collect()
}

/// The panics of one recorder.
pub(crate) struct RecorderPanics {
    pub(crate) state: RecorderState,
    pub(crate) places: Vec<PanicPlace>,
}

/// Panics at one place.
pub(crate) struct PanicPlace {
    /// `file:line:column`; untrusted text.
    pub(crate) place: String,
    pub(crate) count: u64,
}

/// The panics of every recorder in `directory`, by path.
pub(crate) fn panic_places(directory: &Path) -> Vec<RecorderPanics> {
    file::find(&[directory.to_owned()]).into_iter().map(|(path, stage)| panics_of(&path, stage)).collect()
}

fn panics_of(path: &Path, stage: Stage) -> RecorderPanics {
    let (entry, image) = read(path, stage);
    let place = |site: SiteImage| PanicPlace {
        place: format!("{}:{}:{}", site.file, site.line, site.column),
        count: site.count,
    };
    let places = image.map(|image| image.sites.into_iter().map(place).collect()).unwrap_or_default();
    RecorderPanics { state: entry.state, places }
}

pub(super) fn read(path: &Path, stage: Stage) -> (RecorderEntry, Result<RecorderImage, RecorderError>) {
    let opened = RecorderFile::open(path);
    let lives = opened.as_ref().is_ok_and(|file| stage == Stage::Open && file.lives());
    let image = opened.and_then(|file| file.read(true));
    let mut entry = RecorderEntry {
        path: path.to_owned(),
        state: match &image {
            Ok(_) if lives => RecorderState::Live,
            Ok(_) => RecorderState::Dead,
            Err(RecorderError::Decode { error: DecodeError::ForeignLayout { .. }, .. }) => RecorderState::ForeignLayout,
            Err(_) => RecorderState::Unreadable,
        },
        clean: None,
        reported: stage == Stage::Done,
        service: None,
        instance: None,
        host: None,
        pid: None,
        started: None,
        size: std::fs::symlink_metadata(path).map_or(0, |found| found.len()),
        active: Vec::new(),
        problem: image.as_ref().err().map(ToString::to_string),
    };
    if let Ok(image) = &image {
        let attribute = |key| image.attribute(key).map(str::to_owned);
        entry.clean = (!lives).then_some(image.ending().clean);
        entry.service = attribute(attribute::SERVICE_NAME);
        entry.instance = attribute(attribute::SERVICE_INSTANCE_ID);
        entry.host = attribute(attribute::HOST_NAME);
        entry.pid = Some(image.pid);
        entry.started = Some(time(image.started_ns));
        entry.active = active(image);
    }
    (entry, image)
}

pub(super) fn time(ns: u64) -> Timestamp {
    Timestamp(i64::try_from(ns).unwrap_or(i64::MAX))
}
