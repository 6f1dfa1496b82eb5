//! What a sender is told: accepted, refused for good with the fault named, or refused for now with a time.

use super::support::{JSON, Running, log_request, post};
use crate::admission::Admission;
use crate::health::Health;
use crate::security::{Form, Guard, GuardParts};
use crate::server::{Service, ingest, serve};
use crate::settings::Clock;
use crate::{Collector, Settings, StartError};
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

const PROTOBUF: &[(&str, &str)] = &[("content-type", "application/x-protobuf")];

/// Path, headers, body; the status expected, and what the answer names.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_request_that_cannot_be_used_is_refused_for_good_and_the_fault_is_named() {
    let running = Running::start();
    let json_gzip = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let json_zstd = [("content-type", "application/json"), ("content-encoding", "zstd")];
    let bomb = gzip(&vec![b' '; 17 << 20]);
    let zstd_bomb = zstd::bulk::compress(&vec![b' '; 64 << 20], 3).unwrap();
    let long = vec![b' '; (16 << 20) + 1];
    let cases: &[Case<'_>] = &[
        ("/v1/metrics", JSON, b"{\"resourceMetrics\":[", 400, "OTLP/JSON at column 20"),
        ("/v1/metrics", JSON, b"", 400, "column 0"),
        ("/v1/metrics", JSON, b"{\"resourceMetrics\":7}", 400, "column"),
        ("/v1/metrics", PROTOBUF, b"\x0a\xff", 400, "byte"),
        ("/v1/logs", PROTOBUF, b"\x0b\x0b\x0b", 400, "byte"),
        ("/v1/logs", &json_gzip, b"not gzip", 400, "damaged"),
        ("/v1/logs", &json_zstd, b"not zstd", 400, "damaged"),
        ("/v1/logs", &json_gzip, &gzip(b"{}")[..12], 400, "damaged"),
        ("/v1/logs", &json_gzip, &bomb, 413, "16777216 bytes"),
        ("/v1/logs", &json_zstd, &zstd_bomb, 413, "16777216 bytes"),
        ("/v1/logs", JSON, &long, 413, "16777216 bytes"),
        ("/v1/logs", &[("content-type", "text/plain")], b"{}", 415, "text/plain"),
        ("/v1/logs", &[], b"{}", 415, "application/x-protobuf"),
        ("/v1/logs", &[("content-type", "application/json"), ("content-encoding", "br")], b"{}", 415, "br"),
    ];
    for (path, headers, body, status, names) in cases {
        let answer = running.post(path, headers, body);
        let (text, case) = (answer.text(), format!("{path} {headers:?} {status} {names}"));
        assert_eq!(answer.status, *status, "{case}: {text}");
        assert!(text.contains(names), "{case}: {text}");
        assert_eq!(answer.retry_after, None, "{case}: a refusal for good says nothing of later");
        assert!(answer.media_type.starts_with("application/"), "{case}: {}", answer.media_type);
    }
    let refused = running.collector().client().status().unwrap().refused;
    let counts =
        ["malformed", "too_large", "media_type", "content_encoding"].map(|reason| refused.get(reason).copied());
    assert_eq!(counts, [Some(8), Some(3), Some(2), Some(1)], "{refused:?}");
    assert_eq!(running.post("/v1/nothing", JSON, b"{}").status, 404);
}

#[test]
fn every_encoding_and_compression_is_accepted() {
    let running = Running::start();
    let body = log_request("x");
    let with = |compression| [("content-type", "application/json; charset=utf-8"), ("content-encoding", compression)];
    let zstd = zstd::bulk::compress(&body, 3).unwrap();
    let sent: [(&str, &[u8]); 3] = [("identity", &body), ("gzip", &gzip(&body)), ("zstd", &zstd)];
    for (compression, bytes) in sent {
        let answer = running.post("/v1/logs", &with(compression), bytes);
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"), "{compression}");
    }
    let answer = running.post("/v1/metrics", PROTOBUF, b"");
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.media_type, "application/x-protobuf");
    let traces = running.post("/v1/traces", JSON, b"{\"resourceSpans\":[]}");
    assert_eq!((traces.status, traces.text().as_str()), (200, "{}"), "without a warning");
    let odd = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"endTimeUnixNano":"0"}]}]}]}"#;
    let partial = running.post("/v1/traces", JSON, odd.as_bytes());
    assert!(partial.text().contains("\"rejectedSpans\":\"1\""), "{}", partial.text());
}

