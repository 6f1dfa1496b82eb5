//! Writes the derived files below `deploy`.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = deploy.parent().unwrap_or(deploy);
    let files = match firstbad_deploy::files(root) {
        Ok(files) => files,
        Err(mistake) => {
            eprintln!("{mistake}");
            return ExitCode::FAILURE;
        }
    };
    for file in files {
        if let Err(error) = std::fs::write(deploy.join(&file.path), &file.text) {
            eprintln!("{}: {error}", file.path);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
