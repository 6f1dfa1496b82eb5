//! The terminal itself: raw mode and the alternate screen are taken once and given back on every way out: return, error,
//! panic and signal. What is drawn is decided by the view.

use super::keys::Key;
use super::message::{Message, MouseEvent, MouseKind};
use super::sixteen::Sixteen;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event, KeyCode, KeyEvent,
    KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, event, execute};
use firstbad_protocol::Untrusted;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use std::io::{self, Stdout};
use std::sync::mpsc::SyncSender;

/// The terminal while the screen is open. Dropping it gives the terminal back.
pub(super) struct Held {
    /// Where frames are drawn.
    pub(super) terminal: Terminal<CrosstermBackend<Sixteen<Stdout>>>,
}

impl Held {
    /// Takes the terminal, and makes sure that a panic gives it back before it says anything.
    pub(super) fn take() -> io::Result<Self> {
        std::panic::set_hook(Box::new(|panic| {
            give_back();
            // The hook that comes with std would print the message raw, on a terminal that is no longer filtered.
            eprintln!("firstbad: internal error, please report it: {}", Untrusted(&panic.to_string()));
        }));
        enter()?;
        let terminal = Terminal::new(CrosstermBackend::new(Sixteen::new(io::stdout()))).inspect_err(|_| give_back())?;
        Ok(Self { terminal })
    }
}

/// Raw mode and the alternate screen; a paste comes as one event, so that its letters are not taken for keys.
fn enter() -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide).inspect_err(|_| give_back())
}

/// Gives the terminal to the shell, stops this process as Ctrl-Z does, and goes on when the shell says so. Nothing of the
/// picture is left then.
pub(super) fn suspend() -> io::Result<()> {
    give_back();
    signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
    enter()
}

/// Lets the terminal report the mouse, or not. While it does, it selects text only with shift.
pub(super) fn report_mouse(is_on: bool) -> io::Result<()> {
    if is_on { execute!(io::stdout(), EnableMouseCapture) } else { execute!(io::stdout(), DisableMouseCapture) }
}

impl Drop for Held {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // Nothing can be done about a terminal that is gone.
    let _ = execute!(io::stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let _ = crossterm::terminal::disable_raw_mode();
}

/// Sends keys, sizes and signals as messages, from two threads that end with the process or the screen.
pub(super) fn listen(sender: &SyncSender<Message>) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT, SIGTSTP])?;
    let to_screen = sender.clone();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let mut asked = false;
        for signal in signals.forever() {
            if signal == SIGTSTP {
                let _ = to_screen.try_send(Message::Suspend);
                continue;
            }
            // A screen that does not answer the first request is ended by the second.
            if to_screen.try_send(Message::Stop).is_err() || std::mem::replace(&mut asked, true) {
                give_back();
                std::process::exit(128 + signal);
            }
        }
    })?;
    let to_screen = sender.clone();
    std::thread::Builder::new().name("keys".into()).spawn(move || {
        while let Ok(event) = event::read() {
            let message = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => key_of(key).map(Message::Key),
                Event::Paste(text) => Some(Message::Paste(text)),
                Event::Mouse(event) => mouse_of(event).map(Message::Mouse),
                Event::Resize(columns, rows) => Some(Message::Resize(columns, rows)),
                _ => None,
            };
            if message.is_some_and(|message| to_screen.send(message).is_err()) {
                return;
            }
        }
        // The terminal is gone.
        let _ = to_screen.send(Message::Stop);
    })?;
    Ok(())
}

fn mouse_of(event: event::MouseEvent) -> Option<MouseEvent> {
    let kind = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => MouseKind::Click,
        MouseEventKind::ScrollUp => MouseKind::WheelUp,
        MouseEventKind::ScrollDown => MouseKind::WheelDown,
        _ => return None,
    };
    Some(MouseEvent { column: event.column, row: event.row, kind })
}

fn key_of(event: KeyEvent) -> Option<Key> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(match event.code {
        KeyCode::Char(character) if control => Key::Control(character.to_ascii_lowercase()),
        KeyCode::Char(character) => Key::Char(character),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}
