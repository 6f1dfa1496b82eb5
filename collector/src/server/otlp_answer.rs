//! Answers of the OTLP/HTTP receiver, in the encoding of the request: a response message, or a google.rpc.Status that
//! names the fault.

use crate::admission::{Accepted, Refusal};
use crate::otlp::Encoding;
use crate::store::Signal;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use serde_json::json;

/// A request that was taken.
pub(super) struct Answered {
    pub(super) signal: Signal,
    pub(super) encoding: Encoding,
    pub(super) accepted: Accepted,
}

/// google.rpc.Status without details.
#[derive(Clone, PartialEq, Eq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        let body = match self.encoding {
            Encoding::Protobuf => self.protobuf(),
            Encoding::Json => self.json().to_string().into_bytes(),
        };
        answer(StatusCode::OK, self.encoding, body)
    }
}

impl Answered {
    fn is_whole(&self) -> bool {
        self.accepted.rejected == 0 && self.accepted.message.is_empty()
    }

    pub(super) fn protobuf(&self) -> Vec<u8> {
        let rejected = i64::try_from(self.accepted.rejected).unwrap_or(i64::MAX);
        let error_message = self.accepted.message.clone();
        match self.signal {
            _ if self.is_whole() => Vec::new(),
            Signal::Metrics => {
                let partial = ExportMetricsPartialSuccess { rejected_data_points: rejected, error_message };
                ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
            }
            Signal::Logs => {
                let partial = ExportLogsPartialSuccess { rejected_log_records: rejected, error_message };
                ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
            }
            Signal::Traces => {
                let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message };
                ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
            }
        }
    }

    fn json(&self) -> serde_json::Value {
        if self.is_whole() {
            return json!({});
        }
        let name = match self.signal {
            Signal::Metrics => "rejectedDataPoints",
            Signal::Logs => "rejectedLogRecords",
            Signal::Traces => "rejectedSpans",
        };
        // 64-bit integers are text in OTLP/JSON.
        json!({"partialSuccess": {name: self.accepted.rejected.to_string(), "errorMessage": self.accepted.message}})
    }
}

/// A refusal, with `Retry-After` where the same request may pass later.
pub(super) fn refusal(encoding: Encoding, refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (code, message) = (refusal.code(), refusal.to_string());
    let body = match encoding {
        Encoding::Protobuf => Status { code, message }.encode_to_vec(),
        Encoding::Json => json!({"code": code, "message": message}).to_string().into_bytes(),
    };
    let mut response = answer(status, encoding, body);
    if let Some(seconds) = refusal.retry_after_s() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn answer(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let media_type = match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    (status, [(header::CONTENT_TYPE, media_type)], body).into_response()
}