/// The other half of the control is every other test here: with a writer behind the queue, requests are accepted.
#[test]
fn a_full_queue_says_503_and_when_to_come_back() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let health = Arc::new(Health::new(1));
    let (queue, work) = sync_channel(1);
    let admission = Admission::new(queue, Arc::clone(&health), Clock::default());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/v1/logs", listener.local_addr().unwrap());
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let guard = Guard::new(None, GuardParts::default()).unwrap();
    let router = guard.before(ingest::router(admission), Form::OtlpHttp);
    runtime.spawn(serve(listener, Service { router, tls: None }, stopped));
    let first = std::thread::spawn({
        let url = url.clone();
        move || post(&url, JSON, &log_request("first"))
    });
    super::support::eventually("the first request waits", || health.queue().length == 1);
    let answer = post(&url, JSON, &log_request("second"));
    assert_eq!((answer.status, answer.retry_after.as_deref()), (503, Some("1")), "{}", answer.text());
    // The writer goes away: who waits is told to retry, and is not left hanging.
    drop(work);
    let answer = first.join().unwrap();
    assert_eq!((answer.status, answer.retry_after.as_deref()), (503, Some("5")), "{}", answer.text());
}

/// Without reading on, the sender would see a broken pipe instead of the answer.
#[test]
fn over_the_budget_a_sender_that_is_still_writing_is_told_to_come_back() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (queue, _work) = sync_channel(1);
    let admission = Admission::new(queue, Arc::new(Health::new(1)), Clock::default());
    let mut held = admission.charge();
    held.take(firstbad_protocol::limits::IN_FLIGHT_BYTES_MAX - (1 << 20)).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/v1/logs", listener.local_addr().unwrap());
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let guard = Guard::new(None, GuardParts::default()).unwrap();
    runtime.spawn(serve(
        listener,
        Service { router: guard.before(ingest::router(admission), Form::OtlpHttp), tls: None },
        stopped,
    ));
    for _ in 0..8 {
        let answer = super::support::try_post(&url, JSON, &vec![b' '; 8 << 20]).expect("an answer, not a broken pipe");
        assert_eq!((answer.status, answer.retry_after.as_deref()), (429, Some("1")), "{}", answer.text());
    }
}

#[test]
fn deflate_is_zlib() {
    let running = Running::start();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&log_request("deflated")).unwrap();
    let headers = [("content-type", "application/json"), ("content-encoding", "deflate")];
    assert_eq!(running.post("/v1/logs", &headers, &encoder.finish().unwrap()).status, 200);
    assert_eq!(running.post("/v1/logs", &headers, b"not zlib").status, 400);
    let received = running.collector().client().status().unwrap().received;
    assert_eq!(received.get("logs").copied(), Some(1), "{received:?}");
}

#[test]
fn a_second_collector_is_refused_with_the_thing_to_change() {
    let running = Running::start();
    let addresses = running.collector().addresses();
    let second = |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings::on_free_ports(running.directory.path());
        change(&mut settings);
        Collector::start(settings).map(drop).unwrap_err()
    };
    let held = second(&|_| {});
    assert!(held.to_string().contains(&format!("pid {}", std::process::id())), "{held}");
    let port = addresses.api.first().unwrap().port();
    let taken = second(&|settings| settings.api = crate::settings::Listen::loopback(port));
    let text = taken.to_string();
    assert!(text.contains(&port.to_string()) && text.contains("--api"), "{text}");
    let port = addresses.otlp_http.first().unwrap().port();
    let taken = second(&|settings| settings.otlp_http = Some(crate::settings::Listen::loopback(port)));
    assert!(taken.to_string().contains("--otlp-http"), "{taken}");
    let wide = second(&|settings| settings.api = "0.0.0.0:0".parse().unwrap());
    assert!(matches!(wide, StartError::Exposed { .. }) && wide.to_string().contains("--insecure"), "{wide}");
    // Control: in a directory of its own, with the same free ports, it starts; and so does the wide one if told to.
    drop(Running::with(|settings| {
        settings.api = "0.0.0.0:0".parse().unwrap();
        settings.insecure = true;
    }));
}
