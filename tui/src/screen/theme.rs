//! How roles look. Without colour, weight and reversal remain; the words alone already say everything, since colour is
//! never the only carrier of a meaning. Which text has which role is decided by the view.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;

/// What the terminal may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Theme {
    /// Whether colours may be used (`NO_COLOR`, `--no-color`).
    pub(crate) colour: bool,
    /// Whether only ASCII may be used (`--ascii`).
    pub(crate) ascii: bool,
}

/// What a piece of text is to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Ordinary text.
    Plain,
    /// A heading or label.
    Title,
    /// It hurts.
    Bad,
    /// It needs attention.
    Warn,
    /// It is in order.
    Good,
    /// Less important.
    Dim,
    /// Under the cursor.
    Selected,
}

impl Theme {
    /// `text` in the look of `role`.
    pub(crate) fn span(self, role: Role, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.style(role))
    }

    fn style(self, role: Role) -> Style {
        let style = match role {
            Role::Plain => Style::new(),
            Role::Title | Role::Bad | Role::Warn => Style::new().add_modifier(Modifier::BOLD),
            Role::Good => Style::new(),
            Role::Dim => Style::new().add_modifier(Modifier::DIM),
            Role::Selected => Style::new().add_modifier(Modifier::REVERSED),
        };
        match role {
            // Only colours that can be read on black and on white: yellow, cyan and blue cannot.
            Role::Bad if self.colour => style.fg(Color::Red),
            Role::Warn if self.colour => style.fg(Color::Magenta),
            Role::Good if self.colour => style.fg(Color::Green),
            _ => style,
        }
    }
}
