//! `firstbad purge`: one host's or one text's data out of a collector's store, and out of backups. What goes is decided by
//! `firstbad_collector::store`.

use crate::cli::{PurgeArgs, TextOrJson};
use crate::failure::Failure;
use crate::output::{print, print_json};
use firstbad_collector::settings::Clock;
use firstbad_collector::store::{PurgeError, Purged, Subject, Who, purge as clean, purge_backup};
use firstbad_protocol::Untrusted;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// `firstbad purge`.
///
/// # Errors
/// If a store cannot be read or changed.
pub(super) fn purge(arguments: &PurgeArgs) -> Result<ExitCode, Failure> {
    let subject = match (&arguments.host, &arguments.text) {
        (Some(host), _) => Subject::host(host),
        (None, Some(text)) => Subject::text(text),
        (None, None) => {
            return Err(Failure::new("nothing to purge was named").hint("name it: --host NAME or --text TEXT"));
        }
    };
    let subject = subject.map_err(Failure::new)?;
    let user = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "unknown".to_owned());
    let by = Who { user: &user, at: Clock::default().now() };
    let mut all = Vec::new();
    if let Some(directory) = &arguments.data_dir {
        let purged = clean(directory, &subject, &by).map_err(|error| hinted(&error))?;
        all.push(Cleaned { store: directory, purged });
    }
    for file in &arguments.backups {
        let purged = purge_backup(file, &subject).map_err(|error| hinted(&error))?;
        all.push(Cleaned { store: file, purged });
    }
    match arguments.format {
        TextOrJson::Json => print_json(&all)?,
        TextOrJson::Text => all.iter().try_for_each(tell)?,
    }
    let is_left = all.iter().any(|cleaned| !cleaned.purged.left.is_empty());
    Ok(if is_left { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A store, and what was taken out of it.
#[derive(Serialize)]
struct Cleaned<'a> {
    store: &'a Path,
    purged: Purged,
}

fn hinted(error: &PurgeError) -> Failure {
    let told = Failure::new(error);
    match error {
        PurgeError::Store(_) => told.hint("stop the collector, and run it as the user that the collector runs as"),
        PurgeError::Unfinished(_) | PurgeError::Audit { .. } => told,
    }
}

fn tell(Cleaned { store, purged }: &Cleaned<'_>) -> Result<(), Failure> {
    let Purged { observations, records, contents, incidents, words, left } = purged;
    let shown = |path: &Path| Untrusted(&path.display().to_string()).to_string();
    let deleted = format!("{observations} observations, {records} event records, {contents} contents, {words} words");
    print(&format!("{}: deleted {deleted}; replaced in {incidents} incidents\n", shown(store)))?;
    left.iter().try_for_each(|file| print(&format!("{} may still hold it, and was not changed\n", shown(file))))
}
