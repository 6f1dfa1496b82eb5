//! Hides secrets in what is kept and shown: contents, errors, labels, messages of panics. The crate in the proxy hides them before
//! they leave the process, the collector in what it is sent. A version's hash stays that of the real bytes; what is shown is for
//! people. What is hidden becomes `***`, line by line, so that a text keeps its
//! lines and can be compared. Which names stand for secrets is decided in `rules`, which values are known by their form in
//! `patterns`, and where a value ends in `scan`,
//! `value` and `scopes`.

mod columns;
mod known;
mod patterns;
mod rules;
mod scan;
mod scopes;
mod text;
mod value;

pub use known::Known;
pub use rules::{Find, Finder, Rules};
use scan::{Kind, Scan};
use std::ops::Range;

/// What stands in a hidden value's place, on each of its lines.
const HIDDEN: &[u8] = b"***";

/// Times that a content is masked, until nothing changes any more (chosen: two suffice for nearly every text of the tests). One that
/// still changes is not kept.
const PASSES_MAX: usize = 4;

/// A content that went through the masks. Only [`content`] makes one, so nothing else can be written where masked contents are.
#[derive(Debug, PartialEq, Eq)]
pub struct Masked(Vec<u8>);

impl Masked {
    /// The content without its secrets.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What the masks make of a content.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// The masks are off, or hide nothing in it.
    AsIs,
    /// The masks hide something in it.
    Masked(Masked),
    /// It is no text that the masks can read: it must not be kept.
    Not,
}

/// What may be shown of a content. The words of what is hidden are added to `known`, so that errors and panics which quote them
/// hide them as well.
pub fn content(bytes: &[u8], rules: &Rules, known: &Known) -> Shown {
    if !rules.hide() {
        return Shown::AsIs;
    }
    // A zero byte: binary, or a text in UTF-16, in which no name would be found.
    if bytes.contains(&0) {
        return Shown::Not;
    }
    let mut shown: Option<Vec<u8>> = None;
    for _ in 0..PASSES_MAX {
        let before = shown.as_deref().unwrap_or(bytes);
        let Some(spans) = spans(before, rules) else { return Shown::Not };
        for span in &spans {
            known.add(before.get(span.clone()).unwrap_or_default(), rules);
        }
        let mut after = Vec::with_capacity(before.len());
        write(before, spans.into_iter(), known, &mut |part| after.extend_from_slice(part));
        if after == before {
            let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
            return match shown {
                None => Shown::AsIs,
                Some(shown) if lines(&shown) == lines(bytes) => Shown::Masked(Masked(shown)),
                Some(_) => Shown::Not,
            };
        }
        shown = Some(after);
    }
    Shown::Not
}

/// What to hide in a content, in order and without overlaps; none if the proxy's own finder cannot read it.
fn spans(text: &[u8], rules: &Rules) -> Option<Vec<Range<usize>>> {
    let table = columns::table(text, rules);
    let in_header = |span: &Range<usize>| table.header.start <= span.start && span.end <= table.header.end;
    let mut found: Vec<_> = Scan::new(text, rules, Kind::Content).filter(|span| !in_header(span)).collect();
    found.extend(table.fields);
    found.extend(found_by_the_proxy(text, rules)?);
    Some(merged(found))
}

/// What the proxy's own finder finds. None if it panics, or if the text is not UTF-8.
fn found_by_the_proxy(text: &[u8], rules: &Rules) -> Option<Vec<Range<usize>>> {
    let Some(finder) = &rules.finder else { return Some(Vec::new()) };
    let text = std::str::from_utf8(text).ok()?;
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (finder.0)(text))).ok()?;
    Some(found.into_iter().filter(|span| span.start < span.end && span.end <= text.len()).collect())
}

/// A message, error or label without its secrets.
#[must_use]
pub fn message(text: &str, rules: &Rules, known: &Known) -> String {
    if !rules.hide() {
        return text.to_owned();
    }
    let Some(mut found) = found_by_the_proxy(text.as_bytes(), rules) else { return "***".to_owned() };
    found.extend(Scan::new(text.as_bytes(), rules, Kind::Message));
    let mut shown = Vec::with_capacity(text.len());
    write(text.as_bytes(), merged(found).into_iter(), known, &mut |part| shown.extend_from_slice(part));
    String::from_utf8_lossy(&shown).into_owned()
}

/// Spans in order and without overlaps.
fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|span| span.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for span in found {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// Whether [`message`] would hide anything in `text` that its form or its name shows to be a secret. It allocates nothing, unless the
/// rules have a finder.
#[must_use]
pub fn has_secret(text: &str, rules: &Rules) -> bool {
    rules.hide()
        && (Scan::new(text.as_bytes(), rules, Kind::Message).next().is_some()
            || found_by_the_proxy(text.as_bytes(), rules).is_none_or(|found| !found.is_empty()))
}

/// Whether `value` is a secret because of the name that it stands under.
#[must_use]
pub fn is_secret_under(name: &str, value: &str, rules: &Rules) -> bool {
    rules.hide() && !rules::may_stay(rules.fit(name.as_bytes()), value.as_bytes())
}

/// Gives the parts of a panic's message without its secrets to `push`. It allocates nothing, takes no lock and does not call
/// the proxy's finder, since the panic hook calls it.
pub fn panic_message(text: &[u8], rules: &Rules, known: &Known, push: &mut impl FnMut(&[u8])) {
    if rules.hide() {
        write(text, Scan::new(text, rules, Kind::Message), known, push);
    } else {
        push(text);
    }
}

/// Pushes `text` with `***` in place of the spans, which are in order, and of words of known secrets.
fn write(text: &[u8], spans: impl Iterator<Item = Range<usize>>, known: &Known, push: &mut impl FnMut(&[u8])) {
    let mut at = 0;
    let show = |part: Range<usize>, push: &mut dyn FnMut(&[u8])| {
        let part = text.get(part).unwrap_or_default();
        known.split(part, |piece, hidden| push(if hidden { HIDDEN } else { piece }));
    };
    for span in spans {
        if span.start < at {
            continue;
        }
        show(at..span.start, push);
        hide(text.get(span.clone()).unwrap_or_default(), push);
        at = span.end;
    }
    show(at..text.len(), push);
}

/// Hides each line of a value; indentation and line ends stay.
fn hide(value: &[u8], push: &mut impl FnMut(&[u8])) {
    for line in value.split_inclusive(|byte| *byte == b'\n') {
        let end = line.len() - line.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let start = line.iter().take_while(|byte| text::is_blank(**byte)).count().min(end);
        push(line.get(..start).unwrap_or_default());
        if start < end {
            push(HIDDEN);
        }
        push(line.get(end..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests;
