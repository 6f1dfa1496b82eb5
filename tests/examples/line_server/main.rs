//! A server on axum, with the crate added as its guides say, for `tests/whole_line`: it watches a rules file, counts each
//! request in a tower layer, drains on SIGTERM, and does not start with a file that it cannot read.
//! `cargo run -p firstbad-tests --example line-server -- FILE`

mod rules;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use firstbad_instrument::axum::Uses;
use firstbad_instrument::tower;
use rules::{RULES, Rules, parse};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Time between two looks at the file. Chosen: short beside a report interval.
const LOOK_EVERY: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of the rules file")?;
    // Before the runtime starts: these block.
    let recorder = firstbad_instrument::init().service("edge").install()?;
    for death in recorder.deaths() {
        eprintln!("the last time: {death}");
    }
    RULES.load_file(&path, parse).applied()?;
    let watcher = RULES.watch(&path, LOOK_EVERY, parse)?;
    serve()?;
    drop((watcher, recorder));
    Ok(())
}

#[tokio::main(worker_threads = 2)]
async fn serve() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listening on {}", listener.local_addr()?);
    let router = Router::new().fallback(handle).layer(tower::Layer::new()).with_state(&RULES);
    let asked_to_end = async move {
        terminate.recv().await;
    };
    axum::serve(listener, router).with_graceful_shutdown(asked_to_end).await
}

async fn handle(rules: Uses<Rules>, headers: HeaderMap) -> StatusCode {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    StatusCode::from_u16(rules.status(authorization)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
