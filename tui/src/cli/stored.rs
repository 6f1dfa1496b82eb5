//! Flags of the commands that read what a collector has stored.

use super::TextOrJson;
use clap::{Args, ValueEnum};
use firstbad_protocol::time::Timestamp;
use std::path::PathBuf;

/// How an export is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// OTLP/JSON lines, which `firstbad diagnose` reads. Pass it the same --dimension KEY as the collector has
    #[default]
    Capture,
    /// One JSON object per observation: what was read, and of log events all attributes that their senders wrote
    Ndjson,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Only what has time >= T (RFC 3339); a report has the time of its end
    #[arg(long, value_name = "T")]
    pub(crate) from: Option<Timestamp>,
    /// Only what has time <= T (RFC 3339)
    #[arg(long, value_name = "T")]
    pub(crate) to: Option<Timestamp>,
    /// How it is written, in the order in which it was committed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ExportFormat,
    /// Read the store in this directory, which no collector may have open, instead of asking a collector
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    /// Captures (OTLP/JSON lines, .gz and .zst too, `-` is standard input), merged by time; or one bundle [default: what the
    /// collector has stored]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read as data only what has time >= T (RFC 3339). What lies before tells which versions were active
    #[arg(long, value_name = "T")]
    pub(crate) from: Option<Timestamp>,
    /// Read only what has time <= T (RFC 3339)
    #[arg(long, value_name = "T")]
    pub(crate) to: Option<Timestamp>,
    /// Count this resource attribute among the dimensions that may be a cause; may be repeated
    #[arg(long = "dimension", value_name = "KEY")]
    pub(crate) dimensions: Vec<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to make; it must not exist. Named firstbad.db in a directory, `firstbad collect --data-dir` starts from it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Copy the store in this directory [default: that of the collector, which must run on this machine]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// How to print what was copied
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

#[derive(Debug, Args)]
#[group(id = "place", required = true, multiple = true, args = ["data_dir", "backups"])]
pub(crate) struct PurgeArgs {
    /// Everything of this host, and everything that names it
    #[arg(long, value_name = "NAME", required_unless_present = "text", conflicts_with = "text")]
    pub(crate) host: Option<String>,
    /// Everything that holds this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// The directory of the store; no collector may have it open
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A file that `firstbad backup` wrote; may be repeated
    #[arg(long = "backup", value_name = "FILE")]
    pub(crate) backups: Vec<PathBuf>,
    /// How to print what was purged
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Captures (OTLP/JSON lines, .gz and .zst too, `-` is standard input) [default: what the collector has stored]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}
