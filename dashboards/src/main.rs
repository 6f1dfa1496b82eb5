//! Writes the dashboards into the directory that is named, by default `dashboards/grafana` of this repository.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana");
    let directory = std::env::args_os().nth(1).map_or_else(default, PathBuf::from);
    match write(&directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

fn write(directory: &Path) -> std::io::Result<()> {
    for file in firstbad_dashboards::files() {
        let path = directory.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, &file.text)?;
    }
    Ok(())
}
