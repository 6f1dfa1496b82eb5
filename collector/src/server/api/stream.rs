//! Server-sent events: the whole snapshot at once, and again whenever the engine has judged. A slow reader skips.

use super::{Api, Fault};
use crate::publish::Published;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use std::convert::Infallible;
use std::pin::Pin;
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
    // A stream outlives its caller's rights unless it ends when credentials change; who still may follow connects again.
    let rights = api.guard.changes().map(WatchStream::from_changes).map(|changes| changes.map(|_| None));
    let snapshots = WatchStream::new(api.publisher.subscribe()).map(Some);
    let events: Pin<Box<dyn Stream<Item = Option<Arc<Published>>> + Send>> = match rights {
        Some(rights) => Box::pin(snapshots.merge(rights)),
        None => Box::pin(snapshots),
    };
    let events = events.map_while(move |published| published.map(|published| Ok(event(&published, &permit))));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The permit is held by the stream's closure for as long as the stream lives.
fn event(published: &Published, _permit: &OwnedSemaphorePermit) -> Event {
    Event::default().event("snapshot").id(published.batch.to_string()).data(&*published.json())
}
