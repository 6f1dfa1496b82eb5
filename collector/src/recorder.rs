//! Reads the flight recorders of this host: finds them, tells the living from the dead, claims deaths, and turns cells
//! into cumulative OTLP points and log events (contract.md section 2). Where exports go is the caller's decision: the
//! agent ships them, the embedded collector takes them as its own.

use firstbad_protocol::time::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What one recorder has to tell: ordinary OTLP, as any sender would ship it.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// Cumulative points; start time = the recorder's creation.
    pub metrics: Option<ExportMetricsServiceRequest>,
    /// Loads, panics, start, exit, contents that were not committed before.
    pub logs: Option<ExportLogsServiceRequest>,
}

/// The recorders of this host as a source of telemetry.
#[derive(Debug, Default)]
pub struct RecorderSource {
    directories: Vec<PathBuf>,
}

impl RecorderSource {
    /// Reads the recorders in `directories`; see [`search_list`].
    #[must_use]
    pub fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories }
    }

    /// Reads every recorder once: one export for each instance that lives, and a last one for each that died. Log events
    /// are repeated by the next poll unless [`Self::commit`] says that the exports are safe; `firstbad.boot` and
    /// `firstbad.seq` make a repetition harmless.
    pub fn poll(&mut self, now: Timestamp) -> Vec<Export> {
        let _ = (now, &self.directories);
        Vec::new()
    }

    /// The exports of the last poll are on disk at the receiver.
    pub fn commit(&mut self) {}
}

/// Directories where this host's recorders may be, as the instrument crate chooses them: `FIRSTBAD_RECORDER_DIR`,
/// `/run/firstbad`, `$XDG_RUNTIME_DIR/firstbad`, `/var/tmp/firstbad-$UID`.
#[must_use]
pub fn search_list() -> Vec<PathBuf> {
    Vec::new()
}

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
    let _ = directories;
    Vec::new()
}

/// The content of one recorder, for `firstbad recorder dump`.
#[derive(Clone, Debug, Serialize)]
pub struct RecorderDump {
    /// As in the list.
    pub entry: RecorderEntry,
    /// Resource attributes; untrusted text.
    pub resource: Vec<(String, String)>,
    /// Lines of text for a person, untrusted: counts by version, scores, loads, panics.
    pub lines: Vec<String>,
}

/// Reads one recorder.
///
/// # Errors
/// When the file cannot be opened or decoded; names file and offset.
pub fn dump(path: &Path) -> Result<RecorderDump, RecorderError> {
    Err(RecorderError::Open { path: path.to_owned(), error: "not readable".to_owned() })
}

/// Why a recorder could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecorderError {
    /// It could not be opened.
    #[error("opening the recorder {}: {error}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: String,
    },
    /// Its content is not a recorder's.
    #[error("reading the recorder {}: {error}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What is wrong, and at which offset.
        error: String,
    },
}
