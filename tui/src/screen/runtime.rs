//! Runs the screen: waits for a message, gives it to `update`, carries out the effects, draws. It blocks while nothing
//! happens; with live data it wakes once a second so that the age of the data is true.

use super::clipboard;
use super::message::{Effect, Message};
use super::model::{Model, Pair, RowDifference};
use super::terminal::{self, Held};
use super::update::{FRAME_MS, update};
use super::view;
use crate::difference;
use firstbad_protocol::Hash;
use firstbad_protocol::content::Format;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
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
}

/// What the screen needs from outside.
pub(crate) struct Outside {
    /// Contents of versions.
    pub(crate) contents: Contents,
    /// Frames, in a replay.
    pub(crate) frames: Option<Box<dyn Frames>>,
}

/// A channel to the screen.
pub(crate) fn channel() -> (SyncSender<Message>, Receiver<Message>) {
    sync_channel(INBOX)
}

/// Shows `model` until somebody quits.
///
/// # Errors
/// If the terminal cannot be taken or drawn on.
pub(crate) fn run(
    model: Model,
    sender: SyncSender<Message>,
    inbox: Receiver<Message>,
    outside: Outside,
) -> io::Result<()> {
    let mut held = Held::take()?;
    terminal::listen(&sender)?;
    let size = held.terminal.size()?;
    let mut screen = Running { model, sender, outside, opened: Instant::now(), torn: false };
    screen.take(Message::Resize(size.width, size.height))?;
    if screen.outside.frames.is_some() {
        screen.seek(usize::MAX)?;
    }
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
                return Ok(());
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
            Some(_) => None,
            None => Some(Duration::from_millis(1000 - self.now_ms() % 1000)),
        }
    }

    /// Whether the screen ends with this message.
    fn take(&mut self, message: Message) -> io::Result<bool> {
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
                Effect::FindAgain => {
                    let at = self.model.now();
                    let place = self.outside.frames.as_ref().map(|frames| frames.place_of(at));
                    if let Some(place) = place {
                        self.seek(place)?;
                    }
                }
                Effect::Compare(pair) => self.compare(pair)?,
            }
        }
        Ok(false)
    }

    fn seek(&mut self, index: usize) -> io::Result<()> {
        let Some(frames) = &mut self.outside.frames else { return Ok(()) };
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

    fn compare(&self, pair: Pair) -> io::Result<()> {
        let (contents, sender) = (self.outside.contents.clone(), self.sender.clone());
        std::thread::Builder::new().name("rows".into()).spawn(move || {
            let result = compare(&contents, pair).map(Arc::new);
            // The screen may have been closed meanwhile.
            let _ = sender.send(Message::Difference(pair, result));
        })?;
        Ok(())
    }
}

/// Fetches both versions of `pair` and compares their rows.
pub(crate) fn compare(contents: &Contents, pair: Pair) -> Result<RowDifference, String> {
    let (old, new) = (contents(pair.old)?, contents(pair.new)?);
    let found = difference::of(&old.bytes, &new.bytes, new.format);
    let masked = Hash::of(&old.bytes) != pair.old || Hash::of(&new.bytes) != pair.new;
    Ok(RowDifference { masked, ..found })
}
