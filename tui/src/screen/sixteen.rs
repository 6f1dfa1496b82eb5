//! Colours as the sixteen that every terminal knows. The terminal library writes them as places in a palette of 256
//! (`38;5;1`), which a terminal of sixteen colours ignores or misreads; this writes `31` instead.

use std::io::{self, Write};

/// A writer that holds what is written until it is flushed, and then passes it on in sixteen colours.
#[derive(Debug)]
pub(super) struct Sixteen<W> {
    to: W,
    held: Vec<u8>,
}

impl<W: Write> Sixteen<W> {
    /// A writer before `to`.
    pub(super) const fn new(to: W) -> Self {
        Self { to, held: Vec::new() }
    }
}

impl<W: Write> Write for Sixteen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        self.to.write_all(&translated(&held))?;
        self.to.flush()
    }
}

/// `bytes` with every colour of the palette's first sixteen in its short form.
fn translated(bytes: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        match rest.strip_prefix(b"\x1b[").and_then(parameters) {
            Some(Parameters { text, after }) => {
                written.extend_from_slice(b"\x1b[");
                written.extend_from_slice(short(text).as_bytes());
                written.push(b'm');
                rest = after;
            }
            None => {
                written.push(*first);
                rest = tail;
            }
        }
    }
    written
}

/// The parameters of a sequence that sets how text looks, and what follows the sequence.
struct Parameters<'a> {
    text: &'a str,
    after: &'a [u8],
}

fn parameters(bytes: &[u8]) -> Option<Parameters<'_>> {
    let length = bytes.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';'))?;
    let (text, rest) = bytes.split_at_checked(length)?;
    let after = rest.strip_prefix(b"m")?;
    Some(Parameters { text: std::str::from_utf8(text).ok()?, after })
}

fn short(parameters: &str) -> String {
    let mut all = parameters.split(';').peekable();
    let mut written: Vec<String> = Vec::new();
    while let Some(one) = all.next() {
        if !matches!(one, "38" | "48") || all.peek() != Some(&"5") {
            written.push(one.to_owned());
            continue;
        }
        all.next();
        let place: Option<u8> = all.next().and_then(|place| place.parse().ok());
        let ground = if one == "38" { 30 } else { 40 };
        match place {
            Some(place @ 0..8) => written.push((ground + place).to_string()),
            Some(place @ 8..16) => written.push((ground + 60 + place - 8).to_string()),
            Some(place) => written.push(format!("{one};5;{place}")),
            None => {}
        }
    }
    written.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::CrosstermBackend;
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Style};
    use ratatui::text::Span;
    use ratatui::{TerminalOptions, Viewport};

    #[test]
    fn colours_are_written_in_their_short_form_and_the_rest_as_it_is() {
        assert_eq!(short("38;5;1"), "31");
        assert_eq!(short("0;38;5;9;48;5;0;1"), "0;91;40;1");
        assert_eq!(short("38;5;200"), "38;5;200");
        assert_eq!(translated(b"a\x1b[38;5;2mb\x1b[2Jc\x1b[m\x1b["), b"a\x1b[32mb\x1b[2Jc\x1b[m\x1b[");
    }

    fn drawn(to: &mut impl Write) {
        let viewport = Viewport::Fixed(Rect::new(0, 0, 9, 1));
        let options = TerminalOptions { viewport };
        let mut terminal = Terminal::with_options(CrosstermBackend::new(to), options).expect("a terminal");
        let red = Span::styled("red", Style::new().fg(Color::Red));
        terminal.draw(|frame| frame.render_widget(red, frame.area())).expect("drawn");
    }

    #[test]
    fn what_the_library_draws_needs_no_palette_of_256() {
        let mut plain = Vec::new();
        drawn(&mut plain);
        assert!(String::from_utf8_lossy(&plain).contains("38;5;1"), "control: the library writes the long form");
        let mut sixteen = Sixteen::new(Vec::new());
        drawn(&mut sixteen);
        sixteen.flush().expect("flushed");
        let written = String::from_utf8_lossy(&sixteen.to).into_owned();
        assert!(written.contains("31") && !written.contains(";5;"), "{written:?}");
    }
}
