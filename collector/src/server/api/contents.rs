//! Contents of versions: their bytes for those who look at them, and for senders whether they are still wanted.

use super::{Api, Fault};
use crate::client::CONTENT_FORMAT_HEADER;
use crate::store::StoreReader;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::head;
use firstbad_protocol::content::Format;
use firstbad_protocol::{Hash, Untrusted};

/// Where a sender asks, at the receiver's address and followed by a hash, whether a content is wanted.
pub(crate) const CONTENTS_PATH: &str = "/v1/contents/";

/// What the receiver of OTLP/HTTP serves beside OTLP.
pub(crate) fn questions(api: Api) -> Router {
    Router::new().route(&format!("{CONTENTS_PATH}{{hash}}"), head(is_known)).with_state(api)
}

/// 204: it need not be sent; 404: it is wanted.
async fn is_known(State(api): State<Api>, Path(hash): Path<String>) -> Result<StatusCode, Fault> {
    let hash = parse(&hash)?;
    let known = !api.contents || api.read(move |store| store.has_content(&hash)).await?;
    Ok(if known { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
}

/// The content of one version.
pub(super) async fn content(State(api): State<Api>, Path(hash): Path<String>) -> Result<Response, Fault> {
    let hash = parse(&hash)?;
    let found = api.read(move |store| store.content(&hash)).await?;
    let content = found.ok_or_else(|| Fault::not_found(format!("the content of {hash} was not kept")))?;
    // Opaque bytes: a browser must not be talked into showing them as a page.
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    // Only a word of our own goes into a header; how the rows are cut decides what a difference shows.
    let format = Format::from_word(&content.format);
    let mut response = (headers, content.body).into_response();
    if let Some(format) = format {
        response.headers_mut().insert(CONTENT_FORMAT_HEADER, HeaderValue::from_static(format.as_str()));
    }
    Ok(response)
}

pub(super) fn parse(hash: &str) -> Result<Hash, Fault> {
    hash.parse().map_err(|error: firstbad_protocol::hash::NotAHash| Fault {
        status: StatusCode::BAD_REQUEST,
        message: format!("`{}`: {error}", Untrusted(hash).cut(80)),
    })
}
