//! The one list of commands and flags: parser, help, manual page and completions come from it. What a command does is
//! decided in `command`.

mod generate;
mod rollout;
mod screen;
mod stored;
mod used;
mod words;

pub(crate) use generate::{CertsArgs, GenerateCommand, PictureArgs, TokenArgs, Unit};
pub(crate) use rollout::{BisectArgs, BisectCommand, GateArgs};
pub(crate) use screen::{ScreenArgs, ThemeName};
pub(crate) use stored::{BacktestArgs, BackupArgs, DoctorArgs, ExportArgs, ExportFormat, PurgeArgs};
pub(crate) use used::command;
pub(crate) use words::{QuietArgs, WordArgs};

use crate::demo::DemoArgs;
use crate::failure::Failure;
use clap::parser::ValueSource;
use clap::{Args, FromArgMatches, Parser, Subcommand, ValueEnum};
use firstbad_collector::run::RoleArgs;
use firstbad_collector::settings::{AgentArgs, CollectArgs, ConnectArgs};
use firstbad_protocol::time::Timestamp;
use std::path::PathBuf;

/// Names the input that broke the fleet: which version, since when, where, and what to do.
///
/// Without a command it shows the terminal UI: of the collector given by --collector, else of one on 127.0.0.1:4319, else
/// of one that it runs itself.
///
/// Exit codes: 0 clean, 1 a finding or an incident, 2 trouble.
#[derive(Debug, Parser)]
#[command(name = "firstbad", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Configuration file (TOML) of the embedded collector; FIRSTBAD_* and flags win over it
    #[arg(short, long, value_name = "FILE", env = "FIRSTBAD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Plain lines instead of the screen, each fact said once when it is new: for screen readers and logs
    #[arg(long)]
    pub(crate) plain: bool,
    #[command(flatten)]
    pub(crate) screen: ScreenArgs,
    #[command(flatten, next_help_heading = "Embedded collector")]
    pub(crate) collect: CollectArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Query API of the collector to ask
    #[arg(long, global = true, value_name = "URL", env = "FIRSTBAD_COLLECTOR")]
    pub(crate) collector: Option<String>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// No colours; NO_COLOR does the same
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Nothing beyond ASCII on the screen
    #[arg(long, global = true)]
    pub(crate) ascii: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play the outage of 18 November 2025 on this machine, with real processes and a real bad file
    Demo(DemoArgs),
    /// Run the collector alone
    Collect(Box<Configured<CollectArgs>>),
    /// Ship this host's recorders to a collector
    Agent(Box<Configured<AgentArgs>>),
    /// Verdict of captures or a bundle, offline; exit code 1 if there is an incident, 2 if nothing was understood
    Diagnose(DiagnoseArgs),
    /// Terminal UI over captures or a bundle, with time travel
    Replay(ReplayArgs),
    /// State of the fleet and its collector; exit code 1 if an incident is open, 2 if the collector is blind
    Status(LiveArgs),
    /// Incidents that the collector knows; exit code 1 if one is not over
    Incidents(LiveArgs),
    /// The report of one incident
    Report(ReportArgs),
    /// Everything about one incident in one file, for diagnosis elsewhere
    Bundle(BundleArgs),
    /// Where the numbers of a verdict come from; --verify computes them again
    Explain(ExplainArgs),
    /// Say that an incident was seen: its page is not repeated; --undo takes it back
    Ack(WordArgs),
    /// Say that what an incident accuses is not the cause; --undo takes it back
    Dispute(WordArgs),
    /// Hold pages for a while: a maintenance, a host known to be noisy. What is still open at the end pages then
    Quiet(QuietArgs),
    /// Everything that a collector has stored, as a capture or as JSON objects, to standard output
    Export(ExportArgs),
    /// What past data would have led to: incidents, names, and who would have been woken; exit code 1 if there are any
    Backtest(BacktestArgs),
    /// Wait, and say whether the rollout of a version may go on: exit code 0 go, 1 bad, 2 not known
    Gate(GateArgs),
    /// Find the first bad version of a config with a command of your own
    #[command(subcommand)]
    Bisect(BisectCommand),
    /// What each sender lacks for a full verdict, and how its SDK sets it; exit code 1 if anything is missing
    Doctor(DoctorArgs),
    /// Copy a collector's store to a file, while it runs
    Backup(BackupArgs),
    /// Take one host's or one text's data out of a store that no collector has open, and out of backups. Exit code 1 if files that
    /// may still hold it are left
    Purge(PurgeArgs),
    /// Would this input be safe to push? Exit code 1 if something was found
    Check(CheckArgs),
    /// Row-level difference of two versions; exit code 1 if they differ
    Diff(DiffArgs),
    /// Places of a release binary that may panic; with --against, exit code 1 if some of them are new
    Audit(AuditArgs),
    /// What to do, by failure mode; nothing is ever run
    #[command(subcommand)]
    Playbook(PlaybookCommand),
    /// Flight recorders on this host
    #[command(subcommand)]
    Recorder(RecorderCommand),
    /// Sample configuration, certificates, tokens, shell completion, manual page, units for systemd
    #[command(subcommand, name = "gen")]
    Generate(GenerateCommand),
}

