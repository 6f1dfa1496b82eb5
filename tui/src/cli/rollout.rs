//! Flags of the commands that pipelines run while a version is rolled out.

use super::TextOrJson;
use clap::Args;
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
