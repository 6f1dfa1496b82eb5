//! Tells the collector about changes in the world, as any deployment tool would: one `firstbad.change` log event over
//! OTLP/HTTP as JSON (contract.md section 2). What changed is decided by the stage.

use crate::http;
use firstbad_protocol::Hash;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Attempts for one event: the collector may be busy, and says so with 429 or 503.
const ATTEMPTS: u32 = 5;

/// A change in the world, without a host: it reaches the whole fleet at once.
#[derive(Clone, Debug)]
pub(crate) struct Change<'a> {
    /// When.
    pub(crate) at: Timestamp,
    /// `flag`, `publish`, ..
    pub(crate) kind: &'a str,
    /// Identity.
    pub(crate) id: &'a str,
    /// What it changes.
    pub(crate) target: &'a str,
    /// In words.
    pub(crate) description: &'a str,
    /// For kind `publish`: config and version.
    pub(crate) version: Option<(&'a str, Hash)>,
}

/// Sends `change` to the collector's OTLP/HTTP address. Blocks for at most a few seconds.
pub(crate) fn announce(collector: SocketAddr, change: &Change<'_>) -> io::Result<()> {
    let body = request(change).to_string();
    let mut last = io::Error::other("not attempted");
    for attempt in 0..ATTEMPTS {
        match http::post(collector, "/v1/logs", body.as_bytes()) {
            Ok(200..=299) => return Ok(()),
            Ok(status) => last = io::Error::other(format!("the collector at {collector} answered {status}")),
            Err(error) => last = error,
        }
        std::thread::sleep(Duration::from_millis(100 << attempt));
    }
    Err(last)
}

/// The `ExportLogsServiceRequest`.
fn request(change: &Change<'_>) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let mut attributes = vec![
        text(attribute::CHANGE_KIND, change.kind),
        text(attribute::CHANGE_ID, change.id),
        text(attribute::CHANGE_TARGET, change.target),
    ];
    if let Some((config, hash)) = change.version {
        attributes.push(text(attribute::CONFIG_NAME, config));
        attributes.push(text(attribute::CONFIG_HASH, &hash.to_string()));
    }
    let at = change.at.0.to_string();
    json!({"resourceLogs": [{
        "resource": {"attributes": [text(attribute::SERVICE_NAME, "control-plane")]},
        "scopeLogs": [{"scope": {"name": "firstbad-demo"}, "logRecords": [{
            "timeUnixNano": at, "observedTimeUnixNano": at, "eventName": event::CHANGE,
            "body": {"stringValue": change.description}, "attributes": attributes,
        }]}],
    }]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_log_event_with_the_names_of_the_contract() {
        let hash = Hash::of(b"x");
        let change = Change {
            at: Timestamp(7),
            kind: "publish",
            id: "generation-3",
            target: "bot-features",
            description: "generation 3",
            version: Some(("bot-features", hash)),
        };
        let record = &request(&change)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(record["eventName"], "firstbad.change");
        assert_eq!(record["timeUnixNano"], "7");
        assert_eq!(record["attributes"].as_array().map(Vec::len), Some(5));
        assert_eq!(record["attributes"][4]["value"]["stringValue"], hash.to_string());
    }
}
