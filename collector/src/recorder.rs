//! Reads the flight recorders of this host: finds them, tells the living from the dead, claims deaths, and turns cells
//! into cumulative OTLP points and log events (contract.md section 2). Where exports go is the caller's decision: the
//! agent ships them, the embedded collector takes them as its own.

pub(crate) mod attributes;
mod containers;
mod dump;
mod file;
mod listing;
mod logs;
mod places;
mod points;
mod source;
mod stacks;
mod symbols;

pub use dump::{RecorderDump, dump};
pub(crate) use listing::panic_places;
pub use listing::{RecorderEntry, RecorderState, list};
pub use places::{Found, Place, places};
pub use points::request as metrics_request;
pub use source::RecorderSource;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use std::path::PathBuf;

/// What one recorder has to tell: ordinary OTLP, as any sender would ship it.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// Cumulative points; start time = the recorder's creation.
    pub metrics: Option<ExportMetricsServiceRequest>,
    /// Loads, panics, start, exit, contents that were not committed before.
    pub logs: Option<ExportLogsServiceRequest>,
}

/// Directories where this host's recorders may be, as the instrument crate chooses them: `FIRSTBAD_RECORDER_DIR`,
/// `/run/firstbad`, `$XDG_RUNTIME_DIR/firstbad`, `/var/tmp/firstbad-$UID`.
#[must_use]
pub fn search_list() -> Vec<PathBuf> {
    firstbad_protocol::recorder::search_list(|name| std::env::var(name).ok(), rustix::process::geteuid().as_raw())
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
    /// Another agent or collector reads the directory. Of two readers, each would be told only the deaths that it claims first.
    #[error(
        "the recorders in {} are read by {}, whose collector has them: they are left to it, because each death is told only once; \
         end it, or give one of both other directories (--recorder-dir)",
        directory.display(), process.map_or_else(|| "another agent or collector".to_owned(), |pid| format!("process {pid}"))
    )]
    ReadByAnother {
        /// The directory.
        directory: PathBuf,
        /// The process, if it has a number here.
        process: Option<i32>,
    },
    /// Its content is not a recorder's.
    #[error("reading the recorder {}: {error}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What is wrong, and at which offset.
        error: firstbad_protocol::recorder::DecodeError,
    },
}
