//! Words of engineers: `GET /api/v1/words`, and under `/api/v1/admin/`, for administrators, what says one or takes one back. The
//! answer comes when the word is on disk. A page in a browser cannot say one: its requests have an `Origin`, and are refused.

use super::incidents::known;
use super::{Api, Fault, json_of};
use crate::redact;
use crate::security::Caller;
use crate::store::StoreReader as _;
use crate::words::{NewWord, TakenBack, WordBody, WordRequest, kind_of};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, FromRequestParts as _, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post};
use firstbad_protocol::Untrusted;
use firstbad_protocol::limits::{NAME_BYTES_MAX, QUIET_SECONDS_MAX, WORD_BYTES_MAX};
use firstbad_protocol::time::SECOND_NS;
use firstbad_protocol::verdict::{DisputedVersion, Incident, QuietScope, WordKind};
use serde::Deserialize;

/// Bytes of a request: its texts, each escaped as JSON.
const BODY_BYTES_MAX: usize = 32 << 10;

/// The routes.
pub(super) fn routes() -> [(&'static str, MethodRouter<Api>); 4] {
    [
        ("/api/v1/words", get(list)),
        (
            "/api/v1/admin/incidents/{id}/{kind}",
            post(say).delete(take_back).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)),
        ),
        ("/api/v1/admin/quiet", post(quiet).layer(DefaultBodyLimit::max(BODY_BYTES_MAX))),
        ("/api/v1/admin/quiet/{id}", delete(end_quiet).layer(DefaultBodyLimit::max(BODY_BYTES_MAX))),
    ]
}

async fn list(State(api): State<Api>) -> Result<Response, Fault> {
    json_of(&api.read(|store| store.words()).await?)
}

/// The incident and the kind in a path.
#[derive(Debug, Deserialize)]
struct Subject {
    id: String,
    kind: String,
}

impl Subject {
    fn kind(&self) -> Result<WordKind, Fault> {
        let kind = kind_of(&self.kind).filter(|kind| *kind != WordKind::Quiet);
        kind.ok_or_else(|| Fault::not_found("there is no such path; an incident has `ack` and `dispute`"))
    }
}

async fn say(State(api): State<Api>, Path(subject): Path<Subject>, request: Request) -> Result<Response, Fault> {
    let kind = subject.kind()?;
    let body = request.body()?;
    if body.until.is_some() || body.host.is_some() || body.config.is_some() {
        return Err(refuse("`until`, `host` and `config` belong to a quiet time"));
    }
    let incident = known(&api, &subject.id).await?;
    let versions = if kind == WordKind::Dispute { disputed(&incident)? } else { Vec::new() };
    let new = NewWord { incident: Some(incident.id), versions, ..new(&api, &request.caller, kind, body)? };
    answer(&api, WordRequest::Say(new)).await
}

async fn take_back(State(api): State<Api>, Path(subject): Path<Subject>, request: Request) -> Result<Response, Fault> {
    let kind = subject.kind()?;
    let taken_back = taken_back(&api, &request, kind)?;
    let incident = Some(known(&api, &subject.id).await?.id);
    answer(&api, WordRequest::TakeBack(TakenBack { incident, ..taken_back })).await
}

async fn quiet(State(api): State<Api>, request: Request) -> Result<Response, Fault> {
    let body = request.body()?;
    let now = api.clock.now();
    let until = body.until.ok_or_else(|| refuse("`until`, the end of the quiet time, is missing"))?;
    if until <= now {
        return Err(refuse(&format!("the quiet time would end at {until}, and it is {now}")));
    }
    if until.since(now) > QUIET_SECONDS_MAX.saturating_mul(SECOND_NS) {
        let days = QUIET_SECONDS_MAX / 86_400;
        return Err(refuse(&format!("a quiet time lasts at most {days} days, this one would end at {until}")));
    }
    let scope = Some(QuietScope { host: body.host.clone(), config: body.config.clone() });
    let new = NewWord { until: Some(until), scope, ..new(&api, &request.caller, WordKind::Quiet, body)? };
    answer(&api, WordRequest::Say(new)).await
}

async fn end_quiet(State(api): State<Api>, Path(id): Path<u64>, request: Request) -> Result<Response, Fault> {
    let taken_back = taken_back(&api, &request, WordKind::Quiet)?;
    answer(&api, WordRequest::TakeBack(TakenBack { id: Some(id), ..taken_back })).await
}

