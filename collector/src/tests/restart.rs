//! A restart in mid-incident: the newest checkpoint and the batches after it give the very state that was lost.

use super::fleet::{BAD_AT, second};
use crate::collector::resume::resume;
use crate::driver::{Driver, Outbox, Stepper};
use crate::otlp::Encoding;
use crate::publish::{Published, Publisher};
use crate::settings::Settings;
use crate::store::{
    Batch, BatchRange, Commit, DirectoryLock, Journalled, Signal, SqliteReader, SqliteStore, Store, StoreReader,
};
use crate::words::WordChange;
use firstbad_diagnosis::observation::{Observation, Outcomes, Row, Total};
use firstbad_protocol::snapshot::Snapshot;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Writer and driver without threads: what they do to the store, a second at a time.
pub(super) struct Line {
    pub(super) store: Box<dyn Store>,
    driver: Driver,
    outbox: Arc<Outbox>,
    pub(super) publisher: Publisher,
}

impl Line {
    /// Begins with an empty store.
    pub(super) fn begin(directory: &Path) -> Self {
        let (store, _) = SqliteStore::open(directory, super::fleet::BEGAN).unwrap();
        let stepper = Stepper::new(firstbad_diagnosis::Engine::new(firstbad_diagnosis::Settings::default()), 0);
        Self::new(Box::new(store), stepper, 0)
    }

    pub(super) fn new(store: Box<dyn Store>, stepper: Stepper, batch: u64) -> Self {
        let outbox = Arc::new(Outbox::default());
        let publisher = Publisher::new(Published::new(batch, stepper.snapshot()));
        let driver = Driver::new(stepper, batch, publisher.clone(), Arc::clone(&outbox));
        Self { store, driver: driver.checkpoint_every(Duration::from_secs(20)), outbox, publisher }
    }

    pub(super) fn run(&mut self, seconds: std::ops::RangeInclusive<u64>) {
        seconds.for_each(|seq| self.step(second(seq)));
    }

    pub(super) fn step(&mut self, batch: Batch) {
        self.store
            .commit(&Commit { batch: &batch, records: &[], journal: &[], contents: &[], normaliser: None })
            .unwrap();
        if self.driver.step(batch) {
            self.driver.publish(true);
        }
        self.outbox.store_into(self.store.as_mut()).unwrap();
    }

    /// As a collector that is told to stop.
    fn stop(mut self) {
        self.driver.checkpoint();
        self.outbox.store_into(self.store.as_mut()).unwrap();
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.publisher.latest().snapshot.clone()
    }
}

#[test]
fn a_restart_in_mid_incident_changes_nothing() {
    let (whole_run, broken_run) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut whole = Line::begin(whole_run.path());
    let mut broken = Line::begin(broken_run.path());
    // Not at a checkpoint's second, so that the tail after it matters.
    let restart_at = BAD_AT + 33;
    whole.run(1..=restart_at);
    broken.run(1..=restart_at);
    drop(broken);

    let resumed = resume(&Settings::on_free_ports(broken_run.path())).unwrap();
    assert!(resumed.notices.is_empty(), "{:?}", resumed.notices);
    assert_eq!(resumed.last, (restart_at, second(restart_at).tick));
    let mut broken = Line::new(resumed.store, resumed.stepper, restart_at);
    assert_eq!(broken.snapshot(), whole.snapshot(), "right after the restart");
    let ids = |line: &Line| line.snapshot().diagnosis.incidents.iter().map(|i| i.id.clone()).collect::<Vec<_>>();
    assert!(!ids(&whole).is_empty(), "the fleet's trouble must have been seen, or nothing is tested");

    whole.run(restart_at + 1..=restart_at + 30);
    broken.run(restart_at + 1..=restart_at + 30);
    assert_eq!(broken.snapshot(), whole.snapshot(), "later");
    assert_eq!(ids(&broken), ids(&whole));
}

