//! The format of a file whose name and sender say nothing, by its content. One byte decides nothing: `[server]` begins a TOML
//! file, `[1, 2]` a JSON one.

use super::Format;
use super::json::Scanner;
use super::rows::without_mark;

/// Bytes that are looked at.
const SNIFFED_BYTES_MAX: usize = 1 << 14;

pub(super) fn format_of(bytes: &[u8]) -> Format {
    let text = without_mark(bytes).trim_ascii_start();
    let head = text.get(..SNIFFED_BYTES_MAX).unwrap_or(text);
    if let Some(format) = json(text, head) {
        return format;
    }
    if head.contains(&0) {
        return Format::Binary;
    }
    let lines: Vec<&[u8]> = content_lines(head, text.len() > head.len());
    if is_pem(&lines) {
        Format::Pem
    } else if is_yaml(&lines) {
        Format::YamlList
    } else {
        sections(&lines).unwrap_or(Format::Lines)
    }
}

/// Lines that are neither blank nor comments; without the last one where the head ends within it.
fn content_lines(head: &[u8], cut: bool) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    if cut {
        lines.pop();
    }
    lines.retain(|line| !line.is_empty() && !line.trim_ascii_start().starts_with(b"#"));
    lines
}

fn json(text: &[u8], head: &[u8]) -> Option<Format> {
    let inner = text.get(1..).unwrap_or_default().trim_ascii_start();
    let begins = match text.first()? {
        b'[' => begins_value(inner) || inner.starts_with(b"]"),
        b'{' => matches!(inner.first(), Some(b'"' | b'}')),
        _ => return None,
    };
    if !begins {
        return None;
    }
    let mut scanner = Scanner::default();
    let end = head.iter().position(|byte| {
        scanner.step(*byte);
        scanner.depth == 0
    });
    let Some(end) = end else {
        // One value beyond the head, or one that is cut off.
        return Some(Format::JsonArray);
    };
    let after = text.get(end + 1..).unwrap_or_default();
    let on_one_line = !head.get(..end).unwrap_or_default().contains(&b'\n');
    let next = after.trim_ascii_start();
    match next.first() {
        None => Some(Format::JsonArray),
        // A value in each line.
        Some(b'{' | b'[') if on_one_line && begins_value(next) => Some(Format::JsonLines),
        Some(_) if on_one_line && text.starts_with(b"{") && after.trim_ascii_end().len() > after.len() => {
            Some(Format::JsonLines)
        }
        _ => None,
    }
}

/// Whether a JSON value begins here.
fn begins_value(text: &[u8]) -> bool {
    match text.first() {
        Some(b'"' | b'{' | b'[' | b'-' | b'0'..=b'9') => true,
        _ => [b"true".as_slice(), b"false", b"null"].iter().any(|word| text.starts_with(word)),
    }
}

fn is_pem(lines: &[&[u8]]) -> bool {
    let begins = |line: &&[u8]| line.starts_with(b"-----BEGIN ");
    lines.iter().any(begins) && !lines.iter().any(|line| line.contains(&b'=') && line.contains(&b'['))
}

/// A list whose every unindented line is an item, or a mapping of keys under at least one of which something stands.
fn is_yaml(lines: &[&[u8]]) -> bool {
    let marked = lines.first().is_some_and(|first| *first == b"---" || first.starts_with(b"%YAML"));
    let item = |line: &&[u8]| **line == *b"-" || line.starts_with(b"- ");
    let outer: Vec<&[u8]> = lines
        .iter()
        .filter(|line| !line.starts_with(b" ") && **line != b"---" && !line.starts_with(b"%"))
        .copied()
        .collect();
    if outer.is_empty() {
        return marked;
    }
    if outer.iter().all(item) {
        return true;
    }
    let keyed = |line: &[u8]| yaml_key(line).is_some();
    let nests = lines.windows(2).any(|pair| {
        matches!(pair, [key, below] if yaml_key(key) == Some(true) && !key.starts_with(b" ")
            && (below.starts_with(b" ") || item(below)))
    });
    outer.first().is_some_and(|first| keyed(first))
        && outer.iter().all(|line| keyed(line) || item(line))
        && (nests || marked)
}

/// Whether the line is a key: with nothing after it (true), or with a value.
fn yaml_key(line: &[u8]) -> Option<bool> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..colon)?;
    let rest = line.get(colon + 1..)?;
    let is_name = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.\"'/".contains(byte));
    (is_name && (rest.is_empty() || rest.starts_with(b" "))).then(|| {
        let value = rest.trim_ascii();
        value.is_empty() || value.starts_with(b"&") || value.starts_with(b"#")
    })
}

