//! Incidents: the current word on those that the engine still holds, the last word on those that it let go.

use super::{Api, Fault, json_answer, json_of};
use crate::bundle::{BundleError, BundleRequest, build};
use crate::store::{IncidentRecord, StoreReader};
use crate::words::Words;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use firstbad_protocol::verdict::{Diagnosis, Incident, State as Stage, by_urgency};
use firstbad_protocol::{BlindSpot, Untrusted};
use std::sync::Arc;

/// Current incidents, and stored ones that are no longer current, in the order of the contract.
pub(super) async fn list(State(api): State<Api>) -> Result<Response, Fault> {
    let mut incidents = api.publisher.latest().snapshot.diagnosis.incidents.clone();
    let stored = api.read(|store| store.incidents()).await?;
    let words = words(&api).await?;
    for record in stored {
        if incidents.iter().all(|known| known.id != record.id)
            && let Some(mut past) = of_record(&record)?
        {
            words.annotate_past(&mut past, api.clock.now());
            incidents.push(past);
        }
    }
    incidents.sort_by(by_urgency);
    json_of(&incidents)
}

pub(super) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Fault> {
    json_of(&known(&api, &id).await?)
}

/// The current word on an incident, or the last one.
pub(super) async fn known(api: &Api, id: &str) -> Result<Incident, Fault> {
    if let Some(incident) = current(api, id) {
        return Ok(incident);
    }
    let record = stored(api, id).await?;
    let mut past = of_record(&record)?.ok_or_else(|| absent(id))?;
    words(api).await?.annotate_past(&mut past, api.clock.now());
    Ok(past)
}

/// What engineers said until now.
async fn words(api: &Api) -> Result<Words, Fault> {
    Ok(Words::as_of(api.read(|store| store.words()).await?, u64::MAX))
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
    // After the snapshot was taken, so that the store has all that the snapshot knows.
    api.admission.flush().await;
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

/// The blind spot of an incident that was open when its engine was replaced.
const END_NOT_SEEN: &str = "the end of the incident was not seen: the engine restarted and no longer follows it";

/// The last word on an incident that the engine holds no more. One that was not over then is let go by an engine that began anew,
/// as after an upgrade: it must not be called open for ever, and nobody saw it end.
fn of_record(record: &IncidentRecord) -> Result<Option<Incident>, Fault> {
    let diagnosis: Diagnosis = serde_json::from_str(&record.diagnosis).map_err(|error| Fault::internal(&error))?;
    let mut found = diagnosis.incidents.into_iter().find(|incident| incident.id == record.id);
    if let Some(incident) = found.as_mut().filter(|incident| incident.state != Stage::Resolved) {
        incident.state = Stage::Resolved;
        incident.blind_spots.push(BlindSpot::counted(END_NOT_SEEN, 1));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::snapshot::Snapshot;

    #[test]
    fn what_the_engine_follows_no_more_is_not_open_for_ever() {
        let shown = include_str!("../../../../docs/first-screen.json");
        let diagnosis = serde_json::from_str::<Snapshot>(shown).unwrap().diagnosis;
        let open = diagnosis.incidents.first().cloned().unwrap();
        assert_eq!(open.state, Stage::Open, "the control");
        let record = IncidentRecord {
            id: open.id.clone(),
            batch: 1,
            onset: open.onset,
            resolved: false,
            diagnosis: crate::diagnosis_json(&diagnosis),
        };
        let told = of_record(&record).unwrap().unwrap();
        assert_eq!((told.state, told.resolved_at, told.cause), (Stage::Resolved, None, open.cause));
        assert_eq!(told.blind_spots.last(), Some(&BlindSpot::counted(END_NOT_SEEN, 1)));
    }
}
