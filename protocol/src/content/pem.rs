//! PEM: each block from its `-----BEGIN` line to its `-----END` line is a row; the text around is for people.

use super::rows::{Holds, Part, Row, Walked, lines};

pub(super) fn walk<'a>(bytes: &'a [u8], visit: &mut impl FnMut(Row<'a>)) -> Walked {
    let mut open: Option<(u64, usize)> = None;
    let offset = |line: &[u8]| (line.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
    let block = |start: usize, end: usize| bytes.get(start..end).unwrap_or_default().trim_ascii_end();
    lines(bytes, |line, text| {
        let start = offset(text);
        let (begins, ends) = (text.starts_with(b"-----BEGIN "), text.starts_with(b"-----END "));
        if let Some((first, from)) = begins.then(|| open.replace((line, start))).flatten() {
            // A block that was never closed.
            visit(Row { line: first, bytes: block(from, start), part: Part::Row });
        } else if let Some((first, from)) = open.take_if(|_| ends) {
            visit(Row { line: first, bytes: block(from, start + text.len()), part: Part::Row });
        } else if open.is_none() {
            let part = if text.trim_ascii().is_empty() { Part::Blank } else { Part::Comment };
            visit(Row { line, bytes: text, part });
        }
    });
    if let Some((line, from)) = open {
        visit(Row { line, bytes: block(from, bytes.len()), part: Part::Row });
    }
    Walked { holds: Holds::Rows, unclosed: open.map(|(line, _)| line) }
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::rows;
    use super::super::{Format, for_each_row};

    #[test]
    fn blocks_are_rows_and_one_that_is_cut_off_is_told() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let text = format!("Some CA\n=======\n{one}\n{one}");
        let found = rows(&text, Format::Pem);
        assert_eq!((found.len(), found[0].0, found[1].0), (2, 3, 7));
        assert_eq!(found[0].1, found[1].1);
        let cut = format!("{one}-----BEGIN CERTIFICATE-----\nAA");
        assert_eq!(for_each_row(cut.as_bytes(), Format::Pem, |_| {}).unclosed, Some(4));
        assert_eq!(rows(&cut, Format::Pem).len(), 2);
        let unended = format!("-----BEGIN CERTIFICATE-----\nAA\n{one}");
        assert_eq!(rows(&unended, Format::Pem).len(), 2, "a block that is not closed is a row of its own");
    }
}