/// A second as two batches: of a fleet whose requests hold either totals or views.
fn halves(seq: u64) -> [Batch; 2] {
    let whole = second(seq);
    let (mut totals, mut views) = (Vec::new(), Vec::new());
    for observation in whole.observations {
        let Observation::Row(row) = observation else {
            totals.push(observation);
            continue;
        };
        let nothing = vec![Total { dimensions: Arc::default(), outcomes: Outcomes::default() }];
        let rest = Row { totals: nothing, panics: Vec::new(), active: Vec::new(), ..row.clone() };
        views.push(Observation::Row(rest));
        totals.push(Observation::Row(Row { views: Vec::new(), ..row }));
    }
    let batch = |seq, observations| Batch { seq, tick: whole.tick, observations, words: Vec::new() };
    [batch(2 * seq - 1, totals), batch(2 * seq, views)]
}

#[test]
fn a_report_split_over_commits_is_one_row_even_with_a_restart_between() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [mut whole, mut split, mut stopped] = [0, 1, 2].map(|index: usize| Line::begin(directories[index].path()));
    let (restart_at, end) = (BAD_AT + 33, BAD_AT + 60);
    whole.run(1..=end);
    (1..=end).flat_map(halves).for_each(|batch| split.step(batch));
    assert_eq!(split.snapshot(), whole.snapshot(), "split over two commits");
    assert!(whole.snapshot().diagnosis.incidents.iter().any(|incident| incident.verdict.accuses()));

    let between = usize::try_from(2 * restart_at - 1).unwrap();
    (1..=end).flat_map(halves).take(between).for_each(|batch| stopped.step(batch));
    stopped.stop();
    let resumed = resume(&Settings::on_free_ports(directories[2].path())).unwrap();
    let mut resumed = Line::new(resumed.store, resumed.stepper, resumed.last.0);
    (1..=end).flat_map(halves).skip(between).for_each(|batch| resumed.step(batch));
    assert_eq!(resumed.snapshot(), whole.snapshot(), "and stopped between the two");
}

#[test]
fn without_a_usable_checkpoint_the_last_hour_is_diagnosed_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut line = Line::begin(directory.path());
    line.run(1..=60);
    let before = line.snapshot();
    drop(line);
    let database = rusqlite::Connection::open(directory.path().join("firstbad.db")).unwrap();
    let junk = zstd::bulk::compress(b"no engine wrote this", 3).unwrap();
    assert!(database.execute("UPDATE checkpoint SET body = ?1", [junk]).unwrap() > 0);
    drop(database);
    let resumed = resume(&Settings::on_free_ports(directory.path())).unwrap();
    assert!(resumed.notices.join("").contains("diagnosed again"), "{:?}", resumed.notices);
    assert_eq!(resumed.stepper.snapshot(), before);
}

/// Statements that turn a store of the present schema into one of schema 2 or 1, whose observations cannot be read.
const AS_2: &str = "DROP TABLE word; ALTER TABLE journal DROP COLUMN requests; DROP TABLE event; UPDATE batch SET body = x'00'; UPDATE checkpoint SET body = x'00'; PRAGMA user_version = 2;";
const AS_1: &str =
    "DROP TABLE word; DROP TABLE event; UPDATE batch SET body = x'00'; UPDATE checkpoint SET body = x'00'; DROP TABLE journal;
    CREATE TABLE journal (id INTEGER PRIMARY KEY, batch INTEGER, signal INTEGER, encoding INTEGER, received INTEGER,
        body BLOB); INSERT INTO journal VALUES (1, 60, 0, 0, 0, x'00');
    INSERT INTO normaliser VALUES (1, 59, x'00'); PRAGMA user_version = 1;";

