//! Fills the slots of an action with facts of an incident. A value that does not have the form its slot demands is refused
//! and left as the slot's name: text from telemetry never becomes part of something a person might paste into a shell
//! unless it cannot do harm there (reliability.md F3).

use firstbad_protocol::verdict::Incident;

/// A slot whose value is not safe to show in an action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of {{{slot}}} is not of the form that is safe to paste")]
pub struct SlotRefused {
    /// The slot's name.
    pub slot: String,
}

/// `text` with its slots filled, and the slots that were refused or have no value.
///
/// Slots: `{config}`, `{bad}`, `{bad_hash}`, `{last_known_good}`, `{last_known_good_hash}`, `{binary}`, `{incident}`,
/// `{change}`, `{where}`, `{hosts_affected}`.
#[must_use]
pub fn fill(text: &str, incident: &Incident) -> (String, Vec<SlotRefused>) {
    let mut filled = String::new();
    let mut refused = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((slot, tail)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        match value(slot, incident).filter(|value| is_safe(value)) {
            Some(value) => filled.push_str(&value),
            None => {
                filled.push_str(&unknown(slot));
                refused.push(SlotRefused { slot: slot.to_owned() });
            }
        }
        rest = tail;
    }
    filled.push_str(rest);
    (filled, refused)
}

/// What stands for a slot without a value. No version may be known that ever served well, as on a first day.
fn unknown(slot: &str) -> String {
    match slot {
        "last_known_good" => "version (none known here)".to_owned(),
        "last_known_good_hash" => "none is known here".to_owned(),
        other => other.replace('_', " "),
    }
}

fn value(slot: &str, incident: &Incident) -> Option<String> {
    let cause = incident.cause.as_ref();
    let newest_bad = || cause.and_then(|cause| cause.hashes.last());
    let good = || incident.last_known_good.as_ref().map(|good| good.hash);
    match slot {
        "config" => cause.and_then(|cause| cause.config.clone()),
        "bad" => newest_bad().map(firstbad_protocol::Hash::short),
        "bad_hash" => newest_bad().map(ToString::to_string),
        "last_known_good" => good().map(|hash| hash.short()),
        "last_known_good_hash" => good().map(|hash| hash.to_string()),
        "binary" => cause.and_then(|cause| cause.scope.get("service.version").cloned()),
        "incident" => Some(incident.id.clone()),
        "change" => {
            cause.and_then(|cause| cause.change.as_ref()).map(|change| format!("{} {}", change.kind, change.id))
        }
        "where" => cause.filter(|cause| !cause.dimensions.is_empty()).map(|cause| {
            let pairs = cause.dimensions.iter().map(|(key, value)| format!("{key}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        }),
        "hosts_affected" => Some(incident.impact.hosts_affected.to_string()),
        _ => None,
    }
}

/// Letters, digits, and signs that mean nothing to a shell; no leading dash, no parent directory.
fn is_safe(value: &str) -> bool {
    let allowed = |character: char| character.is_alphanumeric() || " ._:=/@+-".contains(character);
    !value.is_empty()
        && value.chars().count() <= 253
        && value.chars().all(allowed)
        && !value.starts_with('-')
        && !value.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_values_never_enter_an_action() {
        for hostile in [
            "a;touch /tmp/pwn",
            "$(touch x)",
            "x > y",
            "`x`",
            "a\nb",
            "-rf",
            "../x",
            "a|b",
            "a&b",
            "'x'",
            "\u{202e}x",
            "",
        ] {
            assert!(!is_safe(hostile), "{hostile:?}");
        }
        for plain in ["bot-features", "sha256:ab12", "cloud.region=eu", "fl2"] {
            assert!(is_safe(plain), "{plain}");
        }
    }
}
