//! Runs one draw through intake and engine.

use anyhow::Context;
use firstbad_collector::{diagnosis_json, offline};
use firstbad_simulator::composer::{Draw, Outcome, Recipe};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Makes the draw of `recipe`, runs it, and judges the verdict.
///
/// # Errors
/// If the capture cannot be written or cannot be read.
pub fn run(recipe: &Recipe) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let draw = Draw::compose(recipe);
    let mut outcome = judged(&draw)?;
    outcome.ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(outcome)
}

/// Runs `draw`, and judges the verdict.
///
/// # Errors
/// If the capture cannot be written or cannot be read.
pub fn judged(draw: &Draw) -> anyhow::Result<Outcome> {
    let verdict = verdict(draw)?;
    draw.judge(&verdict).context("the verdict is not of schema 1")
}

/// Returns the output of `firstbad diagnose --format json` for the capture of `draw`.
///
/// # Errors
/// If the capture cannot be written or cannot be read.
pub fn verdict(draw: &Draw) -> anyhow::Result<String> {
    let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile().context("a temporary file for the capture")?;
    file.write_all(draw.capture()).context("writing the capture")?;
    let diagnosed = offline::diagnose(&[file.path().to_owned()], &offline::Options::default())?;
    Ok(diagnosis_json(&diagnosed.diagnosis))
}

/// Returns the last commit that changed intake or engine, with `+` if the working tree changes them.
#[must_use]
pub fn engine_commit() -> String {
    let git = |words: &[&str]| {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let of = ["--", "diagnosis", "protocol", "collector"];
        let output = Command::new("git").arg("-C").arg(home).args(words).args(of).output();
        output.ok().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["log", "-1", "--format=%h"]).filter(|commit| !commit.is_empty());
    let changed = git(&["status", "--porcelain"]).is_some_and(|files| !files.is_empty());
    format!("{}{}", commit.unwrap_or_else(|| "unknown".into()), if changed { "+" } else { "" })
}
