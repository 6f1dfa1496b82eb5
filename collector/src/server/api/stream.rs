//! Server-sent events: the whole snapshot at once, and again whenever the engine has judged. A slow reader skips.

use super::{Api, Fault};
use crate::publish::Published;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

/// So that a dead connection is noticed on both sides.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

pub(super) async fn stream(
    State(api): State<Api>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    let permit = Arc::clone(&api.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Fault::busy("too many snapshot streams are open; retry"))?;
    let events = WatchStream::new(api.publisher.subscribe()).map(move |published| Ok(event(&published, &permit)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The permit is held by the stream's closure for as long as the stream lives.
fn event(published: &Published, _permit: &OwnedSemaphorePermit) -> Event {
    Event::default().event("snapshot").id(published.batch.to_string()).data(&*published.json())
}
