//! Whether a file is whole in the format that its name or the caller promises. What is broken is trouble, named by line or
//! byte, and no finding: counts of a file that cannot be read would look like an answer. YAML is cut into rows, not parsed.

use super::source::Source;
use crate::failure::Failure;
use firstbad_protocol::content::Format;
use serde::de::IgnoredAny;

/// The format to read `source` in: the one that was asked for, or its own.
///
/// # Errors
/// If a text format is promised and the bytes are none, or JSON is promised and does not parse.
pub(super) fn format_of(source: &Source, asked: Option<Format>) -> Result<Format, Failure> {
    // Without bytes, only the name speaks; `Lines` is what a name without a promise gets.
    let by_name = Some(Format::of(&source.name, b"")).filter(|format| *format != Format::Lines);
    let Some(promised) = asked.or(by_name) else { return Ok(source.format()) };
    let fault = match promised {
        Format::Binary => None,
        Format::JsonLines => not_text(&source.bytes).or_else(|| broken_line(&source.bytes)),
        Format::JsonArray => not_text(&source.bytes).or_else(|| broken_json(&source.bytes)),
        _ => not_text(&source.bytes),
    };
    match fault {
        None => Ok(promised),
        Some(fault) => Err(Failure::new(format!("{} cannot be read as {}: {fault}", source.name, promised.as_str()))
            .hint("--rows-as FORMAT reads it in another format; binary compares bytes alone")),
    }
}

fn not_text(bytes: &[u8]) -> Option<String> {
    let at = match std::str::from_utf8(bytes) {
        Ok(_) => return None,
        Err(error) => error.valid_up_to(),
    };
    let line = bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    Some(format!("line {line} (byte {at}) is not UTF-8"))
}

fn broken_line(bytes: &[u8]) -> Option<String> {
    let lines = (1_usize..).zip(bytes.split(|byte| *byte == b'\n'));
    let mut parsed = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    parsed.find_map(|(number, line)| {
        let error = serde_json::from_slice::<IgnoredAny>(line).err()?;
        Some(format!("line {number}, column {}: {}", error.column(), without_place(&error)))
    })
}

fn broken_json(bytes: &[u8]) -> Option<String> {
    let error = serde_json::from_slice::<IgnoredAny>(bytes).err()?;
    Some(format!("line {}, column {}: {}", error.line(), error.column(), without_place(&error)))
}

/// What is wrong, without the place that serde_json appends: it counts lines within what it was given.
fn without_place(error: &serde_json::Error) -> String {
    let told = error.to_string();
    told.split(" at line ").next().unwrap_or(&told).to_owned()
}
