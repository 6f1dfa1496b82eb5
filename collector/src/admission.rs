//! Admission: what may enter the queue, at what cost in memory, and how a refusal is told. A request that is not admitted
//! costs its sender a retry; one that is, is answered only when it is on disk.

use crate::health::Health;
use crate::otlp::{BodyError, Compression, DecodeError, Encoding};
use crate::security::{Caller, HostClaim};
use crate::store::{Journalled, Signal};
use crate::words::{WordAnswer, WordRequest};
use crate::writer::Work;
use firstbad_protocol::limits::{BODY_BYTES_MAX, IN_FLIGHT_BYTES_MAX};
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The decoded form was at most this many times the decompressed request in measurements (prost, ordinary requests; the
/// decoder's own counts stop the amplifying ones).
const DECODED_FACTOR: usize = 3;
const CHUNK_BYTES: usize = 64 << 10;
/// How long a reader waits for the writer. An ordinary flush takes milliseconds.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("content type `{0}` is not served here: send application/x-protobuf or application/json")]
    MediaType(String),
    #[error("content encoding `{0}` is not served here: send identity, gzip, deflate or zstd")]
    ContentEncoding(String),
    #[error("the body did not arrive within {0} s")]
    Slow(u64),
    #[error("too many requests wait for the disk; retry")]
    QueueFull,
    #[error("too many bytes are being decoded; retry")]
    Memory,
    #[error("nothing can be stored now: {0}; retry")]
    Store(String),
    #[error("the collector is starting; retry")]
    Starting,
    #[error("the collector is stopping; retry")]
    Stopping,
    #[error("{0}")]
    Unauthenticated(String),
    #[error("{0}")]
    Forbidden(String),
    #[error("{0}")]
    ForeignHost(HostClaim),
}

impl Refusal {
    /// Every reason that is counted. `items` counts points and records refused inside accepted requests.
    pub(crate) const REASONS: [&'static str; 14] = [
        "malformed",
        "too_large",
        "media_type",
        "content_encoding",
        "slow",
        "queue_full",
        "memory",
        "store",
        "starting",
        "stopping",
        "unauthenticated",
        "forbidden",
        "foreign_host",
        "items",
    ];

    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::TooLarge(_) => "too_large",
            Self::MediaType(_) => "media_type",
            Self::ContentEncoding(_) => "content_encoding",
            Self::Slow(_) => "slow",
            Self::QueueFull => "queue_full",
            Self::Memory => "memory",
            Self::Store(_) => "store",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Forbidden(_) => "forbidden",
            Self::ForeignHost(_) => "foreign_host",
        }
    }

    /// HTTP status. Only 429 and 503 are retried by senders (OTLP specification), so nothing else may mean "later".
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Unauthenticated(_) => 401,
            Self::Forbidden(_) | Self::ForeignHost(_) => 403,
            Self::Slow(_) => 408,
            Self::TooLarge(_) => 413,
            Self::MediaType(_) | Self::ContentEncoding(_) => 415,
            Self::Memory => 429,
            Self::QueueFull | Self::Store(_) | Self::Starting | Self::Stopping => 503,
        }
    }

    /// google.rpc.Code.
    pub(crate) const fn code(&self) -> i32 {
        match self {
            Self::Malformed(_) | Self::TooLarge(_) | Self::MediaType(_) => 3,
            Self::ContentEncoding(_) => 12,
            Self::Slow(_) => 4,
            Self::Memory | Self::QueueFull => 8,
            Self::Forbidden(_) | Self::ForeignHost(_) => 7,
            Self::Unauthenticated(_) => 16,
            Self::Store(_) | Self::Starting | Self::Stopping => 14,
        }
    }

    /// When to try again, seconds; none: never, the same request will be refused again.
    pub(crate) const fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Memory | Self::QueueFull => Some(1),
            Self::Store(_) | Self::Starting | Self::Stopping => Some(5),
            _ => None,
        }
    }
}

impl From<HostClaim> for Refusal {
    fn from(claim: HostClaim) -> Self {
        Self::ForeignHost(claim)
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooMuch(_) => Self::TooLarge(error.to_string()),
            _ => Self::Malformed(error.to_string()),
        }
    }
}

/// What became of an accepted request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Points or records that could not be used.
    pub(crate) rejected: u64,
    /// Why, in a sentence; empty if none was.
    pub(crate) message: String,
}

/// Bytes of the budget that one request holds until it is answered.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Charge {
    /// Takes `bytes` more of the budget, or refuses at once: waiting would hold what was taken already.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::Memory)?;
        let more = Arc::clone(&self.budget).try_acquire_many_owned(bytes).map_err(|_| Refusal::Memory)?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&mut self) {
        self.permit = None;
    }
}

