//! Runs the screen: waits for a message, gives it to `update`, carries out the effects, draws. It blocks while nothing
//! happens; with live data it wakes once a second so that the age of the data is true.

use super::clipboard;
use super::message::{Effect, Message};
use super::model::{Model, Pair, PanicPlace, RowDifference};
use super::moments::{self, Goal};
use super::palette::Form;
use super::site_history::{self, SiteHistory};
use super::terminal::{self, Held};
use super::update::{FRAME_MS, update};
use super::view;
use super::word_form::WordRequest;
use crate::difference;
use firstbad_collector::Status;
use firstbad_protocol::Hash;
use firstbad_protocol::content::Format;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Messages that wait for the screen; senders wait beyond that, and nothing is lost.
const INBOX: usize = 64;

/// The bytes of one version and the format they are read as.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// How they are cut into rows.
    pub(crate) format: Format,
}

/// Fetches the content of a version, or says why it cannot.
pub(crate) type Contents = Arc<dyn Fn(Hash) -> Result<Content, String> + Send + Sync>;

/// The frames of a replay.
pub(crate) trait Frames: Send {
    /// How many there are.
    fn count(&self) -> usize;
    /// Frame `index`.
    fn frame(&mut self, index: usize) -> Option<Arc<Snapshot>>;
    /// Index of the first frame that is not earlier than `at`.
    fn place_of(&self, at: Option<Timestamp>) -> usize;
    /// Takes a live snapshot as the next frame. The frames of a replay come from its files.
    fn note(&mut self, _live: &Arc<Snapshot>) {}
}

/// Asks the collector how it fares, or says why it cannot.
pub(crate) type AskHealth = Arc<dyn Fn() -> Result<Status, String> + Send + Sync>;

/// Looks for the frames of a panic, innermost first, or says why there are none.
pub(crate) type Backtraces = Arc<dyn Fn(&PanicPlace) -> Result<Vec<String>, String> + Send + Sync>;

/// Writes the report of an incident into a new file, and returns its path, or says why it cannot.
pub(crate) type Reports = Arc<dyn Fn(&Snapshot, &str, Form) -> Result<String, String> + Send + Sync>;

/// Says a word to the collector, or takes one back, and returns what holds then, or says why nothing was stored.
pub(crate) type Words = Arc<dyn Fn(&WordRequest) -> Result<String, String> + Send + Sync>;

/// What the screen needs from outside.
pub(crate) struct Outside {
    /// Contents of versions.
    pub(crate) contents: Contents,
    /// How the collector fares.
    pub(crate) health: AskHealth,
    /// Backtraces of panics.
    pub(crate) backtraces: Backtraces,
    /// Frames of a replay, or of what the screen has seen.
    pub(crate) frames: Box<dyn Frames>,
    /// Writes reports into files.
    pub(crate) reports: Reports,
    /// Says words of an engineer.
    pub(crate) words: Words,
}

/// Both ends of the way to the screen.
pub(crate) struct Channel {
    /// Where messages are sent.
    pub(crate) sender: SyncSender<Message>,
    /// Where the screen takes them.
    pub(crate) inbox: Receiver<Message>,
}

/// A channel to the screen.
pub(crate) fn channel() -> (SyncSender<Message>, Receiver<Message>) {
    sync_channel(INBOX)
}

