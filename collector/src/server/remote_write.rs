//! The receiver of Prometheus remote write, 1.0 and 2.0: negotiation, and the answers by which a Prometheus decides whether to
//! send again (429 and 503) or to give a request up (everything else).

use super::ingest::{BODY_TIMEOUT_S, admit, read_body};
use crate::admission::{Accepted, Admission, Incoming, Refusal};
use crate::otlp::{Compression, Encoding};
use crate::publish::Publisher;
use crate::remote_write::{BodyFault, KnownBounds, Translated, Version, decompress, decompressed_length, translate};
use crate::security::{Caller, Peer};
use crate::store::Signal;
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use firstbad_protocol::{Hash, Untrusted};
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;

/// Where Prometheus sends by convention.
const PATH: &str = "/api/v1/write";
/// What a request takes while it is translated, beside its own bytes: points in generated types, as measured for OTLP
/// (`admission`), and once more as bytes.
const TRANSLATED_FACTOR: usize = 4;
const SAMPLES_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// What the receiver works with.
#[derive(Clone, Debug)]
struct Receiver {
    admission: Admission,
    publisher: Publisher,
    bounds: Arc<KnownBounds>,
}

/// The route.
pub(crate) fn router(admission: Admission, publisher: Publisher) -> Router {
    let receiver = Receiver { admission, publisher, bounds: Arc::default() };
    Router::new().route(PATH, post(receive)).with_state(receiver)
}

async fn receive(State(receiver): State<Receiver>, Extension(caller): Extension<Caller>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let from = Peer::address_of(&head);
    match take(&receiver, &head.headers, body, caller).await {
        Ok(written) => written.into_response(),
        Err(refusal) => {
            receiver.admission.health.refused_from(&refusal, from);
            refused(&refusal)
        }
    }
}

/// An answered request.
struct Written {
    version: Version,
    samples: u64,
    /// Why some samples were not used; empty if all were.
    message: String,
}

async fn take(receiver: &Receiver, headers: &HeaderMap, body: Body, caller: Caller) -> Result<Written, Refusal> {
    let version = version_of(headers)?;
    is_snappy(headers)?;
    let mut charge = receiver.admission.charge();
    let reading = read_body(headers, body, &mut charge);
    let body = tokio::time::timeout(Duration::from_secs(BODY_TIMEOUT_S), reading)
        .await
        .map_err(|_| Refusal::Slow(BODY_TIMEOUT_S))??;
    receiver.admission.health.bytes(body.len());
    let length = decompressed_length(&body)?;
    charge.take(length.saturating_mul(TRANSLATED_FACTOR))?;
    let bounds = Arc::clone(&receiver.bounds);
    let versions = known_versions(&receiver.publisher);
    let work =
        move || -> Result<Translated, Refusal> { Ok(translate(&decompress(&body)?, version, &versions, &bounds)?) };
    let translated = tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Stopping)??;
    let Translated { request, samples, .. } = translated;
    let Accepted { rejected, message } = if request.resource_metrics.is_empty() {
        Accepted::default()
    } else {
        let body = request.encode_to_vec();
        let (signal, encoding, compression) = (Signal::Metrics, Encoding::Protobuf, Compression::Identity);
        let incoming = Incoming { signal, encoding, compression, body, charge, caller };
        admit(&receiver.admission, incoming).await?.wait().await?
    };
    Ok(Written { version, samples: samples.saturating_sub(rejected), message })
}

/// Versions that the engine knows now. A short hash is compared with these.
fn known_versions(publisher: &Publisher) -> Vec<Hash> {
    publisher.latest().snapshot.versions.iter().map(|version| version.hash).collect()
}

/// The message that the content type names. Without a `proto` it is the one of 1.0.
fn version_of(headers: &HeaderMap) -> Result<Version, Refusal> {
    let value = headers.get(header::CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
    let value = String::from_utf8_lossy(value);
    let mut parts = value.split(';').map(str::trim);
    let is_protobuf = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-protobuf"));
    let proto = parts.find_map(|part| part.strip_prefix("proto="));
    match (is_protobuf, proto) {
        (true, None | Some("prometheus.WriteRequest")) => Ok(Version::One),
        (true, Some("io.prometheus.write.v2.Request")) => Ok(Version::Two),
        _ => Err(Refusal::MediaType(Untrusted(&value).cut(120))),
    }
}

fn is_snappy(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(header::CONTENT_ENCODING).map_or(b"snappy".as_slice(), HeaderValue::as_bytes);
    if value.eq_ignore_ascii_case(b"snappy") {
        return Ok(());
    }
    Err(Refusal::ContentEncoding(Untrusted(&String::from_utf8_lossy(value)).cut(80)))
}

/// The status by which a Prometheus decides. An unknown encoding is 415, as an unknown message is.
fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let text = match refusal {
        Refusal::MediaType(sent) => format!(
            "content type `{sent}` is not served here: send application/x-protobuf, with \
             proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request\n"
        ),
        Refusal::ContentEncoding(sent) => format!("content encoding `{sent}` is not served here: send snappy\n"),
        other => format!("{other}\n"),
    };
    let mut response = (status, text).into_response();
    if let Some(seconds) = refusal.retry_after_s() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        // Samples that cannot be used would be refused again: 400, so that Prometheus says so in its log and goes on.
        let status = if self.message.is_empty() { StatusCode::NO_CONTENT } else { StatusCode::BAD_REQUEST };
        let mut response = (status, self.message).into_response();
        if self.version == Version::Two {
            let headers = response.headers_mut();
            headers.insert(SAMPLES_WRITTEN, HeaderValue::from(self.samples));
            headers.insert(HISTOGRAMS_WRITTEN, HeaderValue::from(0_u64));
            headers.insert(EXEMPLARS_WRITTEN, HeaderValue::from(0_u64));
        }
        response
    }
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLong => Self::TooLarge(fault.to_string()),
            BodyFault::Snappy(_) => Self::Malformed(fault.to_string()),
        }
    }
}
