//! The credentials file: named tokens (as hashes) and names of client certificates, with roles and hosts. An unknown key, a
//! role without meaning or a file that others may read is an error: a rule that is silently ignored protects nobody.

use super::caller::{Caller, SpeaksFor, fits};
use super::{SecurityError, pem, token};
use firstbad_protocol::time::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// What a caller may do. Roles do not include each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Send telemetry.
    Ingest,
    /// Ask the query API, follow snapshots, scrape `/metrics`.
    Read,
    /// Look at credentials and what was denied.
    Admin,
    /// Tell of changes and of versions that were published.
    Publisher,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Read, Self::Admin, Self::Publisher];

    /// The word in the credentials file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Admin => "admin",
            Self::Publisher => "publisher",
        }
    }
}

/// For which hosts a credential with the role `ingest` speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// For one host.
    Host,
    /// For the hosts listed with it.
    Agent,
    /// For every host, as an OpenTelemetry Collector in between does.
    Gateway,
}

impl Kind {
    /// The word in the credentials file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Agent => "agent",
            Self::Gateway => "gateway",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CredentialsFile {
    token: Vec<Entry>,
    certificate: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    sha256: Option<String>,
    roles: Vec<Role>,
    kind: Option<Kind>,
    hosts: Option<Vec<String>>,
    expires: Option<Timestamp>,
}

/// One credential, checked.
#[derive(Clone, Debug)]
struct Credential {
    hash: [u8; 32],
    expires: Option<Timestamp>,
    kind: Option<Kind>,
    hosts: Arc<[String]>,
    roles: Arc<[Role]>,
}

/// Every credential.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    tokens: BTreeMap<String, Credential>,
    /// By name in the certificate, or a pattern of names; in the order of the file.
    certificates: Vec<(String, Credential)>,
}

/// Why a credential is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unknown {
    #[error("a credential is needed: a bearer token or a client certificate")]
    Missing,
    #[error("the token is not known here")]
    Token,
    #[error("the token `{0}` has expired")]
    Expired(String),
    #[error("no name in the client certificate is known here")]
    Certificate,
}

impl Credentials {
    pub(super) fn read(path: &Path) -> Result<Self, SecurityError> {
        let refuse = |reason: String| pem::content(path, reason);
        let bytes = pem::private(path)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| refuse(error.to_string()))?;
        // Of a faulty file no line is repeated: a token may have been put where its hash belongs.
        let file: CredentialsFile = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1);
            refuse(format!("line {line}: {}", error.message()))
        })?;
        let mut credentials = Self::default();
        for entry in file.token {
            let (name, credential) = (entry.name.clone(), entry.checked(true).map_err(refuse)?);
            if credentials.tokens.insert(name.clone(), credential).is_some() {
                return Err(refuse(format!("the token `{name}` is there twice")));
            }
        }
        for entry in file.certificate {
            let (name, credential) = (entry.name.clone(), entry.checked(false).map_err(refuse)?);
            credentials.certificates.push((name, credential));
        }
        Ok(credentials)
    }

    /// Returns the caller of a token.
    pub(super) fn by_token(&self, text: &str, now: Timestamp) -> Result<Caller, Unknown> {
        let name = token::name_of(text).ok_or(Unknown::Token)?;
        let known = self.tokens.get(name);
        // Compared also where the name is unknown, so that the time does not tell which names are.
        let hash = known.map_or([0; 32], |credential| credential.hash);
        let same = bool::from(hash.ct_eq(&token::hash(text)));
        let credential = known.filter(|_| same).ok_or(Unknown::Token)?;
        if credential.expires.is_some_and(|expires| now >= expires) {
            return Err(Unknown::Expired(name.to_owned()));
        }
        Ok(credential.caller(name, ""))
    }

    /// Returns the caller whose certificate has these names.
    pub(super) fn by_certificate(&self, names: &[String], now: Timestamp) -> Result<Caller, Unknown> {
        let fitting = self.certificates.iter().find_map(|(pattern, credential)| {
            names.iter().find(|name| fits(pattern, name)).map(|name| (pattern, name, credential))
        });
        let (pattern, name, credential) = fitting.ok_or(Unknown::Certificate)?;
        if credential.expires.is_some_and(|expires| now >= expires) {
            return Err(Unknown::Certificate);
        }
        Ok(credential.caller(name, pattern.trim_start_matches('*')))
    }

    /// Name, roles and kind of each, for people. No hash.
    pub(super) fn listed(&self) -> Vec<serde_json::Value> {
        let tokens = self.tokens.iter().map(|(name, credential)| credential.listed("token", name));
        let certificates = self.certificates.iter().map(|(name, credential)| credential.listed("certificate", name));
        tokens.chain(certificates).collect()
    }
}