/// Shows `model` until somebody quits, and returns it as it is then.
///
/// # Errors
/// If the terminal cannot be taken or drawn on.
pub(crate) fn run(
    model: Model,
    sender: SyncSender<Message>,
    inbox: Receiver<Message>,
    outside: Outside,
) -> io::Result<Model> {
    let mut held = Held::take()?;
    terminal::listen(&sender)?;
    let size = held.terminal.size()?;
    let mut screen = Running { model, sender, outside, opened: Instant::now(), torn: false };
    screen.take(Message::Resize(size.width, size.height))?;
    screen.seek(usize::MAX)?;
    loop {
        if std::mem::take(&mut screen.torn) {
            // Not `clear`: it asks the terminal where the cursor is, and the answer goes to the thread that reads keys.
            let area = ratatui::layout::Rect::from((ratatui::layout::Position::ORIGIN, held.terminal.size()?));
            held.terminal.resize(area)?;
        }
        held.terminal.draw(|frame| view::draw(&screen.model, frame))?;
        let first = match screen.patience() {
            None => inbox.recv().unwrap_or(Message::Stop),
            Some(patience) => match inbox.recv_timeout(patience) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => Message::Clock(screen.now_ms()),
                Err(RecvTimeoutError::Disconnected) => Message::Stop,
            },
        };
        let clock = Message::Clock(screen.now_ms());
        for message in std::iter::once(clock).chain([first]).chain(inbox.try_iter().take(INBOX)) {
            if screen.take(message)? {
                return Ok(screen.model);
            }
        }
    }
}

struct Running {
    model: Model,
    sender: SyncSender<Message>,
    outside: Outside,
    opened: Instant,
    /// Whether something else was drawn on the terminal meanwhile.
    torn: bool,
}

impl Running {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long the picture stays true without a message; none: for ever.
    fn patience(&self) -> Option<Duration> {
        match self.model.replay {
            Some(replay) if replay.playing => Some(Duration::from_millis(FRAME_MS)),
            Some(_) if !self.model.is_past() => None,
            _ => Some(Duration::from_millis(1000 - self.now_ms() % 1000)),
        }
    }

    /// Whether the screen ends with this message.
    fn take(&mut self, message: Message) -> io::Result<bool> {
        if let Message::Snapshot(live) = &message {
            self.outside.frames.note(live);
        }
        for effect in update(&mut self.model, message) {
            match effect {
                Effect::Quit => return Ok(true),
                Effect::Copy(text) => {
                    let result = clipboard::copy(&text).map_err(|error| error.to_string());
                    update(&mut self.model, Message::Copied(result));
                }
                Effect::Suspend => {
                    terminal::suspend()?;
                    self.torn = true;
                }
                Effect::Seek(index) => self.seek(index)?,
                Effect::FindAgain => self.seek(self.outside.frames.place_of(self.model.now()))?,
                Effect::Rewind(steps) => self.rewind(steps)?,
                Effect::Jump(goal) => self.jump(goal)?,
                Effect::Export(form) => self.export(form)?,
                Effect::Mouse(is_on) => {
                    terminal::report_mouse(is_on)?;
                    let told = if is_on { "the mouse is on; text is selected with shift" } else { "the mouse is off" };
                    self.remark(told.to_owned())?;
                }
                Effect::Compare(pair) => self.compare(pair)?,
                Effect::FindBacktrace(place) => self.find_backtrace(place)?,
                Effect::FindSiteHistory(site) => {
                    let points = site_history::points(self.outside.frames.as_mut(), site.as_deref());
                    let history = SiteHistory { site, asked_ms: self.model.now_ms, points };
                    self.take(Message::SiteHistory(history))?;
                }
                Effect::Say(request) => self.say(request)?,
                Effect::AskHealth => self.ask_health()?,
            }
        }
        Ok(false)
    }

    fn remark(&mut self, told: String) -> io::Result<()> {
        self.take(Message::Remark(told)).map(drop)
    }

    fn seek(&mut self, index: usize) -> io::Result<()> {
        let frames = &mut self.outside.frames;
        let count = frames.count();
        if count == 0 {
            return Ok(());
        }
        let index = index.min(count - 1);
        if let Some(snapshot) = frames.frame(index) {
            self.take(Message::Frame { index, count, snapshot })?;
        }
        Ok(())
    }

    /// Goes back from live data. The newest frame is what is shown already.
    fn rewind(&mut self, steps: usize) -> io::Result<()> {
        match self.outside.frames.count() {
            0 | 1 => self.remark("nothing earlier was seen: the screen keeps what came since it was opened".to_owned()),
            count => self.seek((count - 1).saturating_sub(steps)),
        }
    }

