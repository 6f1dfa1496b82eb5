//! The guard before every route: who calls, whether it may, and what it is answered if not. It looks at the head of a request
//! alone: a body is read only for a caller that may send one. No answer and no log line repeats a credential.

use super::audit::{Audit, Call};
use super::caller::Caller;
use super::credentials::{Credentials, Role, Unknown};
use super::routes::{Needs, needs};
use super::server_tls::Peer;
use super::watched::{Fresh, Watched};
use super::{SecurityError, Token, token};
use crate::admission::Refusal;
use crate::health::Health;
use crate::server;
use crate::settings::Clock;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::sync::watch;

/// What the guard works with.
#[derive(Debug, Default)]
pub(crate) struct GuardParts {
    pub(crate) health: Option<Arc<Health>>,
    pub(crate) audit: Option<Audit>,
    pub(crate) clock: Clock,
}

/// Guards routers.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    credentials: Option<Arc<Watched<Credentials>>>,
    /// Hash of the token that the screen in this process sends.
    own: Option<[u8; 32]>,
    parts: Arc<GuardParts>,
}

/// The guard before one router, and the protocol of its answers.
#[derive(Clone, Debug)]
struct Check {
    guard: Guard,
    form: Form,
}

/// The result of a call, for the audit log.
#[derive(Debug)]
struct Outcome<'a> {
    /// `admin`, `publish` or `denied`.
    event: &'static str,
    /// The authenticated name; of a denied call, the name that the credential claims.
    caller: &'a str,
    /// HTTP status of the answer.
    status: u16,
    /// Why it was denied; empty if it was not.
    reason: String,
}

/// The protocol in which a refusal is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    OtlpHttp,
    Grpc,
    Api,
}

impl Guard {
    /// A guard with the credentials of `path`; without a path it lets everybody pass.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub(crate) fn new(path: Option<&Path>, parts: GuardParts) -> Result<Self, SecurityError> {
        let credentials = match path {
            None => None,
            Some(path) => {
                let own = path.to_owned();
                Some(Arc::new(Watched::new(vec![path.to_owned()], move || Credentials::read(&own))?))
            }
        };
        Ok(Self { credentials, own: None, parts: Arc::new(parts) })
    }

    /// The same, which also knows the screen in this process.
    pub(crate) fn knowing(mut self, own: Option<&Token>) -> Self {
        self.own = own.map(|own| token::hash(own.text()));
        self
    }

    pub(crate) fn fresh(&self) -> Option<Arc<dyn Fresh>> {
        self.credentials.as_ref().map(|credentials| Arc::clone(credentials) as Arc<dyn Fresh>)
    }

    /// Whether callers are known by their credentials.
    pub(crate) const fn knows_callers(&self) -> bool {
        self.credentials.is_some()
    }

    /// Tells when callers may have lost a right; none: there is nothing to lose.
    pub(crate) fn changes(&self) -> Option<watch::Receiver<u64>> {
        self.credentials.as_ref().map(|credentials| credentials.changes())
    }

    /// Why what the credentials file holds now is not in force, if so.
    pub(crate) fn problem(&self) -> Option<String> {
        self.credentials.as_ref().and_then(|credentials| credentials.problem())
    }

    /// Every credential without its hash, for administrators.
    pub(crate) fn listed(&self) -> Vec<serde_json::Value> {
        self.credentials.as_ref().map(|credentials| credentials.current().listed()).unwrap_or_default()
    }

    /// `router` behind this guard.
    pub(crate) fn before(&self, router: Router, form: Form) -> Router {
        router.layer(axum::middleware::from_fn_with_state(Check { guard: self.clone(), form }, check))
    }

    /// Returns the caller, if it may.
    fn judge(&self, head: &Parts) -> Result<Caller, Refusal> {
        let Some(credentials) = &self.credentials else { return Ok(Caller::anybody()) };
        let needs = needs(head.uri.path());
        let found = self.caller(head, &credentials.current());
        if needs == Needs::Nothing {
            return Ok(found.unwrap_or_else(|_| Caller::nobody()));
        }
        let caller = found.map_err(|unknown| Refusal::Unauthenticated(unknown.to_string()))?;
        match needs {
            Needs::Role(role) if !caller.has(role) => {
                Err(Refusal::Forbidden(format!("`{}` does not have the role {}", caller.name, role.as_str())))
            }
            _ => Ok(caller),
        }
    }

    /// A token that was sent decides alone: a wrong one is not made good by a certificate.
    fn caller(&self, head: &Parts, credentials: &Credentials) -> Result<Caller, Unknown> {
        let now = self.parts.clock.now();
        if let Some(value) = head.headers.get(header::AUTHORIZATION) {
            let text = bearer(value).ok_or(Unknown::Token)?;
            if self.own.is_some_and(|own| bool::from(own.ct_eq(&token::hash(text)))) {
                return Ok(Caller::this_process());
            }
            return credentials.by_token(text, now);
        }
        let names = head.extensions.get::<Peer>().map(|peer| Arc::clone(&peer.names)).unwrap_or_default();
        if names.is_empty() { Err(Unknown::Missing) } else { credentials.by_certificate(&names, now) }
    }

    fn log(&self, head: &Parts, outcome: Outcome<'_>) {
        let Some(audit) = &self.parts.audit else { return };
        let Outcome { event, caller, status, reason } = outcome;
        let from = Peer::address_of(head);
        audit.write(&Call {
            at: self.parts.clock.now(),
            event,
            caller,
            from: from.map_or_else(String::new, |from| from.to_string()),
            method: head.method.as_str(),
            path: head.uri.path(),
            status,
            reason,
        });
    }
}

