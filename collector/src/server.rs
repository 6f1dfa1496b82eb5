//! Listeners: which addresses, which bounds on connections and headers. What is served on them is decided by `ingest` and
//! `api`.

pub(crate) mod api;
pub(crate) mod grpc;
pub(crate) mod ingest;
mod otlp_answer;

pub(crate) use api::CONTENTS_PATH;

use crate::settings::Listen;
use crate::start_error::StartError;
use axum::Router;
use firstbad_protocol::limits::CONNECTIONS_MAX;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// A head that takes longer is a slow-loris.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Between accepts when the process has no descriptor left: spinning would take the CPU that could free one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Streams of one HTTP/2 connection.
const H2_STREAMS_MAX: u32 = 128;
const HEADER_LIST_BYTES_MAX: u32 = 16 << 10;

/// One service's name, addresses and flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) listen: &'a Listen,
    pub(crate) flag: &'static str,
    pub(crate) insecure: bool,
}

/// Binds what `place` asks for: the required address, and the other loopback where the machine has it.
pub(crate) fn bind(place: Place<'_>) -> Result<Vec<TcpListener>, StartError> {
    let address = place.listen.required();
    if !place.listen.is_loopback() && !place.insecure {
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

/// Serves `router` on `listener` until `stop` turns true; then requests under way may end.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
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
        let Some((stream, permit)) = accepted else { return };
        let (router, stop) = (router.clone(), stop.clone());
        tokio::spawn(async move {
            connection(stream, router, stop).await;
            drop(permit);
        });
    }
}

async fn accept(
    listener: &tokio::net::TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, permit)),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: tokio::net::TcpStream, router: Router, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(10));
    let service = TowerToHyperService::new(router);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        // What a peer breaks off is its own affair.
        _ = serving.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}
