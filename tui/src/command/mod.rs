//! One file per command, or per group of commands that share their data. Each turns arguments into output and an exit
//! code; trouble is a [`Failure`].

mod audit;
mod backtest;
mod backtrace;
mod backup;
mod bisect;
mod check;
mod diff;
mod doctor;
mod explain;
mod export;
mod gate;
mod generate;
mod live;
mod offline;
mod plain;
mod playbook;
mod purge;
mod recorder;
mod remembered;
mod show;
mod source;
mod standing;
mod stored;
mod whole;
mod words;
mod written;

use crate::cli::{Arguments, Command, Common, PlaybookCommand, RecorderCommand, ScreenArgs, ThemeName};
use crate::failure::Failure;
use crate::report;
use crate::screen::memory::Memory;
use crate::screen::model::Model;
use crate::screen::runtime::{self, Channel, Outside};
use crate::screen::theme::{Background, Theme};
use firstbad_collector::settings::{File, FileError};
use firstbad_collector::{Client, Collector, Page, Settings, run as role};
use firstbad_protocol::verdict::WordKind;
use std::io;
use std::process::ExitCode;

/// Where a collector is looked for when none is named.
const DEFAULT_COLLECTOR: &str = "http://127.0.0.1:4319";

/// What collectors of this program serve at `/`.
pub(crate) const PAGE: Page = Page::new(report::html::live);

/// Carries out the command line.
///
/// # Errors
/// Whatever kept the command from its work.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let common = &arguments.common;
    crate::advice::use_own(arguments.collect.playbooks.as_deref())?;
    match &arguments.command {
        None => show::attach_or_embed(arguments),
        Some(Command::Demo(demo)) => {
            let look = Look { common, screen: &demo.screen };
            Ok(crate::demo::run(demo, |collector, story| show::beside(look, collector, show::Seen::Demo(story)))?)
        }
        Some(Command::Collect(collect)) => {
            collect.run.log_to_stderr();
            let read = || -> Result<Settings, FileError> {
                let settings = collect.role.settings(&File::read(collect.run.config.as_deref())?)?;
                Ok(Settings { page: Some(PAGE), ..settings })
            };
            role::collector(Collector::start(read()?)?, &collect.run, read)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Agent(agent)) => {
            agent.run.log_to_stderr();
            let read = || agent.role.settings(&File::read(agent.run.config.as_deref())?);
            role::agent(read()?, &agent.run, read)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Diagnose(diagnose)) => offline::diagnose(diagnose),
        Some(Command::Replay(replay)) => offline::replay(common, replay),
        Some(Command::Status(live)) => live::status(common, live),
        Some(Command::Incidents(live)) => live::incidents(common, live),
        Some(Command::Report(report)) => live::report(common, report),
        Some(Command::Bundle(bundle)) => live::bundle(common, bundle),
        Some(Command::Backtest(backtest)) => backtest::backtest(common, backtest),
        Some(Command::Ack(word)) => words::about(common, WordKind::Ack, word),
        Some(Command::Dispute(word)) => words::about(common, WordKind::Dispute, word),
        Some(Command::Quiet(quiet)) => words::quiet(common, quiet),
        Some(Command::Gate(gate)) => gate::gate(common, gate),
        Some(Command::Bisect(bisect)) => bisect::bisect(common, bisect),
        Some(Command::Doctor(doctor)) => doctor::doctor(common, doctor),
        Some(Command::Backup(backup)) => backup::backup(common, backup),
        Some(Command::Purge(purge)) => purge::purge(purge),
        Some(Command::Export(export)) => export::export(common, export),
        Some(Command::Explain(explain)) => explain::explain(common, explain),
        Some(Command::Check(check)) => check::check(common, check),
        Some(Command::Diff(diff)) => diff::diff(common, diff),
        Some(Command::Audit(audit)) => audit::audit(common, audit),
        Some(Command::Playbook(PlaybookCommand::List { dir })) => playbook::list(dir.as_deref()),
        Some(Command::Playbook(PlaybookCommand::Show { name, dir })) => playbook::show(name, dir.as_deref()),
        Some(Command::Playbook(PlaybookCommand::Test { verdicts, dir })) => playbook::test(verdicts, dir.as_deref()),
        Some(Command::Recorder(RecorderCommand::List { recorder_dir, format })) => {
            recorder::list(recorder_dir, *format)
        }
        Some(Command::Recorder(RecorderCommand::Dump { file, format })) => recorder::dump(file, *format),
        Some(Command::Generate(generate)) => generate::generate(generate),
    }
}

/// A client of the collector that a script asks.
///
/// # Errors
/// If a certificate, key or token cannot be used.
fn client(common: &Common) -> Result<Client, Failure> {
    let connect = common.connect.settings()?;
    Ok(Client::connecting(common.collector.as_deref().unwrap_or(DEFAULT_COLLECTOR), &connect)?)
}

/// How the screen looks and opens.
#[derive(Clone, Copy)]
struct Look<'a> {
    /// Flags of every command.
    common: &'a Common,
    /// Flags of the screen.
    screen: &'a ScreenArgs,
}

impl Look<'_> {
    /// The look that terminal and flags ask for.
    fn theme(self) -> Theme {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let background = match self.screen.theme {
            ThemeName::Auto => variable("COLORFGBG").map(|value| Background::of_variable(&value)).unwrap_or_default(),
            ThemeName::Light => Background::Light,
            ThemeName::Dark => Background::Dark,
        };
        let colour = !self.common.no_color && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()) && !dumb;
        Theme { colour, ascii: self.common.ascii, background }
    }
}

/// Shows `model` with what was remembered, and remembers what it is like in the end.
fn shown(model: Model, look: Look<'_>, channel: Channel, outside: Outside) -> io::Result<()> {
    let mut model = model;
    let keeps = !look.screen.no_restore;
    if keeps {
        match remembered::read() {
            Ok(memory) => memory.recall(&mut model),
            Err(why) => model.remark = Some(why),
        }
    }
    let Channel { sender, inbox } = channel;
    let end = runtime::run(model, sender, inbox, outside)?;
    if keeps {
        remembered::write(&Memory::of(&end));
    }
    Ok(())
}
