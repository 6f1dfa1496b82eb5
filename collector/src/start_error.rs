//! Why a collector does not start, in words that name the setting to change.

use crate::store::StoreError;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A collector that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process listens there.
    #[error("port {} is taken ({address}): another process listens there; stop it, or choose another with {flag} ADDRESS", address.port())]
    PortTaken {
        /// Address wanted.
        address: SocketAddr,
        /// Flag that changes it.
        flag: &'static str,
    },
    /// The address cannot be had for another reason.
    #[error("cannot listen on {address} ({flag}): {source}")]
    Listen {
        /// Address wanted.
        address: SocketAddr,
        /// Flag that changes it.
        flag: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The bind is wider than loopback and nothing would guard it.
    #[error(
        "{flag} {address} would be open to other machines without TLS and authentication; give --tls-cert, --tls-key and --credentials (`firstbad gen certs DIR --host NAME` makes a set for a first try), or accept the risk with --insecure"
    )]
    Exposed {
        /// Address wanted.
        address: SocketAddr,
        /// Flag that changes it.
        flag: &'static str,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A saved state does not go with this build.
    #[error("cannot resume from {}: {reason}", data_dir.display())]
    Resume {
        /// The store.
        data_dir: PathBuf,
        /// Why.
        reason: String,
    },
    /// A thread or the runtime cannot be had.
    #[error("cannot start a thread for {what}: {source}")]
    Thread {
        /// What it is for.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate, key, token or credentials file cannot be used.
    #[error(transparent)]
    Security(#[from] crate::security::SecurityError),
    /// The directory of playbooks cannot be used.
    #[error(transparent)]
    Playbooks(#[from] firstbad_playbooks::LibraryError),
    /// A setting cannot be used.
    #[error("{setting}: {reason}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// Why.
        reason: String,
    },
}
