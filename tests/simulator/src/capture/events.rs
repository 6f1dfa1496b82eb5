//! Loads, panics, starts, exits and changes as log records (contract.md section 2, second table).

use super::style::{Style, resource, text, version};
use firstbad_diagnosis::observation::{Facts, Load, Observation, Source};
use firstbad_protocol::names::{attribute, event};
use serde_json::{Value, json};

fn facts(facts: &Facts, style: Style) -> Vec<Value> {
    let numbers = facts.numbers.iter().map(|(fact, value)| style.integer(&format!("firstbad.config.{fact}"), *value));
    let words = facts.words.iter().map(|(fact, value)| text(&format!("firstbad.config.{fact}"), &**value));
    let limits =
        facts.limits.iter().map(|(limit, value)| style.integer(&format!("{}{limit}", attribute::LIMIT_PREFIX), *value));
    let rowset = facts.rowset.map(|hash| text(attribute::CONFIG_ROWSET_HASH, hash.to_string()));
    numbers.chain(words).chain(limits).chain(rowset).collect()
}

fn load(load: &Load, style: Style) -> Vec<Value> {
    let mut attributes = version(&load.config, load.hash);
    match load.result {
        Some(result) => attributes.push(text(attribute::LOAD_RESULT, result.as_str())),
        None => attributes.push(text(attribute::LOAD_PHASE, "loading")),
    }
    attributes.extend(load.reason.iter().map(|reason| text(attribute::REASON, &**reason)));
    attributes.extend(load.error.iter().map(|error| text(attribute::ERROR, &**error)));
    attributes.extend(load.previous.map(|hash| text(attribute::CONFIG_PREVIOUS_HASH, hash.to_string())));
    attributes.extend(facts(&load.facts, style));
    attributes
}

fn active<N: AsRef<str>>(versions: &[(N, firstbad_protocol::Hash)]) -> Value {
    let values: Vec<Value> =
        versions.iter().map(|(config, hash)| json!({ "stringValue": format!("{}={hash}", config.as_ref()) })).collect();
    json!({ "key": attribute::CONFIG_ACTIVE, "value": { "arrayValue": { "values": values } } })
}

/// The log record of an event; none for what is no event.
pub(super) fn log(observation: &Observation, style: Style, sequence: u64) -> Option<Value> {
    let mut body = None;
    let (at, source, dimensions, name, mut attributes) = match observation {
        // The simulator counts no panics together.
        Observation::Row(_) | Observation::Gap(_) | Observation::MorePanics(_) => return None,
        Observation::Load(event) => {
            (event.at, Some(&event.source), &event.dimensions, event::CONFIG_LOAD, load(event, style))
        }
        Observation::Panic(event) => {
            let mut attributes = vec![
                text("exception.type", event.exception.as_deref().unwrap_or("panic")),
                text("exception.message", &*event.message),
            ];
            attributes.push(active(&event.active));
            let mut place = event.site.as_deref().unwrap_or("").splitn(3, ':');
            attributes.extend(place.next().map(|path| text("code.file.path", path)));
            for key in ["code.line.number", "code.column.number"] {
                attributes.extend(
                    place.next().and_then(|number| number.parse().ok()).map(|number| style.integer(key, number)),
                );
            }
            (event.at, Some(&event.source), &event.dimensions, event::EXCEPTION, attributes)
        }
        Observation::Start(event) => {
            (event.at, Some(&event.source), &event.dimensions, event::PROCESS_START, Vec::new())
        }
        Observation::Exit(event) => {
            let mut attributes = vec![json!({ "key": attribute::EXIT_CLEAN, "value": { "boolValue": event.clean } })];
            attributes.extend(event.signal.map(|signal| style.integer(attribute::EXIT_SIGNAL, i64::from(signal))));
            attributes.extend(event.status.map(|status| style.integer(attribute::EXIT_STATUS, i64::from(status))));
            attributes.push(active(&event.active));
            if let Some((config, hash)) = &event.loading {
                attributes.extend(version(config, hash));
                attributes.push(text(attribute::LOAD_PHASE, "loading"));
            }
            (event.at, Some(&event.source), &event.dimensions, event::PROCESS_EXIT, attributes)
        }
        Observation::Change(event) => {
            let mut attributes =
                vec![text(attribute::CHANGE_KIND, &*event.kind), text(attribute::CHANGE_ID, &*event.id)];
            attributes.push(text(attribute::CHANGE_TARGET, &*event.target));
            attributes.extend(event.version.iter().flat_map(|(config, hash)| version(config, hash)));
            body = Some(json!({ "stringValue": &*event.description }));
            (event.at, event.source.as_ref(), &event.dimensions, event::CHANGE, attributes)
        }
    };
    if let Some(Source::Instance { instance, .. }) = source {
        attributes.push(text(attribute::BOOT, format!("boot-{instance}")));
        attributes.push(style.integer(attribute::SEQ, i64::try_from(sequence).unwrap_or(i64::MAX)));
    }
    let name = if style.older_events {
        attributes.push(text("event.name", name));
        ""
    } else {
        name
    };
    let record =
        json!({ "timeUnixNano": style.whole(at.0), "eventName": name, "attributes": attributes, "body": body });
    Some(
        json!({ "resourceLogs": [{ "resource": resource(source, dimensions), "scopeLogs": [{ "logRecords": [record] }] }] }),
    )
}
