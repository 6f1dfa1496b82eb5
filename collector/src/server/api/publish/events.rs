//! What pipelines report, as log events of the contract.

use firstbad_protocol::Hash;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::time::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use serde::Deserialize;

/// `service.name` of what is reported over the API: no service of the fleet.
const REPORTER: &str = "firstbad publisher";

/// A change as a pipeline reports it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::server::api) struct Change {
    /// `deploy`, `flag`, `dns`, .., or `publish`.
    pub(super) kind: String,
    /// The pipeline's name for it.
    pub(super) id: Option<String>,
    /// What was changed: a `service.version`, a flag.
    pub(super) target: Option<String>,
    /// A sentence for people.
    pub(super) description: String,
    /// When; without it, when it is received.
    pub(super) at: Option<Timestamp>,
    /// The host that it reached; without it, the whole fleet.
    pub(super) host: Option<String>,
    /// The config of the version that it is about.
    pub(super) config: Option<String>,
    /// That version.
    pub(super) hash: Option<Hash>,
}

impl Change {
    /// Every text that becomes a name.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let optional = [&self.id, &self.target, &self.host, &self.config];
        [self.kind.as_str()].into_iter().chain(optional.into_iter().flatten().map(String::as_str))
    }

    fn record(&self, now: Timestamp) -> LogRecord {
        let hash = self.hash.map(|hash| hash.to_string());
        let told = [
            (attribute::CHANGE_KIND, Some(&self.kind)),
            (attribute::CHANGE_ID, self.id.as_ref()),
            (attribute::CHANGE_TARGET, self.target.as_ref()),
            (attribute::CONFIG_NAME, self.config.as_ref()),
            (attribute::CONFIG_HASH, hash.as_ref()),
        ];
        let attributes = told.into_iter().filter_map(|(key, text)| Some(text_attribute(key, text?))).collect();
        record(event::CHANGE, self.at.unwrap_or(now), attributes, Value::StringValue(self.description.clone()))
    }
}

/// A logs request with these changes. With a key, the same request under the same key has no effect.
pub(super) fn of_changes(changes: &[Change], now: Timestamp, key: Option<&str>) -> Vec<u8> {
    let resource_logs = changes.iter().enumerate().map(|(place, change)| {
        let mut record = change.record(now);
        if let Some(key) = key {
            number(&mut record, &format!("idempotency-key:{key}"), i64::try_from(place).unwrap_or(i64::MAX));
        }
        of_resource(change.host.as_deref(), vec![record])
    });
    ExportLogsServiceRequest { resource_logs: resource_logs.collect() }.encode_to_vec()
}

/// A version that a pipeline publishes.
pub(super) struct Published<'a> {
    pub(super) config: &'a str,
    /// The format of its content; empty if unknown.
    pub(super) format: &'a str,
    pub(super) hash: Hash,
    /// Its content, where it is to be kept.
    pub(super) content: Option<&'a Vec<u8>>,
}

impl Published<'_> {
    /// A logs request that declares the version, once however often it is sent, and holds its content.
    pub(super) fn body(&self, now: Timestamp) -> Vec<u8> {
        let (config, hash) = (self.config.to_owned(), self.hash);
        let change = Change { kind: "publish".to_owned(), config: Some(config), hash: Some(hash), ..Change::default() };
        let mut declared = change.record(now);
        let [a, b, c, d, e, f, g, h, ..] = hash.0;
        number(&mut declared, &format!("published:{}", self.config), i64::from_le_bytes([a, b, c, d, e, f, g, h]));
        let mut records = vec![declared];
        if let Some(content) = self.content {
            let text = hash.to_string();
            let told = [
                (attribute::CONFIG_NAME, self.config),
                (attribute::CONFIG_HASH, &text),
                (attribute::CONTENT_FORMAT, self.format),
            ];
            let attributes = told.into_iter().map(|(key, text)| text_attribute(key, text)).collect();
            records.push(record(event::CONFIG_CONTENT, now, attributes, Value::BytesValue(content.clone())));
        }
        ExportLogsServiceRequest { resource_logs: vec![of_resource(None, records)] }.encode_to_vec()
    }
}

fn of_resource(host: Option<&str>, log_records: Vec<LogRecord>) -> ResourceLogs {
    let mut attributes = vec![text_attribute(attribute::SERVICE_NAME, REPORTER)];
    attributes.extend(host.map(|host| text_attribute(attribute::HOST_NAME, host)));
    ResourceLogs {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }],
        ..ResourceLogs::default()
    }
}

fn record(event: &str, at: Timestamp, attributes: Vec<KeyValue>, body: Value) -> LogRecord {
    LogRecord {
        time_unix_nano: at.0.unsigned_abs(),
        event_name: event.to_owned(),
        attributes,
        body: Some(AnyValue { value: Some(body) }),
        ..LogRecord::default()
    }
}

/// Numbers an event, so that it is recognised when it comes again.
fn number(record: &mut LogRecord, boot: &str, sequence: i64) {
    record.attributes.push(text_attribute(attribute::BOOT, boot));
    let value = Some(AnyValue { value: Some(Value::IntValue(sequence)) });
    record.attributes.push(KeyValue { key: attribute::SEQ.to_owned(), value, ..KeyValue::default() });
}

fn text_attribute(key: &str, text: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
