//! Hides secrets in what is received, before anything of it is written: in the journal, the store, bundles, answers and logs there
//! is then nothing to hide. What is a secret is decided in `firstbad_protocol::mask`; the crate in the proxy hides the same before
//! its proxy's telemetry leaves it, other senders do not.

use crate::normalise;
use crate::otlp::model::{
    Attribute, Data, LogRecord, Logs, Metrics, ResourceLogs, ResourceMetrics, ResourceSpans, Traces, Value,
};
use crate::otlp::{Form, short_digest};
use firstbad_protocol::Hash;
use firstbad_protocol::mask::{self, Known, Rules, Shown};
use firstbad_protocol::names::attribute;
use std::borrow::Cow;

/// The attribute that stands in a content event whose body was withheld, since secrets in it could not be found.
pub(crate) const WITHHELD: &str = "firstbad.content.withheld";
const HIDDEN: &str = "***";

static RULES: Rules = Rules::BUILTIN;
/// Words of secrets are not remembered from one sender's contents to the messages of another.
static KNOWN: Known = Known::new();

/// Hides secrets in a logs request. Returns whether there were any.
pub(crate) fn logs(request: &mut Logs<'_>) -> bool {
    request.resource_logs.iter_mut().fold(false, |changed, ResourceLogs { resource, scope_logs }| {
        let records = scope_logs.iter_mut().flat_map(|scope| &mut scope.log_records);
        let records = records.fold(false, |changed, record| log_record(record) | changed);
        attributes(&mut resource.attributes) | records | changed
    })
}

/// Hides secrets in a traces request. Returns whether there were any.
pub(crate) fn traces(request: &mut Traces<'_>) -> bool {
    request.resource_spans.iter_mut().fold(false, |changed, ResourceSpans { resource, scope_spans }| {
        let spans = scope_spans.iter_mut().flat_map(|scope| &mut scope.spans);
        let spans = spans.fold(false, |changed, span| {
            let events = span
                .events
                .iter_mut()
                .fold(false, |changed, event| cow(&mut event.name) | attributes(&mut event.attributes) | changed);
            attributes(&mut span.attributes) | events | changed
        });
        attributes(&mut resource.attributes) | spans | changed
    })
}

/// Hides secrets in the labels of a metrics request. Returns whether there were any. Labels that differed in a secret still differ.
pub(crate) fn metrics(request: &mut Metrics<'_>) -> bool {
    request.resource_metrics.iter_mut().fold(false, |changed, ResourceMetrics { resource, scope_metrics }| {
        let metrics = scope_metrics.iter_mut().flat_map(|scope| &mut scope.metrics);
        let points = metrics.fold(false, |changed, metric| labels(&mut metric.data) | changed);
        attributes(&mut resource.attributes) | points | changed
    })
}

