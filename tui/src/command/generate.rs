//! What is made from the one list of flags and keys: sample configuration, completions, manual page; units for systemd; and the
//! picture of the first screen.

use crate::cli::{self, CertsArgs, GenerateCommand, PictureArgs, TokenArgs, Unit};
use crate::failure::Failure;
use crate::output::{print, print_bytes};
use crate::picture;
use crate::screen::keys::BINDINGS;
use crate::screen::message::Message;
use crate::screen::model::{Model, Origin, Screen};
use crate::screen::theme::{Background, Theme};
use crate::screen::update::update;
use firstbad_collector::security::generate::{self, Grant};
use firstbad_protocol::Untrusted;
use std::process::ExitCode;
use std::sync::Arc;

/// Every key of the configuration file with its default.
const SAMPLE: &str = include_str!("sample.toml");
/// The collector as a service.
const COLLECTOR_UNIT: &str = include_str!("sample-collector.service");
/// The agent as a service.
const AGENT_UNIT: &str = include_str!("sample-agent.service");
/// What a proxy's service needs, so that the agent finds its recorder.
const PROXY_DROP_IN: &str = include_str!("sample-proxy.conf");
/// The directory that all use.
const TMPFILES: &str = include_str!("sample-tmpfiles.conf");
/// Their user and group.
const SYSUSERS: &str = include_str!("sample-sysusers.conf");

