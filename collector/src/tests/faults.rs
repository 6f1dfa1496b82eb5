//! Disks that fill, databases that break, directories that vanish: no acknowledgement, a clear word, and recovery
//! without a restart.

use super::support::{JSON, Running, eventually, log_request};
use crate::store::{Batch, BatchRange, SqliteReader, StoreReader};
use crate::{Collector, Settings};

#[test]
fn a_damaged_store_is_moved_aside_and_the_collector_starts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("firstbad.db");
    for (name, damage) in [("no database at all", vec![7_u8; 8192]), ("half a page", vec![0_u8; 100])] {
        std::fs::write(&path, damage).unwrap();
        let collector = Collector::start(Settings::on_free_ports(directory.path())).unwrap();
        let notices = collector.notices().join("\n");
        assert!(notices.contains("firstbad.db") && notices.contains(".corrupt"), "{name}: {notices}");
        assert_eq!(collector.client().status().unwrap().notices, collector.notices(), "{name}");
        drop(collector);
        let corrupt = std::fs::read_dir(directory.path()).unwrap().filter_map(Result::ok);
        let corrupt: Vec<_> = corrupt.filter(|f| f.file_name().to_string_lossy().ends_with(".corrupt")).collect();
        assert!(!corrupt.is_empty(), "{name}: the damaged file is kept");
        for file in corrupt {
            std::fs::remove_file(file.path()).unwrap();
        }
        std::fs::remove_file(&path).unwrap();
    }
    // Control: what was written by the collector itself is not moved anywhere.
    drop(Collector::start(Settings::on_free_ports(directory.path())).unwrap());
    let again = Collector::start(Settings::on_free_ports(directory.path())).unwrap();
    assert!(again.notices().is_empty(), "{:?}", again.notices());
}

#[test]
fn a_page_broken_in_the_middle_is_found_at_start() {
    let running = Running::start();
    for n in 0..50 {
        assert_eq!(running.post("/v1/logs", JSON, &log_request(&format!("{n}"))).status, 200);
    }
    let directory = running.directory;
    drop(running.collector);
    let path = directory.path().join("firstbad.db");
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 16384, "{}", bytes.len());
    for byte in bytes.iter_mut().skip(4096).take(8192) {
        *byte = 0xA5;
    }
    std::fs::write(&path, bytes).unwrap();
    let collector = Collector::start(Settings::on_free_ports(directory.path())).unwrap();
    assert!(collector.notices().join("").contains(".corrupt"), "{:?}", collector.notices());
}

#[test]
fn a_directory_removed_under_a_running_collector_is_made_anew() {
    let running = Running::start();
    assert_eq!(running.post("/v1/logs", JSON, &log_request("before")).status, 200);
    std::fs::remove_dir_all(running.directory.path()).unwrap();
    // Whatever is answered with 200 from now on is in a file that a restart finds.
    eventually("requests are acknowledged again", || {
        running.post("/v1/logs", JSON, &log_request("after")).status == 200
    });
    let reader = SqliteReader::open(running.directory.path()).unwrap();
    assert!(reader.extent().unwrap().is_some());
}

