//! Saying words of engineers, and taking them back.

use super::{Client, ClientError, RESPONSE_TIMEOUT, message_of, segment};
use crate::words::{StoredWord, WordAnswer, WordBody};
use firstbad_protocol::limits::SNAPSHOT_BYTES_MAX;
use firstbad_protocol::verdict::WordKind;

impl Client {
    /// Says a word about an incident.
    ///
    /// # Errors
    /// See [`ClientError`]; [`ClientError::NotFound`] if there is no such incident.
    pub fn say(&self, kind: WordKind, incident: &str, body: &WordBody) -> Result<WordAnswer, ClientError> {
        self.change(ureq::http::Method::POST, &about(kind, incident), body)
    }

    /// Takes a word about an incident back.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn take_back(&self, kind: WordKind, incident: &str, body: &WordBody) -> Result<WordAnswer, ClientError> {
        self.change(ureq::http::Method::DELETE, &about(kind, incident), body)
    }

    /// Holds pages until the time in `body`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn quiet(&self, body: &WordBody) -> Result<WordAnswer, ClientError> {
        self.change(ureq::http::Method::POST, "/api/v1/admin/quiet", body)
    }

    /// Ends a quiet time.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn end_quiet(&self, id: u64, body: &WordBody) -> Result<WordAnswer, ClientError> {
        self.change(ureq::http::Method::DELETE, &format!("/api/v1/admin/quiet/{id}"), body)
    }

    /// Every word that is kept, oldest first, also those that were taken back.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn words(&self) -> Result<Vec<StoredWord>, ClientError> {
        self.json("/api/v1/words")
    }

    fn change(&self, method: ureq::http::Method, path: &str, body: &WordBody) -> Result<WordAnswer, ClientError> {
        let url = format!("{}{path}", self.base);
        let text = serde_json::to_string(body).map_err(|error| self.foreign(path, &error))?;
        let agent = self.outbound.agent();
        let request =
            if method == ureq::http::Method::POST { agent.post(&url) } else { agent.delete(&url).force_send_body() };
        let request = self.outbound.authorized(request).content_type("application/json");
        let request = request.config().timeout_recv_response(Some(RESPONSE_TIMEOUT)).build();
        let answer = request.send(&text).map_err(|error| self.unreachable(path, &error))?;
        let status = answer.status().as_u16();
        let reader = answer.into_body().into_reader();
        match status {
            200 => {
                let bytes = self.bytes_of(reader, path, SNAPSHOT_BYTES_MAX)?;
                serde_json::from_slice(&bytes).map_err(|error| self.foreign(path, &error))
            }
            404 => Err(ClientError::NotFound { url, message: message_of(reader) }),
            status => Err(ClientError::Refused { url, status, message: message_of(reader) }),
        }
    }
}

fn about(kind: WordKind, incident: &str) -> String {
    format!("/api/v1/admin/incidents/{}/{}", segment(incident), kind.as_str())
}
