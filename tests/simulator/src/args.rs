//! The bench's command line.

pub use crate::glob::fits;
use crate::overrides::Overrides;
use crate::table::Gates;
use std::path::PathBuf;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// Runs per scenario.
    pub seeds: u64,
    /// First seed.
    pub first_seed: u64,
    /// Scenarios by name, `*` for any text.
    pub scenario: String,
    /// Overrides.
    pub overrides: Overrides,
    /// Whether to print JSON.
    pub json: bool,
    /// Whether to print every failing run.
    pub verbose: bool,
    /// Threads.
    pub jobs: usize,
    /// Where to write the first seed of each scenario as a capture, instead of running the engine.
    pub capture: Option<PathBuf>,
    /// Classes to run, with commas: `positive`, `negative`, `open`, `confounded`; all when empty.
    pub class: String,
    /// Ledger into which the outcomes are written.
    pub ledger: Option<PathBuf>,
    /// Directory of scenarios, if not the project's.
    pub directory: Option<PathBuf>,
    /// Prints each change of the answer over time.
    pub trace: bool,
    /// Prints what the first seed looks like, minute by minute, instead of running the engine.
    pub shape: bool,
    /// Prints the final verdict of every run as text, instead of the table.
    pub text: bool,
    /// Whether the simple methods are asked as well.
    pub simple: bool,
    /// Gates.
    pub gates: Gates,
}

/// How to use it.
pub const USAGE: &str = "\
firstbad-simulator [--seeds N] [--first-seed S] [--scenario GLOB] [--hosts N] [--format text|json] [--verbose] [--trace]
                   [--shape] [--text] [--simple] [--interval S] [--rps-scale X] [--jitter-scale X] [--noise-scale X]
                   [--style full|standard] [--class LIST] [--ledger FILE] [--jobs N] [--capture FILE] [--directory DIR]
                   [--gate-top1 0.99] [--gate-property 0.95] [--gate-median-s 30] [--gate-p95-s 120] [--gate-false 0]
                   [--gate-exoneration 0]
Exit code 0 if every gate holds, 1 if one fails, 2 on trouble.";

/// Reads the command line.
///
/// # Errors
/// If a flag is unknown or its value cannot be read.
pub fn parse(words: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut args = Args { seeds: 10, first_seed: 1, scenario: "*".into(), jobs: 1, ..Args::default() };
    let mut words = words.peekable();
    while let Some(flag) = words.next() {
        match flag.as_str() {
            "--verbose" => args.verbose = true,
            "--simple" => args.simple = true,
            "--shape" => args.shape = true,
            "--text" => args.text = true,
            "--trace" => args.trace = true,
            "--help" | "-h" => return Err(USAGE.into()),
            _ => {
                let value = words.next().ok_or_else(|| format!("{flag} needs a value\n{USAGE}"))?;
                set(&mut args, &flag, &value)?;
            }
        }
    }
    Ok(args)
}

fn set(args: &mut Args, flag: &str, value: &str) -> Result<(), String> {
    match flag {
        "--seeds" => args.seeds = number(flag, value)?,
        "--first-seed" => args.first_seed = number(flag, value)?,
        "--scenario" => args.scenario = value.into(),
        "--hosts" => args.overrides.hosts = Some(number(flag, value)?),
        "--interval" => args.overrides.interval_s = Some(number(flag, value)?),
        "--rps-scale" => args.overrides.rps_scale = Some(number(flag, value)?),
        "--jitter-scale" => args.overrides.jitter_scale = Some(number(flag, value)?),
        "--noise-scale" => args.overrides.noise_scale = Some(number(flag, value)?),
        "--style" => args.overrides.standard = Some(value == "standard"),
        "--format" => args.json = value == "json",
        "--jobs" => args.jobs = number(flag, value)?,
        "--capture" => args.capture = Some(value.into()),
        "--class" => args.class = value.into(),
        "--ledger" => args.ledger = Some(value.into()),
        "--directory" => args.directory = Some(value.into()),
        "--gate-top1" => args.gates.top1 = number(flag, value)?,
        "--gate-property" => args.gates.property = number(flag, value)?,
        "--gate-median-s" => args.gates.median_s = number(flag, value)?,
        "--gate-p95-s" => args.gates.p95_s = number(flag, value)?,
        "--gate-false" => args.gates.false_accusations = number(flag, value)?,
        "--gate-exoneration" => args.gates.exonerations = number(flag, value)?,
        _ => return Err(format!("unknown flag {flag}\n{USAGE}")),
    }
    Ok(())
}

fn number<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{flag} {value}: not a number"))
}
