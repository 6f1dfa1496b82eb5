//! Incidents: the current word on those that the engine still holds, the last word on those that it let go.

use super::{Api, Fault, json_answer, json_of};
use crate::bundle::{BundleError, BundleRequest, build};
use crate::store::{IncidentRecord, StoreReader};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use firstbad_protocol::Untrusted;
use firstbad_protocol::verdict::{Diagnosis, Incident};
use std::sync::Arc;

/// Current ones first, then stored ones that are current no more; newest first.
pub(super) async fn list(State(api): State<Api>) -> Result<Response, Fault> {
    let mut incidents = api.publisher.latest().snapshot.diagnosis.incidents.clone();
    incidents.reverse();
    let stored = api.read(|store| store.incidents()).await?;
    for record in stored {
        if incidents.iter().all(|known| known.id != record.id) {
            incidents.extend(of_record(&record)?);
        }
    }
    incidents.sort_by_key(|incident| std::cmp::Reverse(incident.onset));
    json_of(&incidents)
}

pub(super) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Fault> {
    if let Some(incident) = current(&api, &id) {
        return json_of(&incident);
    }
    let record = stored(&api, &id).await?;
    of_record(&record)?.map_or_else(|| Err(absent(&id)), |incident| json_of(&incident))
}

pub(super) async fn diagnosis(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Fault> {
    if current(&api, &id).is_some() {
        return Ok(json_answer(crate::diagnosis_json(&api.publisher.latest().snapshot.diagnosis)));
    }
    Ok(json_answer(stored(&api, &id).await?.diagnosis))
}

pub(super) async fn bundle(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Fault> {
    let permit = Arc::clone(&api.bundles).try_acquire_owned();
    let permit = permit.map_err(|_| Fault::busy("other bundles are being made; retry"))?;
    let request = BundleRequest {
        incident: id.clone(),
        data_dir: api.data_dir.clone(),
        settings: api.engine.clone(),
        latest: api.publisher.latest(),
    };
    let making = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let written = build(&request).and_then(|bundle| bundle.write(&mut bytes));
        drop(permit);
        written.map(|()| bytes)
    });
    match making.await.map_err(|error| Fault::internal(&error))? {
        Ok(bytes) => Ok(([(header::CONTENT_TYPE, "application/zstd")], bytes).into_response()),
        Err(BundleError::NoIncident(_)) => Err(absent(&id)),
        Err(error @ BundleError::Unavailable { .. }) => Err(Fault::not_found(error.to_string())),
        Err(error) => Err(Fault::internal(&error)),
    }
}

fn current(api: &Api, id: &str) -> Option<Incident> {
    api.publisher.latest().snapshot.diagnosis.incidents.iter().find(|incident| incident.id == id).cloned()
}

async fn stored(api: &Api, id: &str) -> Result<IncidentRecord, Fault> {
    let wanted = id.to_owned();
    api.read(move |store| store.incident(&wanted)).await?.ok_or_else(|| absent(id))
}

fn absent(id: &str) -> Fault {
    Fault::not_found(format!("there is no incident `{}` here", Untrusted(id).cut(80)))
}

fn of_record(record: &IncidentRecord) -> Result<Option<Incident>, Fault> {
    let diagnosis: Diagnosis = serde_json::from_str(&record.diagnosis).map_err(|error| Fault::internal(&error))?;
    Ok(diagnosis.incidents.into_iter().find(|incident| incident.id == record.id))
}
