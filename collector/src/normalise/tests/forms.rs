//! Every form of metrics that the contract allows, in numbers: who reports, what is counted once, and what stands for what.

use super::{HASH, Seconds, T0, ns, span, text};
use crate::normalise::{Batch, Normaliser, join, time_of};
use crate::otlp::{Encoding, decode_metrics};
use firstbad_diagnosis::observation::{Name, Observation, Outcomes, Row, Source};
use firstbad_protocol::load::LoadResult;
use serde_json::{Value, json};

const OTHER: &str = "sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";
const DELTA: i64 = 1;
const CUMULATIVE: i64 = 2;

fn int(key: &str, value: i64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

fn tag(config: &str, hash: &str) -> Vec<Value> {
    vec![text("firstbad.config.name", config), text("firstbad.config.hash", hash)]
}

fn with(mut attributes: Vec<Value>, more: &[Value]) -> Vec<Value> {
    attributes.extend_from_slice(more);
    attributes
}

fn outcome(word: &str) -> Value {
    text("firstbad.outcome", word)
}

fn point(attributes: &[Value], span: Seconds, value: i64) -> Value {
    json!({"attributes": attributes, "startTimeUnixNano": ns(span.start), "timeUnixNano": ns(span.end), "asInt": value.to_string()})
}

fn sum(name: &str, temporality: i64, points: &[Value]) -> Value {
    json!({"name": name, "sum": {"aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": points}})
}

fn gauge(name: &str, time: i64, points: &[(Vec<Value>, f64)]) -> Value {
    let points: Vec<Value> = points
        .iter()
        .map(|(attributes, value)| json!({"attributes": attributes, "timeUnixNano": ns(time), "asDouble": value}))
        .collect();
    json!({"name": name, "gauge": {"dataPoints": points}})
}

fn host(name: &str) -> Vec<Value> {
    vec![text("service.name", "proxy"), text("service.instance.id", name), text("host.name", name)]
}

fn send(normaliser: &mut Normaliser, resource: &[Value], metrics: &[Value]) -> Batch {
    let request =
        json!({"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [{"metrics": metrics}]}]});
    normaliser.metrics(&decode_metrics(request.to_string().as_bytes(), Encoding::Json).unwrap())
}

fn rows(batch: &Batch) -> Vec<Row> {
    let row = |seen: &Observation| if let Observation::Row(row) = seen { Some(row.clone()) } else { None };
    batch.observations.iter().filter_map(row).collect()
}

fn only_row(batch: &Batch) -> Row {
    let rows = rows(batch);
    assert_eq!((rows.len(), batch.rejected), (1, 0), "{batch:?}");
    rows[0].clone()
}

fn outcomes(ok: u64, error: u64, panic: u64) -> Outcomes {
    Outcomes { ok, error, panic, ..Outcomes::default() }
}

fn views(row: &Row) -> Vec<(Name, String, Outcomes)> {
    row.views.iter().map(|view| (Name::clone(&view.config), view.hash.to_string(), view.outcomes)).collect()
}

#[test]
fn who_reports_is_told_by_instance_then_host_and_process_then_nobody() {
    let source = |instance: &str, host: &str| Source::Instance { instance: instance.into(), host: host.into() };
    let cases: [(&[Value], Source); 8] = [
        (&[text("service.instance.id", "i"), text("host.name", "h")], source("i", "h")),
        (&[text("service.instance.id", "i"), text("host.name", "h"), int("process.pid", 7)], source("i", "h")),
        (&[text("service.instance.id", "i")], source("i", "i")),
        (&[text("host.name", "h"), int("process.pid", 7)], source("h:7", "h")),
        (&[text("host.name", "h"), text("process.pid", "7")], source("h:7", "h")),
        (&[text("host.name", "h"), text("service.instance.id", "")], source("h", "h")),
        (&[text("service.name", "proxy"), int("process.pid", 7)], Source::Aggregate),
        (&[], Source::Aggregate),
    ];
    for (resource, expected) in cases {
        let requests = sum("firstbad.requests", DELTA, &[point(&[outcome("ok")], span(0, 10), 5)]);
        let row = only_row(&send(&mut Normaliser::new(&[]), resource, &[requests]));
        assert_eq!(row.source, expected, "{resource:?}");
        assert_eq!(row.totals[0].outcomes, outcomes(5, 0, 0));
    }
}

#[test]
fn a_points_own_attributes_win_over_the_resources() {
    let resource = with(host("h1"), &[text("cloud.region", "eu"), text("cdn", "a")]);
    let own = [outcome("ok"), text("cloud.region", "us"), text("service.version", "fl2"), text("unnamed", "x")];
    let elsewhere = [outcome("error"), text("host.name", "h2"), text("service.instance.id", "i2")];
    let points =
        [point(&[outcome("ok")], span(0, 10), 3), point(&own, span(0, 10), 4), point(&elsewhere, span(0, 10), 5)];
    let batch = send(&mut Normaliser::new(&["cdn".to_owned()]), &resource, &[sum("firstbad.requests", DELTA, &points)]);
    let rows = rows(&batch);
    assert_eq!(rows.len(), 2);
    let dimensions = |of: &firstbad_diagnosis::observation::Dimensions| -> Vec<String> {
        of.iter().map(|(key, value)| format!("{key}={value}")).collect()
    };
    assert_eq!(dimensions(&rows[0].dimensions), ["cdn=a", "cloud.region=eu", "service.name=proxy"]);
    assert_eq!((rows[0].totals[0].outcomes.ok, dimensions(&rows[0].totals[0].dimensions).len()), (3, 0));
    assert_eq!(rows[0].totals[1].outcomes.ok, 4);
    assert_eq!(dimensions(&rows[0].totals[1].dimensions), ["cloud.region=us", "service.version=fl2"]);
    assert_eq!(rows[1].source, Source::Instance { instance: "i2".into(), host: "h2".into() });
    assert_eq!(rows[1].totals[0].outcomes, outcomes(0, 5, 0));
}

#[test]
fn two_services_of_a_host_are_counted_each_by_its_own_source() {
    let of = |service: &str| vec![text("service.name", service), text("host.name", "h1")];
    let mut normaliser = Normaliser::new(&[]);
    let own = sum("firstbad.requests", DELTA, &[point(&[outcome("ok")], span(0, 10), 5)]);
    assert_eq!(only_row(&send(&mut normaliser, &of("proxy"), &[own])).totals[0].outcomes.ok, 5);
    let standard = json!({"name": "http.server.request.duration", "histogram": {"aggregationTemporality": 1, "dataPoints": [
        {"startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "count": 7, "bucketCounts": [7], "explicitBounds": []}]}});
    let row = only_row(&send(&mut normaliser, &of("store"), &[standard]));
    assert_eq!(row.totals[0].outcomes.ok, 7, "the proxy's own metrics say nothing of the store");
}

/// Totals, views of two configs, and panics of one report, each as (attributes, count).
fn report(kinds: &str) -> Vec<(&'static str, Vec<Value>, i64)> {
    let mut all = Vec::new();
    let mut requests = |attributes: Vec<Value>, counts: [i64; 3]| {
        for (word, count) in ["ok", "error", "panic"].into_iter().zip(counts) {
            all.push(("firstbad.requests", with(attributes.clone(), &[outcome(word)]), count));
        }
    };
    if kinds.contains('t') {
        requests(Vec::new(), [90, 3, 7]);
    }
    if kinds.contains('v') {
        requests(tag("bots", HASH), [60, 1, 7]);
        requests(tag("bots", OTHER), [20, 2, 0]);
    }
    if kinds.contains('w') {
        requests(tag("waf", HASH), [70, 3, 5]);
    }
    all
}

#[test]
fn totals_and_views_are_kept_apart_in_every_combination_and_temporality() {
    for kinds in ["t", "v", "vw", "tv", "tvw"] {
        for temporality in [DELTA, CUMULATIVE] {
            let mut normaliser = Normaliser::new(&[]);
            let metrics = |times: i64, span: Seconds| {
                let points: Vec<Value> =
                    report(kinds).iter().map(|(_, attributes, count)| point(attributes, span, count * times)).collect();
                [sum("firstbad.requests", temporality, &points)]
            };
            let spans = if temporality == DELTA { [span(0, 10), span(10, 20)] } else { [span(0, 10), span(0, 20)] };
            let factor = if temporality == DELTA { [1, 1] } else { [1, 2] };
            for (index, (span, times)) in spans.into_iter().zip(factor).enumerate() {
                let row = only_row(&send(&mut normaliser, &host("h1"), &metrics(times, span)));
                let totals: Vec<Outcomes> = row.totals.iter().map(|total| total.outcomes).collect();
                let case = format!("{kinds} {temporality} report {index}");
                assert_eq!(totals, if kinds.contains('t') { vec![outcomes(90, 3, 7)] } else { vec![] }, "{case}");
                let mut expected = Vec::new();
                if kinds.contains('v') {
                    expected.push(("bots".into(), HASH.to_owned(), outcomes(60, 1, 7)));
                    expected.push(("bots".into(), OTHER.to_owned(), outcomes(20, 2, 0)));
                }
                if kinds.contains('w') {
                    expected.push(("waf".into(), HASH.to_owned(), outcomes(70, 3, 5)));
                }
                assert_eq!(views(&row), expected, "{case}");
                let seconds = (row.span.start.0 / 1_000_000_000 - T0, row.span.end.0 / 1_000_000_000 - T0);
                assert_eq!(seconds, [(0, 10), (10, 20)][index], "{case}");
            }
        }
    }
}

#[test]
fn views_that_come_apart_from_their_totals_do_not_stand_for_them() {
    for temporality in [DELTA, CUMULATIVE] {
        let mut normaliser = Normaliser::new(&[]);
        let requests = |attributes: Vec<Value>, count| {
            sum("firstbad.requests", temporality, &[point(&with(attributes, &[outcome("ok")]), span(0, 10), count)])
        };
        let totals = send(&mut normaliser, &host("h1"), &[requests(vec![], 100)]);
        let apart = send(&mut normaliser, &host("h1"), &[requests(tag("bots", HASH), 80)]);
        assert_eq!(only_row(&apart).totals[0].outcomes, Outcomes::default());
        // Offline the two are one report again.
        let both = totals.observations.into_iter().chain(apart.observations);
        let (_, joined) = join(both.map(|observation| (time_of(&observation).0, observation)).collect());
        let [Observation::Row(row)] = joined.as_slice() else { panic!("{joined:?}") };
        assert_eq!((row.totals.len(), row.totals[0].outcomes.ok, row.views[0].outcomes.ok), (1, 100, 80));
    }
}

#[test]
fn a_delta_sender_of_views_alone_is_idle_only_where_it_sends_none() {
    let mut normaliser = Normaliser::new(&[]);
    let view = |span, count| {
        sum("firstbad.requests", DELTA, &[point(&with(tag("bots", HASH), &[outcome("ok")]), span, count)])
    };
    let memory = |time| gauge("process.memory.usage", time, &[(vec![], 5e8)]);
    let row = only_row(&send(&mut normaliser, &host("h1"), &[view(span(0, 10), 40), memory(10)]));
    assert!(row.totals.is_empty() && row.views[0].outcomes.ok == 40, "its view stands for the total: {row:?}");
    let row = only_row(&send(&mut normaliser, &host("h1"), &[memory(20)]));
    assert_eq!((row.span.end.0 - row.span.start.0, row.totals[0].outcomes), (10_000_000_000, Outcomes::default()));
}

#[test]
fn panics_and_scores_and_loads_are_read_with_and_without_a_version() {
    let site = text("firstbad.panic.site", "src/bots.rs:71:9");
    let panics = sum(
        "firstbad.panics",
        DELTA,
        &[point(std::slice::from_ref(&site), span(0, 10), 9), point(&with(tag("bots", HASH), &[site]), span(0, 10), 7)],
    );
    let score = with(
        tag("bots", HASH),
        &[text("firstbad.score.name", "bot"), int("firstbad.score.min", 0), int("firstbad.score.max", 100)],
    );
    let reason = |word: &str, count| point(&with(score.clone(), &[text("firstbad.reason", word)]), span(0, 10), count);
    let defaulted = sum(
        "firstbad.scores.defaulted",
        DELTA,
        &[reason("sentinel", 1), reason("nan", 2), reason("below", 3), reason("above", 4)],
    );
    let scores = json!({"name": "firstbad.scores", "histogram": {"aggregationTemporality": 1, "dataPoints": [
        {"attributes": score, "startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "count": "60", "sum": 700.5,
         "explicitBounds": [0.5, 29.0, 99.0], "bucketCounts": ["10", "20", "30", "0"]}]}});
    let load = |word: &str, reason: &[Value]| {
        point(&with(with(tag("bots", HASH), &[text("firstbad.load.result", word)]), reason), span(0, 10), 2)
    };
    let loads = sum(
        "firstbad.config.loads",
        DELTA,
        &[
            load("applied", &[]),
            load("unchanged", &[]),
            load("kept_last_good", &[text("firstbad.reason", "limit")]),
            load("rejected", &[text("firstbad.reason", "parse")]),
        ],
    );
    let dropped =
        sum("firstbad.telemetry.dropped", DELTA, &[point(&[text("firstbad.reason", "queue_full")], span(0, 10), 11)]);
    let row = only_row(&send(&mut Normaliser::new(&[]), &host("h1"), &[panics, defaulted, scores, loads, dropped]));
    let counts: Vec<(bool, u64)> = row.panics.iter().map(|it| (it.version.is_some(), it.count)).collect();
    assert_eq!(counts, [(false, 9), (true, 7)]);
    assert!(row.panics.iter().all(|it| it.site.as_deref() == Some("src/bots.rs:71:9")));
    let [scores] = row.scores.as_slice() else { panic!("{:?}", row.scores) };
    assert_eq!((scores.sentinel, scores.nan, scores.below, scores.above), (1, 2, 3, 4));
    assert_eq!(
        (&scores.histogram.counts[..], scores.histogram.sum, &*scores.score),
        (&[10, 20, 30, 0][..], Some(700.5), "bot")
    );
    let results: Vec<(LoadResult, Option<&str>)> =
        row.loads.iter().map(|it| (it.result, it.reason.as_deref())).collect();
    assert_eq!(
        results,
        [
            (LoadResult::Applied, None),
            (LoadResult::Unchanged, None),
            (LoadResult::KeptLastGood, Some("limit")),
            (LoadResult::Rejected, Some("parse"))
        ]
    );
    assert_eq!(row.dropped, 11);
}

#[test]
fn facts_and_limits_as_gauges_belong_to_the_active_version() {
    let fact = |name: &str, value: f64| gauge(name, 10, &[(tag("bots", HASH), value)]);
    let limit = |name: &str, value: f64| {
        gauge(name, 10, &[(vec![text("firstbad.config.name", "bots"), text("firstbad.limit.name", "rows")], value)])
    };
    let facts = [
        fact("firstbad.config.rows", 240.0),
        fact("firstbad.config.duplicate_rows", 180.0),
        fact("firstbad.config.size", 7200.0),
        fact("firstbad.config.age", 33.0),
        limit("firstbad.config.limit", 200.0),
        limit("firstbad.config.limit_usage", 1.2),
    ];
    let active = fact("firstbad.config.active", 1.0);
    for metrics in [[&facts[..], &[active]].concat(), facts.to_vec()] {
        let row = only_row(&send(&mut Normaliser::new(&[]), &host("h1"), &metrics));
        let [(config, hash, facts)] = row.facts.as_slice() else { panic!("{:?}", row.facts) };
        assert_eq!((&**config, hash.to_string().as_str()), ("bots", HASH));
        let numbers: Vec<(&str, i64)> = facts.numbers.iter().map(|(name, value)| (&**name, *value)).collect();
        assert_eq!(numbers, [("duplicate_rows", 180), ("rows", 240), ("size", 7200)]);
        assert_eq!(facts.limits.get("rows"), Some(&200));
    }
    // Usage alone, once the limit is known, tells the value.
    let usage = [
        fact("firstbad.config.active", 1.0),
        limit("firstbad.config.limit", 200.0),
        limit("firstbad.config.limit_usage", 1.2),
    ];
    let row = only_row(&send(&mut Normaliser::new(&[]), &host("h1"), &usage));
    assert_eq!(row.facts[0].2.numbers.get("rows"), Some(&240));
}

#[test]
fn a_restart_is_counted_from_its_start_under_the_same_identity_or_a_new_one() {
    let requests =
        |start, time, count| sum("firstbad.requests", CUMULATIVE, &[point(&[outcome("ok")], span(start, time), count)]);
    let span = |row: &Row| (row.span.start.0 / 1_000_000_000 - T0, row.span.end.0 / 1_000_000_000 - T0);
    let mut normaliser = Normaliser::new(&[]);
    let same = host("h1");
    send(&mut normaliser, &same, &[requests(0, 10, 100)]);
    let row = only_row(&send(&mut normaliser, &same, &[requests(13, 20, 120)]));
    assert_eq!(
        (span(&row), row.totals[0].outcomes.ok, row.restarted),
        ((13, 20), 120, true),
        "more than before, and yet new"
    );
    let new = vec![text("service.name", "proxy"), text("service.instance.id", "second"), text("host.name", "h1")];
    let row = only_row(&send(&mut normaliser, &new, &[requests(24, 30, 50)]));
    assert_eq!((span(&row), row.totals[0].outcomes.ok), ((24, 30), 50));
    let uptime = |time, value| gauge("process.uptime", time, &[(vec![], value)]);
    assert!(!only_row(&send(&mut normaliser, &new, &[uptime(40, 16.0)])).restarted);
    assert!(only_row(&send(&mut normaliser, &new, &[uptime(50, 3.0)])).restarted, "uptime fell");
}

#[test]
fn a_series_that_starts_with_its_first_count_is_no_restart() {
    let requests = |points: &[(Vec<Value>, i64, i64)], time| {
        let points: Vec<Value> =
            points.iter().map(|(of, start, count)| point(of, span(*start, time), *count)).collect();
        [sum("firstbad.requests", CUMULATIVE, &points)]
    };
    let mut normaliser = Normaliser::new(&[]);
    let (ok, error) = (vec![outcome("ok")], vec![outcome("error")]);
    send(&mut normaliser, &host("h1"), &requests(&[(ok.clone(), -900, 100)], 10));
    let row = only_row(&send(&mut normaliser, &host("h1"), &requests(&[(ok, -900, 180), (error, 17, 4)], 20)));
    assert_eq!((row.totals[0].outcomes, row.restarted), (outcomes(80, 4, 0), false), "one row, one process");
}

#[test]
fn several_reports_in_one_request_are_the_rows_of_several_requests() {
    let total = |time: i64, count| point(&[outcome("ok")], span(-900, time), count);
    let view = |time: i64, count| point(&with(tag("bots", HASH), &[outcome("ok")]), span(-900, time), count);
    let memory = |time: i64| json!({"timeUnixNano": ns(time), "asInt": 1000 + time});
    let mut apart = Normaliser::new(&[]);
    let reports: Vec<Vec<Value>> = (1..=6)
        .map(|k| {
            let points = if k < 3 {
                vec![total(k * 10, k * 100)]
            } else {
                vec![total(k * 10, k * 100), view(k * 10, (k - 2) * 50)]
            };
            vec![
                sum("firstbad.requests", CUMULATIVE, &points),
                json!({"name": "process.memory.usage", "gauge": {"dataPoints": [memory(k * 10)]}}),
            ]
        })
        .collect();
    let separate: Vec<Row> = reports.iter().flat_map(|metrics| rows(&send(&mut apart, &host("h1"), metrics))).collect();
    let points: Vec<Value> =
        (1..=6).map(|k| total(k * 10, k * 100)).chain((3..=6).map(|k| view(k * 10, (k - 2) * 50))).collect();
    let levels: Vec<Value> = (1..=6).map(|k| memory(k * 10)).collect();
    let together = [
        sum("firstbad.requests", CUMULATIVE, &points),
        json!({"name": "process.memory.usage", "gauge": {"dataPoints": levels}}),
    ];
    let together = rows(&send(&mut Normaliser::new(&[]), &host("h1"), &together));
    assert_eq!(together, separate);
    assert_eq!(together[2].views[0].outcomes.ok, 50, "the new version's series stood at 0 a report before");
}

#[test]
fn a_request_that_is_sent_thrice_counts_once() {
    for temporality in [DELTA, CUMULATIVE] {
        let mut normaliser = Normaliser::new(&[]);
        let metrics = [
            sum("firstbad.requests", temporality, &[point(&[outcome("ok")], span(0, 10), 100)]),
            gauge(
                "process.cpu.utilization",
                10,
                &[(vec![text("cpu.mode", "user")], 0.25), (vec![text("cpu.mode", "system")], 0.125)],
            ),
        ];
        let all: Vec<(i64, Observation)> = (0..3)
            .flat_map(|_| send(&mut normaliser, &host("h1"), &metrics).observations)
            .map(|observation| (time_of(&observation).0, observation))
            .collect();
        let (_, joined) = join(all);
        let [Observation::Row(row)] = joined.as_slice() else { panic!("{joined:?}") };
        assert_eq!((row.totals[0].outcomes.ok, row.cpu), (100, Some(0.375)));
    }
}

#[test]
fn report_intervals_of_any_length_and_jitter_keep_their_spans() {
    for interval_ms in [1000_i64, 10_000, 15_000, 60_000] {
        let mut normaliser = Normaliser::new(&[]);
        let mut before = 0;
        for k in 1..=20 {
            let time = k * interval_ms + (k * 7919 % 13 - 6) * interval_ms / 100;
            let at = |ms: i64| (T0 * 1000 + ms) * 1_000_000;
            let requests = json!({"name": "firstbad.requests", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
                {"attributes": [outcome("ok")], "startTimeUnixNano": at(before), "timeUnixNano": at(time), "asInt": k}]}});
            let row = only_row(&send(&mut normaliser, &host("h1"), &[requests]));
            assert_eq!(
                (row.span.start.0, row.span.end.0, row.totals[0].outcomes.ok),
                (at(before), at(time), k.unsigned_abs())
            );
            before = time;
        }
    }
}