    fn jump(&mut self, goal: Goal) -> io::Result<()> {
        let newest = match &self.model.held {
            Some(held) => Some(Arc::clone(held)),
            None if self.model.replay.is_none() => self.model.snapshot.clone(),
            None => self.outside.frames.frame(self.outside.frames.count().saturating_sub(1)),
        };
        let Some(newest) = newest else { return self.remark("no data yet: there is nothing to jump to".to_owned()) };
        let chosen = self.model.chosen.as_deref();
        let here = self.model.replay.map(|replay| replay.index);
        let mut from = self.model.now();
        let moment = loop {
            let moment = match moments::find(&newest, chosen, from, goal) {
                Ok(moment) => moment,
                Err(why) => return self.remark(why),
            };
            // A frame is of a later time than the moment that it was found for: the same one must not be found again.
            let place = self.outside.frames.place_of(Some(moment.at));
            let is_here = here == Some(place) && matches!(goal, Goal::Next | Goal::Previous);
            if !is_here {
                break moment;
            }
            from = Some(moment.at);
        };
        if self.outside.frames.count() == 0 {
            return self.remark(format!("{}; no frame of that time was seen", moment.told(newest.at)));
        }
        self.model.follows = false;
        self.seek(self.outside.frames.place_of(Some(moment.at)))?;
        let shown = self.model.now();
        let is_later = shown.is_some_and(|shown| shown.since(moment.at) > 60 * SECOND_NS);
        let note = if is_later { "; the first frame kept is later" } else { "" };
        self.remark(format!("{}{note}", moment.told(newest.at)))
    }

    fn export(&mut self, form: Form) -> io::Result<()> {
        let (Some(snapshot), Some(incident)) = (self.model.snapshot.clone(), self.model.incident()) else {
            return Ok(());
        };
        let (reports, sender, id) = (self.outside.reports.clone(), self.sender.clone(), incident.id.clone());
        beside("report", move || {
            let told = match reports(&snapshot, &id, form) {
                Ok(path) => format!("written: {path}"),
                Err(why) => format!("not written: {why}"),
            };
            let _ = sender.send(Message::Remark(told));
        })
    }

    fn find_backtrace(&self, place: PanicPlace) -> io::Result<()> {
        let (backtraces, sender) = (self.outside.backtraces.clone(), self.sender.clone());
        beside("backtrace", move || {
            let found = backtraces(&place);
            let _ = sender.send(Message::Backtrace(place, found));
        })
    }

    fn say(&self, request: WordRequest) -> io::Result<()> {
        let (words, sender) = (self.outside.words.clone(), self.sender.clone());
        beside("word", move || {
            let said = words(&request);
            let _ = sender.send(Message::Said(request, said));
        })
    }

    fn ask_health(&self) -> io::Result<()> {
        let (health, sender) = (self.outside.health.clone(), self.sender.clone());
        beside("health", move || {
            let _ = sender.send(Message::Health(health().map(Arc::new)));
        })
    }

    fn compare(&self, pair: Pair) -> io::Result<()> {
        let (contents, sender) = (self.outside.contents.clone(), self.sender.clone());
        beside("rows", move || {
            let result = compare(&contents, pair).map(Arc::new);
            let _ = sender.send(Message::Difference(pair, result));
        })
    }
}

/// Does `work` in a thread of its own, which sends its result; the screen may have been closed meanwhile.
fn beside(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(work).map(drop)
}

/// Fetches both versions of `pair` and compares their rows.
pub(crate) fn compare(contents: &Contents, pair: Pair) -> Result<RowDifference, String> {
    let (old, new) = (contents(pair.old)?, contents(pair.new)?);
    let found = difference::of(&old.bytes, &new.bytes, new.format);
    let masked = Hash::of(&old.bytes) != pair.old || Hash::of(&new.bytes) != pair.new;
    Ok(RowDifference { masked, ..found })
}
