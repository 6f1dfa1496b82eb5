//! Verdicts from files: `diagnose` prints one, `replay` shows how it came about.

use super::Look;
use super::standing::Standing;
use crate::cli::{Common, DiagnoseArgs, Format, ReplayArgs, Replayed};
use crate::failure::Failure;
use crate::film::Film;
use crate::output::print;
use crate::report;
use crate::screen::message::Message;
use crate::screen::model::{Model, Origin};
use crate::screen::runtime::{self, Content, Contents, Frames as _, Outside};
use firstbad_collector::diagnosis_json;
use firstbad_collector::offline::{self, Offline, OfflineError, Options, Window};
use firstbad_protocol::Hash;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Sender, SyncSender};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long a replay waits for its first frame before it opens the screen without one.
const BEGINS_WITHIN: Duration = Duration::from_millis(200);
/// How often the screen learns how much is read.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// `firstbad diagnose`.
///
/// # Errors
/// If nothing is readable.
pub(super) fn diagnose(arguments: &DiagnoseArgs) -> Result<ExitCode, Failure> {
    let window = Window { from: arguments.from, to: arguments.to };
    let options = Options { at: arguments.at, window, dimensions: arguments.replayed.dimensions.clone() };
    let found = offline::diagnose(&arguments.replayed.paths, &options)?;
    let standing = standing(&found);
    match arguments.format {
        Format::Json => print(&diagnosis_json(&found.diagnosis))?,
        Format::Text => print(&report::text::diagnosis(&found.snapshot, &found.diagnosis))?,
        Format::Html => {
            let contents = contents(found.contents);
            print(&report::html::diagnosis(&found.snapshot, &found.diagnosis, Some(&contents)))?;
        }
        Format::Markdown => {
            let contents = contents(found.contents);
            print(&report::markdown::diagnosis(&found.snapshot, &found.diagnosis, Some(&contents)))?;
        }
    }
    if standing == Standing::Blind {
        eprintln!("firstbad: no sender's requests or scores were understood, so an incident could not have been found");
    }
    Ok(standing.into())
}

/// Every incident in the window counts, also one that is over.
fn standing(found: &Offline) -> Standing {
    // A bundle is made of an incident and holds only observations that were understood.
    let is_blind = found.understanding.is_some_and(|understanding| understanding.outcomes == 0);
    match (found.diagnosis.incidents.is_empty(), is_blind) {
        (false, _) => Standing::Incident,
        (true, true) => Standing::Blind,
        (true, false) => Standing::Calm,
    }
}

