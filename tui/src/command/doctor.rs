//! `firstbad doctor`: what the senders of a capture, or of a collector, lack for a full verdict.

use super::stored::Stored;
use crate::cli::{Common, DoctorArgs, TextOrJson};
use crate::doctor::{Examination, Finding, text};
use crate::failure::Failure;
use crate::output::{print, print_json};
use firstbad_collector::capture::{Capture, CaptureError};
use firstbad_collector::offline::{OfflineError, Window};
use firstbad_protocol::{BlindSpot, Untrusted};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// `firstbad doctor`.
///
/// # Errors
/// If nothing is readable, or the collector does not answer.
pub(super) fn doctor(common: &Common, arguments: &DoctorArgs) -> Result<ExitCode, Failure> {
    let (findings, told) =
        if arguments.paths.is_empty() { of_collector(common)? } else { of_captures(&arguments.paths)? };
    match arguments.format {
        TextOrJson::Json => print_json(&json!({"schema": 1, "senders": findings, "not_understood": told}))?,
        TextOrJson::Text => {
            let told: String = told.iter().map(|told| format!("NOT UNDERSTOOD  {}\n", Untrusted(told))).collect();
            print(&format!("{}{told}", text(&findings)))?;
        }
    }
    if findings.is_empty() {
        eprintln!("firstbad: no sender was found: nothing that firstbad knows, and no metric at all, was received");
        return Ok(ExitCode::from(2));
    }
    let is_whole =
        |finding: &Finding| finding.lacks.is_empty() && finding.not_understood.is_empty() && finding.gaps.is_empty();
    Ok(ExitCode::from(u8::from(!told.is_empty() || !findings.iter().all(is_whole))))
}

/// The findings, and lines that could not be read.
fn of_captures(paths: &[PathBuf]) -> Result<(Vec<Finding>, Vec<String>), Failure> {
    let fault = |error: CaptureError| Failure::from(OfflineError::from(error));
    let mut examination = Examination::new();
    let mut capture = Capture::open(paths, None).map_err(fault)?;
    let read = capture.replay(|_, request| {
        examination.take(request);
        true
    });
    read.map_err(fault)?;
    let broken = capture.broken().into_iter().map(|(sentence, count)| format!("{sentence} ({count})"));
    Ok((examination.findings(), broken.collect()))
}

/// The findings of what the collector has stored. It stores nothing of metrics that it does not understand; its diagnosis names
/// them.
fn of_collector(common: &Common) -> Result<(Vec<Finding>, Vec<String>), Failure> {
    let diagnosis = super::client(common)?.diagnosis()?;
    let is_told = |spot: &&BlindSpot| matches!(spot, BlindSpot::NotUnderstood { .. });
    let told = diagnosis.blind_spots.iter().filter(is_told).map(ToString::to_string).collect();
    let stored = Stored::of_collector(common, Window::default())?;
    if stored.is_empty() {
        return Ok((Vec::new(), told));
    }
    let (findings, _) = of_captures(&[stored.path()])?;
    Ok((findings, told))
}
