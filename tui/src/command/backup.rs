//! `firstbad backup`: the store of a collector in one file. How it is copied is decided by `firstbad_collector::store`.

use crate::cli::{BackupArgs, Common, TextOrJson};
use crate::failure::Failure;
use crate::output::{print, print_json};
use firstbad_collector::store::{BackedUp, BackupError, backup as copy};
use firstbad_protocol::Untrusted;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// `firstbad backup`.
///
/// # Errors
/// If the store cannot be found or read, or the file not be written.
pub(super) fn backup(common: &Common, arguments: &BackupArgs) -> Result<ExitCode, Failure> {
    let directory = match &arguments.data_dir {
        Some(directory) => directory.clone(),
        None => of_collector(common)?,
    };
    let BackedUp { bytes, extent } = copy(&directory, &arguments.file).map_err(|error| {
        let told = Failure::new(&error);
        match error {
            BackupError::Exists(_) => told.hint("name another file, such as one with the date"),
            BackupError::Write { .. } => told.hint("name a file in a directory that you can write"),
            BackupError::Store(_) => told
                .hint("run it on the collector's machine, as the user that it runs as; --data-dir DIR names its store"),
        }
    })?;
    let file = Untrusted(&arguments.file.display().to_string()).to_string();
    match arguments.format {
        TextOrJson::Json => print_json(&json!({
            "file": arguments.file,
            "bytes": bytes,
            "batches": extent.map(|extent| json!({"first": extent.first, "last": extent.last})),
            "last_commit": extent.map(|extent| extent.last_tick),
        }))?,
        TextOrJson::Text => {
            let holds = extent.map_or_else(
                || "nothing was stored yet".to_owned(),
                |extent| format!("commits {} to {}, the last of {}", extent.first, extent.last, extent.last_tick),
            );
            print(&format!("{file}: {bytes} bytes, {holds}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the collector says that its store is, if that is a place on this machine.
fn of_collector(common: &Common) -> Result<PathBuf, Failure> {
    let client = super::client(common)?;
    let directory = PathBuf::from(client.status()?.data_dir);
    if directory.join("firstbad.db").is_file() {
        return Ok(directory);
    }
    let said = format!("{} keeps its store in {}, which cannot be read from here", client.base(), directory.display());
    Err(Failure::new(said).hint("run it on the collector's machine, as the user that it runs as"))
}
