//! Words of engineers from the API to the disk and back: acknowledged means stored, a replay knows them at the same tick, and
//! an earlier store is brought up.

use super::fleet::{BAD_AT, bad, second};
use super::kill::{Fault, start_child};
use super::restart::Line;
use super::support::{Answer, JSON, Running, answer_of, eventually, post};
use crate::bundle::{Bundle, BundleRequest, build};
use crate::collector::resume::resume;
use crate::store::{Batch, SqliteReader, StoreReader};
use crate::words::{NewWord, StoredWord, WordChange, WordRequest, Words};
use crate::{Settings, diagnosis_json};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{DisputedVersion, WordKind};
use serde_json::{Value, json};

fn said(directory: &std::path::Path) -> Vec<StoredWord> {
    SqliteReader::open(directory).unwrap().words().unwrap()
}

/// The batch of second `seq`, with a dispute of the bad version.
fn disputing(seq: u64, incident: &str) -> Batch {
    let batch = second(seq);
    let version = DisputedVersion { config: "bot-features".to_owned(), hash: bad() };
    let new = NewWord {
        kind: WordKind::Dispute,
        at: batch.tick,
        author: "anna".to_owned(),
        authenticated: true,
        text: "the deploy did it".to_owned(),
        incident: Some(incident.to_owned()),
        until: None,
        scope: None,
        versions: vec![version],
    };
    let words: Vec<WordChange> = Words::default().decide(&WordRequest::Say(new), seq).unwrap().changes;
    Batch { words, ..batch }
}

#[test]
fn a_dispute_is_in_the_snapshot_after_a_restart_and_in_the_bundle() {
    let directory = tempfile::tempdir().unwrap();
    let mut line = Line::begin(directory.path());
    line.run(1..=BAD_AT + 30);
    let accusing = |line: &Line| {
        line.snapshot().diagnosis.incidents.into_iter().find(|incident| incident.verdict.accuses()).unwrap()
    };
    let before = accusing(&line);
    assert!(before.words.is_empty() && !before.is_disputed(), "the control");
    line.step(disputing(BAD_AT + 31, &before.id));
    line.run(BAD_AT + 32..=BAD_AT + 45);
    let after = accusing(&line);
    assert!(after.is_disputed());
    assert_eq!((after.verdict, &after.cause), (before.verdict, &before.cause), "it stays accused");

    let request = BundleRequest {
        incident: before.id,
        data_dir: directory.path().to_owned(),
        settings: firstbad_diagnosis::Settings::default(),
        latest: line.publisher.latest(),
    };
    let live = diagnosis_json(&line.snapshot().diagnosis);
    assert!(live.contains("the deploy did it"));
    let mut bytes = Vec::new();
    build(&request).unwrap().write(&mut bytes).unwrap();
    let bundle = Bundle::read(bytes.as_slice()).unwrap();
    assert_eq!(diagnosis_json(&bundle.diagnose().unwrap()), live);
    let mut batches = bundle.batches.clone();
    batches.iter_mut().for_each(|batch| batch.words.clear());
    let silent = Bundle { words: Vec::new(), batches, ..bundle };
    assert_ne!(diagnosis_json(&silent.diagnose().unwrap()), live, "the control");

    let snapshot = line.snapshot();
    drop(line);
    let resumed = resume(&Settings::on_free_ports(directory.path())).unwrap();
    assert_eq!(resumed.stepper.snapshot(), snapshot, "after a restart");
    assert_eq!(resumed.words, Words::as_of(said(directory.path()), u64::MAX));
}

/// Calls the API as an administrator.
fn call(running: &Running, method: &str, path: &str, body: &Value) -> Answer {
    let url = format!("{}{path}", running.collector().api_url());
    if method == "POST" {
        return post(&url, JSON, body.to_string().as_bytes());
    }
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.delete(url).header("content-type", "application/json").force_send_body();
    answer_of(request.send(body.to_string().as_bytes()).unwrap(), true)
}

fn in_an_hour() -> Timestamp {
    crate::settings::Clock::default().now() + 3600 * SECOND_NS
}

#[test]
fn a_quiet_time_is_stored_repeated_without_effect_and_taken_back() {
    let running = Running::start();
    let body = json!({"author": "anna", "text": "disk exchange", "host": "edge-1", "until": in_an_hour()});
    let first: Value = serde_json::from_str(&call(&running, "POST", "/api/v1/admin/quiet", &body).text()).unwrap();
    assert_eq!((&first["changed"], &first["word"]["authenticated"]), (&json!(true), &json!(false)), "{first}");
    let again: Value = serde_json::from_str(&call(&running, "POST", "/api/v1/admin/quiet", &body).text()).unwrap();
    assert_eq!((&again["changed"], &again["word"]["id"]), (&json!(false), &first["word"]["id"]));
    assert_eq!(said(running.directory.path()).len(), 1);
    let path = format!("/api/v1/admin/quiet/{}", first["word"]["id"]);
    let back = call(&running, "DELETE", &path, &json!({"author": "ben"}));
    assert!(back.status == 200 && back.text().contains("\"changed\":true"), "{}", back.text());
    let listed = running.get("/api/v1/words").text();
    assert!(listed.contains("disk exchange") && listed.contains("\"by\":\"ben\""), "{listed}");
    let back = call(&running, "DELETE", &path, &json!({"author": "ben"}));
    assert!(back.status == 200 && back.text().contains("\"changed\":false"), "{}", back.text());
}

