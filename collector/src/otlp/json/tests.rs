//! The fast reader of lines against the general one, on random requests, damaged ones, and lines as exporters write them.

use super::{fast, general};
use crate::otlp::tests::requests::{logs_request, metrics_request};
use crate::otlp::{DecodeError, Limits, Request};
use proptest::prelude::*;

/// What both make of `line`; the fast reader may leave it to the general one, and must not differ from it.
fn agree(line: &[u8]) -> Result<bool, TestCaseError> {
    let Some(read) = fast::line(line) else { return Ok(false) };
    let general = general(line);
    prop_assert!(general.is_ok(), "{:?} reads {}", general, String::from_utf8_lossy(line));
    prop_assert_eq!(format!("{read:?}"), format!("{:?}", general.unwrap_or(Request::Other)));
    Ok(true)
}

/// What happens to one byte of a text.
#[derive(Clone, Copy)]
struct Damage {
    /// Which byte.
    place: prop::sample::Index,
    /// What stands there afterwards, unless it is cut.
    byte: u8,
    /// Whether it is cut out.
    cut: bool,
}

fn damaged(text: &str, damage: Damage) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let place = damage.place.index(bytes.len());
    if damage.cut {
        bytes.remove(place);
    } else {
        bytes[place] = damage.byte;
    }
    bytes
}

proptest! {
    #[test]
    fn random_requests_are_read_alike(metrics in metrics_request(), logs in logs_request()) {
        agree(serde_json::to_string(&metrics).unwrap().as_bytes())?;
        agree(serde_json::to_string(&logs).unwrap().as_bytes())?;
    }

    #[test]
    fn damaged_requests_are_read_alike(
        metrics in metrics_request(), logs in logs_request(),
        place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()
    ) {
        let damage = Damage { place, byte, cut };
        agree(&damaged(&serde_json::to_string(&metrics).unwrap(), damage))?;
        agree(&damaged(&serde_json::to_string(&logs).unwrap(), damage))?;
        for line in USUAL {
            agree(&damaged(line, damage))?;
        }
    }
}

/// As the OpenTelemetry Collector's file exporter, an SDK and a hand write them.
const USUAL: [&str; 3] = [
    r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"h\u00e91\n"}},{"key":"process.pid","value":{"intValue":"-7"}}]},"scopeMetrics":[{"scope":{"name":"proxy","version":"1.2"},"metrics":[{"name":"firstbad.requests","unit":"{request}","sum":{"dataPoints":[{"attributes":[{"key":"firstbad.outcome","value":{"stringValue":"ok"}}],"startTimeUnixNano":"1772445600000000000","timeUnixNano":"1772445610000000000","asInt":"4242"}],"aggregationTemporality":2,"isMonotonic":true}},{"name":"process.memory.usage","gauge":{"dataPoints":[{"timeUnixNano":"1772445610000000000","asDouble":5.25e8,"exemplars":[{"a":[1,-2.5,null,true]}]}]}},{"name":"http.server.request.duration","histogram":{"aggregationTemporality":1,"dataPoints":[{"count":"3","sum":0.1,"bucketCounts":["1","2","0"],"explicitBounds":[0.005,1],"flags":0}]}},{"name":"e","exponentialHistogram":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","dataPoints":[{"scale":-3,"zeroCount":"0","positive":{"offset":-40,"bucketCounts":["4"]},"negative":{}}]}}]}],"schemaUrl":"https://opentelemetry.io/schemas/1.30.0"}]}"#,
    r#"{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"timeUnixNano":"1772445610000000000","severityNumber":17,"severityText":"ERROR","eventName":"exception","body":{"stringValue":"called \"unwrap\""},"attributes":[{"key":"firstbad.config.active","value":{"arrayValue":{"values":[{"stringValue":"a=sha256:00"},{"boolValue":false},{"doubleValue":-0.5}]}}}],"traceId":"5b8efff798038103d269b633813fc60c","spanId":""}]}]}]}"#,
    " { \"resourceMetrics\" : [ { \"scopeMetrics\" : [ { \"metrics\" : [ { \"name\" : \"m\" , \"sum\" : { \"dataPoints\" : [ { \"timeUnixNano\" : 5 , \"asInt\" : -5 } , { } ] } } ] } ] } ] } ",
];

#[test]
fn what_exporters_write_is_read_fast_and_alike() {
    for line in USUAL {
        assert!(agree(line.as_bytes()).unwrap(), "left to the general reader: {line}");
    }
}

#[test]
fn what_nests_without_end_is_refused_and_overflows_no_stack() {
    let nested = |depth: usize| {
        let value = [r#"{"arrayValue":{"values":["#.repeat(depth), "]}}".repeat(depth)].concat();
        format!(r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"a","value":{value}}}]}}}}]}}"#)
    };
    assert!(agree(nested(3).as_bytes()).unwrap(), "the control");
    let told = super::line(nested(200_000).as_bytes(), Limits::CAPTURE).map(drop).unwrap_err().to_string();
    assert!(told.contains("recursion limit"), "{told}");
    let passed_over = ["[".repeat(200_000), "]".repeat(200_000)].concat();
    let unread = format!(r#"{{"resourceLogs":[],"x":{passed_over}}}"#);
    assert_eq!(super::line(unread.as_bytes(), Limits::CAPTURE).map(drop), Ok(()), "nothing reads it");
}

