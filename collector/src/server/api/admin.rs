//! What administrators look at: which credentials are in force. Hashes of tokens are not among what is shown.

use super::{Api, json_answer};
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

pub(super) async fn credentials(State(api): State<Api>) -> Response {
    json_answer(json!({"credentials": api.guard.listed()}).to_string())
}
