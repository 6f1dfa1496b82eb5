//! The ledger of draws: one line for each, so that no draw runs twice and none is forgotten. An interrupted run continues
//! after its last line. Each shard writes its own file; the files are read together.

use anyhow::Context;
use firstbad_simulator::composer::Outcome;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Reads every line of the ledgers `paths`. A missing file counts as an empty one.
///
/// # Errors
/// If a line cannot be read: a sum over a damaged ledger would be wrong.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for path in paths.iter().filter(|path| path.exists()) {
        let mut reader = csv::Reader::from_path(path).with_context(|| format!("reading {}", path.display()))?;
        for line in reader.deserialize() {
            outcomes.push(line.with_context(|| format!("{} holds a line that is none of a ledger", path.display()))?);
        }
    }
    Ok(outcomes)
}

/// Returns the seeds that `engine` has already run.
#[must_use]
pub fn done(outcomes: &[Outcome], engine: &str) -> BTreeSet<u64> {
    outcomes.iter().filter(|outcome| outcome.engine == engine).map(|outcome| outcome.seed).collect()
}

/// Appends `outcome` to the ledger at `path` in one write, so that no half line remains after an interruption.
///
/// # Errors
/// If the file cannot be written.
pub fn append(path: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    let doing = || format!("writing {}", path.display());
    let new = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
    let mut writer = csv::WriterBuilder::new().has_headers(new).from_writer(Vec::new());
    writer.serialize(outcome).with_context(doing)?;
    let line = writer.into_inner().map_err(|error| error.into_error()).with_context(doing)?;
    let mut file = OpenOptions::new().create(true).append(true).open(path).with_context(doing)?;
    file.write_all(&line).with_context(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(seed: u64, engine: &str) -> Outcome {
        Outcome {
            seed,
            engine: engine.into(),
            said: "cause, \"quoted\"\nand more".into(),
            to_name_s: Some(1.5),
            ..Outcome::default()
        }
    }

    #[test]
    fn a_ledger_is_read_back_and_goes_on_where_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.csv");
        assert!(read(std::slice::from_ref(&path)).unwrap().is_empty());
        let lines = [outcome(7, "abc"), outcome(9, "abc"), outcome(7, "def")];
        lines.iter().for_each(|line| append(&path, line).unwrap());
        let again = read(&[path.clone(), directory.path().join("none.csv")]).unwrap();
        assert_eq!(again, lines);
        assert_eq!(done(&again, "abc"), BTreeSet::from([7, 9]));
        std::fs::write(&path, "seed,hosts\n1,2\n").unwrap();
        assert!(read(&[path]).is_err(), "a file with other columns is an error");
    }
}