#[test]
fn what_is_no_word_is_refused_with_a_reason() {
    let running = Running::start();
    let quiet = "/api/v1/admin/quiet";
    let long = "x".repeat(2000);
    let past = json!({"author": "anna", "until": "2025-11-18T11:28:04Z"});
    let far = json!({"author": "anna", "until": in_an_hour() + 40 * 86_400 * SECOND_NS});
    let cases = [
        ("POST", "/api/v1/admin/incidents/none/ack", json!({"author": "anna"}), 404, "no incident `none`"),
        ("POST", "/api/v1/admin/incidents/none/blame", json!({"author": "anna"}), 404, "`ack` and `dispute`"),
        ("POST", quiet, json!({"author": "anna"}), 400, "`until`"),
        ("POST", quiet, past, 400, "would end at"),
        ("POST", quiet, far, 400, "at most 30 days"),
        ("POST", quiet, json!({"until": in_an_hour()}), 400, "`author` is missing"),
        ("POST", quiet, json!({"author": "anna", "until": in_an_hour(), "text": long}), 400, "longer than"),
        ("POST", quiet, json!({"author": "anna", "hosts": "edge-1"}), 400, "hosts"),
        ("POST", quiet, json!({"author": "anna", "text": "x".repeat(40_000)}), 413, "bytes"),
        ("DELETE", "/api/v1/admin/quiet/x", json!({"author": "anna"}), 400, ""),
    ];
    for (method, path, body, status, reason) in cases {
        let answer = call(&running, method, path, &body);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.text().contains(reason), "{path}: {}", answer.text());
    }
    let body = json!({"author": "anna", "until": in_an_hour()}).to_string();
    let url = format!("{}{quiet}", running.collector().api_url());
    let plain = post(&url, &[("content-type", "text/plain")], body.as_bytes());
    assert_eq!(plain.status, 415, "a form of a web page: {}", plain.text());
    let page = [JSON[0], ("origin", "http://127.0.0.1")];
    assert_eq!(post(&url, &page, body.as_bytes()).status, 403);
    assert!(said(running.directory.path()).is_empty());
    assert_eq!(post(&url, JSON, body.as_bytes()).status, 200, "the control");
}

#[test]
fn a_word_that_was_answered_survives_sigkill() {
    let directory = tempfile::tempdir().unwrap();
    let (mut child, urls) = start_child(directory.path(), Fault::None);
    let mut answered = 0;
    for index in 0..20 {
        let body = json!({"author": "anna", "host": format!("edge-{index}"), "until": in_an_hour()}).to_string();
        answered += usize::from(post(&format!("{}/api/v1/admin/quiet", urls.api), JSON, body.as_bytes()).status == 200);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answered, 20);
    assert_eq!(said(directory.path()).len(), answered);
}

#[test]
fn a_full_disk_refuses_a_word_and_a_removed_store_takes_it_again() {
    let running = Running::start();
    std::fs::remove_dir_all(running.directory.path()).unwrap();
    let body = json!({"author": "anna", "until": in_an_hour()});
    eventually("words are stored again", || call(&running, "POST", "/api/v1/admin/quiet", &body).status == 200);
    assert_eq!(said(running.directory.path()).len(), 1);
}

#[test]
fn a_store_of_schema_4_is_brought_up_with_all_that_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/v4.db.zst");
    let bytes = zstd::decode_all(std::fs::File::open(golden).unwrap()).unwrap();
    std::fs::write(directory.path().join("firstbad.db"), bytes).unwrap();
    let reader = SqliteReader::open_alone(directory.path()).unwrap();
    let incidents = reader.incidents().unwrap();
    assert_eq!((incidents.len(), reader.words().unwrap()), (1, Vec::new()), "it is read as it is");
    drop(reader);
    let resumed = resume(&Settings::on_free_ports(directory.path())).unwrap();
    assert_eq!(resumed.last.0, 253);
    let snapshot = resumed.stepper.snapshot();
    let named = snapshot.diagnosis.incidents.iter().find(|incident| incident.verdict.accuses()).unwrap();
    assert_eq!(named.cause.as_ref().unwrap().hashes, [bad()]);
    assert_eq!(SqliteReader::open(directory.path()).unwrap().incidents().unwrap(), incidents);
    let mut line = Line::new(resumed.store, resumed.stepper, resumed.last.0);
    let batch = disputing(254, &incidents[0].id);
    line.step(Batch { tick: resumed.last.1 + SECOND_NS, ..batch });
    assert_eq!(said(directory.path()).len(), 1);
}