/// The token of an `Authorization` header.
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

async fn check(State(Check { guard, form }): State<Check>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let caller = match guard.judge(&head) {
        Ok(caller) => caller,
        Err(refusal) => return denied(guard, head, form, &refusal).await,
    };
    // A call of an administrator or a publisher is in the log, with its outcome, before it is answered.
    let event = match needs(head.uri.path()) {
        Needs::Role(Role::Admin) => Some("admin"),
        Needs::Role(Role::Publisher) => Some("publish"),
        _ => None,
    };
    head.extensions.insert(caller.clone());
    let Some(event) = event.filter(|_| guard.credentials.is_some()) else {
        return next.run(Request::from_parts(head, body)).await;
    };
    let called = Parts::clone(&head);
    let response = next.run(Request::from_parts(head, body)).await;
    let status = response.status().as_u16();
    beside(move || {
        guard.log(&called, Outcome { event, caller: &caller.name, status, reason: String::new() });
    })
    .await;
    response
}

async fn denied(guard: Guard, head: Parts, form: Form, refusal: &Refusal) -> Response {
    if let Some(health) = &guard.parts.health {
        health.refused_from(refusal, Peer::address_of(&head));
    }
    let response = answer(&head, form, refusal);
    // Before a thread is taken from those that have work to do.
    if !guard.parts.audit.as_ref().is_some_and(|audit| audit.admits(guard.parts.clock.now())) {
        return response;
    }
    let (status, reason) = (refusal.status(), refusal.to_string());
    beside(move || {
        let claimed = head.headers.get(header::AUTHORIZATION).and_then(bearer).and_then(token::name_of);
        let names = head.extensions.get::<Peer>().map(|peer| peer.names.join(" ")).unwrap_or_default();
        guard.log(&head, Outcome { event: "denied", caller: claimed.unwrap_or(&names), status, reason });
    })
    .await;
    response
}

fn answer(head: &Parts, form: Form, refusal: &Refusal) -> Response {
    let mut response = server::refusal(form, &head.headers, refusal);
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Runs what waits for the disk beside the reactor.
async fn beside(work: impl FnOnce() + Send + 'static) {
    if tokio::task::spawn_blocking(work).await.is_err() {
        tracing::error!("a line of the audit log was lost");
    }
}
