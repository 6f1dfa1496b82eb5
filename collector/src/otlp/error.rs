//! Why a request could not be read, in words that name the place.

use firstbad_protocol::Untrusted;

/// A request that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Protobuf that breaks the encoding.
    #[error("malformed protobuf at byte {offset} ({field}): {what}")]
    Protobuf {
        /// Offset into the decompressed request.
        offset: usize,
        /// Message that was being read.
        field: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// JSON that is malformed, or of another shape.
    #[error("malformed OTLP/JSON at {}column {column}: {what}", of_several(*line))]
    Json {
        /// Line within the request, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What is wrong. Escaped already.
        what: String,
    },
    /// JSON that is no object with `resourceMetrics` or `resourceLogs`.
    #[error("JSON that is neither an ExportMetricsServiceRequest nor an ExportLogsServiceRequest")]
    Foreign,
    /// More than one request may hold.
    #[error("{0}")]
    TooMuch(TooMuch),
}

/// Which limit was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// Points or records.
    #[error("more than {0} points or log records in one request; send smaller batches")]
    Items(usize),
    /// Attributes.
    #[error("more than {0} attributes on one resource, point or record")]
    Attributes(usize),
    /// Buckets.
    #[error("more than {0} buckets in one histogram point")]
    Buckets(usize),
    /// Empty messages.
    #[error("more nested messages than a real request of this size holds")]
    Messages,
    /// Nesting.
    #[error("values nested deeper than {0}")]
    Nesting(usize),
}

/// The line where there are several: a line of a capture has a number of its own, and says it.
fn of_several(line: usize) -> String {
    if line > 1 { format!("line {line}, ") } else { String::new() }
}

impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        let what = error.to_string();
        let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(head, _)| head);
        Self::Json { line: error.line(), column: error.column(), what: Untrusted(what).cut(160) }
    }
}
