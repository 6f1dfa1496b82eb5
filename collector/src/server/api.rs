//! The query API, SSE and `/metrics`. It reads what was published and what is stored; `words` and `publish` alone ask for a change.

mod admin;
mod contents;
mod export;
mod incidents;
pub(crate) mod openapi;
mod page;
mod publish;
mod stream;
mod words;

pub(crate) use contents::{CONTENTS_PATH, questions};

use crate::admission::{Admission, Refusal};
use crate::fleet::FleetCounts;
use crate::health::Health;
use crate::local::Found;
use crate::page::Page;
use crate::publish::Publisher;
use crate::readiness::NotReady;
use crate::security::Guard;
use crate::server::Readiness;
use crate::server::gate::not_ready;
use crate::settings::Clock;
use crate::status::Status;
use crate::store::{SqliteReader, StoreError};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use firstbad_protocol::names;
use serde_json::json;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Bundles made at once: each may hold an incident's window in memory.
const BUNDLES_AT_ONCE: usize = 2;
/// Exports sent at once: each keeps a thread for as long as its client reads.
const EXPORTS_AT_ONCE: usize = 2;
/// Unreadable recorders that the status names; `firstbad recorder list` names all.
const UNREADABLE_SHOWN: usize = 16;

/// What the API reads.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) publisher: Publisher,
    pub(crate) health: Arc<Health>,
    pub(crate) fleet: Arc<Mutex<FleetCounts>>,
    pub(crate) data_dir: PathBuf,
    pub(crate) engine: firstbad_diagnosis::Settings,
    /// Everything of the status that does not change.
    pub(crate) status: Arc<Status>,
    pub(crate) recorders: Arc<Mutex<Found>>,
    /// Whether contents are kept.
    contents: bool,
    pub(crate) streams: Arc<Semaphore>,
    bundles: Arc<Semaphore>,
    pub(crate) guard: Guard,
    page: Option<Page>,
    pub(crate) admission: Admission,
    pub(crate) clock: Clock,
    exports: Arc<Semaphore>,
    /// Why the configuration of the last reload is not in force, if so.
    pub(crate) reload_problem: Arc<Mutex<Option<String>>>,
}

/// The parts of the API, apart from the settings.
#[derive(Debug)]
pub(crate) struct ApiParts {
    /// Snapshots as they are published.
    pub(crate) publisher: Publisher,
    /// Health of this process.
    pub(crate) health: Arc<Health>,
    /// Who may call.
    pub(crate) guard: Guard,
    /// Everything of the status that does not change.
    pub(crate) status: Status,
    /// The way to the writer.
    pub(crate) admission: Admission,
}

impl Api {
    pub(crate) fn new(settings: &crate::Settings, parts: ApiParts) -> Self {
        let ApiParts { publisher, health, guard, status, admission } = parts;
        Self {
            publisher,
            health,
            fleet: Arc::new(Mutex::new(FleetCounts::new(settings.shadow))),
            data_dir: settings.data_dir.clone(),
            engine: settings.engine.clone(),
            status: Arc::new(status),
            recorders: Arc::default(),
            contents: settings.contents == crate::settings::Contents::Full,
            streams: Arc::new(Semaphore::new(firstbad_protocol::limits::STREAMS_MAX)),
            bundles: Arc::new(Semaphore::new(BUNDLES_AT_ONCE)),
            guard,
            page: settings.page,
            admission,
            clock: settings.clock.clone(),
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            reload_problem: Arc::default(),
        }
    }

    /// Who answers whether the collector does its work.
    pub(crate) fn readiness(&self) -> Readiness {
        let (health, publisher) = (Arc::clone(&self.health), self.publisher.clone());
        Readiness { health, publisher, clock: self.clock.clone(), streams: Arc::clone(&self.streams) }
    }

    pub(crate) fn router(self) -> Router {
        let router = routes().into_iter().fold(Router::new(), |router, (path, served)| router.route(path, served));
        router
            .fallback(|| async { Fault::not_found("there is no such path; the API is under /api/v1/").into_response() })
            .with_state(self)
    }

    /// Runs `read` on the store beside the reactor, when the store has all that was acknowledged.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&SqliteReader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Fault> {
        self.admission.flush().await;
        let directory = self.data_dir.clone();
        let reading = tokio::task::spawn_blocking(move || read(&SqliteReader::open(&directory)?));
        reading.await.map_err(|error| Fault::internal(&error))?.map_err(|error| Fault::internal(&error))
    }
}

