//! The parsers, and what each is held to: no input panics, and where there is an oracle, what both read is the same.

use firstbad_collector::bundle::Bundle;
use firstbad_collector::normalise::Normaliser;
use firstbad_collector::otlp::{
    Compression, Encoding, Limits, Request, decode_line, decode_logs, decode_metrics, decode_traces, decompress,
    logs_from_generated, metrics_from_generated, traces_from_generated,
};
use firstbad_collector::settings::File;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;

/// Most decompressed bytes.
const UNPACKED_MAX: usize = 1 << 20;

/// One parser.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Inputs to begin with.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Parses an input and returns a number for the outcome. It panics if the result differs from the oracle's.
    pub(crate) read: fn(&[u8]) -> u64,
}

pub(crate) const TARGETS: [Target; 9] = [
    Target { name: "otlp-metrics", seeds: || protobuf(&METRICS), read: metrics },
    Target { name: "otlp-logs", seeds: || protobuf(&LOGS), read: logs },
    Target { name: "otlp-traces", seeds: || protobuf(&TRACES), read: traces },
    Target { name: "otlp-json", seeds: json, read: line },
    Target { name: "normalise", seeds: json, read: normalised },
    Target { name: "gzip", seeds: || packed(Compression::Gzip), read: |bytes| unpacked(bytes, Compression::Gzip) },
    Target { name: "zstd", seeds: || packed(Compression::Zstd), read: |bytes| unpacked(bytes, Compression::Zstd) },
    Target { name: "bundle", seeds: bundles, read: bundle },
    Target { name: "settings", seeds: settings, read: setting },
];

const METRICS: [&str; 2] = [
    r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"h1"}}]},"scopeMetrics":[{"scope":{"name":"s"},"metrics":[{"name":"firstbad.requests","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"attributes":[{"key":"firstbad.outcome","value":{"stringValue":"error"}}],"startTimeUnixNano":"1772445600000000000","timeUnixNano":"1772445610000000000","asInt":"7"}]}},{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"1772445610000000000","asDouble":0.5}]}}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"firstbad.scores","histogram":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":"1772445610000000000","count":"3","sum":1.5,"bucketCounts":["1","2"],"explicitBounds":[0.5]}]}},{"name":"e","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1772445610000000000","count":"3","scale":2,"zeroCount":"1","positive":{"offset":-3,"bucketCounts":["2"]}}]}}]}]}]}"#,
];
const LOGS: [&str; 2] = [
    r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"p"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772445610000000000","eventName":"exception","body":{"stringValue":"b"},"attributes":[{"key":"exception.type","value":{"stringValue":"panic"}},{"key":"firstbad.config.active","value":{"arrayValue":{"values":[{"stringValue":"bots=sha256:abababababababababababababababababababababababababababababababab"}]}}}]}]}]}]}"#,
    r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772445610000000000","eventName":"firstbad.change","attributes":[{"key":"firstbad.change.kind","value":{"stringValue":"flag"}},{"key":"n","value":{"kvlistValue":{"values":[{"key":"k","value":{"doubleValue":0.5}},{"key":"b","value":{"bytesValue":"AQID"}},{"key":"t","value":{"boolValue":true}}]}}}]}]}]}]}"#,
];
const TRACES: [&str; 1] = [
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"h1"}}]},"scopeSpans":[{"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"GET /","kind":2,"startTimeUnixNano":"1772445609000000000","endTimeUnixNano":"1772445610000000000","attributes":[{"key":"firstbad.outcome","value":{"stringValue":"error"}}],"events":[{"timeUnixNano":"1772445610000000000","name":"exception","attributes":[{"key":"exception.message","value":{"stringValue":"m"}}]}],"status":{"code":2}}]}]}]}"#,
];

/// The requests as protobuf, by the generated types.
fn protobuf(texts: &[&str]) -> Vec<Vec<u8>> {
    let encode = |text: &&str| {
        let metrics = serde_json::from_str::<ExportMetricsServiceRequest>(text).ok().map(|read| read.encode_to_vec());
        let logs = serde_json::from_str::<ExportLogsServiceRequest>(text).ok().map(|read| read.encode_to_vec());
        let traces = serde_json::from_str::<ExportTraceServiceRequest>(text).ok().map(|read| read.encode_to_vec());
        [metrics, logs, traces].into_iter().flatten().max_by_key(Vec::len)
    };
    texts.iter().filter_map(encode).collect()
}

fn json() -> Vec<Vec<u8>> {
    METRICS.iter().chain(&LOGS).chain(&TRACES).map(|text| text.as_bytes().to_vec()).collect()
}

fn metrics(bytes: &[u8]) -> u64 {
    let read = decode_metrics(bytes, Encoding::Protobuf);
    if let (Ok(read), Ok(oracle)) = (&read, ExportMetricsServiceRequest::decode(bytes)) {
        same(read, &metrics_from_generated(&oracle));
    }
    outcome(&read.map(|read| read.resource_metrics.len()))
}

fn logs(bytes: &[u8]) -> u64 {
    let read = decode_logs(bytes, Encoding::Protobuf);
    if let (Ok(read), Ok(oracle)) = (&read, ExportLogsServiceRequest::decode(bytes)) {
        same(read, &logs_from_generated(&oracle));
    }
    outcome(&read.map(|read| read.resource_logs.len()))
}

fn traces(bytes: &[u8]) -> u64 {
    let read = decode_traces(bytes, Encoding::Protobuf);
    if let (Ok(read), Ok(oracle)) = (&read, ExportTraceServiceRequest::decode(bytes)) {
        same(read, &traces_from_generated(&oracle));
    }
    outcome(&read.map(|read| read.resource_spans.len()))
}

/// A line of a capture; a request of the same kind must read the same.
fn line(bytes: &[u8]) -> u64 {
    let read = decode_line(bytes, Limits::CAPTURE);
    match &read {
        Ok(Request::Metrics(line)) => decode_metrics(bytes, Encoding::Json).iter().for_each(|read| same(read, line)),
        Ok(Request::Logs(line)) => decode_logs(bytes, Encoding::Json).iter().for_each(|read| same(read, line)),
        Ok(Request::Traces(line)) => decode_traces(bytes, Encoding::Json).iter().for_each(|read| same(read, line)),
        Ok(Request::Other) | Err(_) => {}
    }
    outcome(&read.map(|_| 0))
}

fn normalised(bytes: &[u8]) -> u64 {
    let mut normaliser = Normaliser::new(&[]);
    let batch = match decode_line(bytes, Limits::REQUEST) {
        Ok(Request::Metrics(metrics)) => normaliser.metrics(&metrics),
        Ok(Request::Logs(logs)) => normaliser.logs(&logs),
        Ok(Request::Traces(traces)) => normaliser.traces(&traces),
        Ok(Request::Other) | Err(_) => return 0,
    };
    let sentences: Vec<String> = batch.observations.iter().map(|seen| shape(&format!("{seen:?}"))).collect();
    hash(&sentences)
}

fn packed(compression: Compression) -> Vec<Vec<u8>> {
    let plain = METRICS.concat();
    let packed = match compression {
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain.as_bytes()).and_then(|()| encoder.finish()).ok()
        }
        _ => zstd::bulk::compress(plain.as_bytes(), 3).ok(),
    };
    packed.into_iter().collect()
}

