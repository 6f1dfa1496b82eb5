//! What is hidden, and what the engine reads and must stay.

use super::*;
use crate::otlp::model::{LogRecord, NumberPoint};

fn text(key: &'static str, value: &str) -> Attribute<'static> {
    Attribute { key: key.into(), value: Value::Text(value.to_owned().into()) }
}

fn shown(key: &'static str, value: &str) -> String {
    let mut attribute = text(key, value);
    super::attribute(&mut attribute);
    attribute.value.as_text().unwrap().to_owned()
}

#[test]
fn secrets_are_hidden_and_what_the_engine_reads_stays() {
    assert_eq!(shown("db.password", "hunter2"), "***");
    assert_eq!(shown("db.password", "***"), "***");
    assert_eq!(shown("exception.message", "password=hunter2 was wrong"), "password=*** was wrong");
    let hash = format!("sha256:{}", "ab".repeat(32));
    let active = format!("waf-tokens={hash},api_keys={hash}");
    for (key, value) in [
        ("firstbad.config.name", "waf-tokens"),
        ("firstbad.config.hash", hash.as_str()),
        ("firstbad.config.active", active.as_str()),
        ("firstbad.panic.site", "src/token.rs:12:5"),
        ("firstbad.outcome", "ok"),
        ("code.file.path", "src/password.rs"),
        ("service.version", "2.4.1-sha.9f3c"),
        ("cloud.region", "eu-central-1"),
        ("exception.message", "240 rows > 200"),
        ("url.full", "https://edge.example/login?next=/home"),
    ] {
        assert_eq!(shown(key, value), value, "{key}");
    }
    let leaked = format!("waf={hash},password=hunter2");
    assert!(!shown("firstbad.config.active", &leaked).contains("hunter2"));
}

#[test]
fn labels_that_differ_in_a_secret_still_differ() {
    let point = |secret: &str| NumberPoint { attributes: vec![text("db.password", secret)], ..NumberPoint::default() };
    let mut data = Data::Gauge(vec![point("one"), point("two"), point("one")]);
    assert!(labels(&mut data));
    let Data::Gauge(points) = &data else { panic!() };
    let label = |place: usize| points[place].attributes[0].value.as_text().unwrap();
    assert!(label(0).starts_with("***-") && label(0) != label(1) && label(0) == label(2), "{points:?}");
}

#[test]
fn a_content_is_hidden_line_by_line_and_withheld_if_it_is_no_text() {
    let record = |body: &'static [u8]| LogRecord {
        event_name: "firstbad.config.content".into(),
        body: Value::Bytes(body.into()),
        ..LogRecord::default()
    };
    let mut hidden = record(b"rows: 2\npassword: hunter2\n");
    assert!(log_record(&mut hidden));
    assert_eq!(hidden.body, Value::Bytes(b"rows: 2\npassword: ***\n".into()));
    let mut clean = record(b"rows: 2\n");
    assert!(!log_record(&mut clean));
    let mut binary = record(b"\0password");
    assert!(log_record(&mut binary));
    assert_eq!((binary.body, binary.attributes[0].key.as_ref()), (Value::Empty, WITHHELD));
}
