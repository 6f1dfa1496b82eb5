//! The shipper within the proxy and the agent beside it say the same of a recorder: one writes JSON by hand, the other the
//! protocol's own types, and both are compared field by field.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_collector::recorder::RecorderSource;
use firstbad_instrument::{Live, Origin, Outcome, Score, export, record_request};
use firstbad_protocol::time::Timestamp;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static RISK: Score = Score::scaled("risk", -1.0, 1.0);
static FEATURES: Live<u8> = Live::new("bot-features").limit("rows", 3).score(&BOT).score(&RISK);

/// Something of everything that a recorder can hold.
fn live() {
    let parse = |bytes: &[u8]| if bytes.starts_with(b"!") { Err("no \"good\"\n".to_owned()) } else { Ok(1) };
    let origin = Origin::new().label("g\\1").source("gen\u{1}").revision("9f2c1e7").generation(-3).name("f.csv");
    FEATURES.load_bytes(b"a,b\n1,2\n1,2\n", &origin, parse).applied().unwrap();
    for score in [0, 7, 101] {
        FEATURES.tag().score(&BOT, score);
        FEATURES.tag().score_f64(&RISK, f64::from(score) / 100.0 - 0.5);
        record_request(Outcome::Error, &[FEATURES.tag()]);
        record_request(Outcome::Denied, &[FEATURES.tag()]);
    }
    FEATURES.tag().score_f64(&RISK, f64::NAN);
    let _ = FEATURES.load_bytes(b"!", &Origin::new(), parse);
    let _ = FEATURES.load_file("/no/such/file", parse);
    let _ = std::panic::catch_unwind(|| panic!("quoted \"text\", and a\ttab"));
    FEATURES.load_bytes(b"x,y\n", &Origin::new(), parse).applied().unwrap();
}

/// Bodies that a receiver gets, by path.
fn receive(requests: usize) -> (String, std::sync::mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            let whole = loop {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head.split("Content-Length: ").nth(1).unwrap().lines().next().unwrap();
                    if body.len() == length.parse::<usize>().unwrap() {
                        break (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned());
                    }
                }
                let count = stream.read(&mut piece).unwrap();
                bytes.extend_from_slice(&piece[..count]);
            };
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            tell.send((whole.0, serde_json::from_str(&whole.1).unwrap())).unwrap();
        }
    });
    (url, told)
}

/// Without what both sides may leave out or take at another moment: defaults, the time of the report, ages.
fn plain(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Number(number) => Some(Value::String(number.as_f64().unwrap().to_string())).filter(|text| text != "0"),
        Value::String(text) => {
            let number = text.parse::<f64>().ok().filter(|_| text.len() < 16).map(|number| number.to_string());
            Some(Value::String(number.unwrap_or_else(|| text.clone()))).filter(|text| text != "0" && text != "")
        }
        Value::Bool(flag) => flag.then_some(Value::Bool(true)),
        Value::Array(values) => {
            let mut values: Vec<Value> = values.iter().map(|value| plain(value).unwrap_or(Value::Null)).collect();
            values.sort_by_key(ToString::to_string);
            (!values.is_empty()).then_some(Value::Array(values))
        }
        Value::Object(fields) => {
            let timely = |key: &str| ["timeUnixNano", "observedTimeUnixNano"].contains(&key);
            let fields = fields
                .iter()
                .filter(|(key, _)| !timely(key))
                .filter_map(|(key, value)| Some((key.clone(), plain(value)?)));
            let fields: serde_json::Map<_, _> = fields.collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
    }
}

/// Runs only in children: the process before, of another version of the binary.
#[test]
fn child() {
    if let Ok(directory) = std::env::var("FIRSTBAD_TEST_CHILD") {
        drop(firstbad_instrument::init().service("fl2").version("2.0").recorder_dir(directory).install().unwrap());
    }
}

/// Leaves a recorder of version 2.0 that somebody has read to its end.
fn process_before(directory: &Path) {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let output = child.args(["child", "--exact"]).env("FIRSTBAD_TEST_CHILD", directory).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let recorder = firstbad_collector::recorder::list(&[directory.to_owned()]).remove(0).path;
    std::fs::rename(&recorder, recorder.with_extension("rec.done")).unwrap();
}

#[test]
fn the_shipper_says_what_the_agent_says() {
    if std::env::var("FIRSTBAD_TEST_CHILD").is_ok() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    process_before(directory.path());
    let init = firstbad_instrument::init().service("fl2").version("2.1").dimension("cloud.region", "eu\u{7f}");
    let _recorder = init.recorder_dir(directory.path()).capture_content(false).install().unwrap();
    live();
    let mut source = RecorderSource::new(vec![directory.path().to_owned()]);
    let agent = source.poll(Timestamp(i64::MAX / 2)).remove(0);
    let (url, told) = receive(2);
    let exporter = export::to(url).every(Duration::from_secs(60)).start().unwrap();
    let bodies: Vec<(String, Value)> = told.iter().take(2).collect();
    drop(exporter);
    let of = |path: &str| bodies.iter().find(|(found, _)| found == path).map(|(_, body)| body).unwrap();
    let logs = serde_json::to_value(agent.logs.unwrap()).unwrap();
    assert_eq!(plain(of("/v1/logs")), plain(&logs));
    let change = "the process runs service.version 2.1, the one before it ran 2.0";
    assert!(logs.to_string().contains(change) && logs.to_string().contains("firstbad.change"), "{logs}");
    assert!(
        logs.to_string().contains(r#""key":"firstbad.config.revision","value":{"stringValue":"9f2c1e7"}"#),
        "{logs:#}"
    );
    let age = |metric: &Value| metric["name"] == "firstbad.config.age";
    let mut metrics = serde_json::to_value(agent.metrics.unwrap()).unwrap();
    let mut ours = of("/v1/metrics").clone();
    for side in [&mut metrics, &mut ours] {
        let found = side["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array_mut().unwrap();
        assert!(found.len() > 10, "{found:#?}");
        found.retain(|metric| !age(metric));
    }
    assert_eq!(plain(&ours), plain(&metrics));
}
