//! Who may connect, and what they may do: TLS of listeners and clients, credentials, roles, and the log of what was denied.
//! Which address is bound is decided in `server`; what a request means, after it was let in, is decided further in.

pub(crate) mod audit;
mod caller;
mod credentials;
pub mod generate;
mod guard;
mod outbound;
mod pem;
mod routes;
mod server_tls;
mod token;
mod watched;

pub(crate) use caller::{Caller, HostClaim};
pub use credentials::{Kind, Role};
pub(crate) use guard::{Form, Guard, GuardParts};
pub use outbound::{ClientFiles, ConnectSettings, Secret};
pub(crate) use outbound::{Outbound, Timeouts};
pub(crate) use server_tls::{Peer, ServerTls, names as peer_names};
pub use token::Token;
pub(crate) use watched::{Fresh, keep_fresh};

use std::path::PathBuf;

/// Certificate, key and client CA of a listener, each a PEM file that is read again when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// Private key of the first certificate.
    pub key: PathBuf,
    /// Certificate authorities of clients; none: no client certificate is asked for.
    pub client_ca: Option<PathBuf>,
}

/// How listeners are guarded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServeSecurity {
    /// TLS; none: plain text.
    pub tls: Option<TlsFiles>,
    /// The credentials file; none: every caller may do everything.
    pub credentials: Option<PathBuf>,
}

impl ServeSecurity {
    /// Whether a listener may be open to other machines: callers are known, and nobody on the way can read or change.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.tls.is_some() && self.credentials.is_some()
    }
}

/// A file or setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds secrets and others may read or change it.
    #[error("{} has mode {mode:03o}: others than its owner may read or change it; run chmod 600", path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Settings do not go together.
    #[error("{0}")]
    Setting(String),
}