fn unpacked(bytes: &[u8], compression: Compression) -> u64 {
    let read = decompress(bytes, compression, UNPACKED_MAX);
    assert!(read.as_ref().is_ok_and(|read| read.len() <= UNPACKED_MAX) || read.is_err(), "longer than it may be");
    outcome(&read.map(|read| read.len()))
}

fn bundles() -> Vec<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    header.set_cksum();
    let tar = archive.append_data(&mut header, "manifest.json", &b"{}"[..]).and_then(|()| archive.into_inner());
    tar.ok().and_then(|tar| zstd::bulk::compress(&tar, 3).ok()).into_iter().collect()
}

fn bundle(bytes: &[u8]) -> u64 {
    outcome(&Bundle::read(bytes).map(|read| read.batches.len()))
}

fn settings() -> Vec<Vec<u8>> {
    [
        "[collect]\napi = \"5000\"\nretention = \"1h\"\nalertmanager = [\"http://a:9093\"]\n",
        "[agent]\nto = \"http://c:4318\"\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn setting(bytes: &[u8]) -> u64 {
    let Ok(text) = std::str::from_utf8(bytes) else { return 0 };
    outcome(&toml::from_str::<File>(text).map(|_| 0))
}

/// Both must be alike, NaN and all.
fn same(read: &impl Debug, oracle: &impl Debug) {
    assert_eq!(format!("{read:?}"), format!("{oracle:?}"));
}

fn outcome<E: std::fmt::Display>(read: &Result<usize, E>) -> u64 {
    match read {
        Ok(length) => hash(&length.checked_ilog2()),
        Err(error) => hash(&shape(&error.to_string())),
    }
}

/// A text without its numbers: where something stands is not what it is.
fn shape(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_ascii_digit()).take(120).collect()
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