/// Every path, and what is served there.
fn routes() -> Vec<(&'static str, MethodRouter<Api>)> {
    let own = [
        ("/", get(page::page)),
        ("/health", get(|| async { "ok\n" })),
        ("/ready", get(ready)),
        ("/metrics", get(metrics)),
        ("/api/v1/openapi.json", get(openapi::document)),
        ("/api/v1/snapshot", get(snapshot)),
        ("/api/v1/stream", get(stream::stream)),
        ("/api/v1/diagnosis", get(diagnosis)),
        ("/api/v1/status", get(status)),
        ("/api/v1/export", get(export::stream)),
        ("/api/v1/incidents", get(incidents::list)),
        ("/api/v1/incidents/{id}", get(incidents::one)),
        ("/api/v1/incidents/{id}/diagnosis", get(incidents::diagnosis)),
        ("/api/v1/incidents/{id}/bundle", get(incidents::bundle)),
        ("/api/v1/contents/{hash}", get(contents::content)),
        ("/api/v1/admin/credentials", get(admin::credentials)),
    ];
    own.into_iter().chain(words::routes()).chain(publish::routes()).collect()
}

/// An answer that is no success: `{"error": ".."}`.
#[derive(Debug)]
pub(crate) struct Fault {
    status: StatusCode,
    message: String,
}

impl Fault {
    fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    fn internal(error: &dyn std::fmt::Display) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, message: error.to_string() }
    }

    fn busy(message: &str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message: message.to_owned() }
    }
}

/// A refusal in the words of the API.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    fault(refusal).into_response()
}

fn fault(refusal: &Refusal) -> Fault {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
    Fault { status, message: refusal.to_string() }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = json_answer(json!({"error": self.message}).to_string());
        *response.status_mut() = self.status;
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(1_u64));
        }
        response
    }
}

fn json_answer(text: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], text.into()).into_response()
}

fn json_of<T: serde::Serialize>(value: &T) -> Result<Response, Fault> {
    serde_json::to_string(value).map(json_answer).map_err(|error| Fault::internal(&error))
}

async fn ready(State(api): State<Api>) -> Response {
    not_ready(&api.readiness().reasons())
}

async fn snapshot(State(api): State<Api>) -> Response {
    json_answer(api.publisher.latest().json().to_string())
}

async fn diagnosis(State(api): State<Api>) -> Response {
    json_answer(crate::diagnosis_json(&api.publisher.latest().snapshot.diagnosis))
}

async fn status(State(api): State<Api>) -> Result<Response, Fault> {
    let latest = api.publisher.latest();
    let fleet = latest.snapshot.fleet;
    let (recorders, recorders_unreadable) = {
        let found = api.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        (found.read, found.unreadable.iter().take(UNREADABLE_SHOWN).cloned().collect())
    };
    let reload_problem = api.reload_problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
    json_of(&Status {
        degraded: api.health.degraded(),
        not_ready: api.readiness().reasons().into_iter().map(|reason| reason.words().to_owned()).collect(),
        batch: latest.batch,
        at: latest.snapshot.at,
        queue: api.health.queue(),
        store_bytes: api.health.store_bytes(),
        received: api.health.received_counts(),
        refused: api.health.refused_counts(),
        hosts_reporting: fleet.hosts_reporting,
        hosts_silent: fleet.hosts_silent,
        recorders: api.status.recorders.map(|_| recorders),
        recorders_unreadable,
        notices: api.status.notices.iter().cloned().chain(api.guard.problem()).chain(reload_problem).collect(),
        ..Status::clone(&api.status)
    })
}

async fn metrics(State(api): State<Api>) -> Response {
    let latest = api.publisher.latest();
    crate::fleet::set_gauges(&api.health, &latest.snapshot);
    let reasons = api.readiness().reasons();
    for reason in NotReady::ALL.into_iter().filter(|reason| *reason != NotReady::Starting) {
        api.health
            .gauge(&names::COLLECTOR_DEGRADED, &[reason.label()])
            .set(f64::from(u8::from(reasons.contains(&reason))));
    }
    let is_refused = api.reload_problem.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    api.health.gauge(&names::COLLECTOR_RELOAD, &[]).set(f64::from(u8::from(!is_refused)));
    let mut text = api.health.render();
    text.push_str(&api.fleet.lock().unwrap_or_else(PoisonError::into_inner).render(&latest.snapshot));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
