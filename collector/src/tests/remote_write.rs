//! Prometheus remote write over the socket: negotiation, answers, and the same observations as OTLP.

use super::support::{Running, eventually, try_post};
use crate::remote_write::tests::{TimeSeries, WriteRequest, series};
use crate::settings::Clock;
use crate::store::{BatchRange, SqliteReader, StoreReader};
use firstbad_diagnosis::observation::{Observation, Row, Source};
use firstbad_protocol::Hash;
use prost::Message as _;

const ONE: (&str, &str) = ("content-type", "application/x-protobuf");
const ONE_NAMED: (&str, &str) = ("content-type", "application/x-protobuf;proto=prometheus.WriteRequest");
const SNAPPY: (&str, &str) = ("content-encoding", "snappy");

fn packed(timeseries: Vec<TimeSeries>) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&WriteRequest { timeseries }.encode_to_vec()).unwrap()
}

fn now_ms() -> i64 {
    Clock::default().now().0 / 1_000_000
}

/// Rows of the store that count requests.
fn rows(running: &Running) -> Vec<Row> {
    let reader = SqliteReader::open(running.directory.path()).unwrap();
    let mut rows = Vec::new();
    let range = BatchRange { after: 0, last: reader.extent().unwrap().unwrap().last };
    reader
        .batches(range, &mut |batch| {
            rows.extend(batch.observations.into_iter().filter_map(|observation| match observation {
                Observation::Row(row) if !row.views.is_empty() => Some(row),
                _ => None,
            }));
            true
        })
        .unwrap();
    rows
}

/// A request, and how it is answered.
struct Case<'a> {
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    status: u16,
    /// What the answer names.
    named: &'a str,
}

#[test]
fn what_is_sent_is_negotiated_and_refused_with_the_right_status() {
    let running = Running::start();
    let url = running.url("/api/v1/write");
    let good = packed(vec![series("firstbad_requests_total", &[("outcome", "ok")], 1.0, now_ms())]);
    let two = ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    let cases = [
        Case { headers: &[ONE, SNAPPY], body: &good, status: 204, named: "" },
        Case { headers: &[ONE_NAMED, SNAPPY], body: &good, status: 204, named: "" },
        Case { headers: &[two, SNAPPY], body: &packed(Vec::new()), status: 204, named: "" },
        Case {
            headers: &[("content-type", "application/json"), SNAPPY],
            body: &good,
            status: 415,
            named: "application/json",
        },
        Case {
            headers: &[("content-type", "application/x-protobuf;proto=other.Message"), SNAPPY],
            body: &good,
            status: 415,
            named: "other.Message",
        },
        Case { headers: &[ONE, ("content-encoding", "gzip")], body: &good, status: 415, named: "send snappy" },
        Case { headers: &[ONE, SNAPPY], body: b"not snappy", status: 400, named: "snappy" },
        Case {
            headers: &[ONE, SNAPPY],
            body: &snap::raw::Encoder::new().compress_vec(b"\x0a\xff").unwrap(),
            status: 400,
            named: "byte",
        },
        Case { headers: &[ONE, SNAPPY], body: &[0x80, 0x80, 0x80, 0x80, 0x04, 0x00], status: 413, named: "16777216" },
    ];
    for Case { headers, body, status, named } in cases {
        let answer = try_post(&url, headers, body).unwrap();
        assert_eq!(answer.status, status, "{headers:?} {named}: {}", answer.text());
        assert!(answer.text().contains(named), "{headers:?} {named}: {}", answer.text());
        assert_eq!(answer.retry_after, None, "{named}: the same request would be refused again");
    }
}

#[test]
fn the_counts_of_a_version_are_those_that_otlp_would_have_brought() {
    let running = Running::start();
    let url = running.url("/api/v1/write");
    let full = Hash::of(b"v1").to_string();
    let began = now_ms() - 60_000;
    for report in 0..3_i64 {
        let labels = [("config", "bot"), ("config_hash", full.as_str()), ("outcome", "error")];
        let value = 10.0 * f64::from(u32::try_from(report).unwrap());
        let body = packed(vec![series("firstbad_requests_total", &labels, value, began + 10_000 * report)]);
        // A repeat after a lost answer changes nothing.
        for _ in 0..2 {
            let answer = try_post(&url, &[ONE, SNAPPY], &body).unwrap();
            assert_eq!(answer.status, 204, "{}", answer.text());
        }
    }
    let failed = |rows: &[Row]| -> u64 { rows.iter().flat_map(|row| &row.views).map(|view| view.outcomes.error).sum() };
    eventually("it is in the database", || failed(&rows(&running)) >= 20);
    let rows = rows(&running);
    assert_eq!(failed(&rows), 20, "{rows:?}");
    assert!(rows.iter().flat_map(|row| &row.views).all(|view| view.hash.to_string() == full));
    let source = Source::Instance { instance: "fl-1:9100".into(), host: "fl-1".into() };
    assert!(rows.iter().all(|row| row.source == source), "{rows:?}");
}

/// Control: the same counts with the whole hash are taken above.
#[test]
fn a_short_hash_of_an_unknown_version_is_refused_and_named() {
    let running = Running::start();
    let labels = [("config", "bot"), ("config_hash", "4f2c9d1e88aa"), ("outcome", "error")];
    let send = |value, time| {
        let body = packed(vec![series("firstbad_requests_total", &labels, value, time)]);
        try_post(&running.url("/api/v1/write"), &[ONE, SNAPPY], &body).unwrap()
    };
    let began = now_ms() - 10_000;
    assert_eq!(send(1.0, began).status, 204, "where a count begins, nothing is counted yet");
    let answer = send(5.0, began + 10_000);
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("could not be used"), "{}", answer.text());
    assert!(rows(&running).is_empty());
}
