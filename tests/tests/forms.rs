//! One outage told in every form that the contract allows: whatever a sender leaves out or writes otherwise, the pushed
//! version is named, as long as anything tells who had it.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_tests::capture::{Fault, Fleet, Form, START_S, hash_of};
use serde_json::{Value, json};
use std::process::Command;

fn fleet(form: Form) -> Vec<Value> {
    let fleet = Fleet {
        start_s: START_S,
        hosts: 24,
        interval_s: 10,
        intervals: 90,
        fault_at: 45,
        form,
        fault: Fault::Oversized,
    };
    fleet.lines().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The one incident that `firstbad diagnose` finds in `lines`.
fn incident(name: &str, lines: &[Value]) -> Value {
    let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
    incident_of_file(name, text.as_bytes())
}

/// Returns the only incident that `firstbad diagnose` finds in a file with these bytes.
fn incident_of_file(name: &str, bytes: &[u8]) -> Value {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("capture.jsonl");
    std::fs::write(&path, bytes).expect("write");
    let mut command = Command::new(firstbad_tests::firstbad());
    let output = command.args(["diagnose", "--format", "json"]).arg(&path).output().expect("it runs");
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(1), "{name}: {found:#}");
    assert_eq!(found["incidents"].as_array().map(Vec::len), Some(1), "{name}: {found:#}");
    assert_eq!(found["window"]["hosts"], 24, "{name}");
    assert_eq!(found["window"]["hosts_silent"], 0, "{name}");
    found["incidents"][0].clone()
}

fn is_log(line: &Value) -> bool {
    line.get("resourceLogs").is_some()
}

/// The attributes of the resource of a line.
fn resource(line: &mut Value) -> &mut Vec<Value> {
    let kind = if is_log(line) { "resourceLogs" } else { "resourceMetrics" };
    line[kind][0]["resource"]["attributes"].as_array_mut().expect("attributes")
}

fn metrics(line: &mut Value) -> &mut Vec<Value> {
    line["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array_mut().expect("metrics")
}

fn points(metric: &mut Value) -> &mut Vec<Value> {
    let kind = if metric.get("sum").is_some() { "sum" } else { "histogram" };
    metric[kind]["dataPoints"].as_array_mut().expect("points")
}

fn record(line: &mut Value) -> &mut Value {
    &mut line["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
}

fn value_of(attributes: &[Value], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute["key"] == key)?;
    found["value"]["stringValue"].as_str().map(str::to_owned)
}

fn is_tagged(point: &Value) -> bool {
    point["attributes"].as_array().is_some_and(|all| all.iter().any(|it| it["key"] == "firstbad.config.hash"))
}

/// Applies `change` to each line of metrics.
fn each_report(lines: &mut [Value], mut change: impl FnMut(&mut Value)) {
    lines.iter_mut().filter(|line| !is_log(line)).for_each(&mut change);
}

fn without(line: &mut Value, key: &str) {
    resource(line).retain(|attribute| attribute["key"] != key);
}

/// Leaves only requests without a version.
fn totals_alone(lines: &mut [Value]) {
    each_report(lines, |line| {
        metrics(line).retain(|metric| metric["name"] == "firstbad.requests");
        for metric in metrics(line) {
            points(metric).retain(|point| !is_tagged(point));
        }
    });
}

/// When each host loaded which version, from the events.
fn loads(lines: &[Value]) -> Vec<(String, i64, String)> {
    let mut loads = Vec::new();
    for line in lines.iter().filter(|line| is_log(line)) {
        let mut line = line.clone();
        let host = value_of(resource(&mut line), "host.name").expect("host");
        let record = record(&mut line);
        let at = record["timeUnixNano"].as_str().and_then(|at| at.parse().ok()).expect("a time");
        let hash = value_of(record["attributes"].as_array().expect("attributes"), "firstbad.config.hash");
        loads.push((host, at, hash.expect("hash")));
    }
    loads
}

/// Adds `firstbad.config.active` to each report, and the facts of the version as gauges.
fn with_gauges(lines: &mut [Value]) {
    let loads = loads(lines);
    each_report(lines, |line| {
        let host = value_of(resource(line), "host.name").expect("host");
        let time = points(&mut metrics(line)[0])[0]["timeUnixNano"].clone();
        let now: i64 = time.as_str().and_then(|at| at.parse().ok()).expect("a time");
        let active = loads.iter().rev().find(|(of, at, _)| *of == host && *at < now).expect("a version");
        let tag = [("firstbad.config.name", "bot-features"), ("firstbad.config.hash", &active.2)]
            .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}));
        let (rows, duplicates) = if active.2 == hash_of("pushed") { (240, 180) } else { (60, 0) };
        let limit = [("firstbad.config.name", "bot-features"), ("firstbad.limit.name", "rows")]
            .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}));
        for (name, value, attributes) in [
            ("firstbad.config.active", 1, &tag),
            ("firstbad.config.rows", rows, &tag),
            ("firstbad.config.duplicate_rows", duplicates, &tag),
            ("firstbad.config.limit", 200, &limit),
        ] {
            metrics(line).push(json!({"name": name, "gauge": {"dataPoints": [{"attributes": attributes, "timeUnixNano": time, "asInt": value}]}}));
        }
    });
}

