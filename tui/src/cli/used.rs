//! The whole command line, in which the help of each command lists only flags that it uses. A flag of every command is still
//! accepted everywhere, so that a script may set it once for all of them.

use super::{Arguments, Common};
use clap::{Args as _, Command, CommandFactory as _};
use firstbad_collector::settings::ConnectArgs;

/// Commands that ask a collector.
const ASKING: [&str; 16] = [
    "status",
    "incidents",
    "report",
    "bundle",
    "explain",
    "ack",
    "dispute",
    "quiet",
    "export",
    "backtest",
    "gate",
    "bisect",
    "doctor",
    "backup",
    "check",
    "diff",
];
/// Commands that work without a collector, and ask one if its address is given.
const MAY_ASK: [&str; 1] = ["audit"];
/// Commands that connect to a collector, which they do not ask anything.
const CONNECTING: [&str; 1] = ["agent"];
/// Commands that show the screen.
const SHOWING: [&str; 2] = ["demo", "replay"];

/// The flag that names the collector.
const COLLECTOR: &str = "collector";
/// Where the help lists the flags of a connection.
const HEADING: &str = "Connection to the collector";

/// The command line.
pub(crate) fn command() -> Command {
    let connecting = ConnectArgs::augment_args(Command::new(""));
    let connecting: Vec<&str> = connecting.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    let heads = |id: &str| id == COLLECTOR || connecting.contains(&id);
    let common = Common::augment_args(Command::new(""));
    let flags: Vec<Flag> = common
        .get_arguments()
        .map(|argument| Flag { argument: argument.clone(), connects: heads(argument.get_id().as_str()) })
        .collect();
    let whole = Arguments::command().mut_args(|argument| {
        let is_headed = heads(argument.get_id().as_str());
        if is_headed { argument.help_heading(HEADING) } else { argument }
    });
    whole.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        with(command, &name, &flags)
    })
}

/// A flag of every command.
struct Flag {
    argument: clap::Arg,
    /// Whether it is about the collector to ask; the others are about the screen.
    connects: bool,
}

impl Flag {
    fn is_used_by(&self, command: &str) -> bool {
        let is_address = self.argument.get_id() == COLLECTOR;
        let asks = ASKING.contains(&command) || MAY_ASK.contains(&command);
        let connects = asks || (CONNECTING.contains(&command) && !is_address);
        if self.connects { connects } else { SHOWING.contains(&command) }
    }
}

/// `command` and the commands below it, with every flag listed or hidden as `top`, the command that was typed first, uses it.
fn with(command: Command, top: &str, flags: &[Flag]) -> Command {
    let missing: Vec<&Flag> = flags
        .iter()
        .filter(|flag| !command.get_arguments().any(|argument| argument.get_id() == flag.argument.get_id()))
        .collect();
    let command = missing.into_iter().fold(command, |command, flag| {
        let argument = flag.argument.clone().hide(!flag.is_used_by(top));
        command.arg(if flag.connects { argument.help_heading(HEADING) } else { argument })
    });
    command.mut_subcommands(|below| with(below, top, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(command: &str) -> String {
        let mut whole = command_built();
        let found = command.split(' ').try_fold(&mut whole, |above, name| above.find_subcommand_mut(name));
        found.expect("a command").render_long_help().to_string()
    }

    fn command_built() -> Command {
        let mut whole = command();
        whole.build();
        whole
    }

    #[test]
    fn the_help_of_a_command_lists_only_what_it_uses() {
        for (command, used, unused) in [
            ("check", vec!["--collector", "--token-file"], vec!["--no-color", "--ascii"]),
            ("diagnose", vec!["--dimension"], vec!["--collector", "--ca", "--token-file", "--ascii"]),
            ("replay", vec!["--no-color", "--ascii"], vec!["--collector", "--client-key"]),
            ("demo", vec!["--seed", "--no-color"], vec!["--collector", "--client-key"]),
            ("gen config", vec![], vec!["--collector", "--ascii"]),
            ("playbook list", vec!["--dir"], vec!["--collector", "--no-color"]),
            ("bisect run", vec!["--collector", "--good"], vec!["--ascii"]),
            ("agent", vec!["--to", "--token-file"], vec!["--collector", "--ascii"]),
        ] {
            let help = help(command);
            let lists = |flag: &str| help.lines().any(|line| line.trim_start().starts_with(flag));
            assert!(used.iter().all(|flag| lists(flag)), "{command}: {used:?}\n{help}");
            assert!(!unused.iter().any(|flag| lists(flag)), "{command}: {unused:?}\n{help}");
        }
    }

    #[test]
    fn every_command_that_is_named_here_exists() {
        let whole = command_built();
        for name in ASKING.into_iter().chain(MAY_ASK).chain(CONNECTING).chain(SHOWING) {
            assert!(whole.find_subcommand(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_flag_that_the_help_leaves_out_is_taken_all_the_same() {
        let found = command().try_get_matches_from(["firstbad", "check", "f.csv", "--no-color", "--collector", "x:1"]);
        let found = found.expect("accepted");
        assert!(found.get_flag("no_color"));
        assert_eq!(found.get_one::<String>("collector").map(String::as_str), Some("x:1"));
    }
}