#[test]
fn a_store_of_an_earlier_schema_keeps_only_its_incidents() {
    for back in [AS_1, AS_2] {
        let directory = tempfile::tempdir().unwrap();
        let mut line = Line::begin(directory.path());
        line.run(1..=BAD_AT + 45);
        line.stop();
        let incidents = || SqliteReader::open(directory.path()).unwrap().incidents().unwrap();
        let before = incidents();
        assert!(!before.is_empty());
        let database = rusqlite::Connection::open(directory.path().join("firstbad.db")).unwrap();
        database.execute_batch(back).unwrap();
        drop(database);
        let mut resumed = resume(&Settings::on_free_ports(directory.path())).unwrap();
        assert!(resumed.notices.is_empty(), "{:?}", resumed.notices);
        assert_eq!(resumed.last.0, BAD_AT + 45, "batch numbers continue");
        assert_eq!(resumed.stepper.snapshot().fleet.instances, 0);
        assert_eq!(incidents(), before);
        let state = resumed.store.normaliser_state().unwrap();
        assert!(state.saved.is_none() && state.journal.is_empty(), "{state:?}");
    }
}

#[test]
fn a_store_before_the_records_of_events_goes_on_with_all_that_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let mut line = Line::begin(directory.path());
    line.run(1..=BAD_AT + 45);
    let before = line.snapshot();
    line.stop();
    let database = rusqlite::Connection::open(directory.path().join("firstbad.db")).unwrap();
    database
        .execute_batch(
            "DROP TABLE word; ALTER TABLE journal DROP COLUMN requests; DROP TABLE event; PRAGMA user_version = 3;",
        )
        .unwrap();
    drop(database);
    let resumed = resume(&Settings::on_free_ports(directory.path())).unwrap();
    assert_eq!((resumed.notices, resumed.stepper.snapshot()), (Vec::new(), before));
    let mut batches = 0;
    let all = BatchRange { after: 0, last: u64::MAX };
    SqliteReader::open(directory.path())
        .unwrap()
        .recorded(all, &mut |recorded| {
            batches += 1;
            recorded.records.is_empty()
        })
        .unwrap();
    assert_eq!(batches, BAD_AT + 45);
}

#[test]
fn a_store_with_its_journal_in_the_database_goes_on_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut line = Line::begin(directory.path());
    line.run(1..=3);
    drop(line);
    let request = Journalled {
        signal: Signal::Logs,
        encoding: Encoding::Json,
        received_at: second(3).tick,
        body: super::support::log_request("before"),
    };
    let database = rusqlite::Connection::open(directory.path().join("firstbad.db")).unwrap();
    database
        .execute_batch("DROP TABLE word; ALTER TABLE journal DROP COLUMN requests; PRAGMA user_version = 4;")
        .unwrap();
    let body = zstd::bulk::compress(&postcard::to_stdvec(&vec![&request]).unwrap(), 3).unwrap();
    database.execute("INSERT INTO journal (batch, body) VALUES (3, ?1)", [body]).unwrap();
    drop(database);
    let (mut store, notices) = SqliteStore::open(directory.path(), second(4).tick).unwrap();
    assert_eq!(notices, Vec::<String>::new());
    let state = store.normaliser_state().unwrap();
    assert_eq!((state.journal.as_slice(), state.lost), ([request.clone()].as_slice(), None));
    let further = Journalled { body: super::support::log_request("after"), ..request.clone() };
    let (batch, journal) = (second(4), [further.clone()]);
    store.commit(&Commit { batch: &batch, records: &[], journal: &journal, contents: &[], normaliser: None }).unwrap();
    store.flush().unwrap();
    drop(store);
    let (mut store, _) = SqliteStore::open(directory.path(), second(5).tick).unwrap();
    assert_eq!(store.normaliser_state().unwrap().journal, [request, further], "in the order of their commits");
}

