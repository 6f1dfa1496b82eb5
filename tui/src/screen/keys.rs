//! The one list of keys: the dispatcher, the help screen, the manual page and the tests read it. What an action does is
//! decided by `update`.

use firstbad_protocol::verdict::WordKind;

/// A key, free of any terminal library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A character, shift included.
    Char(char),
    /// Control and a character.
    Control(char),
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Tab.
    Tab,
    /// Shift and tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
}

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Down,
    Up,
    First,
    Last,
    PageDown,
    PageUp,
    Open,
    Back,
    NextScreen,
    PreviousScreen,
    ShowScreen(usize),
    NextIncident,
    PreviousIncident,
    Help,
    Filter,
    Sort,
    Group,
    NextConfig,
    Copy,
    Pause,
    Earlier,
    Later,
    MuchEarlier,
    MuchLater,
    EarlierMoment,
    LaterMoment,
    Faster,
    Slower,
    Now,
    Export,
    Palette,
    Say(WordKind),
    Suspend,
    Quit,
}

/// Keys for one action.
pub(crate) struct Binding {
    /// The keys.
    pub(crate) keys: &'static [Key],
    /// How help names them.
    pub(crate) label: &'static str,
    /// The action.
    pub(crate) action: Action,
    /// What help says; empty where the line before says it.
    pub(crate) help: &'static str,
}

const fn bind(keys: &'static [Key], label: &'static str, action: Action, help: &'static str) -> Binding {
    Binding { keys, label, action, help }
}

/// Every key.
pub(crate) const BINDINGS: &[Binding] = &[
    bind(&[Key::Char('j'), Key::Down], "j k down up", Action::Down, "next, previous row; on 1: next section"),
    bind(&[Key::Char('k'), Key::Up], "k", Action::Up, ""),
    bind(&[Key::Char('g'), Key::Home], "g G home end", Action::First, "first, last"),
    bind(&[Key::Char('G'), Key::End], "G", Action::Last, ""),
    bind(&[Key::PageDown, Key::Control('f')], "page down, up", Action::PageDown, "a page on, back"),
    bind(&[Key::PageUp, Key::Control('b')], "page up", Action::PageUp, ""),
    bind(&[Key::Enter], "enter", Action::Open, "open it whole; on lists: what is under the cursor"),
    bind(&[Key::Escape, Key::Backspace], "esc", Action::Back, "back; first clears a filter, or leaves the past"),
    bind(&[Key::Tab, Key::Right], "tab shift-tab", Action::NextScreen, "next, previous screen"),
    bind(&[Key::BackTab, Key::Left], "shift-tab", Action::PreviousScreen, ""),
    bind(
        &[Key::Char('1')],
        "1 .. 9 0 D F",
        Action::ShowScreen(0),
        "that screen; also s h c d p r x: Suspects .. Rollout, panics",
    ),
    bind(&[Key::Char('2')], "2", Action::ShowScreen(1), ""),
    bind(&[Key::Char('3'), Key::Char('s')], "3 s", Action::ShowScreen(2), ""),
    bind(&[Key::Char('4'), Key::Char('h')], "4 h", Action::ShowScreen(3), ""),
    bind(&[Key::Char('5'), Key::Char('c')], "5 c", Action::ShowScreen(4), ""),
    bind(&[Key::Char('6'), Key::Char('d')], "6 d", Action::ShowScreen(5), ""),
    bind(&[Key::Char('7')], "7", Action::ShowScreen(6), ""),
    bind(&[Key::Char('8'), Key::Char('p')], "8 p", Action::ShowScreen(7), ""),
    bind(&[Key::Char('9'), Key::Char('r')], "9 r", Action::ShowScreen(8), ""),
    bind(&[Key::Char('0'), Key::Char('x')], "0 x", Action::ShowScreen(9), ""),
    bind(&[Key::Char('D')], "D", Action::ShowScreen(10), ""),
    bind(&[Key::Char('F')], "F", Action::ShowScreen(11), ""),
    bind(&[Key::Char('n')], "n N", Action::NextIncident, "next, previous incident"),
    bind(&[Key::Char('N')], "N", Action::PreviousIncident, ""),
    bind(&[Key::Char('/')], "/", Action::Filter, "filter rows; /!text leaves out what matches; up: earlier ones"),
    bind(&[Key::Char('S')], "S b v", Action::Sort, "next order of rows; rollout: next grouping, config"),
    bind(&[Key::Char('b')], "b", Action::Group, ""),
    bind(&[Key::Char('v')], "v", Action::NextConfig, ""),
    bind(&[Key::Char('y')], "y", Action::Copy, "copy to the clipboard, also over SSH and in tmux"),
    bind(&[Key::Char(' ')], "space", Action::Pause, "pause; in the past: play or stop"),
    bind(&[Key::Char('[')], "[ ] { }", Action::Earlier, "in time: a step, a twentieth earlier, later"),
    bind(&[Key::Char(']')], "]", Action::Later, ""),
    bind(&[Key::Char('{')], "{ }", Action::MuchEarlier, ""),
    bind(&[Key::Char('}')], "}", Action::MuchLater, ""),
    bind(&[Key::Char('<')], "< >", Action::EarlierMoment, "in time: load, onset, naming, end before, after"),
    bind(&[Key::Char('>')], ">", Action::LaterMoment, ""),
    bind(&[Key::Char('+'), Key::Char('=')], "+ -", Action::Faster, "play faster, slower"),
    bind(&[Key::Char('-')], "-", Action::Slower, ""),
    bind(&[Key::Char(':')], ":", Action::Palette, "orders, with tab to complete: all screens, jumps, mouse on .."),
    bind(&[Key::Char('e')], "e", Action::Export, "write the report into a file here; :export html, json, text"),
    bind(&[Key::Char('a')], "a X Q", Action::Say(WordKind::Ack), "tell the collector: seen; not the cause; hold pages"),
    bind(&[Key::Char('X')], "X", Action::Say(WordKind::Dispute), ""),
    bind(&[Key::Char('Q')], "Q", Action::Say(WordKind::Quiet), ""),
    bind(&[Key::Control('z')], "ctrl-z", Action::Suspend, "to the shell; fg comes back"),
    bind(&[Key::Char('?')], "?", Action::Help, "this help"),
    bind(&[Key::Char('q'), Key::Control('c')], "q ctrl-c", Action::Quit, "quit"),
];

/// The action bound to `key`.
pub(crate) fn action(key: Key) -> Option<Action> {
    BINDINGS.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_bound_twice() {
        for (index, binding) in BINDINGS.iter().enumerate() {
            for key in binding.keys {
                assert!(!BINDINGS[..index].iter().any(|earlier| earlier.keys.contains(key)), "{key:?}");
            }
        }
    }
}
