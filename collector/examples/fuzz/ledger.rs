//! The runs so far, a line of CSV each: what was fuzzed, for how long, and whether anything failed.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

const HEAD: &str = "target,seed,cpu_seconds,inputs,outcomes,failures";

/// One run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) target: String,
    pub(crate) seed: u64,
    pub(crate) cpu_seconds: u64,
    pub(crate) inputs: u64,
    /// Different outcomes: the more there are, the more of the parser was reached.
    pub(crate) outcomes: u64,
    pub(crate) failures: u64,
}

/// All runs, and where they are written.
pub(crate) struct Ledger {
    path: Option<PathBuf>,
    entries: Vec<Entry>,
}

impl Ledger {
    /// Reads the runs in a file; one that is not there is made.
    pub(crate) fn open(path: Option<PathBuf>) -> Result<Self, Box<dyn std::error::Error>> {
        let text = match &path {
            Some(path) if path.exists() => std::fs::read_to_string(path)?,
            _ => format!("{HEAD}\n"),
        };
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            return Err(format!("the ledger does not begin with {HEAD}").into());
        }
        let entries = lines.map(entry).collect::<Result<_, _>>()?;
        Ok(Self { path, entries })
    }

    /// How often a target was run.
    pub(crate) fn runs(&self, target: &str) -> u64 {
        self.entries.iter().filter(|entry| entry.target == target).count() as u64
    }

    /// Adds a run, on disk when this returns.
    pub(crate) fn add(&mut self, entry: Entry) -> Result<(), Box<dyn std::error::Error>> {
        if let Some(path) = &self.path {
            let is_new = !path.exists();
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            if is_new {
                writeln!(file, "{HEAD}")?;
            }
            let Entry { target, seed, cpu_seconds, inputs, outcomes, failures } = &entry;
            writeln!(file, "{target},{seed},{cpu_seconds},{inputs},{outcomes},{failures}")?;
            file.sync_data()?;
        }
        self.entries.push(entry);
        Ok(())
    }

    /// What was done of a target, all runs together.
    pub(crate) fn line(&self, target: &str) -> String {
        let of = || self.entries.iter().filter(|entry| entry.target == target);
        let sum = |number: fn(&Entry) -> u64| of().map(number).sum::<u64>();
        let (inputs, seconds) = (sum(|entry| entry.inputs), sum(|entry| entry.cpu_seconds));
        let outcomes = of().map(|entry| entry.outcomes).max().unwrap_or(0);
        let failures = sum(|entry| entry.failures);
        format!("{target}: {seconds} CPU s, {inputs} inputs, {outcomes} outcomes, {failures} failures")
    }
}

fn entry(line: &str) -> Result<Entry, Box<dyn std::error::Error>> {
    let fields: Vec<&str> = line.split(',').collect();
    let [target, seed, cpu_seconds, inputs, outcomes, failures] = fields.as_slice() else {
        return Err(format!("a line of the ledger has {} fields: {line}", fields.len()).into());
    };
    Ok(Entry {
        target: (*target).to_owned(),
        seed: seed.parse()?,
        cpu_seconds: cpu_seconds.parse()?,
        inputs: inputs.parse()?,
        outcomes: outcomes.parse()?,
        failures: failures.parse()?,
    })
}
