//! `grpc.health.v1`: whether the collector does its work, for load balancers and Kubernetes. The answers are those of `/ready`.
//! It is written by hand, as the rest of the gRPC receiver is: two messages of one field each.

use super::{HEAD_BYTES, framed, status};
use crate::server::Readiness;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::Frame;
use prost::Message;
use std::convert::Infallible;
use std::time::Duration;

/// The unary call.
pub(crate) const CHECK: &str = "/grpc.health.v1.Health/Check";
/// The call that goes on.
const WATCH: &str = "/grpc.health.v1.Health/Watch";
/// Codes of google.rpc.Code.
const INVALID_ARGUMENT: i32 = 3;
const NOT_FOUND: i32 = 5;
const UNAVAILABLE: i32 = 14;
/// A name of a service is shorter.
const REQUEST_BYTES_MAX: usize = 4096;
/// How often a watched answer is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Services whose health may be asked for. The empty name stands for the whole server.
const SERVICES: [&str; 3] = [
    "",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "opentelemetry.proto.collector.logs.v1.LogsService",
];

/// HealthCheckRequest.
#[derive(Clone, PartialEq, Eq, Message)]
struct Asked {
    #[prost(string, tag = "1")]
    service: String,
}

/// HealthCheckResponse.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Answer {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

/// HealthCheckResponse.ServingStatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum ServingStatus {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

impl ServingStatus {
    const fn of(is_ready: bool) -> Self {
        if is_ready { Self::Serving } else { Self::NotServing }
    }

    /// The message behind its head.
    fn message(self) -> Bytes {
        framed(&Answer { status: self as i32 }.encode_to_vec())
    }
}

/// The routes.
pub(crate) fn router(readiness: Readiness) -> Router {
    Router::new().route(CHECK, post(check)).route(WATCH, post(watch)).with_state(readiness)
}

async fn check(State(readiness): State<Readiness>, request: Request) -> Response {
    match service(request).await {
        Ok(name) if SERVICES.contains(&name.as_str()) => answered(readiness.reasons().is_empty()),
        Ok(_) => status::failed(NOT_FOUND, "there is no such service here", None),
        Err(refused) => refused,
    }
}

/// The answer of a unary call.
pub(crate) fn answered(is_ready: bool) -> Response {
    super::unary(ServingStatus::of(is_ready).message())
}

/// The answer now and after each change, until the caller goes away. A service that is not there may come, says the protocol,
/// so the call goes on then too.
async fn watch(State(readiness): State<Readiness>, request: Request) -> Response {
    let name = match service(request).await {
        Ok(name) => name,
        Err(refused) => return refused,
    };
    let is_known = SERVICES.contains(&name.as_str());
    let Some(permit) = readiness.stream() else {
        return status::failed(UNAVAILABLE, "too many streams are open", Some(1));
    };
    let (send, answers) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, Infallible>>(1);
    tokio::spawn(async move {
        let mut before = None;
        while !send.is_closed() {
            let now = if is_known {
                ServingStatus::of(readiness.reasons().is_empty())
            } else {
                ServingStatus::ServiceUnknown
            };
            if before != Some(now) {
                before = Some(now);
                if send.send(Ok(Frame::data(now.message()))).await.is_err() {
                    break;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        drop(permit);
    });
    let body = Body::new(StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(answers)));
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"))], body).into_response()
}

/// The service that a request names.
async fn service(request: Request) -> Result<String, Response> {
    let invalid = || status::failed(INVALID_ARGUMENT, "this is no HealthCheckRequest", None);
    let body = Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect().await.map_err(|_| invalid())?.to_bytes();
    let message = body.get(HEAD_BYTES..).ok_or_else(invalid)?;
    Asked::decode(message).map(|asked| asked.service).map_err(|_| invalid())
}
