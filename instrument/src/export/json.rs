//! Writes the JSON form of OTLP: texts escaped, 64-bit numbers as strings, as the protocol asks for. What is said is decided
//! elsewhere.

use firstbad_protocol::names::attribute;
use firstbad_protocol::recorder::RecorderImage;
use firstbad_protocol::recorder::told::{Attributes, Value, int, text};
use std::fmt::Write;

/// A JSON string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A number; what JSON has no word for is a string, as the protocol's JSON form has it.
pub(super) fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { quoted("NaN") }
}

fn value(of: &Value) -> String {
    match of {
        Value::Text(text) => format!("{{\"stringValue\":{}}}", quoted(text)),
        Value::Int(value) => format!("{{\"intValue\":\"{value}\"}}"),
        Value::Double(value) => format!("{{\"doubleValue\":{}}}", number(*value)),
        Value::Flag(flag) => format!("{{\"boolValue\":{flag}}}"),
        Value::Texts(texts) => {
            let values: Vec<String> = texts.iter().map(|text| value(&Value::Text(text.clone()))).collect();
            format!("{{\"arrayValue\":{{\"values\":[{}]}}}}", values.join(","))
        }
    }
}

/// `"attributes":[..]`.
pub(super) fn attributes(of: &Attributes) -> String {
    let pair = |(key, of): &(String, Value)| format!("{{\"key\":{},\"value\":{}}}", quoted(key), value(of));
    format!("\"attributes\":[{}]", of.iter().map(pair).collect::<Vec<_>>().join(","))
}

/// `"resource":{..}`: who reports. `other` stands for an earlier process: its instance and process id.
pub(super) fn resource(image: &RecorderImage, other: Option<(&str, u32)>) -> String {
    let mut found: Attributes = image.resource.iter().map(|(key, value)| text(key, value)).collect();
    if let Some((instance, _)) = other {
        found.retain(|(key, _)| key != attribute::SERVICE_INSTANCE_ID);
        found.push(text(attribute::SERVICE_INSTANCE_ID, instance));
    }
    found.push(int(attribute::PROCESS_PID, u64::from(other.map_or(image.pid, |(_, pid)| pid))));
    format!("\"resource\":{{{}}}", attributes(&found))
}

/// `"scope":{..}`: the same for all.
pub(super) fn scope() -> String {
    format!("\"scope\":{{\"name\":\"firstbad-instrument\",\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_within_its_quotes() {
        assert_eq!(quoted("a\"b\\c\nd\u{1}e\u{7f}é"), "\"a\\\"b\\\\c\\nd\\u0001e\\u007fé\"");
        assert_eq!((number(0.5), number(f64::NAN)), ("0.5".to_owned(), "\"NaN\"".to_owned()));
        let found = attributes(&vec![text("k", "v"), int("n", 7), ("t".into(), Value::Texts(vec!["x".into()]))]);
        assert_eq!(
            found,
            r#""attributes":[{"key":"k","value":{"stringValue":"v"}},{"key":"n","value":{"intValue":"7"}},{"key":"t","value":{"arrayValue":{"values":[{"stringValue":"x"}]}}}]"#
        );
    }
}
