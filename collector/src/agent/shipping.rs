//! Shipping one report: bounded requests, gzip, and the retries that the OTLP specification allows (429, 502, 503, 504
//! and a lost connection; nothing else), with exponential back-off, full jitter, and `Retry-After` obeyed.

use crate::local::sleep_until;
use crate::recorder::Export;
use crate::security::{ConnectSettings, Outbound, Timeouts};
use crate::server::CONTENTS_PATH;
use crate::{StartError, store::Signal};
use firstbad_protocol::Hash;
use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// One request's bytes before compression: well within what any receiver takes (4 MiB is gRPC's default).
const REQUEST_BYTES: usize = 2 << 20;
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
const BACKOFF_MOST: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShipError {
    /// It will not be taken either if it is sent again.
    #[error("{url} refused the report for good with status {status}: {message}")]
    Refused { url: String, status: u16, message: String },
    /// Our credential is not taken. That is for people to repair; then what the report held is sent with the next.
    #[error("{url} does not take this agent's credential (status {status}): {message}")]
    Denied { url: String, status: u16, message: String },
    /// It may be taken later.
    #[error("{url} did not take the report: {reason}")]
    Later { url: String, reason: String },
}

/// One request, compressed.
#[derive(Debug)]
pub(crate) struct Shipment {
    signal: Signal,
    body: Vec<u8>,
}

impl Shipment {
    /// Requests for everything in `exports`, logs first: a load tells what later points were counted under.
    pub(crate) fn of(exports: Vec<Export>) -> Vec<Self> {
        let (mut logs, mut metrics) = (Vec::new(), Vec::new());
        for export in exports {
            logs.extend(export.logs.into_iter().flat_map(|request| request.resource_logs));
            metrics.extend(export.metrics.into_iter().flat_map(|request| request.resource_metrics));
        }
        let logs = chunks(logs, Message::encoded_len)
            .into_iter()
            .map(|resource_logs| Self::new(Signal::Logs, &ExportLogsServiceRequest { resource_logs }));
        let metrics = chunks(metrics, Message::encoded_len)
            .into_iter()
            .map(|resource_metrics| Self::new(Signal::Metrics, &ExportMetricsServiceRequest { resource_metrics }));
        logs.chain(metrics).collect()
    }

    fn new(signal: Signal, request: &impl Message) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to a Vec cannot fail.
        let _ = encoder.write_all(&request.encode_to_vec());
        Self { signal, body: encoder.finish().unwrap_or_default() }
    }
}

/// Consecutive items whose lengths add up to at most [`REQUEST_BYTES`]; a longer one goes alone.
fn chunks<T>(items: Vec<T>, length: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let (mut chunks, mut bytes) = (Vec::<Vec<T>>::new(), usize::MAX);
    for item in items {
        let size = length(&item);
        bytes = bytes.saturating_add(size);
        match chunks.last_mut() {
            Some(chunk) if bytes <= REQUEST_BYTES => chunk.push(item),
            _ => {
                chunks.push(vec![item]);
                bytes = size;
            }
        }
    }
    chunks
}

/// Sends requests to one collector.
#[derive(Debug)]
pub(crate) struct Shipper {
    outbound: Outbound,
    base: String,
}

impl Shipper {
    pub(crate) fn new(to: &str, connect: &ConnectSettings) -> Result<Self, StartError> {
        let base = to.trim_end_matches('/').to_owned();
        if !base.starts_with("http://") && !base.starts_with("https://") {
            let reason =
                format!("`{base}` is not a URL that the agent can ship to: http://HOST:4318 or https://HOST:4318");
            return Err(StartError::Setting { setting: "--to", reason });
        }
        let timeouts = Timeouts { whole: Some(TIMEOUT), ..Timeouts::default() };
        Ok(Self { outbound: Outbound::new(connect, &base, timeouts)?, base })
    }

    /// A number from 0 to 1 that differs from host to host and call to call.
    #[expect(
        clippy::unused_self,
        clippy::cast_precision_loss,
        reason = "a random source is the shipper's; 53 bits suffice"
    )]
    pub(crate) fn jitter(&self) -> f64 {
        (RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether the collector wants no more of the content with this hash: it has it, or keeps none. None: it did not say.
    pub(crate) fn has_content(&self, hash: Hash, patience: Duration) -> Option<bool> {
        let request = self.outbound.agent().head(format!("{}{CONTENTS_PATH}{}", self.base, hash.hex()));
        let request = self.outbound.authorized(request);
        let answer = request.config().timeout_global(Some(patience)).build().call().ok()?;
        match answer.status().as_u16() {
            204 => Some(true),
            404 => Some(false),
            _ => None,
        }
    }

    /// Sends until it is taken, refused for good, `give_up` passes, or `stop` is told.
    pub(crate) fn ship(
        &self,
        shipment: &Shipment,
        give_up: Instant,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), ShipError> {
        let mut backoff = BACKOFF_FIRST;
        loop {
            let (error, retry_after) = match self.send(shipment) {
                Ok(()) => return Ok(()),
                Err((error @ (ShipError::Refused { .. } | ShipError::Denied { .. }), _)) => return Err(error),
                Err(later) => later,
            };
            let wait = retry_after.unwrap_or_else(|| backoff.mul_f64(self.jitter()));
            let until = Instant::now() + wait;
            if until > give_up || !sleep_until(until, stop) {
                return Err(error);
            }
            backoff = (backoff * 2).min(BACKOFF_MOST);
        }
    }

    fn send(&self, shipment: &Shipment) -> Result<(), (ShipError, Option<Duration>)> {
        let url = format!("{}/v1/{}", self.base, shipment.signal.as_str());
        let request = self.outbound.authorized(self.outbound.agent().post(&url));
        let request = request.header("content-type", "application/x-protobuf").header("content-encoding", "gzip");
        let mut answer = match request.send(&shipment.body) {
            Ok(answer) => answer,
            Err(error) => return Err((ShipError::Later { url, reason: error.to_string() }, None)),
        };
        let status = answer.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let message = answer.body_mut().with_config().limit(4096).read_to_vec().unwrap_or_default();
        let message = firstbad_protocol::Untrusted(&String::from_utf8_lossy(&message)).cut(200);
        if matches!(status, 429 | 502 | 503 | 504) {
            let reason = format!("status {status}: {message}");
            return Err((ShipError::Later { url, reason }, after.map(Duration::from_secs)));
        }
        if matches!(status, 401 | 403) {
            return Err((ShipError::Denied { url, status, message }, None));
        }
        Err((ShipError::Refused { url, status, message }, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_bounded_and_nothing_is_left_out() {
        let sizes = [1_usize, REQUEST_BYTES, 2, 3, REQUEST_BYTES + 5, 4];
        let chunks = chunks(sizes.to_vec(), |size| *size);
        assert_eq!(chunks, [vec![1], vec![REQUEST_BYTES], vec![2, 3], vec![REQUEST_BYTES + 5], vec![4]]);
    }

    #[test]
    fn a_url_that_cannot_be_shipped_to_is_refused_at_start() {
        for wrong in ["collector:4318", "ftp://collector:4318", ""] {
            let connect = ConnectSettings::default();
            assert!(Shipper::new(wrong, &connect).unwrap_err().to_string().contains("--to"), "{wrong}");
        }
    }
}
