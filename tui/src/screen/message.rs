//! What can happen to the screen, and what the screen can ask for. `update` turns the first into the second; the runtime
//! carries the second out.

use super::keys::Key;
use super::model::{Pair, PanicPlace, RowDifference};
use super::moments::Goal;
use super::palette::Form;
use super::site_history::SiteHistory;
use super::word_form::WordRequest;
use firstbad_collector::Status;
use firstbad_protocol::snapshot::Snapshot;
use std::sync::Arc;

/// Something happened.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted: it is no row of keys.
    Paste(String),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// So many milliseconds have passed since the screen opened.
    Clock(u64),
    /// A live snapshot arrived.
    Snapshot(Arc<Snapshot>),
    /// The connection failed; a new attempt follows.
    Lost(String),
    /// Whether other machines reach the collector without TLS and authentication.
    Insecure(bool),
    /// Frame `index` of `count` of a replay.
    Frame {
        /// Position, from 0.
        index: usize,
        /// Frames in all.
        count: usize,
        /// The snapshot as of then.
        snapshot: Arc<Snapshot>,
    },
    /// A text for the last line.
    Remark(String),
    /// The mouse was used.
    Mouse(MouseEvent),
    /// Two versions were compared, or could not be.
    Difference(Pair, Result<Arc<RowDifference>, String>),
    /// A backtrace was found, or why there is none. Untrusted text.
    Backtrace(PanicPlace, Result<Vec<String>, String>),
    /// How often a place panicked over time.
    SiteHistory(SiteHistory),
    /// The collector's status, or the reason why it is missing.
    Health(Result<Arc<Status>, String>),
    /// Something happened on the demo's stage.
    Story(String),
    /// So much of the replay's files is read, in percent; none: all of it.
    Reading(Option<u8>),
    /// What the collector said to a word, or why it stored none. Untrusted text.
    Said(WordRequest, Result<String, String>),
    /// Where copied text went, or why it could not be copied.
    Copied(Result<Copied, String>),
    /// The process was asked to stop for a while.
    Suspend,
    /// The process was asked to end.
    Stop,
}

/// Something is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Compare two versions and send [`Message::Difference`].
    Compare(Pair),
    /// Look for a backtrace and send [`Message::Backtrace`].
    FindBacktrace(PanicPlace),
    /// Look through the moments that are kept for panics at a place (none: those without one), and send
    /// [`Message::SiteHistory`].
    FindSiteHistory(Option<String>),
    /// Ask the collector how it fares and send [`Message::Health`].
    AskHealth,
    /// Put text on the clipboard.
    Copy(String),
    /// Send frame `.0` of the replay, or the last one.
    Seek(usize),
    /// Send the frame that is so many steps before the newest, or [`Message::Remark`] if none is kept.
    Rewind(usize),
    /// Send the frame of a moment, or [`Message::Remark`] if it is not known.
    Jump(Goal),
    /// Write the report of the incident shown into a file, and say where in [`Message::Remark`].
    Export(Form),
    /// Let the terminal report the mouse, or not.
    Mouse(bool),
    /// Say a word to the collector, or take one back, and send [`Message::Said`].
    Say(WordRequest),
    /// Send the frame of the moment shown: frames were added, or thinned out.
    FindAgain,
    /// Give the terminal to the shell, and take it back when the shell says so.
    Suspend,
    /// End the screen.
    Quit,
}

/// Where copied text went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Copied {
    /// To the terminal, as an escape sequence (OSC 52), bytes. Whether it was taken cannot be known.
    Sent(usize),
    /// To tmux, which hands it on to the terminal, bytes.
    Tmux(usize),
    /// Into a file, since it is more than a terminal takes.
    File(String),
}

/// An event of the mouse, with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MouseEvent {
    /// Column, from 0.
    pub(crate) column: u16,
    /// Row, from 0.
    pub(crate) row: u16,
    /// Kind.
    pub(crate) kind: MouseKind,
}

/// Uses of the mouse that the screen knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MouseKind {
    /// The left button.
    Click,
    /// The wheel, away from the person.
    WheelUp,
    /// The wheel, towards the person.
    WheelDown,
}
