//! What a listener answers before the collector has read its store: `/health`, that it is not ready, and to everybody else that
//! it is to be asked again. Once the gate is open, each request goes on to the router behind it.

use crate::admission::Refusal;
use crate::readiness::NotReady;
use crate::security::Form;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, OnceLock};

/// The gate before one kind of listener.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    form: Form,
    behind: Arc<OnceLock<Router>>,
}

impl Gate {
    /// A closed gate.
    pub(crate) fn new(form: Form) -> Self {
        Self { form, behind: Arc::default() }
    }

    /// Opens it, once and for good.
    pub(crate) fn open(&self, router: Router) {
        let _ = self.behind.set(router);
    }

    /// What is served at the listener.
    pub(crate) fn router(&self) -> Router {
        let gate = self.clone();
        Router::new().fallback(move |request: Request| {
            let gate = gate.clone();
            async move { gate.pass(request).await }
        })
    }

    async fn pass(self, request: Request) -> Response {
        let Some(router) = self.behind.get() else { return self.closed(&request) };
        match tower_service::Service::call(&mut router.clone(), request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    fn closed(&self, request: &Request) -> Response {
        match (self.form, request.uri().path()) {
            (Form::Api, "/health") => "ok\n".into_response(),
            (Form::Api, "/ready") => not_ready(&[NotReady::Starting]),
            (Form::Grpc, super::grpc::health::CHECK) => super::grpc::health::answered(false),
            (form, _) => super::refusal(form, request.headers(), &Refusal::Starting),
        }
    }
}

/// The answer of `/ready`: 200, or 503 with the reasons, one a line.
pub(crate) fn not_ready(reasons: &[NotReady]) -> Response {
    if reasons.is_empty() {
        return "ready\n".into_response();
    }
    let text: String = reasons.iter().map(|reason| format!("not ready: {}\n", reason.words())).collect();
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}
