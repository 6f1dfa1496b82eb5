//! A blocking client of the query API, for the terminal UI and scripts. It decides nothing about what is shown; it says
//! which URL failed and why.

mod stream;
mod words;

pub use stream::{Follower, Update};

use crate::security::{ConnectSettings, Outbound, SecurityError, Timeouts, Token};
use crate::status::Status;
use firstbad_protocol::Hash;
use firstbad_protocol::content::Format;
use firstbad_protocol::limits::{CONTENT_BYTES_MAX, SNAPSHOT_BYTES_MAX};
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Diagnosis, Incident};
use serde::de::DeserializeOwned;
use std::io::Read;
use std::time::Duration;

/// Connecting, and waiting for the first byte of an answer. A collector on the same machine or in the same site answers
/// in milliseconds; a person should see the retry screen soon.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How a content is cut into rows, a word of `content::Format`; not sent if its sender did not say.
pub(crate) const CONTENT_FORMAT_HEADER: &str = "x-firstbad-content-format";
/// Building a bundle reads the incident's window from the store.
const BUNDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer.
    #[error("no collector answers at {url}: {reason}")]
    Unreachable {
        /// URL asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// It answered that it does not have that.
    #[error("{url}: {message}")]
    NotFound {
        /// URL asked.
        url: String,
        /// The collector's words.
        message: String,
    },
    /// It refused.
    #[error("{url}: the collector answered {status}: {message}")]
    Refused {
        /// URL asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// The collector's words.
        message: String,
    },
    /// The answer is not what this version understands.
    #[error("{url}: the answer is not what this version of firstbad understands: {reason}")]
    Foreign {
        /// URL asked.
        url: String,
        /// Why.
        reason: String,
    },
}

/// A client of one collector.
#[derive(Clone, Debug)]
pub struct Client {
    outbound: Outbound,
    base: String,
}

const TIMEOUTS: Timeouts = Timeouts { whole: None, connect: Some(CONNECT_TIMEOUT), response: Some(RESPONSE_TIMEOUT) };