/// A request of a program, not of a page in a browser.
struct Request {
    caller: Caller,
    bytes: Bytes,
}

impl<S: Send + Sync> axum::extract::FromRequest<S> for Request {
    type Rejection = Fault;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Fault> {
        let (mut head, body) = request.into_parts();
        check(&head.headers)?;
        let caller = Extension::from_request_parts(&mut head, state).await;
        let no_caller =
            |_| Fault { status: StatusCode::INTERNAL_SERVER_ERROR, message: "nobody checked the caller".into() };
        let Extension(caller) = caller.map_err(no_caller)?;
        let request = axum::extract::Request::from_parts(head, body);
        let bytes = Bytes::from_request(request, state).await;
        let too_large =
            |_| Fault { status: StatusCode::PAYLOAD_TOO_LARGE, message: format!("more than {BODY_BYTES_MAX} bytes") };
        Ok(Self { caller, bytes: bytes.map_err(too_large)? })
    }
}

impl Request {
    fn body(&self) -> Result<WordBody, Fault> {
        serde_json::from_slice(&self.bytes).map_err(|error| refuse(&format!("the body is no word: {error}")))
    }
}

/// Refuses what a page in a browser may send with the rights of whoever looks at it.
pub(super) fn refuse_pages(headers: &HeaderMap) -> Result<(), Fault> {
    if headers.contains_key(header::ORIGIN) {
        let message = "pages of a browser may change nothing here".to_owned();
        return Err(Fault { status: StatusCode::FORBIDDEN, message });
    }
    Ok(())
}

fn check(headers: &HeaderMap) -> Result<(), Fault> {
    refuse_pages(headers)?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) == Some("application/json") {
        return Ok(());
    }
    Err(Fault { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, message: "send application/json".to_owned() })
}

fn refuse(message: &str) -> Fault {
    Fault { status: StatusCode::BAD_REQUEST, message: message.to_owned() }
}

/// A word with author and text, about nothing yet.
fn new(api: &Api, caller: &Caller, kind: WordKind, body: WordBody) -> Result<NewWord, Fault> {
    let authenticated = api.guard.knows_callers();
    let author = if authenticated { caller.name.to_string() } else { body.author.trim().to_owned() };
    if author.is_empty() {
        return Err(refuse("`author` is missing, and this collector has no credentials that would name it"));
    }
    let names = [Some(&author), body.host.as_ref(), body.config.as_ref()];
    if names.into_iter().flatten().any(|name| name.len() > NAME_BYTES_MAX) {
        return Err(refuse(&format!("a name is longer than {NAME_BYTES_MAX} bytes")));
    }
    if body.text.len() > WORD_BYTES_MAX {
        return Err(refuse(&format!("the text is longer than {WORD_BYTES_MAX} bytes")));
    }
    let (incident, until, scope, versions) = (None, None, None, Vec::new());
    let text = redact::text(&body.text);
    Ok(NewWord { kind, at: api.clock.now(), author, authenticated, text, incident, until, scope, versions })
}

/// The request to take back a word of a kind, about nothing yet.
fn taken_back(api: &Api, request: &Request, kind: WordKind) -> Result<TakenBack, Fault> {
    let NewWord { at, author: by, .. } = new(api, &request.caller, kind, request.body()?)?;
    Ok(TakenBack { kind, incident: None, id: None, at, by })
}

/// The versions that an incident accuses.
fn disputed(incident: &Incident) -> Result<Vec<DisputedVersion>, Fault> {
    let id = Untrusted(&incident.id);
    let cause = incident.cause.as_ref().filter(|_| incident.verdict.accuses());
    let cause = cause.ok_or_else(|| {
        let message = format!("incident {id} accuses nothing, so there is nothing to dispute");
        Fault { status: StatusCode::CONFLICT, message }
    })?;
    let version = |hash: &firstbad_protocol::Hash| Some(DisputedVersion { config: cause.config.clone()?, hash: *hash });
    Ok(cause.hashes.iter().filter_map(version).collect())
}

async fn answer(api: &Api, request: WordRequest) -> Result<Response, Fault> {
    let said = api.admission.say(request).await.map_err(|refusal| super::fault(&refusal))?;
    json_of(&said)
}
