//! Listeners: which addresses, which bounds on connections and headers. What is served on them is decided by `ingest`,
//! `remote_write` and `api`.

pub(crate) mod api;
pub(crate) mod gate;
pub(crate) mod grpc;
pub(crate) mod ingest;
mod otlp_answer;
pub(crate) mod remote_write;

pub(crate) use api::CONTENTS_PATH;

use crate::admission::Refusal;
use crate::health::Health;
use crate::otlp::Encoding;
use crate::publish::Publisher;
use crate::readiness::{self, NotReady};
use crate::security::{Form, Peer, ServerTls, peer_names};
use crate::settings::{Clock, Listen};
use crate::start_error::StartError;
use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use firstbad_protocol::limits::CONNECTIONS_MAX;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// A head that takes longer is a slow-loris.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Between accepts when the process has no descriptor left: spinning would take the CPU that could free one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A TLS handshake that takes longer is one that is meant to.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests under way may take when the files of their connection's handshake have changed.
const GRACE: Duration = Duration::from_secs(5);
/// A certificate is looked at in the handshake alone: one that expires or is withdrawn is noticed after this time.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(3600);
/// Streams of one HTTP/2 connection.
const H2_STREAMS_MAX: u32 = 128;
const HEADER_LIST_BYTES_MAX: u32 = 16 << 10;

/// One service's name, addresses and flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) listen: &'a Listen,
    pub(crate) flag: &'static str,
    /// Whether it may be open to other machines: it has TLS and knows its callers, or somebody took the risk.
    pub(crate) may_be_wide: bool,
}

/// What is served on a listener.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) tls: Option<ServerTls>,
}

/// A refusal in the words of the listener's protocol; of OTLP/HTTP in the encoding of the request.
pub(crate) fn refusal(form: Form, headers: &HeaderMap, refusal: &Refusal) -> Response {
    match form {
        Form::OtlpHttp => otlp_answer::refusal(ingest::encoding_of(headers).unwrap_or(Encoding::Json), refusal),
        Form::Grpc => grpc::refused(refusal),
        Form::Api => api::refused(refusal),
    }
}

/// Answers whether the collector does its work.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    pub(crate) health: Arc<Health>,
    pub(crate) publisher: Publisher,
    pub(crate) clock: Clock,
    /// Streams of answers that may be open.
    pub(crate) streams: Arc<Semaphore>,
}

impl Readiness {
    /// What keeps it from its work; empty: nothing.
    pub(crate) fn reasons(&self) -> Vec<NotReady> {
        readiness::of(&self.health, &self.publisher.latest(), self.clock.now())
    }

    /// A place for one more stream.
    fn stream(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }
}

/// Binds what `place` asks for: the required address, and the other loopback where the machine has it.
pub(crate) fn bind(place: Place<'_>) -> Result<Vec<TcpListener>, StartError> {
    let address = place.listen.required();
    if !place.listen.is_loopback() && !place.may_be_wide {
        return Err(StartError::Exposed { address, flag: place.flag });
    }
    let first = bind_one(address, place.flag)?;
    let mut listeners = vec![first];
    if let (Some(also), Some(bound)) = (place.listen.also(), listeners.first()) {
        let port = bound.local_addr().map_or(address.port(), |bound| bound.port());
        match bind_one(SocketAddr::new(also.ip(), port), place.flag) {
            Ok(listener) => listeners.push(listener),
            // A fixed port that another has on [::1] would send half of the senders elsewhere; a free one was chosen here.
            Err(taken @ StartError::PortTaken { .. }) if address.port() != 0 => return Err(taken),
            Err(error) => tracing::debug!(%error, "no second loopback"),
        }
    }
    Ok(listeners)
}

fn bind_one(address: SocketAddr, flag: &'static str) -> Result<TcpListener, StartError> {
    let refuse = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { address, flag },
        _ => StartError::Listen { address, flag, source },
    };
    let listener = TcpListener::bind(address).map_err(refuse)?;
    listener.set_nonblocking(true).map_err(refuse)?;
    Ok(listener)
}

/// Serves `service` on `listener` until `stop` turns true; then requests under way may end.
pub(crate) async fn serve(listener: TcpListener, service: Service, mut stop: watch::Receiver<bool>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a listener cannot be used");
            return;
        }
    };
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Some(Accepted { stream, address, permit }) = accepted else { return };
        let (service, stop) = (service.clone(), stop.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            connection(stream, address, service, stop).await;
            drop(permit);
        });
    }
}

/// A connection, and its place among those that may be open.
struct Accepted {
    stream: tokio::net::TcpStream,
    address: SocketAddr,
    permit: tokio::sync::OwnedSemaphorePermit,
}

async fn accept(listener: &tokio::net::TcpListener, connections: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return Some(Accepted { stream, address, permit }),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection, after its handshake where there is TLS.
async fn connection(stream: tokio::net::TcpStream, address: SocketAddr, service: Service, stop: watch::Receiver<bool>) {
    let address = Some(address);
    let Some(tls) = service.tls else {
        let ends = Ends { stop, changes: None };
        return requests(stream, Peer { address, ..Peer::default() }, service.router, ends).await;
    };
    let ends = Ends { stop, changes: Some(tls.changes()) };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => {
            let names = peer_names(stream.get_ref().1.peer_certificates());
            requests(stream, Peer { address, names }, service.router, ends).await;
        }
        // Port scans and plain HTTP end here: no more than a word for whoever looks for it.
        Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
        Err(_) => tracing::debug!("no TLS handshake in time"),
    }
}

/// Why a connection ends before its peer ends it.
struct Ends {
    stop: watch::Receiver<bool>,
    /// The files that the handshake relied on.
    changes: Option<watch::Receiver<u64>>,
}

impl Ends {
    /// Waits until the connection is to end.
    async fn wait(mut self) {
        let outdated = async {
            match &mut self.changes {
                // An error would mean that the listener is gone.
                Some(changes) => drop(tokio::time::timeout(CONNECTION_AGE_MAX, changes.changed()).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.stop.wait_for(|stop| *stop) => {}
            () = outdated => {}
        }
    }
}

async fn requests<S>(stream: S, peer: Peer, router: Router, ends: Ends)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(10));
    // Who is at the other end goes with each request to the guard.
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        tower_service::Service::call(&mut router.clone(), request)
    });
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let is_secured = ends.changes.is_some();
    tokio::select! {
        // What a peer breaks off is its own affair.
        _ = serving.as_mut() => return,
        () = ends.wait() => serving.as_mut().graceful_shutdown(),
    }
    if is_secured {
        // A stream of snapshots ends only when somebody ends it.
        let _ = tokio::time::timeout(GRACE, serving).await;
    } else {
        let _ = serving.await;
    }
}
