//! Flags of the commands with which an engineer says something of an incident, or holds pages.

use super::TextOrJson;
use clap::Args;
use firstbad_collector::settings::Seconds;

/// Flags of `ack` and `dispute`.
#[derive(Debug, Args)]
pub(crate) struct WordArgs {
    /// The incident's id, or `latest`
    pub(crate) id: String,
    /// Why, in a sentence or two
    #[arg(value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) text: String,
    /// Take it back
    #[arg(long)]
    pub(crate) undo: bool,
    #[command(flatten)]
    pub(crate) author: AuthorArgs,
    /// How to print what holds now
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

/// Who says it.
#[derive(Debug, Args)]
pub(crate) struct AuthorArgs {
    /// Your name. Where the collector has credentials, it takes the name of yours instead
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "unknown")]
    pub(crate) author: String,
}

/// Flags of `quiet`.
#[derive(Debug, Args)]
pub(crate) struct QuietArgs {
    /// Why, in a sentence or two
    #[arg(value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) text: String,
    /// How long pages are held from now on, such as 2h; 30d at most
    #[arg(long = "for", value_name = "DURATION", required_unless_present_any = ["undo", "list"])]
    pub(crate) hold_for: Option<Seconds>,
    /// Hold only pages of incidents of this host alone
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Hold only pages of incidents that accuse a version of this config
    #[arg(long = "config", value_name = "NAME")]
    pub(crate) config: Option<String>,
    /// End the quiet time with this number; --list shows it
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["hold_for", "host", "config"])]
    pub(crate) undo: Option<u64>,
    /// List what engineers said, also what was taken back or is over
    #[arg(long, conflicts_with_all = ["hold_for", "host", "config", "undo"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) author: AuthorArgs,
    /// How to print what holds now
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}
