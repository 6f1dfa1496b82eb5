//! The fields of one row: how many, how many of them blank, and the key (the first field). It understands separators,
//! quotes and the outermost level of a JSON object, no more.

use super::Format;

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

/// The fields of `row`.
pub(super) fn fields(row: &[u8], format: Format) -> Fields<'_> {
    match format {
        Format::Csv => separated(row, b','),
        Format::Tsv => separated(row, b'\t'),
        Format::JsonLines | Format::JsonArray => json(row),
        Format::YamlList => yaml(row),
        Format::Lines | Format::Binary => Fields { count: 1, blank: u64::from(row.trim_ascii().is_empty()), key: row },
    }
}

fn separated(row: &[u8], separator: u8) -> Fields<'_> {
    let mut found = Fields::default();
    let mut quoted = false;
    for field in row.split(|byte| {
        quoted ^= *byte == b'"';
        *byte == separator && !quoted
    }) {
        found.take(field.trim_ascii());
    }
    found
}

fn yaml(row: &[u8]) -> Fields<'_> {
    let mut found = Fields::default();
    for line in row.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        let value = line.iter().position(|byte| *byte == b':').and_then(|colon| line.get(colon + 1..)).unwrap_or(line);
        found.take(value.trim_ascii());
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
            let found = fields(row.as_bytes(), format);
            (found.count, found.blank, String::from_utf8_lossy(found.key).into_owned())
        };
        assert_eq!(seen("a,\"b,c\",,", Format::Csv), (4, 2, "a".into()));
        assert_eq!(seen("a\t\t1", Format::Tsv), (3, 1, "a".into()));
        assert_eq!(
            seen("{\"n\":\"x,y\",\"t\":\"\",\"u\":null,\"v\":{\"a\":1,\"b\":2}}", Format::JsonLines),
            (4, 2, "\"x,y\"".into())
        );
        assert_eq!(seen("name: a\n  type:", Format::YamlList), (2, 1, "a".into()));
        assert_eq!(seen("{}", Format::JsonArray), (0, 0, String::new()));
        assert_eq!(seen("{", Format::JsonArray), (1, 0, "{".into()));
    }
}
