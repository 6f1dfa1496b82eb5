//! TLS of a listener: certificate and key, who issues certificates of clients, and the names that a client's certificate
//! proves. A connection that began under files that have changed since is ended, so that a client CA can be withdrawn.

use super::watched::{Fresh, Watched};
use super::{SecurityError, TlsFiles, pem};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// The other end of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: Option<SocketAddr>,
    /// DNS and URI names of its certificate's subject alternative name; none without a certificate that a CA of ours issued.
    pub(crate) names: Arc<[String]>,
}

impl Peer {
    /// The address of whoever sent the request with this head; none where nobody noted it.
    pub(crate) fn address_of(head: &axum::http::request::Parts) -> Option<SocketAddr> {
        head.extensions.get::<Self>().and_then(|peer| peer.address)
    }
}

/// TLS of one or several listeners.
#[derive(Clone, Debug)]
pub(crate) struct ServerTls {
    config: Arc<Watched<ServerConfig>>,
}

impl ServerTls {
    /// # Errors
    /// If a file cannot be read, or key and certificate do not go together.
    pub(crate) fn new(files: &TlsFiles) -> Result<Self, SecurityError> {
        let mut paths = vec![files.certificate.clone(), files.key.clone()];
        paths.extend(files.client_ca.clone());
        let files = files.clone();
        Ok(Self { config: Arc::new(Watched::new(paths, move || config(&files))?) })
    }

    /// What accepts a connection now.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.current())
    }

    /// Tells when connections run under files that have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.config.changes()
    }

    pub(crate) fn fresh(&self) -> Arc<dyn Fresh> {
        Arc::clone(&self.config) as Arc<dyn Fresh>
    }
}

fn config(files: &TlsFiles) -> Result<ServerConfig, SecurityError> {
    let unusable = |error: &dyn std::fmt::Display| pem::content(&files.certificate, format!("cannot be used: {error}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| unusable(&error))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(pem::authorities(path)?);
            // A caller without a certificate may have a token; each request needs one of the two (`guard`).
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).allow_unauthenticated();
            let verifier = verifier.build().map_err(|error| pem::content(path, error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = pem::certificates(&files.certificate)?;
    let config = builder.with_single_cert(chain, pem::key(&files.key)?);
    let mut config = config.map_err(|error| unusable(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A resumed session keeps the client's certificate without another look at its dates.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Returns the names that a client's verified certificates prove.
pub(crate) fn names(certificates: Option<&[CertificateDer<'_>]>) -> Arc<[String]> {
    let own = certificates.and_then(<[_]>::first).and_then(|own| webpki::EndEntityCert::try_from(own).ok());
    let Some(own) = own else { return Arc::default() };
    own.valid_dns_names().chain(own.valid_uri_names()).map(str::to_owned).collect()
}
