//! YAML 1.2 through the events of `saphyr-parser`. Anchors are not expanded: a file of a kilobyte cannot become one of a gigabyte.

use super::super::Kind;
use super::super::kind::is_number;
use super::Fault;
use super::document::Document;
use super::tree::Tree;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

/// Mappings and lists within one another that are read.
const DEPTH_MAX: usize = 128;

pub(super) fn document(text: &str) -> Result<Document, Fault> {
    if text.trim().is_empty() {
        return Ok(Document::default().with_rows(Some(0)));
    }
    let mut reader = Reader::default();
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| fault(error.marker(), error.info()))?;
        if reader.open.len() > DEPTH_MAX {
            let text = format!("more than {DEPTH_MAX} mappings and lists within one another");
            return Err(fault(&span.start, &text));
        }
        reader.take(event, span.start.line() as u64);
    }
    if reader.plain_root {
        // A text that is one value parses as YAML, and is nothing that anybody keeps as such.
        let text = "is neither a mapping nor a list: this is no YAML".to_owned();
        return Err(Fault { line: 1, column: None, text });
    }
    Ok(reader.tree.finish())
}

fn fault(at: &Marker, text: &str) -> Fault {
    Fault { line: at.line(), column: Some(at.col() + 1), text: text.to_owned() }
}

/// Takes the events of one stream.
#[derive(Default)]
struct Reader {
    tree: Tree,
    /// For each open mapping, whether a key is next; for a list, none.
    open: Vec<Option<bool>>,
    /// Depth of a key that is no scalar; its parts are no settings.
    complex: Option<usize>,
    /// Whether a document is one scalar.
    plain_root: bool,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: u64) {
        match event {
            Event::Scalar(value, style, _, tag) => {
                let read = Read::of(&value, style, tag.is_some());
                self.scalar(&value, &read, line);
                self.turn();
            }
            Event::Alias(_) => {
                if self.complex.is_none() {
                    if self.is_key() { self.tree.key("*", line) } else { self.tree.alias(line) }
                }
                self.turn();
            }
            Event::MappingStart(..) => self.begin(Some(true), line),
            Event::SequenceStart(..) => self.begin(None, line),
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
                if self.complex == Some(self.open.len()) {
                    self.complex = None;
                } else if self.complex.is_none() {
                    self.tree.end(line);
                }
                self.turn();
            }
            _ => {}
        }
    }

    fn is_key(&self) -> bool {
        self.open.last().copied().flatten() == Some(true)
    }

    fn scalar(&mut self, value: &str, read: &Read, line: u64) {
        if self.complex.is_some() {
            return;
        }
        if self.is_key() {
            return self.tree.key(value, line);
        }
        self.plain_root |= self.open.is_empty();
        if read.ambiguous {
            self.tree.ambiguous(line, value);
        }
        let shown = if read.quoted { format!("{value:?}") } else { value.to_owned() };
        self.tree.scalar(read.kind, line, &shown);
    }

    fn begin(&mut self, opened: Option<bool>, line: u64) {
        if self.complex.is_none() && self.is_key() {
            self.complex = Some(self.open.len());
            self.tree.key("?", line);
        }
        if self.complex.is_none() {
            if opened.is_some() { self.tree.begin_mapping(line) } else { self.tree.begin_list(line) }
        }
        self.open.push(opened);
    }

    /// After a key comes its value, after a value the next key.
    fn turn(&mut self) {
        if let Some(Some(key_is_next)) = self.open.last_mut() {
            *key_is_next = !*key_is_next;
        }
    }
}

/// What a reader takes a scalar for.
struct Read {
    kind: Kind,
    /// Whether YAML 1.1 and 1.2 read it as different types.
    ambiguous: bool,
    quoted: bool,
}

impl Read {
    fn of(value: &str, style: ScalarStyle, tagged: bool) -> Self {
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let certain = |kind| Self { kind, ambiguous: false, quoted };
        let doubtful = |kind, ambiguous| Self { kind, ambiguous, quoted };
        if style != ScalarStyle::Plain || tagged {
            return certain(if value.is_empty() { Kind::Empty } else { Kind::Text });
        }
        match value {
            "" | "null" | "Null" | "NULL" | "~" => certain(Kind::Null),
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => certain(Kind::Boolean),
            ".inf" | "-.inf" | "+.inf" | ".nan" | ".NaN" | ".NAN" | ".Inf" | "-.Inf" => certain(Kind::NotANumber),
            "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => {
                doubtful(Kind::Boolean, true)
            }
            _ if is_number(value.as_bytes()) => {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let octal = value.len() > 1 && value.starts_with('0') && digits;
                let exponent = value.contains(['e', 'E']) && !value.contains('.');
                doubtful(Kind::Number, octal || exponent)
            }
            _ => doubtful(Kind::Text, is_sexagesimal(value)),
        }
    }
}

/// `22:22`, a number to the base of 60 in YAML 1.1.
fn is_sexagesimal(value: &str) -> bool {
    value.contains(':')
        && value.split(':').all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
}
