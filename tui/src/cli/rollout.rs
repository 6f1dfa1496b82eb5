//! Flags of the commands about one version among others: may its rollout go on, and which was the first bad one.

use super::TextOrJson;
use clap::{Args, Subcommand};
use firstbad_collector::settings::Seconds;
use std::str::FromStr;

/// Hex digits of a hash: at least the first 12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digits(pub(crate) String);

impl FromStr for Digits {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
        if (12..=64).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            Ok(Self(digits))
        } else {
            Err("give sha256:<64 hex>, or at least the first 12 hex digits, as sha256sum prints them".to_owned())
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// The config that is rolled out
    #[arg(long, value_name = "NAME")]
    pub(crate) config: String,
    /// The version: its hash, or the first 12 hex digits or more
    #[arg(long, value_name = "HASH")]
    pub(crate) hash: Digits,
    /// How long it must be active, from when the gate first sees it, without being accused. Until it is first seen, the gate
    /// waits as long again at most
    #[arg(long = "for", value_name = "DURATION", default_value = "10m")]
    pub(crate) watch_for: Seconds,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BisectCommand {
    /// Run a command on the stored versions of a config; exit code 0 if the first bad one was found, 1 if none is bad
    ///
    /// The command gets the path of a file with the version's content as its last argument. As for `git bisect run`, it ends
    /// with 0 if the version is good, with 1 to 124 if it is bad, and with 125 if it cannot be tried; 126 and above end the
    /// search. Versions are tried in the order in which the fleet first saw them; those before the first bad one are taken to
    /// be good, and those after it bad.
    Run(BisectArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BisectArgs {
    /// The config
    #[arg(long, value_name = "NAME")]
    pub(crate) config: String,
    /// A version that is known to be good: only later ones are tried
    #[arg(long, value_name = "HASH")]
    pub(crate) good: Option<Digits>,
    /// The last version to try
    #[arg(long, value_name = "HASH")]
    pub(crate) bad: Option<Digits>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}
