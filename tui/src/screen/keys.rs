//! The one list of keys: the dispatcher, the help screen, the manual page and the tests read it. What an action does is
//! decided by `update`.

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
    Copy,
    Pause,
    Earlier,
    Later,
    MuchEarlier,
    MuchLater,
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
    bind(&[Key::Char('j'), Key::Down], "j down", Action::Down, "next line or row"),
    bind(&[Key::Char('k'), Key::Up], "k up", Action::Up, "previous line or row"),
    bind(&[Key::Char('g'), Key::Home], "g home", Action::First, "first"),
    bind(&[Key::Char('G'), Key::End], "G end", Action::Last, "last"),
    bind(&[Key::PageDown, Key::Control('f')], "page down", Action::PageDown, "a page on"),
    bind(&[Key::PageUp, Key::Control('b')], "page up", Action::PageUp, "a page back"),
    bind(&[Key::Enter], "enter", Action::Open, "open it whole; on the list: that incident"),
    bind(&[Key::Escape, Key::Backspace], "esc", Action::Back, "back; clears a filter first"),
    bind(&[Key::Tab, Key::Right], "tab right", Action::NextScreen, "next screen"),
    bind(&[Key::BackTab, Key::Left], "shift-tab left", Action::PreviousScreen, "previous screen"),
    bind(
        &[Key::Char('1')],
        "1 .. 8 s h c d p",
        Action::ShowScreen(0),
        "that screen: Suspects, Hosts, Changes, Difference, Playbook",
    ),
    bind(&[Key::Char('2')], "2", Action::ShowScreen(1), ""),
    bind(&[Key::Char('3'), Key::Char('s')], "3 s", Action::ShowScreen(2), ""),
    bind(&[Key::Char('4'), Key::Char('h')], "4 h", Action::ShowScreen(3), ""),
    bind(&[Key::Char('5'), Key::Char('c')], "5 c", Action::ShowScreen(4), ""),
    bind(&[Key::Char('6'), Key::Char('d')], "6 d", Action::ShowScreen(5), ""),
    bind(&[Key::Char('7')], "7", Action::ShowScreen(6), ""),
    bind(&[Key::Char('8'), Key::Char('p')], "8 p", Action::ShowScreen(7), ""),
    bind(&[Key::Char('n')], "n", Action::NextIncident, "next incident"),
    bind(&[Key::Char('N')], "N", Action::PreviousIncident, "previous incident"),
    bind(&[Key::Char('/')], "/", Action::Filter, "filter rows; /!text leaves out what matches"),
    bind(&[Key::Char('y')], "y", Action::Copy, "copy to the clipboard, also over SSH and in tmux"),
    bind(&[Key::Char(' ')], "space", Action::Pause, "pause; in a replay: play or stop"),
    bind(&[Key::Char('[')], "[ ]", Action::Earlier, "replay: one step earlier, later"),
    bind(&[Key::Char(']')], "]", Action::Later, ""),
    bind(&[Key::Char('{')], "{ }", Action::MuchEarlier, "replay: a twentieth earlier, later"),
    bind(&[Key::Char('}')], "}", Action::MuchLater, ""),
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
