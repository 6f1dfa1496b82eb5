//! The OTLP/HTTP receiver: method, headers and body into a request for admission, and the outcome into the answer that
//! the OTLP specification asks for. What a request means is decided further in.

use super::otlp_answer::Answered;
use crate::admission::{Accepted, Admission, Answer, Charge, Incoming, Refusal};
use crate::otlp::{Compression, Encoding};
use crate::security::{Caller, Peer};
use crate::store::Signal;
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use firstbad_protocol::Untrusted;
use firstbad_protocol::limits::BODY_BYTES_MAX;
use std::time::Duration;
use tokio_stream::StreamExt;

/// A body that takes longer holds its share of the budget for too long.
pub(super) const BODY_TIMEOUT_S: u64 = 30;
/// Pieces as long as its first for which room is made, of a body that claims to be longer.
const PIECES: usize = 8;
/// What is read and forgotten of a body that is too long.
const DRAINED_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;

/// The routes.
pub(crate) fn router(admission: Admission) -> Router {
    Router::new()
        .route("/v1/metrics", post(|state, caller, sent| receive(Signal::Metrics, state, caller, sent)))
        .route("/v1/logs", post(|state, caller, sent| receive(Signal::Logs, state, caller, sent)))
        .route("/v1/traces", post(|state, caller, sent| receive(Signal::Traces, state, caller, sent)))
        .with_state(admission)
}

async fn receive(
    signal: Signal,
    State(admission): State<Admission>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let from = Peer::address_of(&head);
    let headers = head.headers;
    let refused = |encoding, refusal: &Refusal| {
        admission.health.refused_from(refusal, from);
        super::otlp_answer::refusal(encoding, refusal)
    };
    let encoding = match encoding_of(&headers) {
        Ok(encoding) => encoding,
        Err(refusal) => return refused(Encoding::Json, &refusal),
    };
    match take(&admission, signal, encoding, Sent { headers: &headers, body, caller }).await {
        Ok(accepted) => {
            admission.health.note_items(&accepted, from);
            Answered { signal, encoding, accepted }.into_response()
        }
        Err(refusal) => refused(encoding, &refusal),
    }
}

/// A request, and who sends it.
pub(super) struct Sent<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Body,
    pub(super) caller: Caller,
}

async fn take(
    admission: &Admission,
    signal: Signal,
    encoding: Encoding,
    Sent { headers, body, caller }: Sent<'_>,
) -> Result<Accepted, Refusal> {
    let compression = compression_of(headers)?;
    let mut charge = admission.charge();
    let reading = read_body(headers, body, &mut charge);
    let body = tokio::time::timeout(Duration::from_secs(BODY_TIMEOUT_S), reading)
        .await
        .map_err(|_| Refusal::Slow(BODY_TIMEOUT_S))??;
    admit(admission, Incoming { signal, encoding, compression, body, charge, caller }).await?.wait().await
}

/// Admits a request; beside the reactor, if it has to be decompressed first.
pub(crate) async fn admit(admission: &Admission, incoming: Incoming) -> Result<Answer, Refusal> {
    if incoming.compression == Compression::Identity {
        return admission.admit(incoming);
    }
    let admission = admission.clone();
    let admitted = tokio::task::spawn_blocking(move || admission.admit(incoming)).await;
    admitted.map_err(|_| Refusal::Stopping)?
}

pub(crate) async fn read_body(headers: &HeaderMap, body: Body, charge: &mut Charge) -> Result<Vec<u8>, Refusal> {
    let too_large =
        || Refusal::TooLarge(format!("the body is longer than {BODY_BYTES_MAX} bytes; send smaller batches"));
    let claimed = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if claimed.is_some_and(|claimed| claimed > DRAINED_BYTES_MAX as u64) {
        return Err(too_large());
    }
    let mut bytes: Vec<u8> = Vec::new();
    let mut chunks = body.into_data_stream();
    if claimed.is_some_and(|claimed| claimed > BODY_BYTES_MAX as u64) {
        drain(&mut chunks).await;
        return Err(too_large());
    }
    let claimed = claimed.and_then(|claimed| usize::try_from(claimed).ok()).unwrap_or(0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Refusal::Malformed(format!("the body broke off: {error}")))?;
        if bytes.len().saturating_add(chunk.len()) > BODY_BYTES_MAX {
            drain(&mut chunks).await;
            return Err(too_large());
        }
        if let Err(refusal) = charge.take(chunk.len()) {
            // A sender that is still writing when it gets the 429 would see a broken pipe instead.
            charge.give_back();
            drop(bytes);
            drain(&mut chunks).await;
            return Err(refusal);
        }
        if bytes.is_empty() {
            // Most bodies come in a few pieces. A claim alone gets no room.
            bytes.reserve_exact(claimed.min(chunk.len().saturating_mul(PIECES)));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads and forgets: a sender that is still writing when the answer comes sees a broken pipe instead of the answer, and
/// tries for ever.
async fn drain(chunks: &mut BodyDataStream) {
    let mut drained: usize = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        drained = drained.saturating_add(chunk.len());
        if drained > DRAINED_BYTES_MAX {
            return;
        }
    }
}

pub(super) fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let value = headers.get(header::CONTENT_TYPE).map_or(b"".as_slice(), |value| value.as_bytes());
    let value = String::from_utf8_lossy(value);
    match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-protobuf" => Ok(Encoding::Protobuf),
        "application/json" => Ok(Encoding::Json),
        other => Err(Refusal::MediaType(Untrusted(other).cut(80))),
    }
}

fn compression_of(headers: &HeaderMap) -> Result<Compression, Refusal> {
    let value = headers.get(header::CONTENT_ENCODING).map_or(b"".as_slice(), |value| value.as_bytes());
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    Compression::from_name(&value).ok_or_else(|| Refusal::ContentEncoding(Untrusted(&value).cut(80)))
}
