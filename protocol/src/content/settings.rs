//! Files of sections and `key = value` lines, whatever their dialect: every line with content is a setting.

use super::rows::{Holds, Part, Row, Walked, lines};

pub(super) fn walk<'a>(bytes: &'a [u8], visit: &mut impl FnMut(Row<'a>)) -> Walked {
    lines(bytes, |line, text| {
        let part = match text.trim_ascii().first() {
            None => Part::Blank,
            Some(b'#' | b';') => Part::Comment,
            Some(_) => Part::Setting,
        };
        visit(Row { line, bytes: text, part });
    });
    Walked::of(Holds::Settings)
}
