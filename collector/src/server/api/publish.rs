//! What a pipeline reports: `POST /api/v1/changes`, changes in the world, and `PUT /api/v1/configs/{hash}`, a version and its content
//! before any proxy loads it. Both become the log events of the contract and take the way of every request: the answer comes
//! when they are on disk. The role is publisher.

mod events;

use super::words::refuse_pages;
use super::{Api, Fault, json_of};
use crate::admission::{Accepted, Incoming};
use crate::otlp::{Compression, Encoding};
use crate::security::Caller;
use crate::server::ingest::{admit, read_body};
use crate::store::{Signal, StoreReader as _};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, post, put};
pub(super) use events::Change;
use events::Published;
use firstbad_protocol::limits::{
    CHANGE_AHEAD_SECONDS_MAX, CHANGES_BODY_BYTES_MAX, CHANGES_PER_REQUEST_MAX, CONTENT_BYTES_MAX,
    IDEMPOTENCY_KEY_BYTES_MAX, NAME_BYTES_MAX,
};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::{Hash, Untrusted};
use serde::Deserialize;
use serde_json::json;

/// The routes.
pub(super) fn routes() -> [(&'static str, MethodRouter<Api>); 2] {
    [("/api/v1/changes", post(changes)), ("/api/v1/configs/{hash}", put(config))]
}

/// A request of a pipeline.
struct Sent {
    caller: Caller,
    headers: HeaderMap,
    body: axum::body::Body,
}

impl Sent {
    fn of(request: Request) -> Result<Self, Fault> {
        let (mut head, body) = request.into_parts();
        refuse_pages(&head.headers)?;
        let caller = head.extensions.remove::<Caller>();
        let caller = caller.ok_or_else(|| Fault::internal(&"nobody checked the caller"))?;
        Ok(Self { caller, headers: head.headers, body })
    }
}

async fn changes(State(api): State<Api>, request: Request) -> Result<Response, Fault> {
    let sent = Sent::of(request)?;
    let key = idempotency_key(&sent.headers)?;
    let mut charge = api.admission.charge();
    let bytes = read_body(&sent.headers, sent.body, &mut charge).await.map_err(|refusal| super::fault(&refusal))?;
    if bytes.len() > CHANGES_BODY_BYTES_MAX {
        return Err(too_large(CHANGES_BODY_BYTES_MAX));
    }
    let changes = read(&bytes)?;
    let now = api.clock.now();
    for (place, change) in changes.iter().enumerate() {
        check(change, now).map_err(|reason| refuse(format!("change {}: {reason}", place + 1)))?;
    }
    let body = events::of_changes(&changes, now, key.as_deref());
    let accepted = store(&api, sent.caller, body).await?;
    if accepted.rejected > 0 {
        return Err(Fault { status: StatusCode::UNPROCESSABLE_ENTITY, message: accepted.message });
    }
    json_of(&json!({"changes": changes.len()}))
}

/// The changes in a body: one, or a list.
fn read(bytes: &[u8]) -> Result<Vec<Change>, Fault> {
    let foreign = |error: serde_json::Error| refuse(format!("the body is no change, and no list of changes: {error}"));
    let changes = if bytes.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(bytes).map_err(foreign)?
    } else {
        vec![serde_json::from_slice(bytes).map_err(foreign)?]
    };
    if changes.is_empty() || changes.len() > CHANGES_PER_REQUEST_MAX {
        return Err(refuse(format!(
            "a request holds 1 to {CHANGES_PER_REQUEST_MAX} changes, this one {}",
            changes.len()
        )));
    }
    Ok(changes)
}

fn check(change: &Change, now: Timestamp) -> Result<(), String> {
    if change.kind.trim().is_empty() {
        return Err("`kind` is empty".to_owned());
    }
    if let Some(name) = change.names().find(|name| name.len() > NAME_BYTES_MAX) {
        return Err(format!("`{}` is longer than {NAME_BYTES_MAX} bytes", Untrusted(name).cut(40)));
    }
    if change.config.is_some() != change.hash.is_some() {
        return Err("`config` and `hash` name a version together".to_owned());
    }
    if change.kind == "publish" && change.hash.is_none() {
        return Err("the kind `publish` needs `config` and `hash`".to_owned());
    }
    match change.at {
        Some(at) if at.since(now) > CHANGE_AHEAD_SECONDS_MAX * SECOND_NS => {
            Err(format!("`at` is {at}, and it is {now}: a change that is to come is not reported yet"))
        }
        Some(at) if at.0 <= 0 => Err(format!("`at` is {at}")),
        _ => Ok(()),
    }
}

/// What the path and the query of a version say.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Named {
    config: String,
    format: String,
}

async fn config(
    State(api): State<Api>,
    Path(hash): Path<String>,
    Query(named): Query<Named>,
    request: Request,
) -> Result<Response, Fault> {
    let sent = Sent::of(request)?;
    let hash = super::contents::parse(&hash)?;
    if named.config.is_empty() || named.config.len() > NAME_BYTES_MAX || named.format.len() > NAME_BYTES_MAX {
        return Err(refuse(format!("`config` is 1 to {NAME_BYTES_MAX} bytes long, `format` at most {NAME_BYTES_MAX}")));
    }
    let mut charge = api.admission.charge();
    let body = read_body(&sent.headers, sent.body, &mut charge).await.map_err(|refusal| super::fault(&refusal))?;
    if body.len() > CONTENT_BYTES_MAX {
        return Err(too_large(CONTENT_BYTES_MAX));
    }
    let found = Hash::of(&body);
    if found != hash {
        let message = format!("the content has the hash {found}, not {hash}: nothing was stored");
        return Err(Fault { status: StatusCode::UNPROCESSABLE_ENTITY, message });
    }
    let was_known = api.read(move |store| store.has_content(&hash)).await?;
    let content = api.contents && !was_known;
    let published = Published { config: &named.config, format: &named.format, hash, content: content.then_some(&body) };
    let accepted = store(&api, sent.caller, published.body(api.clock.now())).await?;
    let kept = was_known || content && accepted.rejected == 0;
    let answer = json!({"config": named.config, "hash": hash, "content": if kept { "kept" } else { "not kept" }});
    let status = if was_known { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, json_of(&answer)?).into_response())
}

/// Stores log events in the same way as those received over OTLP.
async fn store(api: &Api, caller: Caller, body: Vec<u8>) -> Result<Accepted, Fault> {
    let mut charge = api.admission.charge();
    charge.take(body.len()).map_err(|refusal| super::fault(&refusal))?;
    let (signal, encoding, compression) = (Signal::Logs, Encoding::Protobuf, Compression::Identity);
    let incoming = Incoming { signal, encoding, compression, body, charge, caller };
    let answer = admit(&api.admission, incoming).await.map_err(|refusal| super::fault(&refusal))?;
    answer.wait().await.map_err(|refusal| super::fault(&refusal))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()));
    let refuse = || refuse(format!("an Idempotency-Key is 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes of ASCII"));
    key.map(|key| Some(key.to_owned())).ok_or_else(refuse)
}

fn refuse(message: String) -> Fault {
    Fault { status: StatusCode::BAD_REQUEST, message }
}

fn too_large(most: usize) -> Fault {
    Fault { status: StatusCode::PAYLOAD_TOO_LARGE, message: format!("the body is longer than {most} bytes") }
}
