//! The fields of one row: how many, how many of them blank, and the key (the first field). It understands separators,
//! quotes and the outermost level of a JSON object, no more.

use super::{Dialect, Format, split_fields};

/// What the fields of one row say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    /// Fields in the row.
    pub(super) count: u64,
    /// Of them, blank ones: empty, white space, `""` or `null`.
    pub(super) blank: u64,
    /// First field; for JSON and YAML the first value.
    pub(super) key: &'a [u8],
}

/// How the rows of one file are cut into fields.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// By a separator.
    Separated(Dialect),
    /// Members of an object, elements of a list.
    Json,
    /// Lines of an item.
    Yaml,
    /// Not at all.
    Whole,
}

impl Cut {
    pub(super) fn of(bytes: &[u8], format: Format) -> Self {
        match (Dialect::of(bytes, format), format) {
            (Some(dialect), _) => Self::Separated(dialect),
            (None, Format::JsonLines | Format::JsonArray) => Self::Json,
            (None, Format::YamlList) => Self::Yaml,
            _ => Self::Whole,
        }
    }

    /// The dialect of a separated file.
    pub(super) const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Separated(dialect) => Some(dialect),
            _ => None,
        }
    }

    /// The fields of `row`.
    pub(super) fn fields(self, row: &[u8]) -> Fields<'_> {
        match self {
            Self::Separated(dialect) => separated(row, dialect),
            Self::Json => json(row),
            Self::Yaml => yaml(row),
            Self::Whole => Fields { count: 1, blank: u64::from(row.trim_ascii().is_empty()), key: row },
        }
    }
}

fn separated(row: &[u8], dialect: Dialect) -> Fields<'_> {
    let mut found = Fields::default();
    for field in split_fields(row, dialect.separator, dialect.quotes) {
        found.take(field.trim_ascii());
    }
    found
}

/// The outermost keys of an item, or the item as one value. A key under which something stands is not blank.
fn yaml(row: &[u8]) -> Fields<'_> {
    let mut found = Fields::default();
    let lines = || row.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let indent = |line: &[u8]| line.iter().take_while(|byte| **byte == b' ').count();
    let outer = lines().skip(1).map(indent).min().unwrap_or(0);
    let is_item = |line: &[u8]| line.trim_ascii_start().starts_with(b"- ") || line.trim_ascii() == b"-";
    let mut all = lines().enumerate().peekable();
    while let Some((place, line)) = all.next() {
        let inner = place > 0 && (indent(line) > outer || is_item(line));
        if inner || line.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        let line = line.trim_ascii();
        let ends_key = |index: usize| line.get(index + 1).is_none_or(|next| *next == b' ');
        let colon = line.iter().enumerate().position(|(index, byte)| *byte == b':' && ends_key(index));
        let value = colon.and_then(|colon| line.get(colon + 1..)).unwrap_or(line).trim_ascii();
        let holds_more = all.peek().is_some_and(|(_, next)| indent(next) > outer || is_item(next));
        found.take(if value.is_empty() && holds_more { line } else { value });
    }
    found
}

/// The values at the outermost level of an object or array; anything else is one field.
fn json(row: &[u8]) -> Fields<'_> {
    let Some(inner) = row.get(1..row.len().saturating_sub(1)).filter(|_| matches!(row.first(), Some(b'{' | b'[')))
    else {
        let mut found = Fields::default();
        found.take(row);
        return found;
    };
    let mut found = Fields::default();
    if inner.trim_ascii().is_empty() {
        return found;
    }
    let (mut depth, mut in_string, mut escaped) = (0_i32, false, false);
    let ends = |byte: &u8| {
        if in_string {
            in_string = *byte != b'"' || escaped;
            escaped = *byte == b'\\' && !escaped;
            return false;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        depth == 0 && *byte == b','
    };
    let is_object = row.first() == Some(&b'{');
    for member in inner.split(ends) {
        found.take(if is_object { value_of(member) } else { member.trim_ascii() });
    }
    found
}

/// The value of `"name": value`.
fn value_of(member: &[u8]) -> &[u8] {
    let member = member.trim_ascii();
    let name_end = member.iter().skip(1).position(|byte| *byte == b'"').map_or(0, |end| end + 2);
    let rest = member.get(name_end..).unwrap_or_default().trim_ascii_start();
    rest.strip_prefix(b":").unwrap_or(rest).trim_ascii()
}

impl<'a> Fields<'a> {
    fn take(&mut self, field: &'a [u8]) {
        if self.count == 0 {
            self.key = field;
        }
        self.count += 1;
        self.blank += u64::from(matches!(field, b"" | b"\"\"" | b"''" | b"null" | b"~"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_fields_are_counted_in_every_format() {
        let seen = |row: &str, format| {
            let found = Cut::of(row.as_bytes(), format).fields(row.as_bytes());
            (found.count, found.blank, String::from_utf8_lossy(found.key).into_owned())
        };
        assert_eq!(seen("a,\"b,c\",,", Format::Csv), (4, 2, "a".into()));
        assert_eq!(seen("a\t\t1", Format::TsvRows), (3, 1, "a".into()));
        assert_eq!(
            seen("{\"n\":\"x,y\",\"t\":\"\",\"u\":null,\"v\":{\"a\":1,\"b\":2}}", Format::JsonLines),
            (4, 2, "\"x,y\"".into())
        );
        assert_eq!(seen("name: a\n  type:", Format::YamlList), (2, 1, "a".into()));
        assert_eq!(
            seen("alert: a\n  labels:\n    x: 1\n  list:\n  - y:\n  note:", Format::YamlList),
            (4, 1, "a".into())
        );
        assert_eq!(seen("https://a.example:80/", Format::YamlList), (1, 0, "https://a.example:80/".into()));
        assert_eq!(seen("{}", Format::JsonArray), (0, 0, String::new()));
        assert_eq!(seen("{", Format::JsonArray), (1, 0, "{".into()));
    }
}
