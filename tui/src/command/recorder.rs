//! Flight recorders on this host, as the collector's receiver sees them.

use crate::cli::TextOrJson;
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::report::text::line;
use firstbad_collector::recorder::{self, Found, Place, RecorderEntry, RecorderState};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `firstbad recorder list`.
///
/// # Errors
/// If the output cannot be written.
pub(super) fn list(directories: &[PathBuf], format: TextOrJson) -> Result<ExitCode, Failure> {
    let chosen = !directories.is_empty();
    let directories = if chosen { directories.to_vec() } else { recorder::search_list() };
    let entries = recorder::list(&directories);
    let mut places = recorder::places(&directories);
    // Who names a directory does not ask about others.
    places.retain(|place| place.is_read || !chosen);
    match format {
        TextOrJson::Json => print_json(&entries)?,
        TextOrJson::Text => {
            print(&entries.iter().map(told).collect::<String>())?;
            eprint!("{}", looked_at(&places));
        }
    }
    eprint!(
        "{}",
        places.iter().filter_map(Place::problem).map(|problem| line(&format!("hint: {problem}"))).collect::<String>()
    );
    Ok(ExitCode::SUCCESS)
}

/// Where it was looked, and what is there.
fn looked_at(places: &[Place]) -> String {
    let read = places.iter().filter(|place| place.is_read).map(|place| {
        let found = match place.found {
            Found::Missing => "not there".to_owned(),
            Found::Denied => "may not be listed".to_owned(),
            Found::Recorders(count) => format!("recorders: {count}"),
        };
        format!("{} ({found})", place.path.display())
    });
    line(&format!("looked in {}", read.collect::<Vec<_>>().join(", ")))
}

fn told(entry: &RecorderEntry) -> String {
    let state = match entry.state {
        RecorderState::Live => "live",
        RecorderState::Dead => "dead",
        RecorderState::Unreadable => "unreadable",
        RecorderState::ForeignLayout => "foreign layout",
    };
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let pid = entry.pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
    let mut text = line(&format!("{state:14} {}", entry.path.display()));
    if let Some(problem) = &entry.problem {
        return text + &line(&format!("  {problem}"));
    }
    let ended = match (entry.clean, entry.reported) {
        (None, _) => String::new(),
        (Some(true), _) => ", ended cleanly".to_owned(),
        (Some(false), true) => ", died, reported".to_owned(),
        (Some(false), false) => ", died, not yet reported".to_owned(),
    };
    text +=
        &line(&format!("  {} on {}, process {pid}, {} bytes{ended}", or(&entry.service), or(&entry.host), entry.size));
    text + &entry.active.iter().map(|active| line(&format!("  {active}"))).collect::<String>()
}

/// `firstbad recorder dump`.
///
/// # Errors
/// If the file is no recorder that can be read.
pub(super) fn dump(file: &Path, format: TextOrJson) -> Result<ExitCode, Failure> {
    let dump = recorder::dump(file)?;
    match format {
        TextOrJson::Json => print_json(&dump)?,
        TextOrJson::Text => {
            let mut text = told(&dump.entry);
            text.extend(dump.resource.iter().map(|(key, value)| line(&format!("  {key}={value}"))));
            text.extend(dump.lines.iter().map(|told| line(told)));
            print(&text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
