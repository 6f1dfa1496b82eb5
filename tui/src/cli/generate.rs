//! Flags of `firstbad gen`: samples, units, certificates, tokens, pictures.

use clap::{Args, Subcommand, ValueEnum};
use firstbad_collector::security::{Kind, Role};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum GenerateCommand {
    /// A sample configuration with every key
    Config,
    /// Completion for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page
    Man,
    /// A unit for systemd
    Systemd {
        /// What it is for
        #[arg(value_enum, default_value_t)]
        unit: Unit,
    },
    /// A configuration for systemd-tmpfiles: one directory for the recorders of all users of a host
    Tmpfiles,
    /// A configuration for systemd-sysusers: the user and group of collector and agent
    Sysusers,
    /// Certificates for a first try of TLS: a CA, a server, a client, an agent, and a credentials file that knows both
    Certs(CertsArgs),
    /// A bearer token, printed once; the collector keeps its hash
    Token(TokenArgs),
    /// The first screen as a picture, for the README
    #[command(hide = true)]
    Picture(PictureArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CertsArgs {
    /// Where the files are written; none may be there yet
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// A name or address that others call the server by; may be repeated
    #[arg(long = "host", value_name = "NAME", required = true)]
    pub(crate) hosts: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The token's name, unique in the credentials file; of --kind host without --host, the host's own
    pub(crate) name: String,
    /// What it may do; may be repeated
    #[arg(long = "role", value_enum, required = true)]
    pub(crate) roles: Vec<Role>,
    /// For which hosts it speaks; needed with --role ingest
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// A host that it speaks for; may be repeated with --kind agent
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// Add its hash to this credentials file, which is made if it is missing
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: PathBuf,
    /// Write the token to this new file (mode 0600) instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Units that `firstbad gen systemd` knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    /// The collector, as a service of its own, with few rights
    Collector,
    /// The agent, as a service of its own, with few rights
    #[default]
    Agent,
    /// A drop-in for the service of a proxy that links the crate
    Proxy,
}

#[derive(Debug, Args)]
pub(crate) struct PictureArgs {
    /// A snapshot as `/api/v1/snapshot` serves it; `-` is standard input
    pub(crate) snapshot: PathBuf,
    /// SVG instead of text
    #[arg(long)]
    pub(crate) svg: bool,
    /// Number of the screen
    #[arg(long, default_value_t = 1)]
    pub(crate) screen: usize,
    /// Columns and rows
    #[arg(long, default_value = "80x24", value_parser = size)]
    pub(crate) size: (u16, u16),
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let refuse = || "give COLUMNSxROWS, such as 80x24".to_owned();
    let (columns, rows) = text.split_once('x').ok_or_else(refuse)?;
    Ok((columns.parse().map_err(|_| refuse())?, rows.parse().map_err(|_| refuse())?))
}