/// Flags of a role, and those that every role has.
#[derive(Clone, Debug, Args)]
pub(crate) struct Configured<T: Args> {
    #[command(flatten)]
    pub(crate) run: RoleArgs,
    #[command(flatten)]
    pub(crate) role: T,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading
    #[default]
    Text,
    /// The contract's objects, schema 1
    Json,
    /// For a ticket or a postmortem
    Markdown,
    /// One file for a browser, with charts
    Html,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOrJson {
    /// For reading
    #[default]
    Text,
    /// For programs
    Json,
}

/// What is replayed and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct Replayed {
    /// Captures (OTLP/JSON lines, .gz and .zst too, `-` is standard input), merged by time; or one bundle
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Count this resource attribute among the dimensions that may be a cause; may be repeated
    #[arg(long = "dimension", value_name = "KEY")]
    pub(crate) dimensions: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DiagnoseArgs {
    #[command(flatten)]
    pub(crate) replayed: Replayed,
    /// Know only what has time <= T (RFC 3339), and rank suspects as of T even if no detector fired
    #[arg(long, value_name = "T")]
    pub(crate) at: Option<Timestamp>,
    /// Read as data only what has time >= T (RFC 3339). What lies before tells which versions were active and where
    /// counters stood, and nothing else
    #[arg(long, value_name = "T")]
    pub(crate) from: Option<Timestamp>,
    /// Read only what has time <= T (RFC 3339)
    #[arg(long, value_name = "T")]
    pub(crate) to: Option<Timestamp>,
    /// How to print the verdict
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) replayed: Replayed,
    #[command(flatten)]
    pub(crate) screen: ScreenArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LiveArgs {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
    /// Print again whenever something changed, until interrupted
    #[arg(short, long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The incident's id, or `latest`
    pub(crate) id: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// The incident's id, or `latest`
    pub(crate) id: String,
    /// Where to write it; `-` is standard output [default: ID.tar.zst]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How to say what was written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The incident's id, `latest`, or a bundle file
    pub(crate) id: String,
    /// Fetch the bundle, compute the verdict again, and compare every number; exit code 1 if one differs
    #[arg(long)]
    pub(crate) verify: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

/// `rows=200`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) limit: u64,
}

impl std::str::FromStr for Limit {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is not NAME=NUMBER, such as rows=200; names are {}", LIMIT_NAMES.join(", "));
        let (name, limit) = text.split_once('=').ok_or_else(refuse)?;
        if !LIMIT_NAMES.contains(&name) {
            return Err(refuse());
        }
        Ok(Self { name: name.to_owned(), limit: limit.parse().map_err(|_| refuse())? })
    }
}

/// What a limit can be on: the facts that are counted in a file.
pub(crate) const LIMIT_NAMES: [&str; 5] = ["rows", "size", "columns", "duplicate_rows", "blank_fields"];

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The config that it is a version of; with --collector, limits that the fleet declares for it are checked too
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
    /// A limit of the reader, such as rows=200; may be repeated
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    pub(crate) limits: Vec<Limit>,
    /// The version that it replaces: a file or a hash. What was already so there is no finding
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<String>,
    /// How the file is read: csv, tsv (header by content), csv-header, csv-rows, tsv-header, tsv-rows, jsonl, json, yaml, toml,
    /// ini, pem, lines, binary [default: by name, else by content]
    #[arg(long = "rows-as", value_name = "FORMAT", value_parser = row_format)]
    pub(crate) rows_as: Option<firstbad_protocol::content::Format>,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier version: a file, or a hash that the collector has (12 hex digits are enough)
    pub(crate) old: String,
    /// The later version
    pub(crate) new: String,
    /// How they are read: csv, tsv (header by content), csv-header, csv-rows, tsv-header, tsv-rows, jsonl, json, yaml, toml,
    /// ini, pem, lines, binary [default: by name, else by content]
    #[arg(long = "rows-as", value_name = "FORMAT", value_parser = row_format)]
    pub(crate) rows_as: Option<firstbad_protocol::content::Format>,
    /// How to print the difference
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

