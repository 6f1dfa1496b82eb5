//! Recognises a log record as an event of the contract (contract.md section 2). Some pipelines lose the event's name: older
//! collectors and some agents drop the field, or turn the record into text. Then the attribute that older senders used for
//! the name decides, else a body that is the name, else attributes that only one event has.

use super::gaps::Fault;
use crate::otlp::model::LogRecord;
use firstbad_protocol::names::{attribute, event};

const EVENTS: [&str; 6] = [
    event::CONFIG_LOAD,
    event::EXCEPTION,
    event::PROCESS_START,
    event::PROCESS_EXIT,
    event::CHANGE,
    event::CONFIG_CONTENT,
];

/// The attribute in which senders gave the name before log records had a field for it.
const EVENT_NAME: &str = "event.name";

/// Attributes that only one event has, the first match deciding: the exit of a process that died while it loaded has the
/// attributes of a load as well.
const OWN: [(&str, &str); 9] = [
    (attribute::EXIT_CLEAN, event::PROCESS_EXIT),
    (attribute::EXIT_SIGNAL, event::PROCESS_EXIT),
    (attribute::EXIT_STATUS, event::PROCESS_EXIT),
    (attribute::CHANGE_KIND, event::CHANGE),
    (attribute::CONTENT_FORMAT, event::CONFIG_CONTENT),
    (attribute::LOAD_RESULT, event::CONFIG_LOAD),
    (attribute::LOAD_PHASE, event::CONFIG_LOAD),
    ("exception.type", event::EXCEPTION),
    ("exception.message", event::EXCEPTION),
];

/// The event that `record` is; none if it is another log record.
///
/// # Errors
/// If it has a name like firstbad's own events but is none of them.
pub(super) fn event(record: &LogRecord<'_>) -> Result<Option<&'static str>, Fault> {
    let has = |key: &str| record.attributes.iter().any(|attribute| attribute.key == key);
    let old = record.attributes.iter().find(|attribute| attribute.key == EVENT_NAME);
    let old = old.and_then(|attribute| attribute.value.as_text());
    let names = [Some(record.event_name.as_ref()), old, record.body.as_text().map(str::trim)];
    let named = names.into_iter().flatten().find_map(|name| EVENTS.into_iter().find(|event| *event == name));
    // Attributes of an event with a foreign name may mean something else.
    let other = !record.event_name.is_empty() && !record.event_name.starts_with("firstbad.");
    let by_attributes = || OWN.into_iter().find(|(key, _)| !other && has(key)).map(|(_, event)| event);
    match named.or_else(by_attributes) {
        None if record.event_name.starts_with("firstbad.") => Err(Fault::UnknownEvent),
        event => Ok(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::model::{Attribute, Value};

    fn record(name: &'static str, body: &'static str, keys: &[&'static str]) -> LogRecord<'static> {
        let attribute = |key: &&'static str| Attribute { key: (*key).into(), value: Value::Text("a".into()) };
        LogRecord {
            event_name: name.into(),
            body: Value::Text(body.into()),
            attributes: keys.iter().map(attribute).collect(),
            ..LogRecord::default()
        }
    }

    #[test]
    fn an_event_is_recognised_without_its_name() {
        for event_name in EVENTS {
            assert_eq!(event(&record(event_name, "", &[])), Ok(Some(event_name)));
            assert_eq!(event(&record("", event_name, &[])), Ok(Some(event_name)), "a body that is the name");
        }
        for (key, event_name) in OWN {
            assert_eq!(event(&record("", "any text", &[key, "service.name"])), Ok(Some(event_name)), "{key}");
            assert_eq!(event(&record("order.placed", "", &[key])), Ok(None), "an event of another name with {key}");
        }
        let died = record("", "", &[attribute::LOAD_PHASE, attribute::EXIT_CLEAN]);
        assert_eq!(event(&died), Ok(Some(event::PROCESS_EXIT)), "it died while it loaded");
    }

    #[test]
    fn a_plain_record_is_no_event_and_a_wrong_name_is_a_fault() {
        assert_eq!(event(&record("", "GET / 200", &["http.route"])), Ok(None));
        assert_eq!(event(&record("firstbad.config.loaded", "", &["a"])), Err(Fault::UnknownEvent));
        let typo = record("firstbad.config.loaded", "", &[attribute::LOAD_RESULT]);
        assert_eq!(event(&typo), Ok(Some(event::CONFIG_LOAD)), "its attributes say what it is");
    }
}
