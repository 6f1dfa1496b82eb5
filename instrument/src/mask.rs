//! Hides values in a version's content before it is kept: fields of columns, and values of names, that a rule names. The hash
//! stays that of the real bytes; what is kept is for people.

use firstbad_protocol::content::Format;

/// What stands in a hidden value's place.
const HIDDEN: &[u8] = b"***";

/// `bytes` with hidden values; none if no rule fits. A rule is a part of a name, in lower case: `token` fits `API_TOKEN`.
pub(crate) fn mask(bytes: &[u8], format: Format, rules: &[String]) -> Option<Vec<u8>> {
    let separator = match format {
        Format::Csv => Some(b','),
        Format::Tsv => Some(b'\t'),
        _ => None,
    };
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let mut out = Vec::with_capacity(bytes.len());
    let mut columns = Vec::new();
    if let Some(separator) = separator {
        let header = lines.next().unwrap_or_default();
        columns = header.split(|byte| *byte == separator).map(|name| fits(name, rules)).collect();
        out.extend_from_slice(header);
    }
    for line in lines {
        match separator.filter(|_| columns.contains(&true)) {
            Some(separator) => push_fields(&mut out, line, separator, &columns),
            None => push_values(&mut out, line, rules),
        }
    }
    (out != bytes).then_some(out)
}

fn fits(name: &[u8], rules: &[String]) -> bool {
    let name = name.to_ascii_lowercase();
    rules.iter().any(|rule| !rule.is_empty() && name.windows(rule.len()).any(|part| part == rule.as_bytes()))
}

/// A row without the fields of hidden columns.
fn push_fields(out: &mut Vec<u8>, line: &[u8], separator: u8, hidden: &[bool]) {
    let mut quoted = false;
    let fields = line.split(|byte| {
        quoted ^= *byte == b'"';
        *byte == separator && !quoted
    });
    for (place, field) in fields.enumerate() {
        if place > 0 {
            out.push(separator);
        }
        let end = field.len() - field.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let (value, line_end) = field.split_at_checked(end).unwrap_or((field, &[]));
        let hide = hidden.get(place).copied().unwrap_or(false) && !value.is_empty();
        out.extend_from_slice(if hide { HIDDEN } else { value });
        out.extend_from_slice(line_end);
    }
}

/// A line without the values that follow a name which fits: `name: value`, `"name": "value"`, `name=value`.
fn push_values(out: &mut Vec<u8>, mut line: &[u8], rules: &[String]) {
    while let Some(at) = line.iter().position(|byte| matches!(byte, b':' | b'=')) {
        let (name, rest) = line.split_at_checked(at + 1).unwrap_or((line, &[]));
        out.extend_from_slice(name);
        line = rest;
        let name = name.get(..at).unwrap_or_default();
        let start =
            name.iter().rposition(|byte| matches!(byte, b',' | b'{' | b';' | b'&')).map_or(0, |place| place + 1);
        if fits(name.get(start..).unwrap_or_default(), rules) {
            let value = value_of(line);
            let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            out.extend_from_slice(line.get(..blanks).unwrap_or_default());
            if value > blanks {
                out.extend_from_slice(HIDDEN);
            }
            line = line.get(value.max(blanks)..).unwrap_or_default();
        }
    }
    out.extend_from_slice(line);
}

/// Length of the value at the beginning of `rest`, with the blanks before it.
fn value_of(rest: &[u8]) -> usize {
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let value = rest.get(blanks..).unwrap_or_default();
    let length = match value.first() {
        Some(quote @ (b'"' | b'\'')) => {
            let mut escaped = false;
            let end = value.iter().skip(1).position(|byte| {
                let ends = byte == quote && !escaped;
                escaped = *byte == b'\\' && !escaped;
                ends
            });
            end.map_or(value.len(), |end| end + 2)
        }
        _ => value
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b';' | b'&' | b'\r' | b'\n'))
            .unwrap_or(value.len()),
    };
    blanks + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str, format: Format) -> String {
        let rules = ["token".to_owned(), "secret".to_owned()];
        mask(text.as_bytes(), format, &rules)
            .map_or_else(|| "unchanged".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn values_of_names_that_fit_are_hidden_and_nothing_else() {
        assert_eq!(masked("a: 1\napi_token: abc d\nb: 2\n", Format::YamlList), "a: 1\napi_token: ***\nb: 2\n");
        assert_eq!(
            masked("{\"n\":1,\"Secret\":\"x\\\"y,z\",\"m\":{\"TOKEN\": 7}}", Format::JsonArray),
            "{\"n\":1,\"Secret\":***,\"m\":{\"TOKEN\": ***}}"
        );
        assert_eq!(masked("url=h?q=1&token=abc&x=2\n", Format::Lines), "url=h?q=1&token=***&x=2\n");
        assert_eq!(masked("name,type\na,b\n", Format::Csv), "unchanged");
        assert_eq!(
            masked("tokens are fine: here\n", Format::Lines),
            "tokens are fine: ***\n",
            "rather too much than too little"
        );
    }

    #[test]
    fn columns_that_fit_are_hidden_in_every_row() {
        assert_eq!(
            masked("name,api_token,n\r\na,\"x,y\",1\r\nb,,2", Format::Csv),
            "name,api_token,n\r\na,***,1\r\nb,,2"
        );
        assert_eq!(masked("secret\tn\nx\t1\n", Format::Tsv), "secret\tn\n***\t1\n");
    }
}
