//! The agent's requests against a collector that is not there, refuses, recovers: what is retried, and what is not.

use crate::agent::shipping::{ShipError, Shipment, Shipper};
use crate::recorder::Export;
use crate::security::ConnectSettings;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Calls = Arc<Mutex<(VecDeque<u16>, Vec<HeaderMap>)>>;

/// A receiver that answers with these statuses in turn, and 200 after them.
fn receiver(statuses: &[u16]) -> (tokio::runtime::Runtime, String, Calls) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let calls: Calls = Arc::new(Mutex::new((statuses.iter().copied().collect(), Vec::new())));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = Arc::clone(&calls);
    let router = axum::Router::new().route(
        "/v1/metrics",
        post(move |headers: HeaderMap, _: axum::body::Bytes| async move {
            let mut calls = answering.lock().unwrap();
            calls.1.push(headers);
            let status = StatusCode::from_u16(calls.0.pop_front().unwrap_or(200)).unwrap();
            (status, [("retry-after", "0")], "because")
        }),
    );
    runtime.spawn(async move { axum::serve(listener, router).await });
    (runtime, url, calls)
}

fn ship(url: &str, patience: Duration) -> Result<(), ShipError> {
    let metrics = ExportMetricsServiceRequest { resource_metrics: vec![ResourceMetrics::default()] };
    let shipments = Shipment::of(vec![Export { metrics: Some(metrics), logs: None }]);
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    Shipper::new(url, &ConnectSettings::default()).unwrap().ship(&shipments[0], Instant::now() + patience, &stopped)
}

#[test]
fn only_what_the_specification_calls_retryable_is_retried() {
    for status in [429, 502, 503, 504] {
        let (_runtime, url, calls) = receiver(&[status, status]);
        ship(&url, Duration::from_secs(10)).unwrap();
        assert_eq!(calls.lock().unwrap().1.len(), 3, "{status}");
    }
    for status in [400, 404, 408, 413, 415, 500] {
        let (_runtime, url, calls) = receiver(&[status]);
        let error = ship(&url, Duration::from_secs(10)).unwrap_err();
        assert!(
            matches!(error, ShipError::Refused { .. }) && error.to_string().contains("because"),
            "{status}: {error}"
        );
        assert_eq!(calls.lock().unwrap().1.len(), 1, "{status}");
    }
}

#[test]
fn a_credential_that_is_not_taken_is_for_people_to_repair() {
    for status in [401, 403] {
        let (_runtime, url, calls) = receiver(&[status]);
        let error = ship(&url, Duration::from_secs(10)).unwrap_err();
        assert!(
            matches!(error, ShipError::Denied { .. }) && error.to_string().contains("because"),
            "{status}: {error}"
        );
        assert_eq!(calls.lock().unwrap().1.len(), 1, "{status}: repeating it at once helps nobody");
    }
}

#[test]
fn a_request_is_protobuf_in_gzip_and_a_lost_receiver_is_given_up_in_time() {
    let (runtime, url, calls) = receiver(&[]);
    ship(&url, Duration::from_secs(10)).unwrap();
    let headers = calls.lock().unwrap().1[0].clone();
    assert_eq!(
        (&headers["content-type"], &headers["content-encoding"]),
        (&"application/x-protobuf".parse().unwrap(), &"gzip".parse().unwrap())
    );
    drop(runtime);
    let began = Instant::now();
    let error = ship(&url, Duration::from_millis(300)).unwrap_err();
    assert!(matches!(error, ShipError::Later { .. }) && error.to_string().contains(&url), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5), "the next report is due");
}
