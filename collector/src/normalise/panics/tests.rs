//! Panics are kept or counted, and the engine's sums are the same; an event that was read before is read the same way.

use super::super::Normaliser;
use super::KEPT_A_MINUTE;
use crate::otlp::{Encoding, decode_logs, decode_new_logs};
use firstbad_diagnosis::observation::Observation;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

const SECOND: u64 = 1_000_000_000;

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn panic(at: u64, message: &str, site: &str) -> LogRecord {
    let mut attributes = vec![text("exception.type", "panic"), text("exception.message", message)];
    attributes.extend((!site.is_empty()).then(|| text("firstbad.panic.site", site)));
    LogRecord { time_unix_nano: at, event_name: "exception".to_owned(), attributes, ..LogRecord::default() }
}

fn request(host: &str, log_records: Vec<LogRecord>) -> Vec<u8> {
    let resource = Resource { attributes: vec![text("host.name", host)], ..Resource::default() };
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let logs = ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![logs] }.encode_to_vec()
}

/// Takes a request as a collector does, beside what the normaliser knows.
fn take(normaliser: &mut Normaliser, body: &[u8]) -> super::super::Batch {
    normaliser.prepare();
    let logs = decode_new_logs(body, Encoding::Protobuf, normaliser).unwrap();
    normaliser.logs(&logs)
}

/// Panics kept, and those counted.
fn kept_and_counted(observations: &[Observation]) -> [u64; 2] {
    observations.iter().fold([0, 0], |[kept, counted], observation| match observation {
        Observation::Panic(_) => [kept + 1, counted],
        Observation::MorePanics(more) => [kept, counted + more.count],
        other => panic!("{other:?}"),
    })
}

#[test]
fn the_thousandth_panic_at_a_place_is_a_count() {
    let mut normaliser = Normaliser::new(&[]);
    let at = |n: u64| 600 * SECOND + n;
    let storm: Vec<LogRecord> = (0..1000).map(|n| panic(at(n), &format!("limit {}", n % 7), "a.rs:1:2")).collect();
    let batch = take(&mut normaliser, &request("h1", storm));
    assert_eq!(batch.accepted, 1000);
    let kept = u64::from(KEPT_A_MINUTE);
    assert_eq!(kept_and_counted(&batch.observations), [kept, 1000 - kept]);
    assert_eq!(batch.records.len() as u64, kept, "the records of those that are kept");
    let Some(Observation::MorePanics(more)) = batch.observations.last() else { panic!("{batch:?}") };
    assert_eq!((more.first.at.0.cast_unsigned(), more.last.0.cast_unsigned()), (at(kept), at(999)));
    let other = vec![panic(at(2000), "limit", "a.rs:1:2")];
    assert_eq!(kept_and_counted(&take(&mut normaliser, &request("h2", other.clone())).observations), [1, 0], "a host");
    let place = vec![panic(at(2001), "limit", "b.rs:1:2")];
    assert_eq!(kept_and_counted(&take(&mut normaliser, &request("h1", place)).observations), [1, 0], "a place");
    assert_eq!(kept_and_counted(&take(&mut normaliser, &request("h1", other)).observations), [0, 1], "the same");
    let later = vec![panic(at(60 * SECOND), "limit", "a.rs:1:2")];
    assert_eq!(kept_and_counted(&take(&mut normaliser, &request("h1", later)).observations), [1, 0], "a minute later");
}

#[test]
fn panics_that_differ_and_have_no_place_are_counted_without_a_message() {
    let mut normaliser = Normaliser::new(&[]);
    let storm = (0..500).map(|n| panic(600 * SECOND + n, &format!("user {n}"), "")).collect();
    let batch = take(&mut normaliser, &request("h1", storm));
    let Some(Observation::MorePanics(more)) = batch.observations.last() else { panic!("{batch:?}") };
    assert_eq!((more.count, more.first.message.as_ref()), (400, ""));
}

#[test]
fn an_event_that_was_read_before_comes_to_the_same() {
    let (mut reading, mut knowing) = (Normaliser::new(&[]), Normaliser::new(&[]));
    let mut known = 0;
    for round in 0..40 {
        let records = (0..5).map(|n| {
            let record = panic(600 * SECOND + 20 * round * SECOND + n, &format!("limit {}", n % 2), "a.rs:1:2");
            let mut attributes = record.attributes.clone();
            // A number, a host and a dimension of its own: such an event is read each time.
            match n {
                2 => attributes.extend([text("firstbad.boot", "b"), text("firstbad.seq", &round.to_string())]),
                3 => attributes.push(text("host.name", &format!("other {round}"))),
                4 => attributes.push(text("cloud.region", "eu")),
                _ => {}
            }
            LogRecord { trace_id: vec![round as u8; 16], attributes, ..record }
        });
        let body = request("h1", records.collect());
        // Sent twice: the second is a repeat for both.
        for _ in 0..2 {
            let read = reading.logs(&decode_logs(&body, Encoding::Protobuf).unwrap());
            knowing.prepare();
            let logs = decode_new_logs(&body, Encoding::Protobuf, &knowing).unwrap();
            known += logs.resource_logs[0].scope_logs[0].log_records.iter().filter(|r| r.undecoded.is_some()).count();
            assert_eq!(knowing.logs(&logs), read, "round {round}");
        }
    }
    assert_eq!(known, 2 * 40 * 2 - 2, "or nothing was tested");
}

#[test]
fn a_damaged_event_is_refused_also_where_others_are_known() {
    let mut normaliser = Normaliser::new(&[]);
    let body = request("h1", vec![panic(600 * SECOND, "limit", "a.rs:1:2")]);
    take(&mut normaliser, &body);
    for at in 0..body.len() {
        let mut damaged = body.clone();
        damaged[at] ^= 0xff;
        let whole = decode_logs(&damaged, Encoding::Protobuf).is_ok();
        assert_eq!(decode_new_logs(&damaged, Encoding::Protobuf, &normaliser).is_ok(), whole, "byte {at}");
    }
}