#[test]
fn what_is_left_of_a_commit_that_failed_is_not_taken_for_a_request() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = SqliteStore::open(directory.path(), second(1).tick).unwrap();
    let other = rusqlite::Connection::open(directory.path().join("firstbad.db")).unwrap();
    other.execute_batch("CREATE TRIGGER full BEFORE INSERT ON batch BEGIN SELECT RAISE(ABORT, 'full'); END").unwrap();
    let request = |text: &str| Journalled {
        signal: Signal::Logs,
        encoding: Encoding::Json,
        received_at: second(1).tick,
        body: text.as_bytes().to_vec(),
    };
    // A commit with a word is in the database before it is answered.
    let words = vec![WordChange::Forgotten { id: 1 }];
    let with_word = Batch { words, ..second(1) };
    let mut commit = |batch: &Batch, journal: &[Journalled]| {
        store.commit(&Commit { batch, records: &[], journal, contents: &[], normaliser: None })
    };
    assert!(commit(&with_word, &[request("a"), request("b")]).is_err(), "the control: it fails");
    other.execute_batch("DROP TRIGGER full").unwrap();
    commit(&second(1), &[request("c")]).unwrap();
    store.flush().unwrap();
    drop(store);
    assert!(std::fs::read(directory.path().join("journal")).unwrap().ends_with(b"b"), "it still stands there");
    let (mut store, _) = SqliteStore::open(directory.path(), second(2).tick).unwrap();
    let state = store.normaliser_state().unwrap();
    assert_eq!((state.journal, state.lost), (vec![request("c")], None));
}

#[test]
fn the_directory_is_free_when_its_holder_has_gone() {
    let directory = tempfile::tempdir().unwrap();
    let lock = DirectoryLock::take(directory.path()).unwrap();
    assert!(DirectoryLock::take(directory.path()).is_err());
    drop(lock);
    drop(DirectoryLock::take(directory.path()).unwrap());
}

#[test]
fn commits_with_requests_are_shown_together_and_a_refusal_loses_none() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = SqliteStore::open(directory.path(), second(1).tick).unwrap();
    let request = |text: &str| Journalled {
        signal: Signal::Logs,
        encoding: Encoding::Json,
        received_at: second(1).tick,
        body: text.as_bytes().to_vec(),
    };
    let shown = || {
        let (mut seqs, all) = (Vec::new(), BatchRange { after: 0, last: u64::MAX });
        let mut visit = |batch: Batch| {
            seqs.push(batch.seq);
            true
        };
        SqliteReader::open(directory.path()).unwrap().batches(all, &mut visit).unwrap();
        seqs
    };
    for (seq, text) in [(1, "a"), (2, "b"), (3, "c")] {
        let (batch, journal) = (second(seq), [request(text)]);
        store
            .commit(&Commit { batch: &batch, records: &[], journal: &journal, contents: &[], normaliser: None })
            .unwrap();
    }
    assert_eq!(shown(), Vec::<u64>::new());
    let other = rusqlite::Connection::open(directory.path().join("firstbad.db")).unwrap();
    other.execute_batch("CREATE TRIGGER full BEFORE INSERT ON batch BEGIN SELECT RAISE(ABORT, 'full'); END").unwrap();
    assert!(store.flush().is_err(), "the control: it refuses");
    let time_passed = Commit { batch: &second(4), records: &[], journal: &[], contents: &[], normaliser: None };
    assert!(store.commit(&time_passed).is_err());
    let state = store.normaliser_state().unwrap();
    assert_eq!((state.journal.len(), state.ahead, state.lost), (3, Vec::new(), None), "they are pending, not lost");
    other.execute_batch("DROP TRIGGER full").unwrap();
    store.commit(&time_passed).unwrap();
    assert_eq!(shown(), [1, 2, 3, 4], "with the passing of time, those before it are shown");

    let (batch, journal) = (second(5), [request("d")]);
    store.commit(&Commit { batch: &batch, records: &[], journal: &journal, contents: &[], normaliser: None }).unwrap();
    drop(store);
    let (mut store, _) = SqliteStore::open(directory.path(), second(6).tick).unwrap();
    let state = store.normaliser_state().unwrap();
    assert_eq!(state.journal, [request("a"), request("b"), request("c")]);
    let ahead: Vec<_> = state.ahead.into_iter().map(|commit| (commit.seq, commit.requests)).collect();
    assert_eq!(ahead, [(5, vec![request("d")])], "only the journal has it");
}
