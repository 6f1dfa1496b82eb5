//! Spans: which count as requests, what wins over them, and what their exceptions become.

use super::{HASH, T0, metrics, ns, requests, resource, rows, span, text};
use crate::normalise::{Batch, Normaliser};
use crate::otlp::{Encoding, decode_logs, decode_traces};
use firstbad_diagnosis::observation::{Observation, Outcomes};
use serde_json::{Value, json};

const OTHER: &str = "sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";

fn traces(normaliser: &mut Normaliser, spans: &[Value]) -> Batch {
    let request = json!({"resourceSpans": [{"resource": resource(), "scopeSpans": [{"spans": spans}]}]}).to_string();
    normaliser.traces(&decode_traces(request.as_bytes(), Encoding::Json).unwrap())
}

/// A served request that ended at `end`, seconds from T0.
fn served(end: i64, is_error: bool, attributes: &[Value]) -> Value {
    json!({"spanId": "00f067aa0ba902b7", "kind": "SPAN_KIND_SERVER", "name": "GET /", "startTimeUnixNano": ns(end - 1),
        "endTimeUnixNano": ns(end), "attributes": attributes, "status": {"code": if is_error { 2 } else { 0 }}})
}

fn version() -> Vec<Value> {
    vec![text("firstbad.config.name", "bots"), text("firstbad.config.hash", HASH)]
}

/// A normaliser to which the process sent spans, and no metric of requests, for 90 s.
fn after_the_wait() -> Normaliser {
    let mut normaliser = Normaliser::new(&[]);
    let batch = traces(&mut normaliser, &[served(0, true, &version())]);
    assert_eq!((rows(&batch).len(), batch.accepted, batch.rejected), (0, 1, 0), "a metric may be to come");
    normaliser
}

#[test]
fn served_spans_count_as_requests_of_the_version_that_they_name() {
    let mut normaliser = after_the_wait();
    let spans = [
        served(90, true, &version()),
        served(91, false, &version()),
        served(92, false, &[json!({"key": "http.response.status_code", "value": {"intValue": "403"}})]),
        served(92, false, &[text("http.status_code", "500")]),
        served(93, false, &[text("firstbad.outcome", "panic"), version()[0].clone(), version()[1].clone()]),
        json!({"kind": 1, "endTimeUnixNano": ns(93), "status": {"code": "STATUS_CODE_ERROR"}, "attributes": version()}),
    ];
    let batch = traces(&mut normaliser, &spans);
    let [row] = rows(&batch)[..] else { panic!("{batch:?}") };
    let total = Outcomes { ok: 1, denied: 1, error: 2, panic: 1 };
    assert_eq!(row.totals.iter().map(|total| total.outcomes).collect::<Vec<_>>(), [total], "the last is no server's");
    let [view] = &row.views[..] else { panic!("{row:?}") };
    assert_eq!((view.config.as_ref(), view.hash.to_string().as_str()), ("bots", HASH));
    assert_eq!(view.outcomes, Outcomes { ok: 1, denied: 0, error: 1, panic: 1 });
    let seconds = [row.span.start, row.span.end].map(|time| time.0 / 1_000_000_000 - T0);
    assert_eq!((seconds, batch.accepted), ([90, 93], 6));
    assert_eq!(rows(&traces(&mut normaliser, &spans)), [] as [&_; 0], "the same request again");
}

#[test]
fn a_span_may_name_several_active_versions_and_counts_once_in_the_total() {
    let mut normaliser = after_the_wait();
    let active = [format!("bots={HASH}"), format!("waf={OTHER}")].map(|pair| json!({"stringValue": pair}));
    let active = json!({"key": "firstbad.config.active", "value": {"arrayValue": {"values": active}}});
    let attributes = [version(), vec![active]].concat();
    let batch = traces(&mut normaliser, &[served(95, true, &attributes)]);
    let [row] = rows(&batch)[..] else { panic!("{batch:?}") };
    assert_eq!(row.totals[0].outcomes, Outcomes { error: 1, ..Outcomes::default() });
    let views: Vec<_> = row.views.iter().map(|view| (view.config.as_ref(), view.outcomes.error)).collect();
    assert_eq!(views, [("bots", 1), ("waf", 1)]);
}

