//! What a purge takes out, what it leaves, and when it refuses.

use super::*;
use crate::normalise::{Content, Normaliser};
use crate::otlp::{Encoding, decode_logs};
use crate::store::{Batch, Commit, IncidentRecord, Journalled, SqliteReader, SqliteStore, Store, StoreReader as _};
use firstbad_protocol::Hash;
use firstbad_protocol::time::SECOND_NS;

const T0: i64 = 1_772_445_600 * SECOND_NS;

fn logs(host: &str, message: &str) -> Vec<u8> {
    let text = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{}]}},"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{T0}",
        "eventName":"exception","attributes":[{},{}]}}]}}]}}]}}"#,
        text("host.name", host),
        text("exception.type", "panic"),
        text("exception.message", message)
    )
    .into_bytes()
}

/// Commits a panic of a host, with its request in the journal, a content and what was said of an incident.
fn commit(store: &mut SqliteStore, seq: u64, host: &str, message: &str) {
    let body = logs(host, message);
    let taken = Normaliser::new(&[]).logs(&decode_logs(&body, Encoding::Json).unwrap());
    let tick = Timestamp(T0 + i64::try_from(seq).unwrap() * SECOND_NS);
    let request = Journalled { signal: crate::store::Signal::Logs, encoding: Encoding::Json, received_at: tick, body };
    let content = Content {
        hash: Hash::of(message.as_bytes()),
        config: "bots".into(),
        format: "csv".into(),
        body: format!("row,{message}\n").into_bytes(),
    };
    assert_eq!(taken.observations.len(), 1);
    let batch = Batch { seq, tick, observations: taken.observations, words: Vec::new() };
    let commit =
        Commit { batch: &batch, records: &taken.records, journal: &[request], contents: &[content], normaliser: None };
    store.commit(&commit).unwrap();
    let diagnosis = format!(r#"{{"evidence":["{host} failed: {message}"]}}"#);
    let incident = IncidentRecord { id: format!("i{seq}"), batch: seq, onset: tick, resolved: false, diagnosis };
    store.put_incidents(&[incident]).unwrap();
}

fn filled(directory: &Path) {
    let (mut store, _) = SqliteStore::open(directory, Timestamp(T0)).unwrap();
    commit(&mut store, 1, "edge-1", "customer anna@example failed");
    commit(&mut store, 2, "edge-10", "nothing to hide");
}

/// Everything that the store holds, as text, and its files as they are.
fn holds(directory: &Path, what: &str) -> bool {
    let reader = SqliteReader::open(directory).unwrap();
    let mut all = String::new();
    let range = crate::store::BatchRange { after: 0, last: u64::MAX >> 1 };
    reader
        .recorded(range, &mut |recorded| {
            let records: Vec<_> = recorded.records.iter().map(|record| record.decoded().unwrap()).collect();
            all.push_str(&format!("{:?} {records:?}", recorded.batch));
            true
        })
        .unwrap();
    all.push_str(&format!("{:?}", reader.incidents().unwrap()));
    for message in ["customer anna@example failed", "nothing to hide"] {
        let content = reader.content(&Hash::of(message.as_bytes())).unwrap();
        all.push_str(&content.map_or_else(String::new, |content| String::from_utf8(content.body).unwrap()));
    }
    drop(reader);
    let subject = Subject::host(what).unwrap();
    let files = std::fs::read_dir(directory).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    subject.is_in_bytes(all.as_bytes()) || files.into_iter().any(|bytes| subject.is_in_bytes(&bytes))
}

const BY: Who<'_> = Who { user: "anna", at: Timestamp(T0) };

#[test]
fn a_host_is_gone_and_its_neighbour_stays() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    assert!(holds(directory.path(), "edge-1"), "the control");
    let purged = purge(directory.path(), &Subject::host("edge-1").unwrap(), &BY).unwrap();
    assert_eq!((purged.observations, purged.records, purged.incidents), (1, 1, 1));
    assert_eq!(purged.left, Vec::<PathBuf>::new());
    assert!(!holds(directory.path(), "edge-1"));
    assert!(holds(directory.path(), "edge-10"));
    let audit = std::fs::read_to_string(directory.path().join("audit.log")).unwrap();
    assert!(audit.contains("\"event\":\"purge\"") && audit.contains("1 observations"), "{audit}");
    let (mut store, notices) = SqliteStore::open(directory.path(), Timestamp(T0)).unwrap();
    assert_eq!(notices, Vec::<String>::new());
    assert!(store.normaliser_state().unwrap().journal.is_empty());
}

#[test]
fn a_text_is_gone_from_messages_contents_and_backups() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("firstbad.db");
    crate::store::backup(directory.path(), &file).unwrap();
    let text = Subject::text("anna@example").unwrap();
    for place in [directory.path(), copy.path()] {
        assert!(holds(place, "anna@example"), "the control");
    }
    assert_eq!(purge(directory.path(), &text, &BY).unwrap().contents, 1);
    assert_eq!(purge_backup(&file, &text).unwrap().observations, 1);
    for place in [directory.path(), copy.path()] {
        assert!(!holds(place, "anna@example"), "{}", place.display());
        assert!(holds(place, "edge-10"), "{}", place.display());
    }
}

#[test]
fn what_cannot_be_cleaned_is_named_and_what_must_not_be_touched_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let host = Subject::host("edge-1").unwrap();
    assert!(matches!(purge(directory.path(), &host, &BY), Err(PurgeError::Store(StoreError::Missing(_)))));
    filled(directory.path());
    let aside = directory.path().join("journal.20251118.corrupt");
    std::fs::write(&aside, b"x").unwrap();
    {
        let _held = DirectoryLock::take(directory.path()).unwrap();
        assert!(matches!(purge(directory.path(), &host, &BY), Err(PurgeError::Store(StoreError::Held { .. }))));
    }
    let mut journal = journal::Journal::open(directory.path()).unwrap();
    journal.resume(0, 2).unwrap();
    let batch = Batch { seq: 3, tick: Timestamp(T0), observations: Vec::new(), words: Vec::new() };
    let request = Journalled {
        signal: crate::store::Signal::Logs,
        encoding: Encoding::Json,
        received_at: Timestamp(T0),
        body: logs("edge-1", "acknowledged"),
    };
    journal.append(&batch, &[request]).unwrap();
    let error = purge(directory.path(), &host, &BY).unwrap_err();
    assert!(matches!(error, PurgeError::Unfinished(_)), "{error}");
    journal.undo();
    std::fs::remove_file(directory.path().join("journal")).unwrap();
    assert_eq!(purge(directory.path(), &host, &BY).unwrap().left, [aside]);
}