type Change = fn(&mut Vec<Value>);

const FORMS: [(&str, Change); 16] = [
    ("as written", |_| {}),
    ("instances alone", |lines| lines.iter_mut().for_each(|line| without(line, "host.name"))),
    ("hosts alone", |lines| lines.iter_mut().for_each(|line| without(line, "service.instance.id"))),
    ("hosts and processes", |lines| {
        for line in lines {
            without(line, "service.instance.id");
            resource(line).push(json!({"key": "process.pid", "value": {"intValue": 4711}}));
        }
    }),
    ("views alone", |lines| {
        each_report(lines, |line| {
            points(&mut metrics(line)[0]).retain(is_tagged);
        });
    }),
    ("totals and load events", |lines| totals_alone(lines)),
    ("tags alone", |lines| lines.retain(|line| !is_log(line))),
    ("totals and gauges", |lines| {
        with_gauges(lines);
        totals_alone_but_gauges(lines);
        lines.retain(|line| !is_log(line));
    }),
    ("older senders", |lines| {
        for line in lines.iter_mut().filter(|line| is_log(line)) {
            let record = record(line);
            let name = record["eventName"].take();
            let attributes = record["attributes"].as_array_mut().expect("attributes");
            attributes.push(json!({"key": "event.name", "value": {"stringValue": name}}));
            for attribute in attributes {
                let bare = attribute["value"]["stringValue"].as_str().and_then(|text| text.strip_prefix("sha256:"));
                if let Some(bare) = bare.map(str::to_uppercase) {
                    attribute["value"]["stringValue"] = bare.into();
                }
            }
        }
    }),
    ("numbers and names", |lines| {
        let text = Value::from(std::mem::take(lines)).to_string();
        let text = text.replace(
            "\"aggregationTemporality\":2",
            "\"aggregationTemporality\":\"AGGREGATION_TEMPORALITY_CUMULATIVE\"",
        );
        let number =
            regex::Regex::new(r#""(asInt|intValue|timeUnixNano|startTimeUnixNano|count)":"(\d+)""#).expect("a pattern");
        *lines = serde_json::from_str(&number.replace_all(&text, "\"$1\":$2")).expect("JSON");
    }),
    ("fields with underscores", |lines| lines.iter_mut().for_each(with_underscores)),
    ("names and labels of Prometheus", |lines| {
        let translated = [
            ("firstbad.requests", "firstbad_requests_total"),
            ("firstbad.panics", "firstbad_panics_total"),
            ("firstbad.scores", "firstbad_scores"),
            ("firstbad.config.name", "config"),
            ("firstbad.config.hash", "config_hash"),
            ("firstbad.outcome", "outcome"),
            ("firstbad.panic.site", "site"),
            ("firstbad.score.name", "score"),
        ];
        each_report(lines, |line| {
            let replace =
                |text: String, (from, to): &(&str, &str)| text.replace(&format!("\"{from}\""), &format!("\"{to}\""));
            let text = translated.iter().fold(line.to_string(), replace);
            *line = serde_json::from_str(&text).expect("JSON");
        });
    }),
    ("events without a name", |lines| {
        for line in lines.iter_mut().filter(|line| is_log(line)) {
            record(line).as_object_mut().expect("a record").remove("eventName");
        }
    }),
    ("pods without an instance", |lines| {
        for line in lines {
            let host = value_of(resource(line), "host.name").expect("host");
            without(line, "service.instance.id");
            without(line, "host.name");
            for (key, value) in [("k8s.pod.name", &host), ("k8s.namespace.name", &"edge".to_owned())] {
                resource(line).push(json!({"key": key, "value": {"stringValue": value}}));
            }
        }
    }),
    ("a scope for each metric", |lines| {
        each_report(lines, |line| {
            let all = std::mem::take(metrics(line));
            let scope = |metric: Value| json!({"scope": {"name": metric["name"]}, "metrics": [metric]});
            line["resourceMetrics"][0]["scopeMetrics"] = all.into_iter().map(scope).collect();
        });
    }),
    ("a request for each metric", |lines| {
        let split = |line: Value| -> Vec<Value> {
            if is_log(&line) {
                return vec![line];
            }
            let mut line = line;
            let all = std::mem::take(metrics(&mut line));
            let one = |metric: Value| {
                let mut line = line.clone();
                metrics(&mut line).push(metric);
                line
            };
            all.into_iter().map(one).collect()
        };
        *lines = std::mem::take(lines).into_iter().flat_map(split).collect();
    }),
];

/// Renames every field in `value`, at all depths, from `camelCase` to `snake_case`.
fn with_underscores(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, mut field) in std::mem::take(fields) {
                with_underscores(&mut field);
                let word = |letter: char| {
                    if letter.is_ascii_uppercase() { vec!['_', letter.to_ascii_lowercase()] } else { vec![letter] }
                };
                fields.insert(name.chars().flat_map(word).collect(), field);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(with_underscores),
        _ => {}
    }
}

