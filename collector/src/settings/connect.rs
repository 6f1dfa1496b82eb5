//! Flags of connections of our own: which CA is trusted, what is shown. A token is never a flag: whoever lists processes
//! would read it.

use super::alerting::base_url;
use super::file::OneOrMore;
use super::{AlertLabel, AlertTexts, Alertmanager, FileError};
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
    /// Send alerts to the Alertmanager at this URL; may be repeated for a cluster of them
    #[arg(long, value_name = "URL", env = "FIRSTBAD_ALERTMANAGER", value_delimiter = ',')]
    pub alertmanager: Vec<String>,
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
    /// Give each alert this label, such as cluster=eu; job=NAME replaces job=firstbad; may be repeated
    #[arg(long = "alert-label", value_name = "NAME=VALUE", env = "FIRSTBAD_ALERT_LABELS", value_delimiter = ',')]
    pub alert_labels: Vec<AlertLabel>,
    /// Link alerts to playbooks under this URL [default: those of the repository]
    #[arg(long, value_name = "URL", env = "FIRSTBAD_PLAYBOOKS_URL")]
    pub playbooks_url: Option<String>,
    /// Link alerts to the dashboards of the Grafana at this URL
    #[arg(long, value_name = "URL", env = "FIRSTBAD_GRAFANA_URL")]
    pub grafana_url: Option<String>,
    /// Link alerts to the query API at this URL
    #[arg(long, value_name = "URL", env = "FIRSTBAD_EXTERNAL_URL")]
    pub external_url: Option<String>,
}

impl AlertmanagerArgs {
    pub(super) fn settings(&self, file: &super::CollectFile) -> Result<Option<Alertmanager>, FileError> {
        let urls = if self.alertmanager.is_empty() {
            file.alertmanager.as_ref().map(OneOrMore::all).unwrap_or_default()
        } else {
            self.alertmanager.clone()
        };
        let texts = self.texts(file)?;
        if urls.is_empty() {
            return Ok(None);
        }
        let urls = urls.iter().map(|url| base_url("--alertmanager", url)).collect::<Result<Vec<_>, _>>()?;
        let or = |flag: &Option<PathBuf>, file: &Option<PathBuf>| flag.clone().or_else(|| file.clone());
        let certificate = or(&self.alertmanager_client_cert, &file.alertmanager_client_cert);
        let key = or(&self.alertmanager_client_key, &file.alertmanager_client_key);
        let connect = ConnectSettings {
            ca: or(&self.alertmanager_ca, &file.alertmanager_ca),
            client: client("--alertmanager-client-cert", certificate, key)?,
            token_file: or(&self.alertmanager_token_file, &file.alertmanager_token_file),
            token: token(ALERTMANAGER_TOKEN_VARIABLE),
        };
        Ok(Some(Alertmanager { urls, connect, texts }))
    }

    fn texts(&self, file: &super::CollectFile) -> Result<AlertTexts, FileError> {
        let url = |setting, flag: &Option<String>, file: &Option<String>| {
            flag.as_ref().or(file.as_ref()).map(|url| base_url(setting, url)).transpose()
        };
        let mut labels = self.alert_labels.clone();
        if labels.is_empty() {
            let refuse = |reason| FileError::Value { setting: "alert_labels", reason };
            let texts = file.alert_labels.iter().flatten();
            labels = texts.map(|text| text.parse().map_err(refuse)).collect::<Result<_, _>>()?;
        }
        let texts = AlertTexts::default();
        Ok(AlertTexts {
            labels: labels.into_iter().map(|label| (label.name, label.value)).collect(),
            playbooks_url: url("--playbooks-url", &self.playbooks_url, &file.playbooks_url)?
                .unwrap_or(texts.playbooks_url),
            grafana_url: url("--grafana-url", &self.grafana_url, &file.grafana_url)?,
            external_url: url("--external-url", &self.external_url, &file.external_url)?,
        })
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
