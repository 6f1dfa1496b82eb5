//! Connections of our own to others: which CA is trusted, which certificate and token are shown. Files are read again when
//! they change, so that a credential can be exchanged under a running agent. A token never goes over plain text to another
//! machine.

use super::watched::Stamp;
use super::{SecurityError, Token, pem};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` out of sight.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is trusted and shown when connecting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectSettings {
    /// PEM file of the certificate authorities to trust; none: the public ones.
    pub ca: Option<PathBuf>,
    /// PEM file of our certificate, with its key.
    pub client: Option<ClientFiles>,
    /// File that holds a bearer token; it wins over `token`.
    pub token_file: Option<PathBuf>,
    /// A bearer token.
    pub token: Option<Secret>,
}

/// Our certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    /// PEM file of the certificate chain.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

/// How long calls may take; none: as long as they like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeouts {
    pub(crate) whole: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) response: Option<Duration>,
}

/// Makes calls to one peer.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    settings: Arc<ConnectSettings>,
    timeouts: Timeouts,
    /// The peer is a listener of this process.
    is_own: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    stamp: Stamp,
    agent: ureq::Agent,
}

impl Outbound {
    /// # Errors
    /// If a file cannot be used, or the token would be sent to another machine in plain text.
    pub(crate) fn new(settings: &ConnectSettings, url: &str, timeouts: Timeouts) -> Result<Self, SecurityError> {
        let has_token = settings.token_file.is_some() || settings.token.is_some();
        if has_token && !url.starts_with("https://") && !is_loopback(url) {
            return Err(SecurityError::Setting(format!(
                "a token would be sent to {} without TLS, for everybody on the way to read; use https://",
                firstbad_protocol::Untrusted(url).cut(200)
            )));
        }
        if let Some(path) = &settings.token_file {
            token_in(path)?;
        }
        let stamp = Stamp::of(&files(settings));
        let agent = agent(settings, timeouts, false)?;
        let state = Arc::new(Mutex::new(State { stamp, agent }));
        Ok(Self { settings: Arc::new(settings.clone()), timeouts, is_own: false, state })
    }

    /// Calls without credentials.
    pub(crate) fn plain(timeouts: Timeouts) -> Self {
        Self::trusting(ConnectSettings::default(), timeouts, false)
    }

    /// Calls of this process to its own listener, at the address that it has bound itself. The certificate there is for the
    /// names that others call it by, and is not looked at.
    pub(crate) fn to_itself(own: Option<&Token>, timeouts: Timeouts) -> Self {
        let token = own.map(|own| Secret::new(own.text()));
        Self::trusting(ConnectSettings { token, ..ConnectSettings::default() }, timeouts, true)
    }

    fn trusting(settings: ConnectSettings, timeouts: Timeouts, is_own: bool) -> Self {
        let agent = built(timeouts, TlsConfig::builder().disable_verification(is_own).build());
        let state = Arc::new(Mutex::new(State { stamp: Stamp::of(&[]), agent }));
        Self { settings: Arc::new(settings), timeouts, is_own, state }
    }

    /// The agent, with what the files hold now.
    pub(crate) fn agent(&self) -> ureq::Agent {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Stamp::of(&files(&self.settings));
        if now != state.stamp {
            state.stamp = now;
            match agent(&self.settings, self.timeouts, self.is_own) {
                Ok(agent) => state.agent = agent,
                Err(error) => {
                    tracing::error!(%error, "a changed file cannot be used; what was read before stays in force")
                }
            }
        }
        state.agent.clone()
    }

    /// `request` with the token, if there is one.
    pub(crate) fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        let token = match (&self.settings.token_file, &self.settings.token) {
            (Some(path), _) => token_in(path),
            (None, Some(Secret(token))) => Ok(Secret::new(token)),
            (None, None) => return request,
        };
        match token {
            Ok(Secret(token)) => request.header("authorization", format!("Bearer {token}")),
            Err(error) => {
                tracing::error!(%error, "there is no token to send");
                request
            }
        }
    }
}

fn agent(settings: &ConnectSettings, timeouts: Timeouts, is_own: bool) -> Result<ureq::Agent, SecurityError> {
    let mut tls = TlsConfig::builder().disable_verification(is_own);
    if let Some(path) = &settings.ca {
        pem::authorities(path)?;
        tls = tls.root_certs(RootCerts::new_with_certs(&chain(path)?));
    }
    if let Some(client) = &settings.client {
        let key = PrivateKey::from_pem(&pem::private(&client.key)?)
            .map_err(|error| pem::content(&client.key, format!("no private key: {error}")))?;
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain(&client.certificate)?, key)));
    }
    Ok(built(timeouts, tls.build()))
}

fn built(timeouts: Timeouts, tls: TlsConfig) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(timeouts.whole)
        .timeout_connect(timeouts.connect)
        .timeout_recv_response(timeouts.response)
        .http_status_as_error(false)
        .tls_config(tls);
    config.build().into()
}

fn chain(path: &Path) -> Result<Vec<Certificate<'static>>, SecurityError> {
    let found = pem::certificates(path)?;
    Ok(found.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect())
}

/// Files whose change makes another agent. The token is read with each call.
fn files(settings: &ConnectSettings) -> Vec<PathBuf> {
    let client = settings.client.iter().flat_map(|client| [client.certificate.clone(), client.key.clone()]);
    settings.ca.iter().cloned().chain(client).collect()
}

fn token_in(path: &Path) -> Result<Secret, SecurityError> {
    let bytes = pem::private(path)?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(pem::content(path, "there is no token in it".to_owned()));
    }
    Ok(Secret::new(token))
}

fn is_loopback(url: &str) -> bool {
    let uri = url.parse::<ureq::http::Uri>().ok();
    let host = uri.as_ref().and_then(ureq::http::Uri::host).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_another_machine_only_over_tls() {
        let settings = ConnectSettings { token: Some(Secret::new("fb.x.1")), ..ConnectSettings::default() };
        let new = |url: &str| Outbound::new(&settings, url, Timeouts::default());
        for url in ["https://collector:4319", "http://127.0.0.1:4319", "http://[::1]:4319", "http://localhost:4319"] {
            new(url).unwrap();
        }
        for url in ["http://collector:4319", "http://10.0.0.1:4319", "http://127.0.0.1.example:1", "http://localhost.x"]
        {
            let error = new(url).unwrap_err().to_string();
            assert!(error.contains("https://") && !error.contains("fb.x.1"), "{url}: {error}");
        }
        assert!(!format!("{settings:?}").contains("fb.x.1"));
    }
}
