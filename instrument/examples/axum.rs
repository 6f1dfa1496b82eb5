//! An axum server whose every request is counted under the rules that it used.
//! `cargo run --features axum --example axum -- rules.txt`, then `curl -i localhost:3000/private`, then `firstbad recorder list`.

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use firstbad_instrument::axum::Uses;
use firstbad_instrument::{Live, tower};

/// Prefixes of paths that are refused.
type Rules = Vec<String>;

pub(crate) static RULES: Live<Rules> = Live::new("rules").limit("rows", 200);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "rules.txt".to_owned());
    // Before the runtime starts: both block.
    let recorder = firstbad_instrument::init().service("axum-example").version("1.0").install()?;
    println!("recording to {:?}", recorder.path());
    RULES.load_file(&path, parse).applied()?;
    Ok(serve()?)
}

#[tokio::main]
async fn serve() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
    axum::serve(listener, router()).await
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Rules, std::str::Utf8Error> {
    Ok(std::str::from_utf8(bytes)?.lines().map(str::to_owned).collect())
}

pub(crate) fn router() -> Router {
    Router::new().fallback(handle).layer(tower::Layer::new()).with_state(&RULES)
}

async fn handle(rules: Uses<Rules>, uri: Uri) -> Response {
    if rules.iter().any(|rule| uri.path().starts_with(rule.as_str())) {
        return StatusCode::FORBIDDEN.into_response();
    }
    format!("{} rules let {} pass\n", rules.len(), uri.path()).into_response()
}
