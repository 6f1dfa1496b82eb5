//! Certificates and credentials for a first try: a certificate authority with a server's and two clients' certificates, and
//! tokens. A fleet takes its certificates from its own authority; nothing here is needed for that.

use super::{Kind, Role, SecurityError, Token};
use crate::settings::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

const DAY_S: i64 = 86_400;
/// How long certificates hold. Browsers and Apple's systems take servers' certificates of at most 398 days.
const LEAF_DAYS: Days = Days { from: -1, to: 397 };
const AUTHORITY_DAYS: Days = Days { from: -1, to: 3650 };
/// The name in the certificate of `client.pem`.
const CLIENT: &str = "client.firstbad";
/// The name in the certificate of `agent.pem`.
const AGENT: &str = "agent.firstbad";
/// What the two client certificates may do.
const CREDENTIALS: &str = "# What callers may do. A change is in force within seconds; docs/security.md describes every key.
[[certificate]]
name = \"client.firstbad\"
roles = [\"read\", \"admin\"]

# Speaks for every host. A certificate for each host, named after it, and kind = \"host\" keep one host from speaking for others.
[[certificate]]
name = \"agent.firstbad\"
roles = [\"ingest\"]
kind = \"gateway\"
";

/// When a certificate holds, in days from now. A day back, so that a clock that is behind takes it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// First day.
    pub from: i64,
    /// Last day.
    pub to: i64,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// A server.
    Server,
    /// A client.
    Client,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Issued {
    /// Certificate.
    pub certificate: String,
    /// Private key.
    pub key: String,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub own: Issued,
}

impl Authority {
    /// Makes a new one.
    ///
    /// # Errors
    /// If no key can be made.
    pub fn new() -> Result<Self, SecurityError> {
        let mut params = params(&[], AUTHORITY_DAYS)?;
        params.distinguished_name.push(DnType::CommonName, "firstbad CA for a first try");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(|error| refused(&error))?;
        let certificate = params.self_signed(&key).map_err(|error| refused(&error))?;
        let own = Issued { certificate: certificate.pem(), key: key.serialize_pem() };
        Ok(Self { issuer: Issuer::new(params, key), own })
    }

    /// Issues a certificate for `names` (host names or addresses).
    ///
    /// # Errors
    /// If a name is none.
    pub fn issue(&self, names: &[String], usage: Usage, days: Days) -> Result<Issued, SecurityError> {
        let mut params = params(names, days)?;
        if let Some(name) = names.first() {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match usage {
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate().map_err(|error| refused(&error))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| refused(&error))?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn params(names: &[String], days: Days) -> Result<CertificateParams, SecurityError> {
    let mut params = CertificateParams::new(names.to_vec()).map_err(|error| refused(&error))?;
    let now = Clock::default().now().0.div_euclid(firstbad_protocol::time::SECOND_NS);
    let at = |days: i64| {
        let seconds = now.saturating_add(days.saturating_mul(DAY_S));
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    };
    (params.not_before, params.not_after) = (at(days.from), at(days.to));
    params.distinguished_name = rcgen::DistinguishedName::new();
    Ok(params)
}

fn refused(error: &rcgen::Error) -> SecurityError {
    SecurityError::Setting(format!("cannot make a certificate: {error}"))
}

/// Writes a working set into `directory`: `ca`, `server` (for `hosts`), `client` and `agent`, each with its key, and
/// `credentials.toml`. Returns the files.
///
/// # Errors
/// If a file is there already, or cannot be written, or a host is none.
pub fn certificates(directory: &Path, hosts: &[String]) -> Result<Vec<PathBuf>, SecurityError> {
    let authority = Authority::new()?;
    let one = |name: &str| authority.issue(&[name.to_owned()], Usage::Client, LEAF_DAYS);
    let issued = [
        ("server", authority.issue(hosts, Usage::Server, LEAF_DAYS)?),
        ("client", one(CLIENT)?),
        ("agent", one(AGENT)?),
        ("ca", authority.own),
    ];
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| SecurityError::Read { path: directory.into(), source })?;
    let mut written = Vec::new();
    for (name, issued) in issued {
        written.push(write_new(directory.join(format!("{name}.pem")), &issued.certificate, 0o644)?);
        written.push(write_new(directory.join(format!("{name}.key")), &issued.key, 0o600)?);
    }
    written.push(write_new(directory.join("credentials.toml"), CREDENTIALS, 0o600)?);
    Ok(written)
}

/// Writes a file that is not there yet.
///
/// # Errors
/// If it is there, or cannot be written.
pub fn write_new(path: PathBuf, text: &str, mode: u32) -> Result<PathBuf, SecurityError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|source| SecurityError::Write { path: path.clone(), source })?;
    Ok(path)
}

/// What a new token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its name, unique in the file.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// For which hosts it speaks; needed with the role `ingest`.
    pub kind: Option<Kind>,
    /// The hosts, for the kinds `host` and `agent`.
    pub hosts: Vec<String>,
}

impl Grant {
    /// The entry for the credentials file.
    #[must_use]
    pub fn entry(&self, token: &Token) -> String {
        let list = |words: Vec<&str>| words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
        let roles = list(self.roles.iter().map(|role| role.as_str()).collect());
        let mut text =
            format!("\n[[token]]\nname = {:?}\nsha256 = {:?}\nroles = [{roles}]\n", self.name, token.sha256());
        if let Some(kind) = self.kind {
            text.push_str(&format!("kind = {:?}\n", kind.as_str()));
        }
        if !self.hosts.is_empty() {
            text.push_str(&format!("hosts = [{}]\n", list(self.hosts.iter().map(String::as_str).collect())));
        }
        text
    }

    /// Makes a token and adds its entry to the credentials file, which is made if it is missing. The file is replaced as a
    /// whole, so that a collector never reads half of it.
    ///
    /// # Errors
    /// If the file would not be taken with the new entry; then it is as it was.
    pub fn add_to(&self, path: &Path) -> Result<Token, SecurityError> {
        let token = Token::generate(&self.name)?;
        let mut text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(SecurityError::Read { path: path.into(), source }),
        };
        text.push_str(&self.entry(&token));
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = write_new(PathBuf::from(beside), &text, 0o600)?;
        let taken = super::credentials::Credentials::read(&beside).and_then(|_| {
            std::fs::rename(&beside, path).map_err(|source| SecurityError::Write { path: path.into(), source })
        });
        if taken.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        taken.map(|()| token)
    }
}