impl Client {
    /// A client without credentials of the collector whose query API is at `base`, such as `http://127.0.0.1:4319`. Nothing
    /// is sent yet.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self { outbound: Outbound::plain(TIMEOUTS), base: whole(base) }
    }

    /// A client that trusts and shows what `connect` says. Nothing is sent yet.
    ///
    /// # Errors
    /// If a file cannot be used, or a token would be sent to another machine without TLS.
    pub fn connecting(base: &str, connect: &ConnectSettings) -> Result<Self, SecurityError> {
        let base = whole(base);
        Ok(Self { outbound: Outbound::new(connect, &base, TIMEOUTS)?, base })
    }

    /// A client of the collector in this process.
    pub(crate) fn of_this_process(base: &str, own: Option<&Token>) -> Self {
        Self { outbound: Outbound::to_itself(own, TIMEOUTS), base: whole(base) }
    }

    /// The URL of the query API.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The current snapshot.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn snapshot(&self) -> Result<Snapshot, ClientError> {
        self.json("/api/v1/snapshot")
    }

    /// The current diagnosis.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn diagnosis(&self) -> Result<Diagnosis, ClientError> {
        self.json("/api/v1/diagnosis")
    }

    /// The incidents that are known, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn incidents(&self) -> Result<Vec<Incident>, ClientError> {
        self.json("/api/v1/incidents")
    }

    /// One incident.
    ///
    /// # Errors
    /// See [`ClientError`]; [`ClientError::NotFound`] if there is none of that id.
    pub fn incident(&self, id: &str) -> Result<Incident, ClientError> {
        self.json(&format!("/api/v1/incidents/{}", segment(id)))
    }

    /// The diagnosis that holds one incident: the current one, or, after the incident left it, the one that was last
    /// given of it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn incident_diagnosis(&self, id: &str) -> Result<Diagnosis, ClientError> {
        self.json(&format!("/api/v1/incidents/{}/diagnosis", segment(id)))
    }

    /// How the collector fares.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn status(&self) -> Result<Status, ClientError> {
        self.json("/api/v1/status")
    }

    /// The bytes of one version.
    ///
    /// # Errors
    /// See [`ClientError`]; [`ClientError::NotFound`] if its content was not kept.
    pub fn content(&self, hash: &Hash) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("/api/v1/contents/{}", hash.hex()), RESPONSE_TIMEOUT, CONTENT_BYTES_MAX)
    }

    /// The bytes of one version, and how its sender said that they are cut into rows; none if it did not say.
    ///
    /// # Errors
    /// As [`Client::content`].
    pub fn content_and_format(&self, hash: &Hash) -> Result<(Vec<u8>, Option<Format>), ClientError> {
        let path = format!("/api/v1/contents/{}", hash.hex());
        let answer = self.answer(&path, RESPONSE_TIMEOUT)?;
        let told = answer.headers().get(CONTENT_FORMAT_HEADER).and_then(|word| word.to_str().ok());
        let format = told.and_then(Format::from_word);
        Ok((self.bytes_of(answer.into_body().into_reader(), &path, CONTENT_BYTES_MAX)?, format))
    }

    /// The bundle of one incident (`.tar.zst`).
    ///
    /// # Errors
    /// See [`ClientError`]; [`ClientError::NotFound`] if there is no such incident.
    pub fn bundle(&self, id: &str) -> Result<Vec<u8>, ClientError> {
        let path = format!("/api/v1/incidents/{}/bundle", segment(id));
        self.bytes(&path, BUNDLE_TIMEOUT, firstbad_protocol::limits::BUNDLE_BYTES_MAX)
    }

    /// What is stored, as it is read from disk. A body that ends with an error is incomplete.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn export(&self, options: &crate::export::Options) -> Result<Box<dyn Read + Send>, ClientError> {
        let times = [("from", options.from), ("to", options.to)];
        let times: String = times.into_iter().filter_map(|(key, time)| Some(format!("&{key}={}", time?))).collect();
        let format = match options.format {
            crate::export::Form::Capture => "capture",
            crate::export::Form::Ndjson => "ndjson",
        };
        self.open(&format!("/api/v1/export?format={format}{times}"), RESPONSE_TIMEOUT)
    }

    /// Prometheus text of the collector.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn metrics(&self) -> Result<String, ClientError> {
        let bytes = self.bytes("/metrics", RESPONSE_TIMEOUT, SNAPSHOT_BYTES_MAX)?;
        String::from_utf8(bytes).map_err(|error| self.foreign("/metrics", &error))
    }

    /// Follows the collector from a thread of its own: each snapshot as it is published, and each loss of the
    /// connection, which is retried until the follower is dropped.
    #[must_use]
    pub fn follow(&self) -> Follower {
        Follower::start(self.clone())
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let bytes = self.bytes(path, RESPONSE_TIMEOUT, SNAPSHOT_BYTES_MAX)?;
        serde_json::from_slice(&bytes).map_err(|error| self.foreign(path, &error))
    }

    fn bytes(&self, path: &str, timeout: Duration, most: usize) -> Result<Vec<u8>, ClientError> {
        self.bytes_of(self.open(path, timeout)?, path, most)
    }

    fn bytes_of(&self, reader: impl Read, path: &str, most: usize) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        let read = reader.take(most as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.unreachable(path, &error))?;
        if bytes.len() > most {
            return Err(self.foreign(path, &format!("it is larger than {most} bytes")));
        }
        Ok(bytes)
    }

    fn open(&self, path: &str, timeout: Duration) -> Result<Box<dyn Read + Send>, ClientError> {
        Ok(Box::new(self.answer(path, timeout)?.into_body().into_reader()))
    }

    fn answer(&self, path: &str, timeout: Duration) -> Result<ureq::http::Response<ureq::Body>, ClientError> {
        let url = format!("{}{path}", self.base);
        let request = self.outbound.authorized(self.outbound.agent().get(&url));
        let call = request.config().timeout_recv_response(Some(timeout)).build().call();
        let answer = call.map_err(|error| self.unreachable(path, &error))?;
        let status = answer.status().as_u16();
        if status == 200 {
            return Ok(answer);
        }
        // Every answer of a collector that is not 200 is JSON or plain text.
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.contains("html") {
            return Err(
                self.foreign(path, &format!("it answered {status} with a page ({kind}): no collector listens there"))
            );
        }
        let message = message_of(answer.into_body().into_reader());
        if status == 404 {
            Err(ClientError::NotFound { url, message })
        } else {
            Err(ClientError::Refused { url, status, message })
        }
    }

    fn unreachable(&self, path: &str, error: &dyn std::fmt::Display) -> ClientError {
        ClientError::Unreachable { url: format!("{}{path}", self.base), reason: error.to_string() }
    }

    fn foreign(&self, path: &str, error: &dyn std::fmt::Display) -> ClientError {
        ClientError::Foreign { url: format!("{}{path}", self.base), reason: error.to_string() }
    }
}

/// `base` with its scheme and without the slash at its end.
fn whole(base: &str) -> String {
    let base = base.trim_end_matches('/');
    if base.contains("://") { base.to_owned() } else { format!("http://{base}") }
}

/// An id as one path segment: only what an id is made of passes, so that no id can name another path.
fn segment(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).take(128).collect()
}

/// The collector's words, from `{"error": ".."}` or plain text.
fn message_of(body: impl Read) -> String {
    let mut text = String::new();
    let _ = body.take(4096).read_to_string(&mut text);
    let said = serde_json::from_str::<serde_json::Value>(&text).ok();
    let said = said.as_ref().and_then(|value| value.get("error")).and_then(serde_json::Value::as_str);
    firstbad_protocol::Untrusted(said.unwrap_or(text.trim())).to_string()
}
