//! OTLP requests, as bytes or as generated types, into ONE borrowed form ([`model`]), within the limits of
//! `protocol::limits`. It decides whether a request is well-formed and small enough; what its points mean is decided by
//! `normalise`, and whether there is room for it by the server.

mod body;
mod budget;
mod digest;
pub(crate) mod encode;
mod error;
mod generated;
mod json;
pub mod model;
mod protobuf;
pub(crate) mod wire;

pub use body::{BodyError, Compression, decompress};
use budget::Budget;
pub use budget::Limits;
pub(crate) use digest::short as short_digest;
pub use digest::{Digest, Form, Memory};
pub use error::{DecodeError, TooMuch};
pub use generated::{logs_from_generated, metrics_from_generated, traces_from_generated};
pub use model::{Logs, Metrics, Traces};

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Encoding {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`: lowerCamelCase, 64-bit integers as text or number, enums as number or name.
    Json,
}

/// One line of a capture, or any request whose kind is not told from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<'a> {
    /// An `ExportMetricsServiceRequest`.
    Metrics(Metrics<'a>),
    /// An `ExportLogsServiceRequest`.
    Logs(Logs<'a>),
    /// An `ExportTraceServiceRequest`.
    Traces(Traces<'a>),
    /// Profiles, or a request without anything in it: well-formed, and nothing here reads it.
    Other,
}

/// Reads an `ExportMetricsServiceRequest` within the limits of one request.
///
/// # Errors
/// If the bytes are malformed (named with offset or field) or beyond a limit.
pub fn decode_metrics(bytes: &[u8], encoding: Encoding) -> Result<Metrics<'_>, DecodeError> {
    match encoding {
        Encoding::Protobuf => protobuf::metrics(bytes, Budget::new(Limits::REQUEST, bytes.len())),
        Encoding::Json => json::metrics(bytes, Limits::REQUEST),
    }
}

/// Reads an `ExportLogsServiceRequest` within the limits of one request.
///
/// # Errors
/// If the bytes are malformed (named with offset or field) or beyond a limit.
pub fn decode_logs(bytes: &[u8], encoding: Encoding) -> Result<Logs<'_>, DecodeError> {
    match encoding {
        Encoding::Protobuf => protobuf::logs(bytes, Budget::new(Limits::REQUEST, bytes.len())),
        Encoding::Json => json::logs(bytes, Limits::REQUEST),
    }
}

/// Reads an `ExportTraceServiceRequest` within the limits of one request.
///
/// # Errors
/// If the bytes are malformed (named with offset or field) or beyond a limit.
pub fn decode_traces(bytes: &[u8], encoding: Encoding) -> Result<Traces<'_>, DecodeError> {
    match encoding {
        Encoding::Protobuf => protobuf::traces(bytes, Budget::new(Limits::REQUEST, bytes.len())),
        Encoding::Json => json::traces(bytes, Limits::REQUEST),
    }
}

/// The same as [`decode_metrics`]; attributes that `memory` knows are left empty ([`Form::Known`]).
///
/// # Errors
/// As [`decode_metrics`].
pub fn decode_new_metrics<'a>(
    bytes: &'a [u8],
    encoding: Encoding,
    memory: &dyn Memory,
) -> Result<Metrics<'a>, DecodeError> {
    match encoding {
        Encoding::Protobuf => protobuf::metrics(bytes, Budget::new(Limits::REQUEST, bytes.len()).beside(memory)),
        Encoding::Json => json::metrics(bytes, Limits::REQUEST),
    }
}

/// The same as [`decode_logs`]; of events that `memory` knows only the times are read ([`Form::Known`]).
///
/// # Errors
/// As [`decode_logs`].
pub fn decode_new_logs<'a>(bytes: &'a [u8], encoding: Encoding, memory: &dyn Memory) -> Result<Logs<'a>, DecodeError> {
    match encoding {
        Encoding::Protobuf => protobuf::logs(bytes, Budget::new(Limits::REQUEST, bytes.len()).beside(memory)),
        Encoding::Json => json::logs(bytes, Limits::REQUEST),
    }
}

/// Reads one `LogRecord`, whole: of an event that was left empty ([`model::LogRecord::undecoded`]).
///
/// # Errors
/// If the bytes are malformed or beyond a limit; never for bytes with a known digest.
pub(crate) fn decode_record(bytes: &[u8]) -> Result<model::LogRecord<'_>, DecodeError> {
    protobuf::record(bytes, Budget::new(Limits::REQUEST, bytes.len()))
}

/// Reads one line of a capture: OTLP/JSON of whichever kind.
///
/// # Errors
/// If the line is malformed, no OTLP request, or beyond a limit.
pub fn decode_line(line: &[u8], limits: Limits) -> Result<Request<'_>, DecodeError> {
    json::line(line, limits)
}

#[cfg(test)]
pub(crate) mod tests;
