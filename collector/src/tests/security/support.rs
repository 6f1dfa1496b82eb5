//! A collector with TLS and credentials on free ports, its callers, and their calls over HTTP and gRPC.

use super::super::support::{Answer, Running, answer_of};
use crate::security::generate::{Authority, Days, Issued, Usage};
use crate::security::{ClientFiles, ConnectSettings, Outbound, Secret, ServeSecurity, Timeouts, TlsFiles, Token};
use axum::body::Bytes;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(super) const VALID: Days = Days { from: -1, to: 30 };

/// Files of one test.
pub(super) struct Set {
    pub(super) directory: tempfile::TempDir,
    pub(super) authority: Authority,
}

/// What a caller shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) token: Option<String>,
    pub(super) client: Option<ClientFiles>,
}

impl Set {
    pub(super) fn new() -> Self {
        let set = Self { directory: tempfile::tempdir().unwrap(), authority: Authority::new().unwrap() };
        write(&set.path("ca.pem"), &set.authority.own.certificate);
        set.serve_with(&set.authority);
        set
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The server's certificate, from `authority`.
    pub(super) fn serve_with(&self, authority: &Authority) {
        let issued = authority.issue(&["127.0.0.1".to_owned()], Usage::Server, VALID).unwrap();
        write(&self.path("server.key"), &issued.key);
        write(&self.path("server.pem"), &issued.certificate);
    }

    /// Writes the credentials file as editors do: beside it, then over it.
    pub(super) fn credentials(&self, text: &str) {
        write(&self.path("credentials.new"), text);
        std::fs::rename(self.path("credentials.new"), self.path("credentials.toml")).unwrap();
    }

    pub(super) fn client(&self, name: &str, issued: &Issued) -> ClientFiles {
        let files =
            ClientFiles { certificate: self.path(&format!("{name}.pem")), key: self.path(&format!("{name}.key")) };
        write(&files.certificate, &issued.certificate);
        write(&files.key, &issued.key);
        files
    }

    /// A client certificate of the CA that the collector trusts.
    pub(super) fn issued(&self, name: &str, days: Days) -> Shown {
        let issued = self.authority.issue(&[name.to_owned()], Usage::Client, days).unwrap();
        Shown { client: Some(self.client(name, &issued)), token: None }
    }

    pub(super) fn security(&self) -> ServeSecurity {
        let tls = TlsFiles {
            certificate: self.path("server.pem"),
            key: self.path("server.key"),
            client_ca: Some(self.path("ca.pem")),
        };
        ServeSecurity { tls: Some(tls), credentials: Some(self.path("credentials.toml")) }
    }

    pub(super) fn running(&self) -> Running {
        Running::with(|settings| settings.security = self.security())
    }

    pub(super) fn outbound(&self, shown: &Shown) -> Outbound {
        let settings = ConnectSettings {
            ca: Some(self.path("ca.pem")),
            client: shown.client.clone(),
            token_file: None,
            token: shown.token.as_deref().map(Secret::new),
        };
        let timeouts = Timeouts { whole: Some(Duration::from_secs(10)), ..Timeouts::default() };
        Outbound::new(&settings, "https://127.0.0.1", timeouts).unwrap()
    }
}

/// The entry of a new token, and the token.
pub(super) fn token(name: &str, rest: &str) -> (String, Shown) {
    let token = Token::generate(name).unwrap();
    let entry = format!("[[token]]\nname = \"{name}\"\nsha256 = \"{}\"\n{rest}\n", token.sha256());
    (entry, Shown { token: Some(token.text().to_owned()), client: None })
}

pub(super) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Calls over HTTP; an error: no TLS, or the connection broke off.
pub(super) fn http(outbound: &Outbound, method: &str, url: &str, body: &[u8]) -> Result<Answer, String> {
    let agent = outbound.agent();
    let answered = match method {
        "GET" => outbound.authorized(agent.get(url)).call(),
        "HEAD" => outbound.authorized(agent.head(url)).call(),
        "DELETE" => {
            let request = outbound.authorized(agent.delete(url)).header("content-type", "application/json");
            request.force_send_body().send(body)
        }
        "PUT" => outbound.authorized(agent.put(url)).send(body),
        _ => outbound.authorized(agent.post(url)).header("content-type", "application/json").send(body),
    };
    // A stream of snapshots has no end to read to.
    let is_stream = url.ends_with("/stream");
    answered.map(|answer| answer_of(answer, !is_stream)).map_err(|error| error.to_string())
}

/// Calls over gRPC with an empty message. Returns its status; an error: no TLS, or the connection broke off.
pub(super) fn grpc(set: &Set, shown: &Shown, address: std::net::SocketAddr, path: &str) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = |error: &dyn std::fmt::Display| error.to_string();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.map_err(|error| told(&error))?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client_config(set, shown)));
        let stream = connector.connect(name, stream).await.map_err(|error| told(&error))?;
        let (client, connection) = h2::client::handshake(stream).await.map_err(|error| told(&error))?;
        tokio::spawn(connection);
        let mut client = client.ready().await.map_err(|error| told(&error))?;
        let mut request = axum::http::Request::post(format!("https://{address}{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(token) = &shown.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let (response, mut body) =
            client.send_request(request.body(()).unwrap(), false).map_err(|error| told(&error))?;
        body.send_data(Bytes::from_static(&[0; 5]), true).map_err(|error| told(&error))?;
        let response = response.await.map_err(|error| told(&error))?;
        let headers = response.headers().clone();
        let mut body = response.into_body();
        while let Some(chunk) = body.data().await {
            chunk.map_err(|error| told(&error))?;
        }
        let trailers = body.trailers().await.map_err(|error| told(&error))?.unwrap_or_default();
        let status = trailers.get("grpc-status").or_else(|| headers.get("grpc-status"));
        Ok(status.map(|status| status.to_str().unwrap().to_owned()).unwrap_or_default())
    })
}

fn client_config(set: &Set, shown: &Shown) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(set.path("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match &shown.client {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let certificate = CertificateDer::from_pem_file(&files.certificate).unwrap();
            let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}
