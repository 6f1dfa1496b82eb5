//! Log events of the contract, in every form that senders write them.

use super::{HASH, T0, logs, ns, requests, span, text};
use crate::normalise::Normaliser;
use crate::otlp::{Encoding, decode_logs, decode_metrics};
use firstbad_diagnosis::observation::{Observation, Source};
use firstbad_protocol::load::LoadResult;
use serde_json::{Value, json};

fn event(name: &str, at: i64, attributes: &[Value]) -> Value {
    json!({"timeUnixNano": ns(at), "eventName": name, "attributes": attributes})
}

fn int(key: &str, value: i64) -> Value {
    json!({"key": key, "value": {"intValue": value}})
}

fn version(hash: &str) -> Vec<Value> {
    vec![text("firstbad.config.name", "bots"), text("firstbad.config.hash", hash)]
}

fn with(mut attributes: Vec<Value>, more: &[Value]) -> Vec<Value> {
    attributes.extend_from_slice(more);
    attributes
}

fn read(record: Value) -> Observation {
    let batch = logs(&mut Normaliser::new(&[]), &[record]);
    assert_eq!((batch.observations.len(), batch.rejected), (1, 0), "{batch:?}");
    batch.observations[0].clone()
}

fn refused(record: Value) -> String {
    let batch = logs(&mut Normaliser::new(&[]), &[record]);
    assert_eq!(batch.rejected, 1, "{batch:?}");
    let [Observation::Gap(gap)] = batch.observations.as_slice() else { panic!("{batch:?}") };
    gap.sentence.to_string()
}

#[test]
fn a_load_is_read_with_all_that_it_says() {
    let attributes = with(
        version(HASH),
        &[
            text("firstbad.load.result", "kept_last_good"),
            text("firstbad.reason", "limit"),
            text("firstbad.error", "240 rows > 200"),
            text("firstbad.config.previous_hash", &HASH.replace("ab", "cb")),
            text("firstbad.config.rowset_hash", &HASH.replace("ab", "ad")),
            json!({"key": "firstbad.config.generation", "value": {"intValue": "4812"}}),
            text("firstbad.config.source", "node-7"),
            text("firstbad.config.label", "v2"),
            int("firstbad.config.size", 7200),
            int("firstbad.config.rows", 240),
            json!({"key": "firstbad.config.duplicate_rows", "value": {"doubleValue": 180.0}}),
            text("firstbad.config.blank_fields", "3"),
            int("firstbad.config.columns", 5),
            int("firstbad.limit.rows", 200),
            int("firstbad.limit.bytes_total", 9000),
        ],
    );
    let Observation::Load(load) = read(event("firstbad.config.load", 5, &attributes)) else { panic!() };
    assert_eq!((load.at.0 / 1_000_000_000 - T0, load.result), (5, Some(LoadResult::KeptLastGood)));
    assert_eq!((load.reason.as_deref(), load.error.as_deref()), (Some("limit"), Some("240 rows > 200")));
    assert_eq!(load.previous.unwrap().to_string(), HASH.replace("ab", "cb"));
    assert_eq!(load.facts.rowset.unwrap().to_string(), HASH.replace("ab", "ad"));
    let numbers: Vec<(&str, i64)> = load.facts.numbers.iter().map(|(name, value)| (&**name, *value)).collect();
    let expected = [
        ("blank_fields", 3),
        ("columns", 5),
        ("duplicate_rows", 180),
        ("generation", 4812),
        ("rows", 240),
        ("size", 7200),
    ];
    assert_eq!(numbers, expected);
    let words: Vec<(&str, &str)> = load.facts.words.iter().map(|(name, word)| (&**name, &**word)).collect();
    assert_eq!(words, [("label", "v2"), ("source", "node-7")]);
    assert_eq!((load.facts.limits["rows"], load.facts.limits["bytes_total"]), (200, 9000));
}

#[test]
fn every_result_is_known_and_a_breadcrumb_has_none() {
    let of = |more: &[Value]| match read(event("firstbad.config.load", 5, &with(version(HASH), more))) {
        Observation::Load(load) => load.result,
        other => panic!("{other:?}"),
    };
    for (word, result) in [
        ("applied", LoadResult::Applied),
        ("unchanged", LoadResult::Unchanged),
        ("kept_last_good", LoadResult::KeptLastGood),
        ("rejected", LoadResult::Rejected),
    ] {
        assert_eq!(of(&[text("firstbad.load.result", word)]), Some(result));
    }
    assert_eq!(of(&[text("firstbad.load.phase", "loading")]), None);
    assert!(refused(event("firstbad.config.load", 5, &version(HASH))).contains("result"));
    let unknown = with(version(HASH), &[text("firstbad.load.result", "perhaps")]);
    assert!(refused(event("firstbad.config.load", 5, &unknown)).contains("result"));
}

