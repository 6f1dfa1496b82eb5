//! `firstbad bisect run`: a person's own command on the versions of a config that a collector keeps. It is the only command of
//! firstbad that runs a program, and it runs only what its user wrote on its command line.

use crate::bisect::{Found, Tried, search};
use crate::cli::{BisectArgs, BisectCommand, Common};
use crate::failure::Failure;
use crate::output::print;
use firstbad_collector::Client;
use firstbad_protocol::snapshot::VersionView;
use firstbad_protocol::{Hash, Untrusted};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Exit code of a command that asks to pass over a version.
const SKIP: i32 = 125;

/// `firstbad bisect run`.
///
/// # Errors
/// If the collector does not answer or keeps no version of the config, or the command ends the search.
pub(super) fn bisect(common: &Common, command: &BisectCommand) -> Result<ExitCode, Failure> {
    let BisectCommand::Run(arguments) = command;
    let client = super::client(common)?;
    let versions = versions(&client, arguments)?;
    let place = Place::make()?;
    let found = search(versions.len(), |index| match versions.get(index) {
        Some(version) => try_one(arguments, &client, version, &place.0),
        None => Ok(Tried::Skip),
    })?;
    say(&versions, &found)
}

/// The versions of the config, oldest first, within the ends that were given.
fn versions(client: &Client, arguments: &BisectArgs) -> Result<Vec<VersionView>, Failure> {
    let snapshot = client.snapshot()?;
    let of_config = |version: &VersionView| version.config == arguments.config;
    let mut versions: Vec<VersionView> = snapshot.versions.into_iter().filter(of_config).collect();
    versions.sort_by_key(|version| (version.first_seen, version.hash));
    let config = &arguments.config;
    if versions.is_empty() {
        return Err(Failure::new(format!("{} knows no version of a config `{config}`", client.base()))
            .hint("firstbad status lists the versions"));
    }
    let place = |digits: &str| {
        versions.iter().position(|version| version.hash.hex().starts_with(digits)).ok_or_else(|| {
            Failure::new(format!("{} knows no version of {config} that begins with {digits}", client.base()))
                .hint("firstbad status lists the versions")
        })
    };
    let after_good = arguments.good.as_ref().map(|good| place(&good.0)).transpose()?.map_or(0, |place| place + 1);
    let until_bad =
        arguments.bad.as_ref().map(|bad| place(&bad.0)).transpose()?.map_or(versions.len(), |place| place + 1);
    if after_good >= until_bad {
        return Err(Failure::new("the version given with --good was first seen after the one given with --bad")
            .hint("--good is the earlier one"));
    }
    Ok(versions.into_iter().take(until_bad).skip(after_good).collect())
}

/// Runs the command on one version.
fn try_one(arguments: &BisectArgs, client: &Client, version: &VersionView, place: &Path) -> Result<Tried, Failure> {
    let name = version.hash.short();
    let content = match client.content(&version.hash) {
        Ok(content) => content,
        Err(firstbad_collector::ClientError::NotFound { .. }) => {
            eprintln!("{name}: skipped: its content was not kept");
            return Ok(Tried::Skip);
        }
        Err(error) => return Err(error.into()),
    };
    if Hash::of(&content) != version.hash {
        eprintln!("{name}: its secrets are hidden, so the file is not quite the one that the proxies read");
    }
    let file = place.join(&name);
    let written = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&file);
    written.and_then(|mut open| open.write_all(&content)).map_err(|error| {
        Failure::new(format!("cannot write a version to {}: {error}", file.display()))
            .hint("TMPDIR names another place")
    })?;
    let shown = arguments.command.join(" ");
    let Some((program, rest)) = arguments.command.split_first() else {
        return Err(Failure::new("no command was given"));
    };
    let mut command = Command::new(program);
    // Standard output holds the answer alone.
    command.args(rest).arg(&file).stdout(std::io::stderr());
    command.env("FIRSTBAD_VERSION_FILE", &file).env("FIRSTBAD_VERSION_HASH", version.hash.to_string());
    let status = command.status().map_err(|error| {
        Failure::new(format!("cannot run `{shown}`: {error}")).hint("give a program and its arguments after --")
    })?;
    let (tried, word) = match status.code() {
        Some(0) => (Tried::Good, "good"),
        Some(SKIP) => (Tried::Skip, "skipped"),
        Some(1..SKIP) => (Tried::Bad, "bad"),
        _ => {
            return Err(Failure::new(format!("`{shown}` on {name} ended with {status}, which ends the search")).hint(
                "0 is good, 1 to 124 bad, 125 passes over a version; 126 and above, and signals, end the search",
            ));
        }
    };
    eprintln!("{name}: {word}");
    Ok(tried)
}

fn say(versions: &[VersionView], found: &Found) -> Result<ExitCode, Failure> {
    let line = |place: usize| versions.get(place).map(of_version).unwrap_or_default();
    let (text, code) = match found {
        Found::First { bad, good: Some(good) } => {
            (format!("{} is the first bad version\nthe good one before it: {}\n", line(*bad), line(*good)), 0)
        }
        Found::First { bad, good: None } => (
            format!(
                "{} is the first bad version of those that were searched: the oldest of them is bad already\n",
                line(*bad)
            ),
            0,
        ),
        Found::NoneBad => {
            (format!("no version is bad: the newest, {}, is good\n", line(versions.len().saturating_sub(1))), 1)
        }
        Found::Among { candidates } => {
            let lines: String = candidates.iter().map(|place| format!("  {}\n", line(*place))).collect();
            (format!("the first bad version is one of these; all but the last could not be tried:\n{lines}"), 2)
        }
        Found::NothingTried => ("no version could be tried\n".to_owned(), 2),
    };
    print(&text)?;
    Ok(ExitCode::from(code))
}

fn of_version(version: &VersionView) -> String {
    let label = version.label.as_deref().map(|label| format!(" ({})", Untrusted(label))).unwrap_or_default();
    format!("{}{label}, first seen {}", version.hash, version.first_seen)
}

/// A directory for the versions; removed when this is dropped.
struct Place(PathBuf);

impl Place {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("firstbad-bisect-{}", std::process::id()));
        // Not one that somebody else has made there.
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Failure::new(format!("cannot make the directory {}: {error}", path.display()))
                .hint("TMPDIR names another place")
        })?;
        Ok(Self(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing can be done about a directory that does not go.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
