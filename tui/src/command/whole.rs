//! A version as `check` and `diff` look at it: its format, what was counted, what its parser found. What is broken in a format that
//! its name or the caller promises is trouble, named by line, and no finding: counts of a file that cannot be read would look like
//! an answer. A format that was only guessed from the content gives way to lines.

use super::source::Source;
use crate::failure::Failure;
use firstbad_protocol::content::parse::{Document, Fault, parse};
use firstbad_protocol::content::{Ends, Format, Inspection, inspect};

/// One version, read.
pub(super) struct Whole {
    /// How it is read.
    pub(super) format: Format,
    /// What the walker counted.
    pub(super) counted: Inspection,
    /// What the parser found; empty for what is plainly no input.
    pub(super) document: Document,
    /// Line ends and other bytes around the rows.
    pub(super) ends: Ends,
    /// A format that the content resembles, and why it could not be read as such.
    pub(super) guess: Option<String>,
}

impl Whole {
    /// Reads `source` in the format that was asked for, or its own.
    ///
    /// # Errors
    /// If the format is promised and the content cannot be read in it.
    pub(super) fn of(source: &Source, asked: Option<Format>) -> Result<Self, Failure> {
        let promised = asked.or_else(|| source.promised());
        let format = promised.unwrap_or_else(|| source.format());
        let counted = inspect(&source.bytes, format);
        if counted.unlike.is_some() {
            return Ok(Self::new(source, counted, Document::default()));
        }
        match (parse(&source.bytes, format), promised) {
            (Ok(document), _) => Ok(Self::new(source, counted, document)),
            (Err(fault), Some(format)) => Err(trouble(source, format, &fault)),
            (Err(fault), None) => {
                let document = parse(&source.bytes, Format::Lines).unwrap_or_default();
                let whole = Self::new(source, inspect(&source.bytes, Format::Lines), document);
                let guess = format!("it resembles {} and cannot be read as such: {fault}", format.as_str());
                Ok(Self { guess: (format != Format::Lines).then_some(guess), ..whole })
            }
        }
    }

    fn new(source: &Source, mut counted: Inspection, document: Document) -> Self {
        // The parser reads what the walker leaves alone, several references in a YAML file for one.
        counted.rows = counted.rows.or(document.rows);
        Self { format: counted.format, counted, document, ends: Ends::of(&source.bytes), guess: None }
    }
}

fn trouble(source: &Source, format: Format, fault: &Fault) -> Failure {
    Failure::new(format!("{} cannot be read as {}: {fault}", source.name, format.as_str()))
        .hint("--rows-as FORMAT reads it in another format; binary compares bytes alone")
}