/// Which sites are listed one by one, and where else to look.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The binary: ELF for x86-64 or aarch64, not stripped of its symbols. Nothing of it is run
    #[arg(value_name = "BINARY")]
    pub(crate) binary: PathBuf,
    /// An earlier build: print only what differs from it, and give exit code 1 if sites are new
    #[arg(long, value_name = "OLD")]
    pub(crate) against: Option<PathBuf>,
    /// List the sites in dependencies and in the standard library too, instead of their number by crate
    #[arg(long)]
    pub(crate) all: bool,
    /// List the sites of this crate instead of own code; may be repeated
    #[arg(long = "crate", value_name = "NAME")]
    pub(crate) crates: Vec<String>,
    /// List the sites in files that begin with this path instead of own code; may be repeated
    #[arg(long = "path", value_name = "PREFIX")]
    pub(crate) paths: Vec<String>,
    /// Take only sites of this kind; may be repeated
    #[arg(long = "kind", value_name = "KIND", value_parser = site_kind)]
    pub(crate) kinds: Vec<firstbad_audit::Kind>,
    /// Mark sites that panicked in this capture, bundle or directory of recorders; may be repeated. With --collector, the
    /// first errors of its incidents are marked too
    #[arg(long, value_name = "PATH")]
    pub(crate) seen: Vec<PathBuf>,
    /// The separate debug file [default: by build id or debug link, in /usr/lib/debug and beside the binary]
    #[arg(long, value_name = "FILE")]
    pub(crate) debug_file: Option<PathBuf>,
    /// How to print the sites
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

fn site_kind(word: &str) -> Result<firstbad_audit::Kind, String> {
    use firstbad_audit::Kind;
    let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
    found.ok_or_else(|| format!("known are {}", known.join(", ")))
}

fn row_format(word: &str) -> Result<firstbad_protocol::content::Format, String> {
    use firstbad_protocol::content::Format;
    let known: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
    Format::from_word(word).ok_or_else(|| format!("known are {}", known.join(", ")))
}

#[derive(Debug, Subcommand)]
pub(crate) enum PlaybookCommand {
    /// Names and titles
    List {
        /// Playbooks of this directory instead of the embedded ones
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// One playbook
    Show {
        /// Its name
        name: String,
        /// Playbooks of this directory instead of the embedded ones
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Match playbooks against recorded verdicts (`diagnose --format json`); exit code 1 if another one matches
    Test {
        /// Recorded verdicts; none: only parse the playbooks
        #[arg(value_name = "VERDICT")]
        verdicts: Vec<PathBuf>,
        /// Playbooks of this directory instead of the embedded ones
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecorderCommand {
    /// Recorders: live, dead, unreadable, of a foreign layout
    List {
        /// Look in these directories [default: $FIRSTBAD_RECORDER_DIR, /run/firstbad, ..]
        #[arg(long, value_name = "DIR")]
        recorder_dir: Vec<PathBuf>,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: TextOrJson,
    },
    /// The content of one recorder
    Dump {
        /// The file
        file: PathBuf,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: TextOrJson,
    },
}

/// Reads the command line; help, version and faults of it end the process as clap does (0, 0, 2).
///
/// # Errors
/// If flags of the embedded collector were given to a command that starts none.
pub(crate) fn parse() -> Result<Arguments, Failure> {
    let mut matches = without_empty_variables(command()).get_matches();
    misplaced(&matches)?;
    Ok(Arguments::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit()))
}

/// An empty variable means "not set", as everywhere else.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty =
        |argument: &clap::Arg| argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command
        .mut_args(|argument| if is_empty(&argument) { argument.env(None) } else { argument })
        .mut_subcommands(without_empty_variables)
}

/// Flags of the screen that stand before no command.
const SCREEN_FLAGS: [&str; 4] = ["config", "plain", "theme", "no_restore"];

/// A flag before the command that only the embedded collector or the screen understands would be ignored in silence.
fn misplaced(matches: &clap::ArgMatches) -> Result<(), Failure> {
    let Some((command, _)) = matches.subcommand() else { return Ok(()) };
    let role = CollectArgs::augment_args(clap::Command::new("collect"));
    for argument in role.get_arguments().map(|argument| argument.get_id().as_str()).chain(SCREEN_FLAGS) {
        if matches.value_source(argument) == Some(ValueSource::CommandLine) {
            let flag = argument.replace('_', "-");
            return Err(Failure::new(format!("--{flag} stands before `{command}` and would have no effect"))
                .hint(format!("write it after the command, if `firstbad {command} --help` knows it")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn a_limit_is_a_known_name_and_a_number() {
        assert_eq!("rows=200".parse(), Ok(Limit { name: "rows".into(), limit: 200 }));
        for wrong in ["rows", "rows=", "rows=-1", "colour=3", "=2"] {
            assert!(wrong.parse::<Limit>().unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
