//! How roles look. Without colour, weight and reversal remain; the words alone already say everything, since colour is
//! never the only carrier of a meaning. Which text has which role is decided by the view.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;

/// The background of the terminal, for which colours are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Background {
    /// Not known: colours are those that can be read on black and on white.
    #[default]
    Unknown,
    /// Black or nearly so.
    Dark,
    /// White or nearly so.
    Light,
}

impl Background {
    /// The background that `COLORFGBG` names: its last part is one of the sixteen colours; 7 and 15 are white.
    pub(crate) fn of_variable(value: &str) -> Self {
        match value.rsplit(';').next().and_then(|part| part.trim().parse::<u8>().ok()) {
            Some(7 | 15) => Self::Light,
            Some(0..7 | 8) => Self::Dark,
            _ => Self::Unknown,
        }
    }
}

/// What the terminal may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Theme {
    /// Whether colours may be used (`NO_COLOR`, `--no-color`).
    pub(crate) colour: bool,
    /// Whether only ASCII may be used (`--ascii`).
    pub(crate) ascii: bool,
    /// The background (`--theme`, `COLORFGBG`).
    pub(crate) background: Background,
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
        match self.colour_of(role) {
            Some(colour) => style.fg(colour),
            None => style,
        }
    }

    /// The colour of a role, one of the sixteen; none: that of ordinary text.
    fn colour_of(self, role: Role) -> Option<Color> {
        if !self.colour {
            return None;
        }
        match (self.background, role) {
            (Background::Dark, Role::Bad) => Some(Color::LightRed),
            (Background::Dark, Role::Warn) => Some(Color::LightYellow),
            (Background::Dark, Role::Good) => Some(Color::Green),
            (Background::Unknown | Background::Light, Role::Bad) => Some(Color::Red),
            (Background::Unknown | Background::Light, Role::Warn) => Some(Color::Magenta),
            (Background::Light, Role::Good) => Some(Color::Blue),
            // Neither green nor blue can be read on black and on white.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red, green and blue, 0 to 255.
    type Rgb = [u8; 3];
    const BLACK: Rgb = [0, 0, 0];
    const WHITE: Rgb = [255, 255, 255];
    const ROLES: [Role; 3] = [Role::Bad, Role::Warn, Role::Good];

    /// What xterm, and the Linux console, show for a colour of the sixteen.
    fn shown(colour: Color) -> [Rgb; 2] {
        match colour {
            Color::Red => [[205, 0, 0], [170, 0, 0]],
            Color::Green => [[0, 205, 0], [0, 170, 0]],
            Color::Blue => [[0, 0, 238], [0, 0, 170]],
            Color::Magenta => [[205, 0, 205], [170, 0, 170]],
            Color::LightRed => [[255, 0, 0], [255, 85, 85]],
            Color::LightYellow => [[255, 255, 0], [255, 255, 85]],
            Color::Cyan => [[0, 205, 205], [0, 170, 170]],
            other => panic!("{other:?} is none of the colours used"),
        }
    }

    /// Relative luminance as WCAG 2 defines it.
    fn luminance(rgb: Rgb) -> f64 {
        let [red, green, blue] = rgb.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: Rgb, other: Rgb) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The least contrast of any role on a background.
    fn least(background: Background, on: Rgb, palettes: usize) -> f64 {
        let theme = Theme { colour: true, ascii: false, background };
        let colours = ROLES.iter().filter_map(|role| theme.colour_of(*role));
        let contrasts = colours.flat_map(|colour| shown(colour).into_iter().take(palettes));
        contrasts.map(|rgb| contrast(rgb, on)).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn every_role_can_be_read_on_its_background() {
        assert!((contrast(BLACK, WHITE) - 21.0).abs() < 1e-9, "control");
        assert!(contrast(shown(Color::Cyan)[0], WHITE) < 3.0, "control: cyan on white cannot be read");
        // 4.5 is what WCAG 2 asks of text, 3 of bold text.
        assert!(least(Background::Dark, BLACK, 2) >= 4.5, "{}", least(Background::Dark, BLACK, 2));
        assert!(least(Background::Light, WHITE, 2) >= 4.5, "{}", least(Background::Light, WHITE, 2));
        for on in [BLACK, WHITE] {
            assert!(least(Background::Unknown, on, 1) >= 3.0, "{}", least(Background::Unknown, on, 1));
        }
    }

    #[test]
    fn without_colour_there_is_none() {
        for background in [Background::Unknown, Background::Dark, Background::Light] {
            let theme = Theme { background, ..Theme::default() };
            assert!(ROLES.iter().all(|role| theme.style(*role).fg.is_none()));
        }
    }

    #[test]
    fn the_variable_names_the_background_or_nothing() {
        for (value, background) in [
            ("15;0", Background::Dark),
            ("0;default;15", Background::Light),
            ("0;7", Background::Light),
            ("12;8", Background::Dark),
            ("", Background::Unknown),
            ("white", Background::Unknown),
            ("0;200", Background::Unknown),
        ] {
            assert_eq!(Background::of_variable(value), background, "{value}");
        }
    }
}
