//! The agent's own `/metrics`, on a thread of its own, so that a scrape never waits for a report.

use crate::StartError;
use crate::security::{Form, Guard, GuardParts, ServeSecurity, ServerTls, keep_fresh};
use crate::server::{Place, Service, bind, serve};
use axum::Router;
use axum::http::header;
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// What is served now.
pub(super) type Page = Arc<Mutex<Arc<str>>>;

/// Binds and serves `page` until `stop`; returns the addresses and the thread.
pub(super) fn start(
    place: Place<'_>,
    security: &ServeSecurity,
    page: &Page,
    stop: &watch::Receiver<bool>,
) -> Result<(Vec<SocketAddr>, JoinHandle<()>), StartError> {
    let listeners = bind(place)?;
    let tls = security.tls.as_ref().map(ServerTls::new).transpose()?;
    let guard = Guard::new(security.credentials.as_deref(), GuardParts::default())?;
    let fresh: Vec<_> = guard.fresh().into_iter().chain(tls.as_ref().map(ServerTls::fresh)).collect();
    let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let thread_error = |source| StartError::Thread { what: "the agent's metrics", source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(thread_error)?;
    let (page, stop) = (Arc::clone(page), stop.clone());
    let router = Router::new().route("/health", get(|| async { "ok\n" })).route(
        "/metrics",
        get(move || async move {
            let text = page.lock().unwrap_or_else(PoisonError::into_inner).to_string();
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
        }),
    );
    let service = Service { router: guard.before(router, Form::Api), tls };
    let run = move || {
        runtime.block_on(async {
            tokio::spawn(keep_fresh(fresh, stop.clone()));
            let mut serving: Vec<_> = Vec::new();
            for listener in listeners {
                serving.push(tokio::spawn(serve(listener, service.clone(), stop.clone())));
            }
            for one in serving {
                let _ = one.await;
            }
        });
    };
    let thread = std::thread::Builder::new().name("firstbad-agent-metrics".to_owned()).spawn(run);
    Ok((addresses, thread.map_err(thread_error)?))
}