/// `{"snakeCase":1}` as `{"snake_case":1}`: keys alone, never a text that is a value.
fn with_underscores(value: serde_json::Value) -> serde_json::Value {
    let key = |key: String| {
        key.chars().fold(String::new(), |mut key, next| {
            if next.is_ascii_uppercase() {
                key.push('_');
            }
            key.push(next.to_ascii_lowercase());
            key
        })
    };
    match value {
        serde_json::Value::Object(map) => {
            map.into_iter().map(|(name, value)| (key(name), with_underscores(value))).collect()
        }
        serde_json::Value::Array(values) => values.into_iter().map(with_underscores).collect(),
        scalar => scalar,
    }
}

proptest! {
    #[test]
    fn both_spellings_of_every_field_mean_the_same(metrics in metrics_request(), logs in logs_request()) {
        for usual in [serde_json::to_value(&metrics).unwrap(), serde_json::to_value(&logs).unwrap()] {
            let (other, usual) = (with_underscores(usual.clone()).to_string(), usual.to_string());
            prop_assert_eq!(format!("{:?}", general(other.as_bytes())), format!("{:?}", general(usual.as_bytes())));
        }
    }
}

#[test]
fn a_list_is_no_request() {
    assert_eq!(super::metrics(b" [[]]", Limits::REQUEST).map(drop), Err(DecodeError::Foreign));
    assert_eq!(super::logs(b"[]", Limits::REQUEST).map(drop), Err(DecodeError::Foreign));
    assert_eq!(super::line(b"[[],[],null]", Limits::CAPTURE).map(drop), Err(DecodeError::Foreign));
    assert_eq!(super::metrics(b" {}", Limits::REQUEST).map(drop), Ok(()), "the control");
}

#[test]
fn null_stands_for_what_is_not_told() {
    let line = r#"{"resourceMetrics":[{"resource":null,"scopeMetrics":[{"scope":null,"metrics":[{"name":"h","histogram":
        {"dataPoints":[{"attributes":null,"sum":null},{"attributes":[{"key":"a","value":null}]}]}}]}]}]}"#;
    assert!(agree(line.as_bytes()).unwrap());
    assert!(agree(br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":null,"eventName":"a"}]}]}]}"#).unwrap());
    for text in ["name", "key", "eventName"] {
        let line = format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"scope":{{"{text}":null}},"logRecords":[{{"{text}":null,"attributes":[{{"{text}":null}}]}}]}}]}}]}}"#
        );
        agree(line.as_bytes()).unwrap();
        assert_eq!(general(line.as_bytes()).err(), None, "{line}");
    }
}

#[test]
fn what_is_unusual_is_left_to_the_general_reader() {
    let point = |point: &str| {
        format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m","sum":{{"dataPoints":[{point}]}}}}]}}]}}]}}"#
        )
    };
    assert!(agree(point(r#"{"asInt":5}"#).as_bytes()).unwrap(), "the control");
    for unusual in [
        r#"{"asInt":5,"asInt":6}"#,
        r#"{"asInt":05}"#,
        r#"{"asInt":5.0}"#,
        r#"{"asInt":null}"#,
        r#"{"asInt":"5}"#,
        r#"{"asDouble":"NaN"}"#,
        r#"{"timeUnixNano":18446744073709551616}"#,
        r#"{"time_unix_nano":5}"#,
        r#"{"attributes":[{"key":"a","value":{"kvlistValue":{}}}]}"#,
        r#"{"attributes":[{"key":"a","value":{"intValue":1,"stringValue":"b"}}]}"#,
        "{\"attributes\":[{\"key\":\"a\u{1}\"}]}",
        "{},",
    ] {
        assert!(!agree(point(unusual).as_bytes()).unwrap(), "{unusual}");
    }
}
