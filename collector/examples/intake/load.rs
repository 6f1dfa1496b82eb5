//! The sender: batches over several connections, at a rate or as fast as they are answered.

use crate::batches::Batch;
use crate::settings::{Connections, Proto, Shape, Signal};
use axum::body::Bytes;
use axum::http::{Request, StatusCode};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// An answer that takes longer is a failure.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A longer message says that a part was refused. Without one it is empty, or holds an empty partial success.
const WHOLE_BYTES_MAX: usize = 4;

/// What became of the batches of one round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    /// Acknowledged whole.
    pub(crate) batches: u64,
    /// Refused, or not answered.
    pub(crate) failed: u64,
    /// Due and never sent, because every connection waited for an answer.
    pub(crate) unsent: u64,
    /// Microseconds from when a batch was due to its answer.
    pub(crate) latencies_us: Vec<u64>,
}

impl Sent {
    fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.failed += other.failed;
        self.latencies_us.extend(other.latencies_us);
    }

    fn answered(&mut self, due: Due, is_whole: bool) {
        if is_whole {
            self.batches += 1;
            self.latencies_us.push(u64::try_from(due.at.elapsed().as_micros()).unwrap_or(u64::MAX));
        } else {
            self.failed += 1;
        }
    }

    /// The latency within which so many per mille of the batches were answered, ms.
    pub(crate) fn latency_ms(&mut self, per_mille: usize) -> f64 {
        self.latencies_us.sort_unstable();
        let at = (self.latencies_us.len() * per_mille / 1000).min(self.latencies_us.len().saturating_sub(1));
        self.latencies_us.get(at).map_or(0.0, |us| *us as f64 / 1e3)
    }
}

/// When batches are due.
#[derive(Debug)]
struct Schedule {
    next: AtomicU64,
    begun: Instant,
    until: Instant,
    rate: u32,
}

/// A batch that is to be sent.
#[derive(Clone, Copy, Debug)]
struct Due {
    number: u64,
    at: Instant,
}

impl Schedule {
    fn next(&self) -> Option<Due> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let at = match self.rate {
            0 => Instant::now(),
            rate => self.begun + Duration::from_secs_f64(number as f64 / f64::from(rate)),
        };
        (at < self.until && Instant::now() < self.until).then_some(Due { number, at })
    }
}

/// The sender of one shape.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    address: SocketAddr,
    shape: Shape,
    batches: Arc<Vec<Batch>>,
}

impl Sender {
    pub(crate) fn new(address: SocketAddr, shape: Shape, batches: Arc<Vec<Batch>>) -> Self {
        Self { address, shape, batches }
    }

    /// Sends for `secs`, and waits for the last answers.
    pub(crate) fn run(&self, secs: f64) -> io::Result<Sent> {
        let begun = Instant::now();
        let until = begun + Duration::from_secs_f64(secs);
        let schedule = Arc::new(Schedule { next: AtomicU64::new(0), begun, until, rate: self.shape.rate });
        let Connections { count, streams } = self.shape.connections();
        let threads: Vec<_> = (0..count)
            .map(|_| {
                let (sender, schedule) = (self.clone(), Arc::clone(&schedule));
                std::thread::spawn(move || match sender.shape.proto {
                    Proto::Http => sender.http(&schedule),
                    Proto::Grpc => sender.grpc(&schedule, streams),
                })
            })
            .collect();
        let mut sent = Sent::default();
        for thread in threads {
            sent.add(thread.join().map_err(|_| io::Error::other("a sender panicked"))??);
        }
        let due = (f64::from(self.shape.rate) * secs) as u64;
        sent.unsent = due.saturating_sub(sent.batches + sent.failed);
        Ok(sent)
    }

    fn body(&self, due: Due) -> Vec<u8> {
        let count = self.batches.len().max(1) as u64;
        let batch = usize::try_from(due.number % count).ok().and_then(|index| self.batches.get(index));
        batch.map(Batch::stamped).unwrap_or_default()
    }

