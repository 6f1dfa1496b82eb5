//! The live collector from a script: `status`, `incidents`, `report`, `bundle`.

use super::standing::Standing;
use crate::cli::{BundleArgs, Common, Format, LiveArgs, ReportArgs, TextOrJson};
use crate::failure::Failure;
use crate::output::{print, print_bytes, print_json};
use crate::report;
use firstbad_collector::{Client, Status, Update, diagnosis_json};
use firstbad_protocol::Untrusted;
use firstbad_protocol::sentence::sentence;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Diagnosis, Incident, State};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `firstbad status`.
///
/// # Errors
/// If the collector does not answer.
pub(super) fn status(common: &Common, arguments: &LiveArgs) -> Result<ExitCode, Failure> {
    let client = super::client(common)?;
    let mut told = false;
    let say = |client: &Client| -> Result<Standing, Failure> {
        let (status, snapshot) = (client.status()?, client.snapshot()?);
        match (arguments.format, arguments.watch) {
            (TextOrJson::Text, watch) => {
                // Between two blocks of a watch stands an empty line.
                let divider = if std::mem::replace(&mut told, true) && watch { "\n" } else { "" };
                print(&format!("{divider}{}", report::text::status(client.base(), &status, &snapshot)))?;
            }
            (TextOrJson::Json, false) => print_json(&json!({"collector": status, "snapshot": snapshot}))?,
            (TextOrJson::Json, true) => print(&format!("{}\n", json!({"collector": status, "snapshot": snapshot})))?,
        }
        Ok(standing(&status, &snapshot))
    };
    once_or_at_each_change(&client, arguments.watch, say)
}

/// Only incidents that are not over count.
fn standing_of(incidents: &[Incident]) -> Standing {
    let open = incidents.iter().any(|incident| incident.state != State::Resolved);
    if open { Standing::Incident } else { Standing::Calm }
}

/// A collector is blind, whatever it saw before, if it can store nothing, is not ready, or no host reports to it any more.
fn standing(status: &Status, snapshot: &Snapshot) -> Standing {
    let fleet = snapshot.fleet;
    let everybody_is_silent = fleet.hosts_reporting == 0 && fleet.hosts_silent > 0;
    if status.degraded.is_some() || !status.not_ready.is_empty() || everybody_is_silent {
        Standing::Blind
    } else {
        standing_of(&snapshot.diagnosis.incidents)
    }
}

/// `firstbad incidents`.
///
/// # Errors
/// If the collector does not answer.
pub(super) fn incidents(common: &Common, arguments: &LiveArgs) -> Result<ExitCode, Failure> {
    let client = super::client(common)?;
    let mut before = None;
    let say = |client: &Client| -> Result<Standing, Failure> {
        let incidents = client.incidents()?;
        let text = match (arguments.format, arguments.watch) {
            (TextOrJson::Text, _) => incidents.iter().map(incident_line).collect(),
            (TextOrJson::Json, false) => serde_json::to_string_pretty(&incidents).map_err(Failure::new)? + "\n",
            (TextOrJson::Json, true) => serde_json::to_string(&incidents).map_err(Failure::new)? + "\n",
        };
        if before.as_ref() != Some(&text) {
            print(&text)?;
            before = Some(text);
        }
        if incidents.is_empty() && arguments.format == TextOrJson::Text && !arguments.watch {
            eprintln!("no incident in what {} sees; firstbad status says how much that is", client.base());
        }
        Ok(standing_of(&incidents))
    };
    once_or_at_each_change(&client, arguments.watch, say)
}

fn incident_line(incident: &Incident) -> String {
    format!("{} {}{}\n", Untrusted(&incident.id), crate::facts::said_in_brief(incident), sentence(incident))
}

/// Runs `say` once, or with `watch` again after each publication. Returns its last answer as the exit code.
fn once_or_at_each_change(
    client: &Client,
    watch: bool,
    mut say: impl FnMut(&Client) -> Result<Standing, Failure>,
) -> Result<ExitCode, Failure> {
    let mut standing = say(client)?;
    if watch {
        let follower = client.follow();
        while let Ok(update) = follower.updates().recv() {
            match update {
                Update::Snapshot(_) => standing = say(client)?,
                Update::Lost(error) => eprintln!("firstbad: {}; trying again", Untrusted(&error.to_string())),
            }
        }
    }
    Ok(standing.into())
}