#[test]
fn metrics_of_the_same_requests_win_over_spans() {
    let mut normaliser = after_the_wait();
    let counted = rows(&metrics(&mut normaliser, &[requests(2, span(0, 95), 7, false)])).len();
    assert_eq!(counted, 1);
    let batch = traces(&mut normaliser, &[served(100, true, &version())]);
    assert_eq!((rows(&batch).len(), batch.accepted), (0, 1), "the metric counts them");
    assert_eq!(rows(&traces(&mut normaliser, &[served(394, true, &version())])).len(), 0);
    let alone = [served(400, true, &version()), served(484, true, &version()), served(491, true, &version())];
    let counted = alone.map(|span| rows(&traces(&mut normaliser, &[span])).len());
    assert_eq!(counted, [0, 0, 1], "the metric came last at 95 s: it is silent from 395 s, and the wait begins anew");
}

#[test]
fn what_cannot_be_read_is_refused_and_said() {
    let mut normaliser = after_the_wait();
    let short = [text("firstbad.config.name", "bots"), text("firstbad.config.hash", "abab")];
    let batch = traces(&mut normaliser, &[served(100, true, &short), json!({"kind": 2, "endTimeUnixNano": "0"})]);
    assert_eq!((batch.accepted, batch.rejected), (1, 1));
    let [row] = rows(&batch)[..] else { panic!("{batch:?}") };
    assert_eq!((row.totals[0].outcomes.error, row.views.len()), (1, 0), "it failed, whatever its version was");
    let gaps = batch.observations.iter().filter(|seen| matches!(seen, Observation::Gap(_))).count();
    assert_eq!(gaps, 2, "{batch:?}");
}

fn thrown(end: i64, attributes: &[Value]) -> Value {
    let mut span = served(end, true, &version());
    span["events"] = json!([{"timeUnixNano": ns(end), "name": "exception", "attributes": attributes},
        {"timeUnixNano": ns(end), "name": "cache.miss"}]);
    span
}

#[test]
fn an_exception_of_any_type_gives_type_message_and_site() {
    let attributes = [
        text("exception.type", "java.lang.IllegalStateException"),
        text("exception.message", "240 rows > 200"),
        text("code.file.path", "Bots.java"),
        text("code.line.number", "12"),
    ];
    let batch = traces(&mut Normaliser::new(&[]), &[thrown(5, &attributes)]);
    let [Observation::Panic(seen)] = &batch.observations[..] else { panic!("{batch:?}") };
    assert_eq!(seen.exception.as_deref(), Some("java.lang.IllegalStateException"));
    assert_eq!((seen.message.as_ref(), seen.site.as_deref()), ("240 rows > 200", Some("Bots.java:12")));
    assert_eq!(seen.active.iter().map(|(_, hash)| hash.to_string()).collect::<Vec<_>>(), [HASH]);
    let untyped = traces(&mut Normaliser::new(&[]), &[thrown(5, &[text("exception.message", "no type")])]);
    let [Observation::Panic(seen)] = &untyped.observations[..] else { panic!("{untyped:?}") };
    assert_eq!(seen.exception.as_deref(), Some("exception"), "an SDK that records an exception means no panic");
    assert_eq!(batch.records.len(), 1, "it is kept for exports");
}

#[test]
fn an_exception_that_comes_as_log_event_as_well_counts_once() {
    let mut normaliser = Normaliser::new(&[]);
    let attributes = [text("exception.type", "E"), text("exception.message", "m")];
    let record = json!({"timeUnixNano": ns(1), "eventName": "exception", "attributes": attributes});
    let request =
        json!({"resourceLogs": [{"resource": resource(), "scopeLogs": [{"logRecords": [record]}]}]}).to_string();
    let logs = decode_logs(request.as_bytes(), Encoding::Json).unwrap();
    assert_eq!(normaliser.logs(&logs).observations.len(), 1);
    assert_eq!(traces(&mut normaliser, &[thrown(2, &attributes)]).observations, []);
    let batch = traces(&mut normaliser, &[thrown(400, &attributes)]);
    let thrown = batch.observations.iter().filter(|seen| matches!(seen, Observation::Panic(_))).count();
    assert_eq!(thrown, 1, "log events have stopped");
}