/// `firstbad replay`.
///
/// # Errors
/// If nothing is readable, or the terminal cannot be used.
pub(super) fn replay(common: &Common, arguments: &ReplayArgs) -> Result<ExitCode, Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdout().is_terminal() {
        return Err(Failure::new("a replay needs a terminal, and standard output is not a terminal")
            .hint("for scripts: firstbad diagnose PATH --at T"));
    }
    let look = Look { common, screen: &arguments.screen };
    let Replayed { paths, dimensions } = &arguments.replayed;
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let model = Model::new(Origin::Replay(names.join(" ")), look.theme());
    let options = Options { dimensions: dimensions.clone(), ..Options::default() };
    let (sender, inbox) = runtime::channel();
    let (film, contents) = (Film::default(), Arc::new(OnceLock::new()));
    let reader = Reader { paths: paths.clone(), options, film: film.clone(), contents: Arc::clone(&contents) };
    let to_screen = sender.clone();
    let (begun, begins) = std::sync::mpsc::channel();
    let reading = std::thread::Builder::new().name("replay".into()).spawn(move || reader.read(&to_screen, &begun))?;
    // What fails at once needs no screen: the error goes where errors go. A large capture is read behind the screen.
    let begins = begins.recv_timeout(BEGINS_WITHIN);
    if matches!(begins, Err(std::sync::mpsc::RecvTimeoutError::Disconnected)) {
        ended(reading)?;
        return Err(Failure::new("nothing was read"));
    }
    let contents = found_in(contents);
    let outside = Outside {
        reports: super::written::reports(contents.clone()),
        contents,
        health: Arc::new(|| Err("a replay has no collector".to_owned())),
        backtraces: Arc::new(
            |_| Err("a replay keeps no backtraces; they stand in the capture's own events".to_owned()),
        ),
        frames: Box::new(film),
        words: Arc::new(|_| Err("a replay has no collector to say it to".to_owned())),
    };
    super::shown(model, look, runtime::Channel { sender, inbox }, outside)?;
    if reading.is_finished() {
        ended(reading)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The result of reading the files.
fn ended(reading: std::thread::JoinHandle<Result<(), OfflineError>>) -> Result<(), Failure> {
    Ok(reading.join().unwrap_or(Ok(()))?)
}

/// Reads files and makes frames of them, beside the screen.
struct Reader {
    paths: Vec<PathBuf>,
    options: Options,
    film: Film,
    contents: Arc<OnceLock<Contents>>,
}

impl Reader {
    /// Reads everything. It says once that it has begun, then how far it is.
    fn read(self, screen: &SyncSender<Message>, begun: &Sender<()>) -> Result<(), OfflineError> {
        let mut told = Instant::now();
        let mut gone = false;
        let found = offline::replay(&self.paths, &self.options, &mut |moment| {
            self.film.push(|| moment.snapshot());
            let first = self.film.count() == 1;
            if first {
                // Whoever waited for it may have stopped to wait.
                let _ = begun.send(());
            }
            if first || told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                gone = screen.send(Message::Reading(Some(moment.read_percent))).is_err();
            }
            if gone { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let found = found.inspect_err(|_| {
            // The screen closes first, so that the error is visible.
            let _ = screen.send(Message::Stop);
        })?;
        self.film.finish(&found.snapshot);
        let _ = self.contents.set(contents(found.contents));
        let _ = begun.send(());
        let _ = screen.send(Message::Reading(None));
        Ok(())
    }
}

/// The contents once all files are read.
fn found_in(contents: Arc<OnceLock<Contents>>) -> Contents {
    Arc::new(move |hash| match contents.get() {
        Some(contents) => contents(hash),
        None => Err("the files are still being read: esc, and come back when they are".to_owned()),
    })
}

/// Captured contents as the screen asks for them.
fn contents(kept: Vec<firstbad_collector::normalise::Content>) -> Contents {
    let kept: BTreeMap<Hash, Content> = kept
        .into_iter()
        .map(|content| {
            use firstbad_protocol::content::Format;
            let told = Format::from_word(&content.format);
            let format = told.unwrap_or_else(|| Format::of(&content.config, &content.body));
            (content.hash, Content { bytes: content.body, format })
        })
        .collect();
    Arc::new(move |hash| {
        kept.get(&hash).cloned().ok_or_else(|| format!("the content of {} is not in these files", hash.short()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use firstbad_collector::normalise::Understanding;
    use firstbad_protocol::snapshot::Snapshot;

    #[test]
    fn what_was_not_understood_is_not_calm() {
        let found = |snapshot: Snapshot, outcomes: Option<u64>| {
            let understanding =
                outcomes.map(|outcomes| Understanding { resources: 3, outcomes, ..Understanding::default() });
            standing(&Offline { diagnosis: snapshot.diagnosis.clone(), snapshot, contents: Vec::new(), understanding })
        };
        let mut over = fixture::named();
        over.diagnosis.incidents = vec![fixture::refused()];
        over.diagnosis.incidents[0].state = firstbad_protocol::verdict::State::Resolved;
        assert_eq!(found(fixture::calm(), Some(1)), Standing::Calm);
        assert_eq!(found(fixture::calm(), Some(0)), Standing::Blind);
        assert_eq!(found(fixture::calm(), None), Standing::Calm, "a bundle holds what was understood");
        assert_eq!(found(fixture::named(), Some(0)), Standing::Incident);
        assert_eq!(found(over, Some(1)), Standing::Incident, "a refusal that is over is an incident");
    }
}