/// TOML or INI: sections, and `key = value` in every line outside strings and arrays of several lines.
fn sections(lines: &[&[u8]]) -> Option<Format> {
    let (mut sections, mut toml, mut open) = (0, true, None::<&[u8]>);
    for line in lines {
        let line = line.trim_ascii();
        if let Some(closing) = open {
            if line.windows(closing.len()).any(|part| part == closing) {
                open = None;
            }
            continue;
        }
        if line.starts_with(b";") {
            toml = false;
        } else if is_section(line) {
            sections += 1;
        } else {
            let equals = line.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (line.get(..equals)?.trim_ascii(), line.get(equals + 1..)?.trim_ascii());
            if name.is_empty() || name.starts_with(b"[") {
                return None;
            }
            toml &= is_toml_value(value) && !name.iter().any(|byte| matches!(byte, b' ' | b'\t'));
            open = opens(value);
        }
    }
    (sections > 0).then_some(if toml { Format::Toml } else { Format::Ini })
}

fn is_section(line: &[u8]) -> bool {
    let line = line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
    let inner = line.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    inner.is_some_and(|inner| !inner.trim_ascii().is_empty() && !inner.contains(&b'='))
}

/// What closes a value that goes on in the next line.
fn opens(value: &[u8]) -> Option<&'static [u8]> {
    for quotes in [b"\"\"\"".as_slice(), b"'''"] {
        if let Some(rest) = value.strip_prefix(quotes) {
            let closed = rest.windows(3).any(|part| part == quotes);
            return (!closed).then_some(if quotes == b"'''" { b"'''" } else { b"\"\"\"" });
        }
    }
    (value.starts_with(b"[") && !value.contains(&b']')).then_some(b"]")
}

fn is_toml_value(value: &[u8]) -> bool {
    match value.first() {
        Some(b'"' | b'\'' | b'[' | b'{') => true,
        Some(b'0'..=b'9' | b'-' | b'+') => {
            let value = value.split(|byte| *byte == b'#').next().unwrap_or_default();
            let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let first = words.next().unwrap_or_default();
            let points = first.iter().filter(|byte| **byte == b'.').count();
            // A second word is the time of a date.
            points <= 1
                && first.iter().all(|byte| byte.is_ascii_hexdigit() || b"+-._:TZxobe".contains(byte))
                && words.all(|word| word.contains(&b':'))
        }
        _ => [b"true".as_slice(), b"false", b"inf", b"nan"].iter().any(|word| {
            value
                .strip_prefix(*word)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b" ") || rest.starts_with(b"#"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_where_nothing_is_declared() {
        let of = |text: &str| format_of(text.as_bytes());
        for (format, texts) in [
            (Format::JsonArray, ["[1, 2]\n", "{\"rows\": [1]}\n", "[{\"a\":1},\n{\"b\"", "[]"].as_slice()),
            (Format::JsonLines, &["{\"a\":1}\n{\"a\":2}\n", "[1]\n[2]\n"]),
            (
                Format::Toml,
                &[
                    "[server]\nport = 80\n",
                    "# x\nname = \"a\"\n[\"quoted.name\"]\nx = true\n",
                    "[[rule]]\na = 1\nlist = [\n 1,\n 2,\n]\nkey = \"\"\"\ntext\n\"\"\"\n",
                    "[1]\na = 1\n",
                ],
            ),
            (Format::Ini, &["[server]\nport = eighty\n", "; x\n[a]\nb=c d\n", "[a]\nhost=10.0.0.1 x\n"]),
            (
                Format::YamlList,
                &["- a\n- b\n", "a:\n  - b\n", "---\na: 1\n", "countries:\n- DE\n", "x: 1\ny: &a\n  b: 2\n"],
            ),
            (Format::Pem, &["Root CA\n=====\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"]),
            (
                Format::Lines,
                &[
                    "a\nb\n",
                    "User-agent: *\nDisallow: /\n",
                    "a=1\nb=2\n",
                    "[web]\nhost-a\nhost-b\n",
                    "{{ template }}\n",
                    "map $a $b {\n  x 1;\n}\n",
                    "||ads.example^\n- not yaml\n",
                    "[abc]+\n[0-9]*\n",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(of(text), format, "{text}");
            }
        }
    }
}
