//! Prints the outage of 18 November 2025 in small as OpenMetrics text with times, in the words of one source of metrics:
//! `cargo run -p firstbad-tests --example incident -- collector|proxy|otlp`. `dashboards/drawing/draw` draws the dashboards over it.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "it is a part of the tests")]
#![allow(clippy::cast_precision_loss, reason = "seconds of this century are exact in a double")]

#[path = "../../tests/panels/incident.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod incident;

use firstbad_dashboards::source::Source;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let Some(source) = Source::ALL.into_iter().find(|source| source.slug() == wanted) else {
        eprintln!("usage: incident collector|proxy|otlp");
        return ExitCode::from(2);
    };
    let written = std::io::stdout().write_all(incident::openmetrics(source).as_bytes());
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