/// `firstbad gen`.
///
/// # Errors
/// If the output cannot be written, or a snapshot cannot be read.
pub(super) fn generate(command: &GenerateCommand) -> Result<ExitCode, Failure> {
    match command {
        GenerateCommand::Config => print(SAMPLE)?,
        GenerateCommand::Completion { shell } => {
            let mut bytes = Vec::new();
            clap_complete::generate(*shell, &mut cli::command(), "firstbad", &mut bytes);
            print_bytes(&bytes)?;
        }
        GenerateCommand::Man => print_bytes(&manual()?)?,
        GenerateCommand::Systemd { unit: Unit::Collector } => print(COLLECTOR_UNIT)?,
        GenerateCommand::Systemd { unit: Unit::Agent } => print(AGENT_UNIT)?,
        GenerateCommand::Systemd { unit: Unit::Proxy } => print(PROXY_DROP_IN)?,
        GenerateCommand::Tmpfiles => print(TMPFILES)?,
        GenerateCommand::Sysusers => print(SYSUSERS)?,
        GenerateCommand::Certs(arguments) => certificates(arguments)?,
        GenerateCommand::Token(arguments) => token(arguments)?,
        GenerateCommand::Picture(arguments) => print(&drawn(arguments)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn certificates(arguments: &CertsArgs) -> Result<(), Failure> {
    let files = generate::certificates(&arguments.directory, &arguments.hosts)?;
    let names: String = files.iter().map(|file| format!("{}\n", Untrusted(&file.display().to_string()))).collect();
    print(&names)
}

fn token(arguments: &TokenArgs) -> Result<(), Failure> {
    // Before the credentials file has an entry whose token nobody would have.
    if let Some(path) = arguments.output.as_ref().filter(|path| path.exists()) {
        return Err(Failure::new(format!("{} is there already", path.display())).hint("-o FILE names another"));
    }
    let TokenArgs { name, roles, kind, hosts, .. } = arguments;
    let grant = Grant { name: name.clone(), roles: roles.clone(), kind: *kind, hosts: hosts.clone() };
    let token = grant.add_to(&arguments.credentials)?;
    let text = format!("{}\n", token.text());
    match &arguments.output {
        Some(path) => drop(generate::write_new(path.clone(), &text, 0o600)?),
        None => print(&text)?,
    }
    Ok(())
}

/// One page: the commands with their flags, then the keys of the screen.
fn manual() -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let mut whole = cli::command();
    whole.build();
    clap_mangen::Man::new(whole.clone()).render(&mut page)?;
    for command in whole.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        let manual = clap_mangen::Man::new(command.clone());
        page.extend(format!(".SH FIRSTBAD {}\n", command.get_name().to_uppercase()).bytes());
        manual.render_synopsis_section(&mut page)?;
        manual.render_description_section(&mut page)?;
        manual.render_options_section(&mut page)?;
    }
    page.extend(b".SH KEYS\n");
    for binding in BINDINGS.iter().filter(|binding| !binding.help.is_empty()) {
        page.extend(format!(".TP\n\\fB{}\\fR\n{}\n", binding.label, binding.help).bytes());
    }
    Ok(page)
}

fn drawn(arguments: &PictureArgs) -> Result<String, Failure> {
    let source = super::source::file(&arguments.snapshot)?;
    let snapshot = serde_json::from_slice(&source.bytes).map_err(|error| {
        Failure::new(format!("{} is not a snapshot: {error}", source.name))
            .hint("curl COLLECTOR/api/v1/snapshot prints one")
    })?;
    let origin = Origin::Attached("http://127.0.0.1:4319".to_owned());
    let mut model = Model::new(origin, Theme { colour: true, ascii: false, background: Background::Dark });
    update(&mut model, Message::Snapshot(Arc::new(snapshot)));
    update(&mut model, Message::Resize(arguments.size.0, arguments.size.1));
    if let Some(screen) = arguments.screen.checked_sub(1).and_then(|index| Screen::LISTED.get(index)) {
        model.screen = *screen;
    }
    Ok(if arguments.svg { picture::svg(&model) } else { picture::text(&model) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Arguments, Command};
    use clap::{Args as _, Parser as _};
    use firstbad_collector::settings::{AgentArgs, CollectArgs, File};

    #[test]
    fn the_sample_parses_also_with_every_key_set_and_names_every_flag() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("sample.toml");
        let set: String = SAMPLE
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|key| key.contains(" = ")).unwrap_or(line).to_owned() + "\n")
            .collect();
        assert_ne!(set, SAMPLE, "keys are commented out");
        for text in [SAMPLE, &set] {
            std::fs::write(&path, text).expect("write");
            File::read(Some(&path)).expect("the sample is a configuration");
        }
        let flags = CollectArgs::augment_args(AgentArgs::augment_args(clap::Command::new("all")));
        for flag in flags.get_arguments() {
            let key = match flag.get_id().as_str() {
                "no_recorders" => "recorders",
                other => other,
            };
            assert!(SAMPLE.contains(&format!("# {key} = ")), "{key}");
        }
    }

    /// The values of a key in a unit.
    fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
        unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
    }

    #[test]
    fn the_units_agree_with_the_directory_and_with_the_command_line() {
        let line: Vec<&str> = TMPFILES.lines().last().expect("a line").split_whitespace().collect();
        let [kind, directory, mode, user, group, _, _] = line.as_slice() else { panic!("{line:?}") };
        assert_eq!((*kind, *mode, *user), ("d", "2770", "root"));
        for unit in [AGENT_UNIT, PROXY_DROP_IN] {
            assert_eq!(values(unit, "ReadWritePaths"), [*directory]);
        }
        // The collector also runs on hosts that have no recorders.
        assert_eq!(values(COLLECTOR_UNIT, "ReadWritePaths"), [format!("-{directory}")]);
        let user: Vec<&str> = SYSUSERS.lines().last().expect("a line").split_whitespace().collect();
        for unit in [AGENT_UNIT, COLLECTOR_UNIT] {
            assert_eq!((values(unit, "Group"), values(unit, "User")), (vec![*group], vec![user[1]]));
        }
        assert_eq!(values(PROXY_DROP_IN, "SupplementaryGroups"), [*group]);
        assert_eq!(values(PROXY_DROP_IN, "Environment"), [format!("FIRSTBAD_RECORDER_DIR={directory}")]);
        let Some(Command::Agent(agent)) = started(AGENT_UNIT) else { panic!("{AGENT_UNIT}") };
        let settings = agent.role.settings(&with_address()).expect("settings");
        assert_eq!(settings.recorders.directories, [std::path::PathBuf::from(*directory)]);
    }

    /// The command that a unit runs.
    fn started(unit: &str) -> Option<Command> {
        let [start] = values(unit, "ExecStart")[..] else { panic!("one command") };
        Arguments::try_parse_from(start.split(' ')).expect("the command line knows it").command
    }

    /// The sample with the one key that an agent cannot do without.
    fn with_address() -> File {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("firstbad.toml");
        std::fs::write(&path, SAMPLE.replace("# to = ", "to = ")).expect("write");
        File::read(Some(&path)).expect("a configuration")
    }

    #[test]
    fn the_collectors_unit_keeps_its_store_where_systemd_makes_it() {
        let Some(Command::Collect(collect)) = started(COLLECTOR_UNIT) else { panic!("{COLLECTOR_UNIT}") };
        let settings = collect.role.settings(&with_address()).expect("settings");
        assert_eq!(
            settings.data_dir,
            std::path::Path::new("/var/lib").join(values(COLLECTOR_UNIT, "StateDirectory")[0])
        );
    }

    #[test]
    fn the_manual_names_every_command_and_key() {
        let page = String::from_utf8(manual().expect("a page")).expect("UTF-8");
        for wanted in ["FIRSTBAD DIAGNOSE", "FIRSTBAD EXPLAIN", "clipboard", "exit code 1"] {
            assert!(page.to_lowercase().contains(&wanted.to_lowercase()), "{wanted}");
        }
    }
}
