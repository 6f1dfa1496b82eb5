//! The OTLP/gRPC receiver: unary calls into the same admission as OTLP/HTTP. The framing is read here, not by a gRPC
//! library, because a library hands over messages that it has already decompressed and decoded, and every bound of ours
//! is to be met before that.

pub(crate) mod health;
mod status;

pub(crate) use status::refused;

use super::ingest::{BODY_TIMEOUT_S, Sent, admit, read_body};
use crate::admission::{Accepted, Admission, Incoming, Refusal};
use crate::otlp::{Compression, Encoding};
use crate::security::{Caller, Peer};
use crate::server::otlp_answer::Answered;
use crate::store::Signal;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use firstbad_protocol::Untrusted;
use http_body_util::StreamBody;
use hyper::body::Frame;
use std::convert::Infallible;
use std::time::Duration;

/// A message's head: whether it is compressed, and its length.
const HEAD_BYTES: usize = 5;
/// google.rpc.Code.UNIMPLEMENTED.
const UNIMPLEMENTED: i32 = 12;

/// The routes.
pub(crate) fn router(admission: Admission) -> Router {
    const SERVICES: &str = "/opentelemetry.proto.collector";
    Router::new()
        .route(
            &format!("{SERVICES}.metrics.v1.MetricsService/Export"),
            post(|s, c, r| export(Signal::Metrics, s, c, r)),
        )
        .route(&format!("{SERVICES}.logs.v1.LogsService/Export"), post(|s, c, r| export(Signal::Logs, s, c, r)))
        .route(&format!("{SERVICES}.trace.v1.TraceService/Export"), post(|s, c, r| export(Signal::Traces, s, c, r)))
        .fallback(|| async {
            status::failed(UNIMPLEMENTED, "there is no such service here: metrics, logs and traces are", None)
        })
        .with_state(admission)
}

async fn export(
    signal: Signal,
    State(admission): State<Admission>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let from = Peer::address_of(&head);
    let headers = head.headers;
    let media_type = headers.get(header::CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
    if !media_type.starts_with(b"application/grpc") {
        let refusal = Refusal::MediaType(Untrusted(&String::from_utf8_lossy(media_type)).cut(80));
        admission.health.refused_from(&refusal, from);
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, refusal.to_string()).into_response();
    }
    match take(signal, &admission, Sent { headers: &headers, body, caller }).await {
        Ok(accepted) => {
            admission.health.note_items(&accepted, from);
            succeeded(&Answered { signal, encoding: Encoding::Protobuf, accepted })
        }
        Err(refusal) => {
            admission.health.refused_from(&refusal, from);
            refused(&refusal)
        }
    }
}

async fn take(signal: Signal, admission: &Admission, sent: Sent<'_>) -> Result<Accepted, Refusal> {
    let Sent { headers, body, caller } = sent;
    let mut charge = admission.charge();
    let reading = read_body(headers, body, &mut charge);
    let framed = tokio::time::timeout(Duration::from_secs(BODY_TIMEOUT_S), reading)
        .await
        .map_err(|_| Refusal::Slow(BODY_TIMEOUT_S))??;
    let (compression, body) = unframed(headers, framed)?;
    let incoming = Incoming { signal, encoding: Encoding::Protobuf, compression, body, charge, caller };
    admit(admission, incoming).await?.wait().await
}

/// The one message of a unary call.
fn unframed(headers: &HeaderMap, mut framed: Vec<u8>) -> Result<(Compression, Vec<u8>), Refusal> {
    let malformed = |what: &str| Refusal::Malformed(format!("malformed gRPC message at byte 0: {what}"));
    let head: &[u8; HEAD_BYTES] = framed.first_chunk().ok_or_else(|| malformed("it is cut short"))?;
    let [compressed, length @ ..] = *head;
    if usize::try_from(u32::from_be_bytes(length)).ok() != framed.len().checked_sub(HEAD_BYTES) {
        return Err(malformed("its length is not what its head says, or there are several"));
    }
    let name = headers.get("grpc-encoding").map_or(b"".as_slice(), HeaderValue::as_bytes);
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let compression = match compressed {
        0 => Compression::Identity,
        1 => Compression::from_name(&name).ok_or_else(|| Refusal::ContentEncoding(Untrusted(&name).cut(80)))?,
        _ => return Err(malformed("its first byte is neither 0 nor 1")),
    };
    framed.drain(..HEAD_BYTES);
    Ok((compression, framed))
}

/// A response message, then the trailers that end a call.
fn succeeded(answered: &Answered) -> Response {
    unary(framed(&answered.protobuf()))
}

/// `message` behind its head: not compressed, and its length.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(0);
    let mut framed = vec![0_u8];
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    framed.into()
}

/// The end of a unary call that succeeded.
fn unary(framed: Bytes) -> Response {
    let trailers =
        HeaderMap::from_iter([(header::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let frames: [Result<Frame<Bytes>, Infallible>; 2] = [Ok(Frame::data(framed)), Ok(Frame::trailers(trailers))];
    let body = Body::new(StreamBody::new(tokio_stream::iter(frames)));
    ([(header::CONTENT_TYPE, "application/grpc")], body).into_response()
}