impl Entry {
    fn checked(self, is_token: bool) -> Result<Credential, String> {
        let name = &self.name;
        let hash = match (&self.sha256, is_token) {
            (Some(text), true) => digits(text)
                .ok_or_else(|| format!("`{name}`: sha256 is 64 hex digits, as `firstbad gen token` prints them"))?,
            (None, true) => return Err(format!("`{name}`: a token needs its sha256")),
            (None, false) => [0; 32],
            (Some(_), false) => return Err(format!("`{name}`: a certificate has no sha256 here")),
        };
        if is_token && !token::is_name(name) || name.trim_matches('*').is_empty() {
            return Err(format!("`{name}` is no name of a credential"));
        }
        if self.roles.is_empty() {
            return Err(format!("`{name}`: roles are missing; known are ingest, read, admin, publisher"));
        }
        let ingests = self.roles.contains(&Role::Ingest);
        let hosts = self.hosts.unwrap_or_default();
        match (ingests, self.kind, hosts.len()) {
            (true, None, _) => return Err(format!("`{name}`: role ingest needs kind = host, agent or gateway")),
            (false, Some(_), _) => return Err(format!("`{name}`: kind is for the role ingest")),
            (true, Some(Kind::Host), 0 | 1) | (true, Some(Kind::Agent), 1..) | (_, Some(Kind::Gateway) | None, 0) => {}
            (_, Some(Kind::Agent), _) => return Err(format!("`{name}`: kind agent needs hosts = [..]")),
            (_, Some(Kind::Host), _) => {
                return Err(format!("`{name}`: kind host has one host; kind agent has several"));
            }
            (_, Some(Kind::Gateway) | None, _) => return Err(format!("`{name}`: hosts are for kinds host and agent")),
        }
        if self.kind == Some(Kind::Host) && hosts.iter().any(|host| host.contains('*')) {
            return Err(format!("`{name}`: kind host has one host, without `*`"));
        }
        let (hosts, roles) = (hosts.into(), self.roles.into());
        Ok(Credential { hash, expires: self.expires, kind: self.kind, hosts, roles })
    }
}

impl Credential {
    /// `domain`: the part of the name that a pattern fixes. The host is called by its whole name or by what is before it.
    fn caller(&self, name: &str, domain: &str) -> Caller {
        let own = || -> Arc<[String]> {
            let short = name.strip_suffix(domain).filter(|short| !domain.is_empty() && !short.is_empty());
            std::iter::once(name).chain(short).map(str::to_owned).collect()
        };
        let speaks_for = match self.kind {
            None | Some(Kind::Gateway) => None,
            Some(Kind::Host) if self.hosts.is_empty() => Some(SpeaksFor { hosts: own() }),
            Some(Kind::Host | Kind::Agent) => Some(SpeaksFor { hosts: Arc::clone(&self.hosts) }),
        };
        Caller::new(name, &self.roles, speaks_for)
    }

    fn listed(&self, by: &str, name: &str) -> serde_json::Value {
        let roles: Vec<&str> = self.roles.iter().map(|role| role.as_str()).collect();
        let kind = self.kind.map(Kind::as_str);
        serde_json::json!({"by": by, "name": name, "roles": roles, "kind": kind, "hosts": *self.hosts, "expires": self.expires})
    }
}

fn digits(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests;
