//! The configuration file: TOML, one table per role. An unknown key is an error that names it: a misspelt limit that is
//! silently ignored is the failure that we study. Precedence is decided in `arguments`.

use super::{ConnectArgs, Contents, Seconds, ServeArgs};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A configuration file (`-c FILE`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// Settings of `collect`, and of the embedded collector.
    pub collect: CollectFile,
    /// Settings of `agent`.
    pub agent: AgentFile,
}

// The keys of TLS and credentials stand in both tables: serde cannot both flatten a shared struct and refuse unknown keys.

/// A text, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// A list.
    More(Vec<String>),
}

impl OneOrMore {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::More(texts) => texts.clone(),
        }
    }
}

/// The table `[collect]`. Every key is that of the flag, with `_` for `-`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each is described at the flag of the same name in `CollectArgs`")]
pub struct CollectFile {
    pub otlp_http: Option<String>,
    pub otlp_grpc: Option<String>,
    pub api: Option<String>,
    pub data_dir: Option<PathBuf>,
    pub insecure: Option<bool>,
    pub dimensions: Option<Vec<String>>,
    pub recorders: Option<bool>,
    pub recorder_dir: Option<Vec<PathBuf>>,
    pub report_interval: Option<Seconds>,
    pub retention: Option<Seconds>,
    pub store_bytes_max: Option<u64>,
    pub contents: Option<Contents>,
    pub alertmanager: Option<OneOrMore>,
    pub alert_labels: Option<Vec<String>>,
    pub playbooks: Option<PathBuf>,
    pub playbooks_url: Option<String>,
    pub grafana_url: Option<String>,
    pub external_url: Option<String>,
    pub shadow: Option<bool>,
    pub alertmanager_ca: Option<PathBuf>,
    pub alertmanager_client_cert: Option<PathBuf>,
    pub alertmanager_client_key: Option<PathBuf>,
    pub alertmanager_token_file: Option<PathBuf>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_client_ca: Option<PathBuf>,
    pub credentials: Option<PathBuf>,
}

impl CollectFile {
    pub(super) fn security(&self) -> ServeArgs {
        ServeArgs {
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            tls_client_ca: self.tls_client_ca.clone(),
            credentials: self.credentials.clone(),
        }
    }
}

/// The table `[agent]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each is described at the flag of the same name in `AgentArgs`")]
pub struct AgentFile {
    pub to: Option<String>,
    pub recorder_dir: Option<Vec<PathBuf>>,
    pub report_interval: Option<Seconds>,
    pub metrics: Option<String>,
    pub insecure: Option<bool>,
    pub ca: Option<PathBuf>,
    pub client_cert: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
    pub token_file: Option<PathBuf>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_client_ca: Option<PathBuf>,
    pub credentials: Option<PathBuf>,
}

impl AgentFile {
    pub(super) fn security(&self) -> ServeArgs {
        ServeArgs {
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            tls_client_ca: self.tls_client_ca.clone(),
            credentials: self.credentials.clone(),
        }
    }

    pub(super) fn connect(&self) -> ConnectArgs {
        ConnectArgs {
            ca: self.ca.clone(),
            client_cert: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            token_file: self.token_file.clone(),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what was expected; the message names line, column and key.
    #[error("configuration {}: {source}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A value cannot be used.
    #[error("{setting}: {reason}")]
    Value {
        /// The setting's name.
        setting: &'static str,
        /// Why.
        reason: String,
    },
}

impl File {
    /// The file at `path`, or an empty one without a path.
    ///
    /// # Errors
    /// If it cannot be read, is no TOML, or holds an unknown key.
    pub fn read(path: Option<&Path>) -> Result<Self, FileError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).map_err(|source| FileError::Read { path: path.into(), source })?;
        toml::from_str(&text).map_err(|source| FileError::Parse { path: path.into(), source: Box::new(source) })
    }
}
