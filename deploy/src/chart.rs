//! A template of the chart from a manifest. Two comments of a manifest are marks:
//!
//! * `key: 10Gi # value collector.storage: Size of the volume` makes the scalar a value of the chart, with the scalar as its default;
//! * `# when agent.enabled=true: Whether ..` as the first line makes the whole manifest optional.

use crate::values::Values;
use std::io;

const VALUE: &str = " # value ";
const WHEN: &str = "# when ";

/// Why nothing can be derived.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// A source cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// Path from the repository's root.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// A comment begins like a mark and is none.
    #[error("{path}:{line}: this mark has no scalar before it, or no `NAME: HELP` after it")]
    BadMark {
        /// The manifest.
        path: String,
        /// Line, from 1.
        line: usize,
    },
    /// Two places give one value different defaults.
    #[error("the value {value} has two defaults")]
    TwoDefaults {
        /// Its path.
        value: String,
    },
}

/// The template of a manifest; its values are added to `values`.
///
/// # Errors
/// If a mark is malformed, or two places give one value different defaults.
pub(crate) fn template(path: &str, source: &str, values: &mut Values) -> Result<String, Mistake> {
    let mut text = String::new();
    let mut end = "";
    for (index, line) in source.lines().enumerate() {
        let bad = || Mistake::BadMark { path: path.to_owned(), line: index + 1 };
        if let Some(mark) = line.strip_prefix(WHEN) {
            let (switch, help) = mark.split_once(": ").ok_or_else(bad)?;
            let (name, default) = switch.split_once('=').ok_or_else(bad)?;
            values.add(name, default, help)?;
            text.push_str(&format!("{{{{- if .Values.{name} }}}}\n"));
            end = "{{- end }}\n";
        } else if let Some((before, mark)) = line.split_once(VALUE) {
            let (name, help) = mark.split_once(": ").ok_or_else(bad)?;
            let scalar = Scalar::of(before).ok_or_else(bad)?;
            values.add(name, scalar.value, help)?;
            text.push_str(&format!("{}{}\n", escaped(scalar.before), scalar.reference(name)));
        } else {
            text.push_str(&escaped(line));
            text.push('\n');
        }
    }
    Ok(text + end)
}

/// Braces of Prometheus' templates are no concern of Helm.
fn escaped(line: &str) -> String {
    line.replace("{{", "\u{1}").replace("}}", "{{ \"}}\" }}").replace('\u{1}', "{{ \"{{\" }}")
}

/// The scalar at the end of a line, and what is before it.
struct Scalar<'a> {
    before: &'a str,
    value: &'a str,
}

impl<'a> Scalar<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let at =
            [": ", " = ", "- "].iter().filter_map(|separator| Some(line.find(separator)? + separator.len())).min()?;
        let (before, value) = line.split_at_checked(at)?;
        (!value.is_empty()).then_some(Self { before, value })
    }

    /// The value of the chart, written as the scalar was.
    fn reference(&self, name: &str) -> String {
        match self.value.chars().next() {
            Some('"') => format!("{{{{ .Values.{name} | quote }}}}"),
            Some('[' | '{') => format!("{{{{ .Values.{name} | toJson }}}}"),
            // Helm reads numbers as floating point and would write 2147483648 as 2.147483648e+09.
            Some('0'..='9') if self.value.parse::<u64>().is_ok() => format!("{{{{ .Values.{name} | int64 }}}}"),
            _ => format!("{{{{ .Values.{name} }}}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_values_and_foreign_braces_stay() {
        let source = "# when a.enabled=true: Whether\nsize: 10Gi # value a.size: Size\nsum: '{{ $value }}'\nlist: [] # value a.list: List\n";
        let mut values = Values::default();
        let text = template("a.yaml", source, &mut values).expect("a template");
        let expected = "{{- if .Values.a.enabled }}\nsize: {{ .Values.a.size }}\nsum: '{{ \"{{\" }} $value {{ \"}}\" }}'\nlist: {{ .Values.a.list | toJson }}\n{{- end }}\n";
        assert_eq!(text, expected);
        assert!(
            values.text().contains("a:\n  # Whether.\n  enabled: true\n  # Size.\n  size: 10Gi\n"),
            "{}",
            values.text()
        );
    }

    #[test]
    fn a_mark_that_is_none_names_its_line() {
        let mistake = template("a.yaml", "a:\n  b # value c: d\n", &mut Values::default()).expect_err("no scalar");
        assert_eq!(mistake.to_string(), "a.yaml:2: this mark has no scalar before it, or no `NAME: HELP` after it");
        let two = template("a.yaml", "b: 1 # value c: d\nb: 2 # value c: d\n", &mut Values::default());
        assert_eq!(two.expect_err("two defaults").to_string(), "the value c has two defaults");
    }
}