/// The id that `latest` stands for: of the incidents that are not over, else of all, the one that began last.
///
/// # Errors
/// If there is none.
pub(super) fn id_of(client: &Client, id: &str) -> Result<String, Failure> {
    if id != "latest" {
        return Ok(id.to_owned());
    }
    let incidents = client.incidents()?;
    let newest = incidents.iter().max_by_key(|incident| (incident.state != State::Resolved, incident.onset));
    newest.map(|incident| incident.id.clone()).ok_or_else(|| {
        Failure::new(format!("{} knows no incident", client.base())).hint("firstbad status says who reports to it")
    })
}

/// The diagnosis with that incident alone.
fn only(diagnosis: Diagnosis, id: &str) -> Diagnosis {
    let incidents = diagnosis.incidents.into_iter().filter(|incident| incident.id == id).collect();
    Diagnosis { incidents, ..diagnosis }
}

/// `firstbad report`.
///
/// # Errors
/// If the collector does not answer or does not know the incident.
pub(super) fn report(common: &Common, arguments: &ReportArgs) -> Result<ExitCode, Failure> {
    let client = super::client(common)?;
    let id = id_of(&client, &arguments.id)?;
    let diagnosis = only(client.incident_diagnosis(&id)?, &id);
    let snapshot = client.snapshot()?;
    match arguments.format {
        Format::Json => print(&diagnosis_json(&diagnosis))?,
        Format::Text => print(&report::text::diagnosis(&snapshot, &diagnosis))?,
        Format::Markdown => {
            print(&report::markdown::diagnosis(&snapshot, &diagnosis, Some(&super::source::kept_by(&client))))?
        }
        Format::Html => print(&report::html::diagnosis(&snapshot, &diagnosis, Some(&super::source::kept_by(&client))))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `firstbad bundle`.
///
/// # Errors
/// If the collector does not answer or does not know the incident, or the file cannot be written.
pub(super) fn bundle(common: &Common, arguments: &BundleArgs) -> Result<ExitCode, Failure> {
    let client = super::client(common)?;
    let id = id_of(&client, &arguments.id)?;
    let bytes = client.bundle(&id)?;
    if arguments.output.as_deref() == Some(Path::new("-")) {
        print_bytes(&bytes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = arguments.output.clone().unwrap_or_else(|| PathBuf::from(file_name(&id)));
    std::fs::write(&path, &bytes).map_err(|error| {
        Failure::new(format!("cannot write the bundle to {}: {error}", path.display()))
            .hint("-o FILE names another place, -o - standard output")
    })?;
    match arguments.format {
        TextOrJson::Json => print_json(&json!({"incident": id, "file": path, "bytes": bytes.len()}))?,
        TextOrJson::Text => print(&format!("{}\n", Untrusted(&path.display().to_string())))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn file_name(id: &str) -> String {
    plain_name(id) + ".tar.zst"
}

/// An incident's id as a file name. The id was received over the network, so every character that could name another directory is
/// replaced.
pub(super) fn plain_name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    id.chars().take(100).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::{Standing, Status, file_name, standing};
    use crate::fixture;
    use firstbad_protocol::verdict::Signal;

    #[test]
    fn a_blind_collector_is_neither_calm_nor_wrong() {
        let well = Status::default();
        let full = Status { degraded: Some("the disk is full".to_owned()), ..Status::default() };
        let mut silent = fixture::named();
        (silent.fleet.hosts_reporting, silent.fleet.hosts_silent) = (0, 24);
        let mut refused = fixture::calm();
        refused.diagnosis.incidents = vec![fixture::refused()];
        assert_eq!(standing(&well, &fixture::calm()), Standing::Calm);
        assert_eq!(standing(&well, &fixture::named()), Standing::Incident);
        assert_eq!(standing(&well, &refused), Standing::Incident, "a refusal is an incident");
        assert_eq!(standing(&full, &fixture::calm()), Standing::Blind);
        assert_eq!(standing(&full, &fixture::named()), Standing::Blind);
        assert_eq!(standing(&well, &silent), Standing::Blind);
        assert_eq!(standing(&well, &fixture::empty()), Standing::Calm, "nobody ever reported");
        assert_eq!(fixture::refused().signals, [Signal::Loads]);
    }

    #[test]
    fn an_id_never_leaves_the_directory() {
        assert_eq!(file_name("20251118-112804-errors"), "20251118-112804-errors.tar.zst");
        assert_eq!(file_name("../../etc/passwd\u{1b}"), "______etc_passwd_.tar.zst");
    }
}