    fn http(&self, schedule: &Schedule) -> io::Result<Sent> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let path = if self.shape.signal == Signal::Logs { "/v1/logs" } else { "/v1/metrics" };
        let mut sent = Sent::default();
        while let Some(due) = schedule.next() {
            std::thread::sleep(due.at.saturating_duration_since(Instant::now()));
            let body = self.body(due);
            let mut request = format!(
                "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
                self.address,
                body.len()
            )
            .into_bytes();
            request.extend_from_slice(&body);
            stream.write_all(&request)?;
            sent.answered(due, http_answer(&mut stream)?);
        }
        Ok(sent)
    }

    fn grpc(&self, schedule: &Arc<Schedule>, streams: usize) -> io::Result<Sent> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (client, connection) = h2::client::handshake(stream).await.map_err(io::Error::other)?;
            tokio::spawn(connection);
            let workers: Vec<_> = (0..streams)
                .map(|_| {
                    let (sender, schedule, client) = (self.clone(), Arc::clone(schedule), client.clone());
                    tokio::spawn(async move { sender.calls(&schedule, client).await })
                })
                .collect();
            let mut sent = Sent::default();
            for worker in workers {
                sent.add(worker.await.map_err(io::Error::other)??);
            }
            Ok(sent)
        })
    }

    /// One call after the other.
    async fn calls(&self, schedule: &Schedule, client: h2::client::SendRequest<Bytes>) -> io::Result<Sent> {
        let service =
            if self.shape.signal == Signal::Logs { "logs.v1.LogsService" } else { "metrics.v1.MetricsService" };
        let uri = format!("http://{}/opentelemetry.proto.collector.{service}/Export", self.address);
        let (mut sent, mut client) = (Sent::default(), client);
        while let Some(due) = schedule.next() {
            tokio::time::sleep_until(due.at.into()).await;
            let body = self.body(due);
            let mut message = vec![0];
            message.extend_from_slice(&u32::try_from(body.len()).map_err(io::Error::other)?.to_be_bytes());
            message.extend_from_slice(&body);
            let request = Request::post(&uri).header("content-type", "application/grpc").header("te", "trailers");
            let request = request.body(()).map_err(io::Error::other)?;
            client = client.ready().await.map_err(io::Error::other)?;
            let (response, mut stream) = client.send_request(request, false).map_err(io::Error::other)?;
            stream.send_data(message.into(), true).map_err(io::Error::other)?;
            let answered = tokio::time::timeout(ANSWER_TIMEOUT, grpc_answer(response)).await;
            sent.answered(due, answered.map_err(io::Error::other)?.map_err(io::Error::other)?);
        }
        Ok(sent)
    }
}

/// Sends one request on a connection of its own, with `head` among its headers, and waits for an answer of any kind.
pub(crate) fn post(address: SocketAddr, path: &str, head: &str, body: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-protobuf\r\n{head}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    stream.write_all(body)?;
    http_answer(&mut stream).map(drop)
}

/// Whether a call succeeded as a whole.
async fn grpc_answer(response: h2::client::ResponseFuture) -> Result<bool, h2::Error> {
    let response = response.await?;
    let is_ok = response.status() == StatusCode::OK;
    let mut body = response.into_body();
    let mut bytes = 0;
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        bytes += chunk.len();
        body.flow_control().release_capacity(chunk.len())?;
    }
    let status = body.trailers().await?.and_then(|trailers| trailers.get("grpc-status").cloned());
    // The message comes after 5 bytes of its head.
    Ok(is_ok && bytes <= WHOLE_BYTES_MAX + 5 && status.is_some_and(|status| status == "0"))
}

/// Whether a request was accepted as a whole: status 200, and no partial success.
fn http_answer(stream: &mut TcpStream) -> io::Result<bool> {
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(piece.get(..read).unwrap_or_default());
        let Some(end) = answer.windows(4).position(|at| at == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let is_chunked = head.contains("transfer-encoding: chunked");
        let is_whole =
            if is_chunked { answer.ends_with(b"0\r\n\r\n") } else { answer.len() >= end + 4 + length.unwrap_or(0) };
        if is_whole {
            let body = answer.len().saturating_sub(end + 4);
            return Ok(head.starts_with("http/1.1 200") && body <= WHOLE_BYTES_MAX + if is_chunked { 16 } else { 0 });
        }
    }
}