fn labels(data: &mut Data<'_>) -> bool {
    let each = |changed, own: &mut [Attribute<'_>]| own.iter_mut().fold(changed, |changed, it| label(it) | changed);
    match data {
        Data::None | Data::Summary(_) => false,
        Data::Gauge(points) | Data::Sum { points, .. } => {
            points.iter_mut().fold(false, |changed, point| each(changed, &mut point.attributes))
        }
        Data::Histogram { points, .. } => {
            points.iter_mut().fold(false, |changed, point| each(changed, &mut point.attributes))
        }
        Data::Exponential { points, .. } => {
            points.iter_mut().fold(false, |changed, point| each(changed, &mut point.attributes))
        }
    }
}

/// A label of a point: a part of the identity of its series.
fn label(label: &mut Attribute<'_>) -> bool {
    let Value::Text(text) = &label.value else { return attribute(label) };
    let digest = short_digest(text.as_bytes());
    let changed = attribute(label);
    if changed && let Value::Text(hidden) = &mut label.value {
        hidden.to_mut().push_str(&format!("-{digest:08x}"));
    }
    changed
}

fn log_record(record: &mut LogRecord<'_>) -> bool {
    // It was read before, and nothing in it was hidden: such events are not remembered.
    if matches!(record.form, Form::Known(_)) {
        return false;
    }
    let body = if normalise::is_content(record) { content(record) } else { value("", &mut record.body) };
    cow(&mut record.event_name) | attributes(&mut record.attributes) | body
}

/// The body of a content event, line by line by the rules for files.
fn content(record: &mut LogRecord<'_>) -> bool {
    let body = match &record.body {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ => return false,
    };
    record.body = match mask::content(body, &RULES, &Known::default()) {
        Shown::AsIs => return false,
        Shown::Masked(masked) => Value::Bytes(Cow::Owned(masked.bytes().to_vec())),
        Shown::Not => {
            record.attributes.push(Attribute { key: Cow::Borrowed(WITHHELD), value: Value::Bool(true) });
            Value::Empty
        }
    };
    true
}

fn attributes(attributes: &mut [Attribute<'_>]) -> bool {
    attributes.iter_mut().fold(false, |changed, it| attribute(it) | changed)
}

fn attribute(attribute: &mut Attribute<'_>) -> bool {
    let Attribute { key, value: own } = attribute;
    value(key, own)
}

/// A value under a name.
fn value(name: &str, value: &mut Value<'_>) -> bool {
    match value {
        Value::Text(text) => under(name, text),
        Value::Bytes(bytes) => {
            let hidden = std::str::from_utf8(bytes).ok().and_then(|text| hidden(name, text));
            let changed = hidden.is_some();
            hidden.into_iter().for_each(|text| *bytes = Cow::Owned(text.into_bytes()));
            changed
        }
        Value::List(values) => values.iter_mut().fold(false, |changed, item| self::value(name, item) | changed),
        Value::Map(fields) => attributes(fields),
        Value::Empty | Value::Bool(_) | Value::Int(_) | Value::Double(_) => false,
    }
}

fn cow(text: &mut Cow<'_, str>) -> bool {
    under("", text)
}

fn under(name: &str, text: &mut Cow<'_, str>) -> bool {
    let hidden = hidden(name, text);
    let changed = hidden.is_some();
    hidden.into_iter().for_each(|hidden| *text = Cow::Owned(hidden));
    changed
}

/// `text` without its secrets, if it holds any.
fn hidden(name: &str, text: &str) -> Option<String> {
    if name == attribute::CONFIG_ACTIVE {
        // A config may be named like a secret (`waf-tokens=sha256:..`), and its hash is none.
        let names = |pair: &str| pair.trim().rsplit_once('=').is_none_or(|(name, hash)| !is_hash(hash) || has(name));
        return text.split(',').any(names).then(|| hide(text)).filter(|hidden| hidden != text);
    }
    if name == attribute::PANIC_SITE {
        // A file may be named like a secret (`token.rs:12:5`), and its line is none.
        let path = text.trim_end_matches(|end: char| end.is_ascii_digit() || end == ':');
        return has(path).then(|| hide(text));
    }
    // firstbad's own attributes are named for what they are.
    let by_name = !name.starts_with("firstbad.") && mask::is_secret_under(name, text, &RULES);
    if by_name && text != HIDDEN {
        return Some(HIDDEN.to_owned());
    }
    (!is_hash(text) && has(text)).then(|| hide(text)).filter(|hidden| hidden != text)
}

/// A text of an engineer or of a path without its secrets.
pub(crate) fn text(text: &str) -> String {
    hide(text)
}

fn has(text: &str) -> bool {
    mask::has_secret(text, &RULES)
}

fn hide(text: &str) -> String {
    mask::message(text, &RULES, &KNOWN)
}

fn is_hash(text: &str) -> bool {
    text.strip_prefix("sha256:").unwrap_or(text).parse::<Hash>().is_ok()
}

#[cfg(test)]
mod tests;
