//! `firstbad export`: what a collector has stored, to standard output. What is exported, and how it is written, is decided by
//! `firstbad_collector::export`.

use crate::cli::{Common, ExportArgs, ExportFormat};
use crate::failure::Failure;
use crate::output::print_bytes;
use firstbad_collector::export::{ExportError, Form, Options, export_alone as write};
use firstbad_collector::store::StoreError;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

/// Bytes of a live export that are read and written at once.
const CHUNK_BYTES: usize = 64 << 10;

/// `firstbad export`.
///
/// # Errors
/// If the store cannot be read, or not to its end.
pub(super) fn export(common: &Common, arguments: &ExportArgs) -> Result<ExitCode, Failure> {
    if let (Some(from), Some(to)) = (arguments.from, arguments.to)
        && from > to
    {
        return Err(Failure::new(format!("the window is empty: {from} is later than {to}"))
            .hint("--from T comes first, then --to T"));
    }
    let format = match arguments.format {
        ExportFormat::Capture => Form::Capture,
        ExportFormat::Ndjson => Form::Ndjson,
    };
    let options = Options { from: arguments.from, to: arguments.to, format };
    match &arguments.data_dir {
        Some(directory) => of_directory(directory, &options)?,
        None => live(common, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn of_directory(directory: &Path, options: &Options) -> Result<(), Failure> {
    let mut stopped = None;
    let written = write(directory, options, &mut |chunk| {
        print_bytes(&chunk).map_err(|failure| {
            stopped = Some(failure);
            io::ErrorKind::Other.into()
        })
    });
    match (written, stopped) {
        (_, Some(failure)) => Err(failure),
        (Err(ExportError::Store(error)), None) => Err(of_store(&error)),
        (Err(error), None) => Err(Failure::new(&error)),
        (Ok(()), None) => Ok(()),
    }
}

fn live(common: &Common, options: &Options) -> Result<(), Failure> {
    read_live(common, options, &mut print_bytes)
}

/// Reads what a running collector has stored, chunk by chunk.
///
/// # Errors
/// If it does not answer, breaks off, or `take` fails.
pub(super) fn read_live(
    common: &Common,
    options: &Options,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let client = super::client(common)?;
    let mut body = client.export(options)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut written: u64 = 0;
    loop {
        let read = body.read(&mut buffer).map_err(|error| {
            Failure::new(format!("the export from {} broke off after {written} bytes: {error}", client.base()))
                .hint("what was read is incomplete; the collector's log says why, if it still runs")
        })?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else { return Ok(()) };
        take(chunk)?;
        written = written.saturating_add(read as u64);
    }
}

/// A store that is read without its collector.
fn of_store(error: &StoreError) -> Failure {
    let told = Failure::new(error);
    match error {
        StoreError::Held { .. } => told
            .hint("export from the running collector instead: leave --data-dir out, and name it with --collector URL"),
        StoreError::Missing(_) => {
            told.hint("--data-dir names the directory that `firstbad collect --data-dir` was given")
        }
        StoreError::Damaged { .. } | StoreError::Database { .. } => told.hint(
            "what was written before this is incomplete; a collector that starts on a damaged store moves it aside",
        ),
        _ => told,
    }
}
