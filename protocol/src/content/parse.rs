//! Contents read by the parsers of their formats, for `check` and `diff`: whether they parse at all, rows as the parser counts
//! them, columns with the kinds of their values, settings by their path, keys that stand twice. The proxy's crate counts with the
//! walkers beside this module; where both count, they agree (`tests/formats.rs`).

mod columns;
mod compare;
mod csv;
mod document;
mod ini;
mod json;
mod plain;
mod toml;
mod tree;
mod yaml;

pub use columns::{Column, Seen};
pub use compare::{ChangedSetting, SettingsDifference};
pub use document::{Document, RepeatedKey, Setting};

use super::Format;
use super::rows::without_mark;
use std::fmt;

/// Why bytes cannot be read in a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1; none where the parser gives none.
    pub column: Option<usize>,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "line {}, column {column}: {}", self.line, self.text),
            None => write!(f, "line {} {}", self.line, self.text),
        }
    }
}

impl std::error::Error for Fault {}

/// Parses `bytes` in `format`.
///
/// # Errors
/// When they are no text, or do not parse: with the line.
pub fn parse(bytes: &[u8], format: Format) -> Result<Document, Fault> {
    if format == Format::Binary {
        return Ok(Document::default());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| not_text(bytes, error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::JsonArray if text.trim().is_empty() => Ok(Document::default().with_rows(Some(0))),
        Format::JsonArray => json::document(text),
        Format::JsonLines => json::lines(text),
        Format::YamlList => yaml::document(text),
        Format::Toml => toml::document(text),
        Format::Ini => Ok(ini::document(text)),
        Format::Lines | Format::Pem => Ok(plain::document(text.as_bytes(), format)),
        _ => Ok(csv::document(without_mark(bytes), format)),
    }
}

fn not_text(bytes: &[u8], at: usize) -> Fault {
    let line = bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    Fault { line, column: None, text: format!("(byte {at}) is not UTF-8") }
}

/// Lines of byte offsets.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// Line of the byte at `offset`, from 1.
    fn at(&self, offset: usize) -> u64 {
        self.0.partition_point(|end| *end < offset) as u64 + 1
    }
}
