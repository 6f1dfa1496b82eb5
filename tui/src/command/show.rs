//! The terminal UI over a live collector: named, found on this machine, or embedded in this process.

use super::Look;
use crate::cli::Arguments;
use crate::failure::Failure;
use crate::film;
use crate::screen::message::Message;
use crate::screen::model::{Model, Origin};
use crate::screen::runtime::{self, Outside};
use firstbad_collector::recorder::{self, Place};
use firstbad_collector::settings::{File, default_data_dir};
use firstbad_collector::{Client, ClientError, Collector, Settings, StartError, Update};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

/// What a script can do where a collector answers.
const ASK: &str = "for scripts: firstbad status, firstbad incidents, firstbad report latest";
/// What a script can do where none does: the embedded one lives as long as the screen.
const START_AND_ASK: &str = "for scripts: no collector runs here. `firstbad collect &` starts one; then firstbad status, firstbad report latest";

/// `firstbad` without a command.
///
/// # Errors
/// If there is no terminal, or the embedded collector cannot be started.
pub(super) fn attach_or_embed(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let common = &arguments.common;
    let nearby = super::client(common)?;
    let named = common.collector.is_some();
    // A screen in a pipe helps nobody.
    if !arguments.plain && !io::stdout().is_terminal() {
        let hint = match nearby.status() {
            Ok(_) => ASK,
            // A script that named a collector learns first that it does not answer.
            Err(error) if named => return Err(error.into()),
            Err(_) => START_AND_ASK,
        };
        return Err(Failure::new("the screen needs a terminal, and standard output is not a terminal").hint(hint));
    }
    if named {
        return attach(arguments, &nearby);
    }
    match nearby.status() {
        Ok(_) => attach(arguments, &nearby),
        // One that wants to know who asks is there all the same.
        Err(error @ ClientError::Refused { .. }) => Err(error.into()),
        Err(_) => embed(arguments),
    }
}

const fn look(arguments: &Arguments) -> Look<'_> {
    Look { common: &arguments.common, screen: &arguments.screen }
}

fn attach(arguments: &Arguments, client: &Client) -> Result<ExitCode, Failure> {
    if arguments.plain {
        super::plain::follow(client)?;
    } else {
        follow(look(arguments), Origin::Attached(client.base().to_owned()), client, None)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn embed(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let settings = arguments.collect.settings(&File::read(arguments.config.as_deref())?)?;
    let settings = Settings { page: Some(super::PAGE), ..settings };
    let is_default_place = settings.data_dir == default_data_dir();
    let chosen = settings.recorders.as_ref().map_or_else(Vec::new, |recorders| recorders.directories.clone());
    let collector = match Collector::start(settings.clone()) {
        // Somebody who only wants to look need not be able to write to the place of a service.
        Err(StartError::Store(_)) if is_default_place => start_in_temporary_place(settings)?,
        other => other?,
    };
    if arguments.plain {
        super::plain::follow(&collector.client())?;
    } else {
        beside(look(arguments), &collector, Seen::Recorders(&chosen))?;
    }
    collector.stop();
    Ok(ExitCode::SUCCESS)
}

fn start_in_temporary_place(settings: Settings) -> Result<Collector, Failure> {
    let data_dir = std::env::temp_dir().join(format!("firstbad-{}", std::process::id()));
    Ok(Collector::start(Settings { data_dir, ..settings })?)
}

/// What a collector in this process sees.
pub(super) enum Seen<'a> {
    /// The recorders of these directories, or else of the usual ones.
    Recorders(&'a [PathBuf]),
    /// Events of the demo that the screen shows in its timeline.
    Demo(Receiver<String>),
}

/// The screen over a collector in this process.
///
/// # Errors
/// If the terminal cannot be used.
pub(super) fn beside(look: Look<'_>, collector: &Collector, seen: Seen<'_>) -> io::Result<()> {
    let address = |name: &str| {
        let served = collector.addresses().named();
        let found = served.into_iter().find(|(served, _)| *served == name);
        found.and_then(|(_, at)| at.first().map(ToString::to_string)).unwrap_or_else(|| "not served".to_owned())
    };
    let chosen = match seen {
        Seen::Recorders(chosen) => chosen,
        Seen::Demo(story) => return follow(look, Origin::Demo, &collector.client(), Some(story)),
    };
    let directories = if chosen.is_empty() { recorder::search_list() } else { chosen.to_vec() };
    let mut places = recorder::places(&directories);
    places.retain(|place| place.is_read || chosen.is_empty());
    let read: Vec<String> = directories.iter().map(|path| path.display().to_string()).collect();
    let origin = Origin::Embedded {
        otlp_grpc: address("otlp_grpc"),
        otlp_http: address("otlp_http"),
        recorders: read.join(", "),
        not_seen: places.iter().filter_map(Place::problem).collect(),
    };
    follow(look, origin, &collector.client(), None)
}

fn follow(look: Look<'_>, origin: Origin, client: &Client, story: Option<Receiver<String>>) -> io::Result<()> {
    let (sender, inbox) = runtime::channel();
    if let Some(story) = story {
        let to_screen = sender.clone();
        let tell = move || story.into_iter().all(|line| to_screen.send(Message::Story(line)).is_ok());
        std::thread::Builder::new().name("story".into()).spawn(tell)?;
    }
    let (feeding, following) = (sender.clone(), client.clone());
    std::thread::Builder::new().name("feed".into()).spawn(move || feed(&following, &feeding))?;
    let asked = client.clone();
    let author = super::words::author();
    let outside = Outside {
        contents: super::source::kept_by(client),
        health: Arc::new(move || asked.status().map_err(|error| error.to_string())),
        backtraces: super::backtrace::kept_by(client),
        frames: Box::<film::Seen>::default(),
        reports: super::written::reports(super::source::kept_by(client)),
        words: super::words::said_to(client, &author),
    };
    let model = Model { author, ..Model::new(origin, look.theme()) };
    super::shown(model, look, runtime::Channel { sender, inbox }, outside)
}

fn feed(client: &Client, screen: &SyncSender<Message>) {
    let follower = client.follow();
    let mut is_known = false;
    while let Ok(update) = follower.updates().recv() {
        let message = match update {
            Update::Snapshot(snapshot) => {
                // Another collector may answer after each loss.
                let asked = if is_known { None } else { client.status().ok() };
                if let Some(status) = asked {
                    is_known = true;
                    if screen.send(Message::Insecure(status.insecure)).is_err() {
                        return;
                    }
                }
                Message::Snapshot(Arc::from(snapshot))
            }
            Update::Lost(error) => {
                is_known = false;
                Message::Lost(error.to_string())
            }
        };
        if screen.send(message).is_err() {
            return;
        }
    }
}