fn totals_alone_but_gauges(lines: &mut [Value]) {
    each_report(lines, |line| {
        metrics(line).retain(|metric| metric["name"] == "firstbad.requests" || metric.get("gauge").is_some());
        for metric in metrics(line).iter_mut().filter(|metric| metric.get("gauge").is_none()) {
            points(metric).retain(|point| !is_tagged(point));
        }
    });
}

#[test]
fn the_pushed_version_is_named_in_every_form() {
    for form in [Form::Native, Form::NativeDelta] {
        for (name, change) in FORMS {
            let mut lines = fleet(form);
            change(&mut lines);
            let name = format!("{form:?}, {name}");
            let incident = incident(&name, &lines);
            let cause = &incident["cause"];
            assert_eq!(incident["verdict"], "cause", "{name}: {incident:#}");
            assert_eq!((&cause["kind"], &cause["config"]), (&"config".into(), &"bot-features".into()), "{name}");
            assert_eq!(cause["hashes"], json!([hash_of("pushed")]), "{name}");
            // Without events and gauges nobody tells what is in a version.
            if !name.ends_with("tags alone") {
                assert_eq!(cause["property"], "rows > 200", "{name}: {incident:#}");
            }
        }
    }
}

/// Renames duration metrics and their attributes to the HTTP conventions before 2024, and converts them to milliseconds.
fn by_older_names(lines: &mut [Value]) {
    each_report(lines, |line| {
        for metric in metrics(line) {
            metric["name"] = "http.server.duration".into();
            for point in points(metric) {
                for bound in point["explicitBounds"].as_array_mut().expect("bounds") {
                    *bound = json!(bound.as_f64().expect("a number") * 1000.0);
                }
                for attribute in point["attributes"].as_array_mut().expect("attributes") {
                    if attribute["key"] == "http.response.status_code" {
                        attribute["key"] = "http.status_code".into();
                    }
                }
            }
        }
    });
}

#[test]
fn a_fleet_of_older_sdks_and_one_whose_event_names_were_lost_are_diagnosed_as_today_s_are() {
    let lost: Change = |lines| {
        for line in lines.iter_mut().filter(|line| is_log(line)) {
            record(line).as_object_mut().expect("a record").remove("eventName");
        }
    };
    let forms: [(&str, Change); 4] = [
        ("as written", |_| {}),
        ("older names", |lines| by_older_names(lines)),
        ("events without a name", lost),
        ("fields with underscores", |lines| lines.iter_mut().for_each(with_underscores)),
    ];
    for (name, change) in forms {
        let mut lines = fleet(Form::StandardOnly);
        change(&mut lines);
        let incident = incident(name, &lines);
        let cause = &incident["cause"];
        assert_eq!(incident["verdict"], "cause", "{name}: {incident:#}");
        assert_eq!(cause["hashes"], json!([hash_of("pushed")]), "{name}: {incident:#}");
        assert_eq!(cause["property"], "rows > 200", "{name}: {incident:#}");
    }
}

#[test]
fn a_capture_in_frames_or_over_several_lines_gives_the_same_incident() {
    let lines = fleet(Form::Native);
    let expected = incident("as written", &lines);
    let frame = |line: &Value| {
        let packed = zstd::encode_all(line.to_string().as_bytes(), 1).expect("packed");
        [&u32::try_from(packed.len()).expect("a length").to_be_bytes(), packed.as_slice()].concat()
    };
    let frames: Vec<u8> = lines.iter().flat_map(frame).collect();
    let values: String = lines.iter().map(|line| format!("{line:#}\n")).collect();
    assert_eq!(incident_of_file("frames", &frames), expected);
    assert_eq!(incident_of_file("several lines", values.as_bytes()), expected);
}
