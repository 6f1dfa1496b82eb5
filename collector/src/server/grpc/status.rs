//! How a refused call ends: status and words in the headers, and RetryInfo where the same call may pass later, without
//! which a sender must take RESOURCE_EXHAUSTED as final (OTLP specification).

use crate::admission::Refusal;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prost::Message;

/// google.rpc.Status.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// google.protobuf.Any.
#[derive(Clone, PartialEq, Eq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// google.rpc.RetryInfo.
#[derive(Clone, PartialEq, Eq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// google.protobuf.Duration.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

/// The end of a call that was refused.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    failed(refusal.code(), &refusal.to_string(), refusal.retry_after_s())
}

pub(super) fn failed(code: i32, message: &str, retry_after_s: Option<u64>) -> Response {
    let mut response = [(header::CONTENT_TYPE, "application/grpc")].into_response();
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(code));
    if let Ok(value) = HeaderValue::from_str(&percent_encoded(message)) {
        headers.insert("grpc-message", value);
    }
    if let Some(details) = retry_after_s.and_then(|seconds| details(code, message, seconds)) {
        headers.insert("grpc-status-details-bin", details);
    }
    response
}

fn details(code: i32, message: &str, retry_after_s: u64) -> Option<HeaderValue> {
    let retry_delay = Some(Delay { seconds: i64::try_from(retry_after_s).ok()? });
    let value = RetryInfo { retry_delay }.encode_to_vec();
    let retry = Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value };
    let status = Status { code, message: message.to_owned(), details: vec![retry] };
    HeaderValue::from_str(&STANDARD_NO_PAD.encode(status.encode_to_vec())).ok()
}

/// As gRPC wants its message: printable ASCII without `%` stays.
fn percent_encoded(text: &str) -> String {
    let keep = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'%';
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
