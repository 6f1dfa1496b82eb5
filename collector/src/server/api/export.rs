//! `GET /api/v1/export`: what is stored, as a stream. It is read from disk while it is sent, so it is never in memory whole; an
//! answer that cannot be finished breaks off, and a client sees that its end is missing.

use super::{Api, Fault};
use crate::export::{ExportError, Form, Options, export};
use crate::store::{SqliteReader, StoreReader as _};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;
use tokio_stream::wrappers::ReceiverStream;

/// Chunks that wait for a slow client; then reading waits.
const CHUNKS_WAITING: usize = 8;

pub(super) async fn stream(State(api): State<Api>, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let options = options(query.as_deref().unwrap_or_default())?;
    let permit = Arc::clone(&api.exports).try_acquire_owned();
    let permit = permit.map_err(|_| Fault::busy("other exports are under way; retry"))?;
    // What is wrong from the start is an answer of its own.
    api.read(|store| store.extent()).await?;
    let (chunks, body) = tokio::sync::mpsc::channel(CHUNKS_WAITING);
    let directory = api.data_dir;
    tokio::task::spawn_blocking(move || {
        let read = SqliteReader::open(&directory).map_err(ExportError::from);
        let sent = read.and_then(|store| export(&store, &options, &mut |chunk| send(&chunks, Ok(chunk))));
        if let Err(error @ (ExportError::Store(_) | ExportError::Form { .. })) = sent {
            tracing::error!(%error, "an export broke off");
            let _ = send(&chunks, Err(io::Error::other(error.to_string())));
        }
        drop(permit);
    });
    let media_type = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    Ok((media_type, Body::from_stream(ReceiverStream::new(body))).into_response())
}

fn send(chunks: &Sender<io::Result<Vec<u8>>>, chunk: io::Result<Vec<u8>>) -> io::Result<()> {
    chunks.blocking_send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// The options in a query such as `from=2025-11-18T11:00:00Z&format=ndjson`.
fn options(query: &str) -> Result<Options, Fault> {
    let refuse = |message: String| Fault { status: StatusCode::BAD_REQUEST, message };
    let mut options = Options::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace("%3A", ":").replace("%3a", ":").replace("%2B", "+").replace("%2b", "+");
        let time = || value.parse().map(Some).map_err(|error| refuse(format!("{key}: {error}")));
        match (key, value.as_str()) {
            ("from", _) => options.from = time()?,
            ("to", _) => options.to = time()?,
            ("format", "capture") => options.format = Form::Capture,
            ("format", "ndjson") => options.format = Form::Ndjson,
            _ => {
                let shown = firstbad_protocol::Untrusted(pair).cut(80);
                return Err(refuse(format!("`{shown}` is none of from=T, to=T, format=capture and format=ndjson")));
            }
        }
    }
    Ok(options)
}
