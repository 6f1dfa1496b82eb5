//! What is purged: a host, or a text; and where it stands.

use crate::normalise::source_of;
use firstbad_diagnosis::observation::{Observation, Source};
use firstbad_protocol::limits::{NAME_BYTES_MAX, PURGE_TEXT_BYTES_MAX, PURGE_TEXT_BYTES_MIN};
use memchr::memmem;
use serde_json::Value;

/// What stands in its place in the text of an incident.
const REPLACED: &str = "(purged)";

/// One host, or one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    text: String,
    /// Whether it is the name of a host, which stands for itself alone: `edge-1` is not in `edge-10`.
    is_host: bool,
}

/// A text that cannot be purged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotASubject(String);

impl Subject {
    /// A host, by its name.
    ///
    /// # Errors
    /// If the name is empty or longer than a name may be.
    pub fn host(name: &str) -> Result<Self, NotASubject> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(NotASubject(format!("a host's name is 1 to {NAME_BYTES_MAX} bytes long")));
        }
        Ok(Self { text: name.to_owned(), is_host: true })
    }

    /// A text.
    ///
    /// # Errors
    /// If it is shorter or longer than it may be.
    pub fn text(text: &str) -> Result<Self, NotASubject> {
        if !(PURGE_TEXT_BYTES_MIN..=PURGE_TEXT_BYTES_MAX).contains(&text.len()) {
            let bounds = format!("a text is {PURGE_TEXT_BYTES_MIN} to {PURGE_TEXT_BYTES_MAX} bytes long");
            return Err(NotASubject(bounds));
        }
        Ok(Self { text: text.to_owned(), is_host: false })
    }

    /// `host` or `text`.
    pub(super) const fn kind(&self) -> &'static str {
        if self.is_host { "host" } else { "text" }
    }

    /// Whether an observation is the host's, or holds it. One that cannot be written as text is taken to hold it.
    pub(super) fn is_in(&self, observation: &Observation) -> bool {
        let is_own = |source: &Source| matches!(source, Source::Instance { host, .. } if **host == *self.text);
        if self.is_host && source_of(observation).is_some_and(is_own) {
            return true;
        }
        serde_json::to_value(observation).map_or(true, |value| self.is_in_value(&value))
    }

    pub(super) fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        self.places(bytes).next().is_some()
    }

    /// Whether JSON holds it; what is no JSON is searched as it is.
    pub(super) fn is_in_json(&self, text: &str) -> bool {
        match serde_json::from_str::<Value>(text) {
            Ok(value) => self.is_in_value(&value),
            Err(_) => self.is_in_bytes(text.as_bytes()),
        }
    }

    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is_in_bytes(text.as_bytes()),
            Value::Array(values) => values.iter().any(|value| self.is_in_value(value)),
            Value::Object(fields) => {
                fields.iter().any(|(key, value)| self.is_in_bytes(key.as_bytes()) || self.is_in_value(value))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Replaces it in every text of `value`, and returns whether it was there.
    pub(super) fn replace_in(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let places: Vec<usize> = self.places(text.as_bytes()).collect();
                for place in places.iter().rev() {
                    text.replace_range(*place..place + self.text.len(), REPLACED);
                }
                !places.is_empty()
            }
            Value::Array(values) => values.iter_mut().fold(false, |found, value| self.replace_in(value) | found),
            Value::Object(fields) => {
                let keys: Vec<String> = fields.keys().filter(|key| self.is_in_bytes(key.as_bytes())).cloned().collect();
                for key in &keys {
                    if let Some(value) = fields.remove(key) {
                        fields.insert(REPLACED.to_owned(), value);
                    }
                }
                fields.values_mut().fold(!keys.is_empty(), |found, value| self.replace_in(value) | found)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Where it stands in `bytes`, without overlaps.
    fn places<'b>(&'b self, bytes: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
        let of_name = |at: Option<usize>| {
            let byte = at.and_then(|at| bytes.get(at)).copied();
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        memmem::find_iter(bytes, self.text.as_bytes()).filter(move |start| {
            let end = start + self.text.len();
            // A dot ends a sentence as well as a label of a name: only one that goes on is a part of it.
            let goes_on = of_name(Some(end)) && (bytes.get(end) != Some(&b'.') || of_name(Some(end + 1)));
            !self.is_host || !of_name(start.checked_sub(1)) && !goes_on
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_host_stands_for_itself_alone_and_a_text_stands_anywhere() {
        let host = Subject::host("edge-1").unwrap();
        for text in ["edge-1", "on edge-1.", "edge-1:443", "(edge-1)", "edge-1/instance"] {
            assert!(host.is_in_bytes(text.as_bytes()), "{text}");
        }
        for text in ["edge-10", "my-edge-1", "edge-1.example", "edge"] {
            assert!(!host.is_in_bytes(text.as_bytes()), "{text}");
        }
        let text = Subject::text("anna@example").unwrap();
        assert!(text.is_in_bytes(b"joanna@example.org") && !text.is_in_bytes(b"anna at example"));
        assert!(Subject::text("abc").is_err() && Subject::host("").is_err());
    }

    #[test]
    fn it_is_replaced_in_every_text_and_key() {
        let host = Subject::host("edge-1").unwrap();
        let mut value = json!({"edge-1": 1, "list": ["edge-1 and edge-10, edge-1", 2], "none": null});
        assert!(host.replace_in(&mut value));
        assert_eq!(value, json!({"(purged)": 1, "list": ["(purged) and edge-10, (purged)", 2], "none": null}));
        assert!(!host.replace_in(&mut value));
    }
}
