//! `GET /`: the present state as a page for a browser. It is read-only, has no script, and loads nothing from elsewhere. Its
//! Content-Security-Policy makes the browser enforce that, whatever text the telemetry contains.

use super::{Api, Fault};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The page's Content-Security-Policy: it may load nothing and run nothing. Its style is inline.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn page(State(api): State<Api>) -> Result<Response, Fault> {
    let page = api.page.ok_or_else(|| {
        Fault::not_found("this program draws no page; `firstbad collect` does. The API is under /api/v1/")
    })?;
    let latest = api.publisher.latest();
    // Drawing takes milliseconds, which other requests need not wait for.
    let drawing = tokio::task::spawn_blocking(move || page.draw(&latest.snapshot));
    let text = drawing.await.map_err(|error| Fault::internal(&error))?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, text).into_response())
}
