//! A changed configuration in a running collector: what follows at once, what needs a restart, and what is refused. A refused one
//! changes nothing.

use crate::security::SecurityError;
use crate::settings::Settings;
use firstbad_playbooks::LibraryError;
use std::io;

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Settings that changed and are in force.
    pub applied: Vec<&'static str>,
    /// Settings that changed and are in force only after a restart.
    pub after_restart: Vec<&'static str>,
}

impl std::fmt::Display for Reloaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or_nothing = |names: &[&str]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        write!(f, "changed: {}", or_nothing(&self.applied))?;
        if !self.after_restart.is_empty() {
            write!(f, "; after a restart: {}", self.after_restart.join(", "))?;
        }
        Ok(())
    }
}

/// Why a configuration is refused. What was in force stays.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration itself.
    #[error(transparent)]
    Settings(#[from] crate::settings::FileError),
    /// A certificate, key or token of an Alertmanager.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// A certificate, key or credentials file of the listeners.
    #[error("{0}")]
    Files(String),
    /// The directory of playbooks.
    #[error(transparent)]
    Playbooks(#[from] LibraryError),
    /// No thread for an Alertmanager.
    #[error("cannot start a thread for alerts: {0}")]
    Thread(#[from] io::Error),
}

/// Compares what is in force with what is wanted.
pub(crate) fn difference(before: &Settings, wanted: &Settings) -> Reloaded {
    let names = |pairs: &[(&'static str, bool)]| {
        pairs.iter().filter(|(_, is_same)| !is_same).map(|(name, _)| *name).collect::<Vec<_>>()
    };
    let (b, w) = (before, wanted);
    Reloaded {
        applied: names(&[
            ("alertmanager", b.alertmanager == w.alertmanager),
            ("playbooks", b.playbooks == w.playbooks),
            ("retention", b.retention == w.retention),
            ("store_bytes_max", b.store_bytes_max == w.store_bytes_max),
        ]),
        after_restart: names(&[
            ("otlp_http", b.otlp_http == w.otlp_http),
            ("otlp_grpc", b.otlp_grpc == w.otlp_grpc),
            ("api", b.api == w.api),
            ("data_dir", b.data_dir == w.data_dir),
            ("insecure", b.insecure == w.insecure),
            ("dimensions", b.engine == w.engine),
            ("recorders", b.recorders == w.recorders),
            ("contents", b.contents == w.contents),
            ("tls and credentials (other paths)", b.security == w.security),
            ("shadow", b.shadow == w.shadow),
        ]),
    }
}
