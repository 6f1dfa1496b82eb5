//! Flags of connections of our own: which CA is trusted, what is shown. A token is never a flag: whoever lists processes
//! would read it.

use super::{Alertmanager, FileError};
use crate::security::{ClientFiles, ConnectSettings, Secret};
use std::path::PathBuf;

/// A token itself, for those who keep secrets in the environment.
const TOKEN_VARIABLE: &str = "FIRSTBAD_TOKEN";
/// The same for the Alertmanager.
const ALERTMANAGER_TOKEN_VARIABLE: &str = "FIRSTBAD_ALERTMANAGER_TOKEN";

/// Flags of a connection to a collector.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConnectArgs {
    /// Trust the certificate authorities of this PEM file [default: the public ones]
    #[arg(long, global = true, value_name = "FILE", env = "FIRSTBAD_CA")]
    pub ca: Option<PathBuf>,
    /// Show the collector this client certificate (PEM); it needs --client-key
    #[arg(long, global = true, value_name = "FILE", env = "FIRSTBAD_CLIENT_CERT")]
    pub client_cert: Option<PathBuf>,
    /// Private key of --client-cert (PEM, mode 0600)
    #[arg(long, global = true, value_name = "FILE", env = "FIRSTBAD_CLIENT_KEY")]
    pub client_key: Option<PathBuf>,
    /// Send the bearer token of this file (mode 0600); FIRSTBAD_TOKEN holds the token itself
    #[arg(long, global = true, value_name = "FILE", env = "FIRSTBAD_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
}

impl ConnectArgs {
    /// The settings that these flags and the environment make together.
    ///
    /// # Errors
    /// If there is a certificate without key, or a key without certificate.
    pub fn settings(&self) -> Result<ConnectSettings, FileError> {
        Ok(ConnectSettings {
            ca: self.ca.clone(),
            client: client("--client-cert", self.client_cert.clone(), self.client_key.clone())?,
            token_file: self.token_file.clone(),
            token: token(TOKEN_VARIABLE),
        })
    }

    /// Returns these flags, and the value in `other` for each flag that was not given.
    pub(super) fn or(&self, other: Self) -> Self {
        Self {
            ca: self.ca.clone().or(other.ca),
            client_cert: self.client_cert.clone().or(other.client_cert),
            client_key: self.client_key.clone().or(other.client_key),
            token_file: self.token_file.clone().or(other.token_file),
        }
    }
}

/// Flags of the connection to an Alertmanager.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AlertmanagerArgs {
    /// Send alerts to the Alertmanager at this URL
    #[arg(long, value_name = "URL", env = "FIRSTBAD_ALERTMANAGER")]
    pub alertmanager: Option<String>,
    /// Trust the certificate authorities of this PEM file for --alertmanager [default: the public ones]
    #[arg(long, value_name = "FILE", env = "FIRSTBAD_ALERTMANAGER_CA")]
    pub alertmanager_ca: Option<PathBuf>,
    /// Show the Alertmanager this client certificate (PEM); it needs --alertmanager-client-key
    #[arg(long, value_name = "FILE", env = "FIRSTBAD_ALERTMANAGER_CLIENT_CERT")]
    pub alertmanager_client_cert: Option<PathBuf>,
    /// Private key of --alertmanager-client-cert (PEM, mode 0600)
    #[arg(long, value_name = "FILE", env = "FIRSTBAD_ALERTMANAGER_CLIENT_KEY")]
    pub alertmanager_client_key: Option<PathBuf>,
    /// Send the Alertmanager the bearer token of this file (mode 0600); FIRSTBAD_ALERTMANAGER_TOKEN holds the token itself
    #[arg(long, value_name = "FILE", env = "FIRSTBAD_ALERTMANAGER_TOKEN_FILE")]
    pub alertmanager_token_file: Option<PathBuf>,
}

impl AlertmanagerArgs {
    pub(super) fn settings(&self, file: &super::CollectFile) -> Result<Option<Alertmanager>, FileError> {
        let Some(url) = self.alertmanager.clone().or_else(|| file.alertmanager.clone()) else { return Ok(None) };
        let or = |flag: &Option<PathBuf>, file: &Option<PathBuf>| flag.clone().or_else(|| file.clone());
        let certificate = or(&self.alertmanager_client_cert, &file.alertmanager_client_cert);
        let key = or(&self.alertmanager_client_key, &file.alertmanager_client_key);
        let connect = ConnectSettings {
            ca: or(&self.alertmanager_ca, &file.alertmanager_ca),
            client: client("--alertmanager-client-cert", certificate, key)?,
            token_file: or(&self.alertmanager_token_file, &file.alertmanager_token_file),
            token: token(ALERTMANAGER_TOKEN_VARIABLE),
        };
        Ok(Some(Alertmanager { url, connect }))
    }
}

fn client(
    setting: &'static str,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<ClientFiles>, FileError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(ClientFiles { certificate, key })),
        (None, None) => Ok(None),
        _ => Err(FileError::Value { setting, reason: "certificate and key go together: give both".to_owned() }),
    }
}

fn token(variable: &str) -> Option<Secret> {
    std::env::var(variable).ok().filter(|token| !token.trim().is_empty()).map(|token| Secret::new(token.trim()))
}