#[test]
fn while_nothing_can_be_stored_senders_are_told_to_retry_and_then_it_goes_on() {
    let running = Running::start();
    assert_eq!(running.post("/v1/logs", JSON, &log_request("before")).status, 200);
    // Another writer that does not let go is, for this collector, a disk that takes nothing.
    let other = rusqlite::Connection::open(running.directory.path().join("firstbad.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The journal takes what comes until the database has refused.
    let mut acknowledged = vec!["before".to_owned()];
    let mut refused = None;
    eventually("a request is refused", || {
        let id = format!("during-{}-", acknowledged.len());
        let answer = running.post("/v1/logs", JSON, &log_request(&id));
        if answer.status == 200 {
            acknowledged.push(id);
        } else {
            refused = Some(answer);
        }
        refused.is_some()
    });
    let answer = refused.unwrap();
    assert_eq!((answer.status, answer.retry_after.as_deref()), (503, Some("5")), "{}", answer.text());
    let status = running.collector().client().status().unwrap();
    assert!(status.degraded.is_some_and(|reason| reason.contains("locked")), "status says why");
    assert_eq!(running.get("/api/v1/snapshot").status, 200, "the screen still answers from memory");
    other.execute_batch("ROLLBACK").unwrap();
    eventually("it goes on without a restart", || running.post("/v1/logs", JSON, &log_request("after")).status == 200);
    assert_eq!(running.collector().client().status().unwrap().degraded, None);
    let exported = running.get("/api/v1/export?format=ndjson").text();
    assert!(acknowledged.iter().all(|id| exported.contains(id)), "{acknowledged:?} in {exported}");
}

#[test]
fn a_damaged_journal_is_set_aside_with_its_loss_and_what_was_said_is_still_there() {
    let running = Running::start();
    for n in 0..10 {
        assert_eq!(running.post("/v1/logs", JSON, &log_request(&format!("id-{n}"))).status, 200);
    }
    let directory = running.directory;
    drop(running.collector);
    let observations = || {
        let (mut count, reader) = (0, SqliteReader::open(directory.path()).unwrap());
        let all = BatchRange { after: 0, last: u64::MAX };
        reader
            .batches(all, &mut |batch| {
                count += batch.observations.len();
                true
            })
            .unwrap();
        count
    };
    // Control: it is whole, and nothing is said.
    drop(Collector::start(Settings::on_free_ports(directory.path())).unwrap());
    let path = directory.path().join("journal");
    let mut bytes = std::fs::read(&path).unwrap();
    let (third, length) = (bytes.len() * 3 / 10, bytes.len());
    for byte in bytes.iter_mut().skip(third).take(length / 20) {
        *byte ^= 0xA5;
    }
    std::fs::write(&path, bytes).unwrap();
    let collector = Collector::start(Settings::on_free_ports(directory.path())).unwrap();
    let notices = collector.notices().join("\n");
    // Twentieths of the file from the third tenth on: the fourth request, and those behind it.
    assert!(notices.contains("lacks 7 requests") && notices.contains(".corrupt"), "{notices}");
    assert_eq!(observations(), 10, "the record holds what the lost requests said");
    drop(collector);
    let again = Collector::start(Settings::on_free_ports(directory.path())).unwrap();
    assert!(again.notices().is_empty(), "the loss is reported once: {:?}", again.notices());
}

/// The batches of the store in `directory` that hold anything.
fn batches(directory: &std::path::Path) -> Vec<Batch> {
    let (mut found, reader) = (Vec::new(), SqliteReader::open(directory).unwrap());
    let all = BatchRange { after: 0, last: u64::MAX };
    reader
        .batches(all, &mut |batch| {
            found.extend((!batch.observations.is_empty()).then_some(batch));
            true
        })
        .unwrap();
    found
}

/// The disk after a power cut: the database's log ends where it was last synced, and the journal, which is synced with each
/// commit, is whole.
#[test]
fn what_a_power_cut_takes_from_the_database_is_made_again_from_the_journal() {
    let running = Running::start();
    let bodies: Vec<_> = (0..10).map(|n| log_request(&format!("id-{n}"))).collect();
    let post = |running: &Running, body: &[u8]| assert_eq!(running.post("/v1/logs", JSON, body).status, 200);
    let [cut, without_journal] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let copy = |name: &str| {
        for to in [&cut, &without_journal] {
            std::fs::copy(running.directory.path().join(name), to.path().join(name)).unwrap();
        }
    };
    bodies[..5].iter().for_each(|body| post(&running, body));
    ["firstbad.db", "firstbad.db-wal"].into_iter().for_each(copy);
    bodies[5..].iter().for_each(|body| post(&running, body));
    std::fs::copy(running.directory.path().join("journal"), cut.path().join("journal")).unwrap();
    // A reader of the API sees all that was acknowledged.
    assert_eq!(running.get("/api/v1/incidents").status, 200);
    let acknowledged = batches(running.directory.path());
    assert!(acknowledged.iter().map(|batch| batch.observations.len()).sum::<usize>() >= bodies.len());

    let collector = Collector::start(Settings::on_free_ports(cut.path())).unwrap();
    assert_eq!(batches(cut.path()), acknowledged);
    assert_eq!(collector.notices(), Vec::<String>::new());
    // Who missed the acknowledgement sends again, and is not counted twice; after another restart neither.
    let send_again = |collector: &Collector| {
        for body in &bodies {
            let url = format!("{}/v1/logs", collector.otlp_url());
            assert_eq!(super::support::post(&url, JSON, body).status, 200);
        }
    };
    send_again(&collector);
    assert_eq!(batches(cut.path()), acknowledged);
    drop(collector);
    send_again(&Collector::start(Settings::on_free_ports(cut.path())).unwrap());
    assert_eq!(batches(cut.path()), acknowledged);

    drop(Collector::start(Settings::on_free_ports(without_journal.path())).unwrap());
    assert!(batches(without_journal.path()).len() < acknowledged.len(), "the control: it is the journal that has them");
}