#[test]
fn a_hash_may_lack_its_prefix_or_be_in_upper_case_but_not_be_short() {
    let applied = [text("firstbad.load.result", "applied")];
    let bare = HASH.strip_prefix("sha256:").unwrap();
    for hash in [HASH, bare, &HASH.to_uppercase(), &format!("sha256:{}", bare.to_uppercase()), &format!(" {HASH} ")] {
        let Observation::Load(load) = read(event("firstbad.config.load", 5, &with(version(hash), &applied))) else {
            panic!()
        };
        assert_eq!(load.hash.to_string(), HASH, "{hash}");
    }
    for hash in [bare.get(..12).unwrap(), "sha256:", "sha1:abab", &bare.replace('a', "x"), "\u{e9}\u{e9}\u{e9}\u{e9}"] {
        assert!(refused(event("firstbad.config.load", 5, &with(version(hash), &applied))).contains("64 hex"), "{hash}");
    }
    let none = [text("firstbad.config.name", "bots"), applied[0].clone()];
    assert!(refused(event("firstbad.config.load", 5, &none)).contains("without a config name and a hash"));
}

#[test]
fn an_event_is_named_by_its_field_or_as_older_senders_do_by_an_attribute() {
    let attributes =
        with(version(HASH), &[text("firstbad.load.result", "applied"), text("event.name", "firstbad.config.load")]);
    assert!(matches!(read(json!({"timeUnixNano": ns(5), "attributes": attributes})), Observation::Load(_)));
    let observed = json!({"observedTimeUnixNano": ns(7), "timeUnixNano": "0", "eventName": "", "attributes": attributes,
        "severityNumber": "SEVERITY_NUMBER_INFO", "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "", "flags": 1, "later": {"a": [{}]}});
    let Observation::Load(load) = read(observed) else { panic!() };
    assert_eq!(load.at.0 / 1_000_000_000 - T0, 7, "when it was seen, where nobody says when it was");
    let foreign = logs(
        &mut Normaliser::new(&[]),
        &[event("device.crash", 5, &[]), json!({"timeUnixNano": ns(5), "body": {"stringValue": "hello"}})],
    );
    assert_eq!((foreign.accepted, foreign.rejected, foreign.observations.len()), (2, 0, 0));
}

#[test]
fn a_change_reaches_whom_its_resource_names_and_else_everybody() {
    let attributes = [
        text("firstbad.change.kind", "flag"),
        text("firstbad.change.id", "f-1"),
        text("firstbad.change.target", "new-parser"),
    ];
    let record = json!({"timeUnixNano": ns(5), "eventName": "firstbad.change", "attributes": attributes, "body": {"stringValue": "on for all"}});
    let from = |resource: &[Value]| {
        let request =
            json!({"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [{"logRecords": [record]}]}]});
        let batch = Normaliser::new(&[]).logs(&decode_logs(request.to_string().as_bytes(), Encoding::Json).unwrap());
        let Some(Observation::Change(change)) = batch.observations.first() else { panic!("{batch:?}") };
        change.clone()
    };
    let source = |instance: &str, host: &str| Some(Source::Instance { instance: instance.into(), host: host.into() });
    assert_eq!(from(&[]).source, None);
    assert_eq!(from(&[text("service.name", "deployer"), text("cloud.region", "eu")]).source, None);
    assert_eq!(from(&[text("host.name", "h1")]).source, source("h1", "h1"));
    assert_eq!(from(&[text("service.instance.id", "i1")]).source, source("i1", "i1"));
    let change = from(&[]);
    assert_eq!(
        (&*change.kind, &*change.id, &*change.target, &*change.description),
        ("flag", "f-1", "new-parser", "on for all")
    );
    assert!(refused(event("firstbad.change", 5, &[])).contains("without a kind"));
}

#[test]
fn a_change_reaches_the_pod_that_tells_it_if_that_serves_requests() {
    let attributes = [text("firstbad.change.kind", "flag"), text("firstbad.change.id", "f-1")];
    let told = |normaliser: &mut Normaliser, pod: &str, second: i64| {
        let resource = [text("service.name", "p"), text("k8s.pod.name", pod)];
        let record = event("firstbad.change", second, &attributes);
        let request =
            json!({"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [{"logRecords": [record]}]}]});
        let batch = normaliser.logs(&decode_logs(request.to_string().as_bytes(), Encoding::Json).unwrap());
        let Some(Observation::Change(change)) = batch.observations.first() else { panic!("{batch:?}") };
        change.source.clone()
    };
    let mut normaliser = Normaliser::new(&[]);
    let resource = [text("service.name", "p"), text("k8s.pod.name", "p-1")];
    let request = json!({"resourceMetrics": [{"resource": {"attributes": resource},
        "scopeMetrics": [{"metrics": [requests(1, span(0, 10), 50, false)]}]}]});
    normaliser.metrics(&decode_metrics(request.to_string().as_bytes(), Encoding::Json).unwrap());
    let serves = told(&mut normaliser, "p-1", 12);
    assert!(matches!(&serves, Some(Source::Instance { host, .. }) if host.contains("p-1")), "{serves:?}");
    for second in [13, 14] {
        assert_eq!(told(&mut normaliser, "deployer-7", second), None, "however often it tells one");
    }
}

#[test]
fn a_publication_declares_a_version() {
    let publish =
        |more: &[Value]| event("firstbad.change", 5, &with(more.to_vec(), &[text("firstbad.change.kind", "publish")]));
    let Observation::Change(change) = read(publish(&version(HASH))) else { panic!() };
    let (config, hash) = change.version.unwrap();
    assert_eq!((&*config, hash.to_string().as_str()), ("bots", HASH));
    assert!(refused(publish(&[])).contains("published"));
}

#[test]
fn starts_exits_and_panics_tell_what_was_active_and_what_was_loading() {
    let active = json!({"key": "firstbad.config.active", "value": {"arrayValue": {"values": [
        {"stringValue": format!("a=b={HASH}")}, {"stringValue": format!("bots={HASH}")}, {"stringValue": "broken"}, {"intValue": 1}]}}});
    assert!(matches!(read(event("firstbad.process.start", 5, std::slice::from_ref(&active))), Observation::Start(_)));
    let exit = |more: &[Value]| match read(event("firstbad.process.exit", 9, &with(vec![active.clone()], more))) {
        Observation::Exit(exit) => exit,
        other => panic!("{other:?}"),
    };
    let killed =
        exit(&[json!({"key": "firstbad.exit.clean", "value": {"boolValue": false}}), int("firstbad.exit.signal", 9)]);
    let names: Vec<&str> = killed.active.iter().map(|(name, _)| &**name).collect();
    assert_eq!((killed.clean, killed.signal, names, killed.loading), (false, Some(9), vec!["a=b", "bots"], None));
    assert!(exit(&[json!({"key": "firstbad.exit.clean", "value": {"stringValue": "true"}})]).clean);
    let loading = exit(&with(version(HASH), &[text("firstbad.load.phase", "loading")]));
    assert_eq!(
        loading.loading.map(|(config, hash)| (config.to_string(), hash.to_string())),
        Some(("bots".to_owned(), HASH.to_owned()))
    );
    let joined = text("firstbad.config.active", &format!("bots={HASH}, waf={HASH}"));
    let panic = [
        text("exception.type", "panic"),
        text("exception.message", "called unwrap"),
        text("code.file.path", "src/bots.rs"),
        int("code.line.number", 71),
        int("code.column.number", 9),
        joined,
    ];
    let Observation::Panic(panic) = read(event("exception", 8, &panic)) else { panic!() };
    assert_eq!(
        (&*panic.message, panic.site.as_deref(), panic.active.len()),
        ("called unwrap", Some("src/bots.rs:71:9"), 2)
    );
    let older = [text("exception.type", "panic"), text("code.filepath", "src/a.rs"), int("code.lineno", 7)];
    let Observation::Panic(panic) = read(event("exception", 8, &older)) else { panic!() };
    assert_eq!(panic.site.as_deref(), Some("src/a.rs:7"));
}

#[test]
fn a_long_text_is_cut_and_a_deep_one_is_no_trouble() {
    let long = "x".repeat(1 << 20);
    let attributes = [text("firstbad.change.kind", &long), text("firstbad.change.id", &long)];
    let Observation::Change(change) = read(event("firstbad.change", 5, &attributes)) else { panic!() };
    assert!(change.kind.len() <= 256 && change.id.len() <= 256);
    let mut deep = json!({"stringValue": "end"});
    for _ in 0..20 {
        deep = json!({"arrayValue": {"values": [deep]}});
    }
    let attributes =
        with(version(HASH), &[text("firstbad.load.result", "applied"), json!({"key": "deep", "value": deep})]);
    assert!(matches!(read(event("firstbad.config.load", 5, &attributes)), Observation::Load(_)));
}