/// The way in, shared by every receiver.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    queue: SyncSender<Work>,
    budget: Arc<Semaphore>,
    pub(crate) health: Arc<Health>,
    clock: crate::settings::Clock,
}

/// A request as it came over the wire.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) signal: Signal,
    pub(crate) encoding: Encoding,
    pub(crate) compression: Compression,
    pub(crate) body: Vec<u8>,
    pub(crate) charge: Charge,
    /// Who sends it, by its credential.
    pub(crate) caller: Caller,
}

impl Admission {
    pub(crate) fn new(queue: SyncSender<Work>, health: Arc<Health>, clock: crate::settings::Clock) -> Self {
        Self { queue, budget: Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX)), health, clock }
    }

    /// An empty charge.
    pub(crate) fn charge(&self) -> Charge {
        Charge { budget: Arc::clone(&self.budget), permit: None }
    }

    /// Decompresses a request and queues it. The receiver gets its answer after the commit. It computes and does not wait: a
    /// compressed request is admitted beside the reactor, another one in it.
    pub(crate) fn admit(&self, incoming: Incoming) -> Result<Answer, Refusal> {
        // Before any work is done for a request that could not be kept.
        if let Some(reason) = self.health.degraded() {
            return Err(Refusal::Store(reason));
        }
        self.health.bytes(incoming.body.len());
        let Incoming { signal, encoding, compression, body, mut charge, caller } = incoming;
        let body = decompressed(body, compression, &mut charge)?;
        charge.take(body.len().saturating_mul(DECODED_FACTOR))?;
        // The writer decodes it, once: the decoded form borrows from the bytes, and is gone before the next one is made.
        let request = Journalled { signal, encoding, received_at: self.clock.now(), body };
        let (done, answer) = oneshot::channel();
        self.health.queued();
        match self.queue.try_send(Work::Request { request, caller, done, charge }) {
            Ok(()) => Ok(Answer(answer)),
            Err(error) => {
                self.health.dequeued(1);
                Err(if matches!(error, TrySendError::Full(_)) { Refusal::QueueFull } else { Refusal::Stopping })
            }
        }
    }

    /// Queues what an engineer says, and waits until it is on disk.
    pub(crate) async fn say(&self, request: WordRequest) -> Result<WordAnswer, Refusal> {
        if let Some(reason) = self.health.degraded() {
            return Err(Refusal::Store(reason));
        }
        let (done, answer) = oneshot::channel();
        self.queue.try_send(Work::Word { request, done }).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::QueueFull,
            TrySendError::Disconnected(_) => Refusal::Stopping,
        })?;
        answer.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Waits until readers of the store see all that was acknowledged, or until that takes too long: then they see less.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.try_send(Work::Flush { done }).is_ok() {
            let _ = tokio::time::timeout(FLUSH_TIMEOUT, flushed).await;
        }
    }

    /// Tells the writer to commit what waits, and end.
    pub(crate) fn close(&self) {
        let _ = self.queue.send(Work::Stop);
    }
}

/// The answer to an admitted request, when it comes.
#[derive(Debug)]
pub(crate) struct Answer(oneshot::Receiver<Result<Accepted, Refusal>>);

impl Answer {
    pub(crate) async fn wait(self) -> Result<Accepted, Refusal> {
        self.0.await.unwrap_or(Err(Refusal::Stopping))
    }

    pub(crate) fn wait_blocking(self) -> Result<Accepted, Refusal> {
        self.0.blocking_recv().unwrap_or(Err(Refusal::Stopping))
    }
}

/// The decompressed body; each chunk is charged before the next is made.
fn decompressed(body: Vec<u8>, compression: Compression, charge: &mut Charge) -> Result<Vec<u8>, Refusal> {
    if compression == Compression::Identity {
        return Ok(body);
    }
    let damaged = |after: usize| {
        move |source: std::io::Error| Refusal::Malformed(BodyError::Damaged { compression, after, source }.to_string())
    };
    let mut reader = compression.reader(body.as_slice()).map_err(damaged(0))?;
    let mut plain = Vec::new();
    loop {
        charge.take(CHUNK_BYTES)?;
        let before = plain.len();
        let read = reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut plain).map_err(damaged(before))?;
        if plain.len() > BODY_BYTES_MAX {
            return Err(Refusal::TooLarge(BodyError::TooLong { most: BODY_BYTES_MAX }.to_string()));
        }
        if read < CHUNK_BYTES {
            return Ok(plain);
        }
    }
}
