//! Findings on what stands around the rows, and on content that is none: error pages, bytes of zero, marks of a merge, line ends,
//! a last line without an end, quotes and blocks that are open at the end.

use super::{Checked, Side};
use crate::screen::text::count;
use firstbad_protocol::content::Format;

/// Bytes of the first line that are shown.
const SHOWN_BYTES: usize = 80;
/// Marks that a merge leaves in a file.
const MERGE_MARKS: [&[u8]; 2] = [b"<<<<<<< ", b">>>>>>> "];

impl Checked {
    /// Content that is plainly no input: then nothing else is worth a word.
    pub(super) fn unlike(&mut self, now: &Side<'_>) -> bool {
        let as_json = || {
            let begins = matches!(now.bytes.trim_ascii_start().first(), Some(b'{' | b'['));
            let parses = || serde_json::from_slice::<serde::de::IgnoredAny>(now.bytes).is_ok();
            (now.whole.format.is_separated() && begins && parses()).then_some("JSON")
        };
        let Some(what) = now.whole.counted.unlike.or_else(as_json) else { return false };
        let first = now.bytes.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
        let first = String::from_utf8_lossy(first.get(..SHOWN_BYTES).unwrap_or(first)).into_owned();
        self.find("content", format!("this looks like {what}, and not like {}: {first}", now.whole.format.as_str()));
        true
    }

    pub(super) fn surroundings(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        if now.whole.format == Format::Binary {
            return;
        }
        let lines = (1_u64..).zip(now.bytes.split(|byte| *byte == b'\n'));
        let mut marks = lines.filter(|(_, line)| MERGE_MARKS.iter().any(|mark| line.starts_with(mark)));
        if let Some((line, _)) = marks.next() {
            self.find("content", format!("a mark of an unfinished merge stands on line {line}"));
        }
        if let Some(line) =
            now.whole.counted.unclosed.filter(|_| before.is_none_or(|before| before.whole.counted.unclosed.is_none()))
        {
            self.find(
                "cut off",
                format!("what opens on line {line} (a quote, bracket or block) is not closed at the end"),
            );
        }
        let ends = &now.whole.ends;
        match before {
            Some(before) => {
                for change in ends.changes_from(&before.whole.ends) {
                    let harmless = change.ends_with("it had none") || change.ends_with("is gone");
                    if harmless { self.remarks.push(change) } else { self.find("line ends", change) }
                }
            }
            None => {
                if ends.mark {
                    self.find("schema", "a byte order mark (BOM) stands before the content: many readers take it as part of the first name".to_owned());
                }
                if let Some(line) = ends.first_zero {
                    self.find("content", format!("{} NUL bytes, the first on line {line}", count(ends.zeros)));
                }
                if ends.unusual() > 0 {
                    let told = format!(
                        "line ends are mixed: {} lines do not end with {}",
                        count(ends.unusual()),
                        ends.usual()
                    );
                    self.remarks.push(told);
                }
            }
        }
        self.blank_lines(now, before);
    }

    /// A blank line in a list that had none: some readers take it as a pattern without content.
    fn blank_lines(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        let (counted, list) = (&now.whole.counted, now.whole.counted.duplicate_rows.is_some());
        let Some((line, before)) = counted.first_blank_line.zip(before).filter(|_| list) else { return };
        if before.whole.counted.blank_lines == 0 && before.whole.counted.duplicate_rows.is_some() {
            let blank = count(counted.blank_lines);
            let told = format!(
                "{blank} blank lines, none before, the first is line {line}: some readers take one as an empty pattern"
            );
            self.find("blanks", told);
        }
    }
}
