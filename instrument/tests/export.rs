//! The shipper against receivers as they are: prompt, busy, refusing, hanging, absent. Nothing of the proxy waits for it, and
//! what was not taken is told again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Hash, Live, Origin, Outcome, export, record_request};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

static FEATURES: Live<u8> = Live::new("bot-features");
static ROUTES: Live<u8> = Live::new("routes");
const LONG: Duration = Duration::from_secs(60);

/// Tests of this binary share its recorder, so they run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One recorder for the tests of this binary.
fn directory() -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY
        .get_or_init(|| {
            let directory = tempfile::tempdir().unwrap().keep();
            let init = firstbad_instrument::init().service("shipped").recorder_dir(&directory).capture_content(false);
            std::mem::forget(init.install().unwrap());
            FEATURES.load_bytes(b"x", &Origin::new(), |_| Ok::<u8, String>(1)).applied().unwrap();
            record_request(Outcome::Ok, &[FEATURES.tag()]);
            directory
        })
        .clone()
}

#[test]
fn child() {
    if common::mode().is_some() {
        let _recorder = firstbad_instrument::init().service("shipped").capture_content(false).install().unwrap();
        FEATURES.load_bytes(b"bad", &Origin::new(), |_| Ok::<u8, String>(1)).applied().unwrap();
        record_request(Outcome::Error, &[FEATURES.tag()]);
        std::process::abort();
    }
}

/// A receiver that answers the n-th request with the n-th answer, and with the last from then on.
struct Receiver {
    url: String,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    fn new(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let (kept, turn) = (Arc::clone(&bodies), AtomicUsize::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let answer = answers[turn.fetch_add(1, SeqCst).min(answers.len() - 1)];
                let mut stream = stream.unwrap();
                let body = read_request(&mut stream);
                kept.lock().unwrap().push(body);
                let _ = write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            }
        });
        Self { url, bodies }
    }

    fn bodies(&self, with: &str) -> Vec<String> {
        self.bodies.lock().unwrap().iter().filter(|body| body.contains(with)).cloned().collect()
    }
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head.split("Content-Length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return text,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

fn is_child() -> bool {
    common::mode().is_some()
}

#[test]
fn counts_are_repeated_events_told_once_and_the_dead_shipped_whole() {
    if is_child() {
        return;
    }
    let _alone = alone();
    let directory = directory();
    // What another process of this service leaves: it aborts.
    let mut child = common::child("child", "abort", &directory).spawn().unwrap();
    assert!(!child.wait().unwrap().success());
    let receiver = Receiver::new(&["200 OK"]);
    let exporter = export::to(&receiver.url).every(LONG).bearer("secret\r\n-token").start().unwrap();
    assert!(exporter.flush(LONG) && exporter.flush(LONG));
    let hash = Hash::of(b"x").to_string();
    let loads = receiver.bodies("firstbad.config.load\"");
    let own: Vec<_> = loads.iter().filter(|body| body.contains(&hash)).collect();
    assert_eq!(own.len(), 1, "told once");
    assert!(own[0].contains("Authorization: Bearer secret-token\r\n"), "{}", own[0]);
    let counts = receiver.bodies("firstbad.requests");
    assert!(counts.iter().filter(|body| body.contains(&hash)).count() >= 2, "cumulative points are repeated");
    assert!(counts.iter().any(|body| body.contains("\"asInt\":\"1\"") && body.contains("panic")), "{}", counts.len());
    // The dead one: its counts, its load, and its death on SIGABRT.
    let bad = Hash::of(b"bad").to_string();
    assert_eq!(receiver.bodies("firstbad.requests").iter().filter(|body| body.contains(&bad)).count(), 1);
    let death = receiver.bodies("firstbad.process.exit");
    assert!(
        death.iter().any(|body| body.contains(&bad)
            && body.contains("{\"key\":\"firstbad.exit.signal\",\"value\":{\"intValue\":\"6\"}}")),
        "{death:#?}"
    );
    let names: Vec<String> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.ends_with(".rec.done")), "{names:?}");
    let stats = exporter.stats();
    assert!(stats.reports >= 5 && stats.failures == 0 && stats.bytes > 1000, "{stats:?}");
}

#[test]
fn what_a_busy_receiver_did_not_take_is_told_again() {
    if is_child() {
        return;
    }
    let _alone = alone();
    directory();
    let receiver = Receiver::new(&["503 Service Unavailable", "200 OK"]);
    let exporter = export::to(&receiver.url).every(LONG).start().unwrap();
    assert!(exporter.flush(LONG) && exporter.flush(LONG));
    let hash = Hash::of(b"x").to_string();
    let loads = receiver.bodies("firstbad.config.load\"");
    let own: Vec<_> = loads.iter().filter(|body| body.contains(&hash)).collect();
    assert_eq!(own.len(), 2, "refused once, taken once");
    assert_eq!(exporter.stats().failures, 1);
}

#[test]
fn a_receiver_that_refuses_for_good_is_not_told_the_same_again() {
    if is_child() {
        return;
    }
    let _alone = alone();
    directory();
    let receiver = Receiver::new(&["400 Bad Request"]);
    let exporter = export::to(&receiver.url).every(LONG).start().unwrap();
    assert!(exporter.flush(LONG) && exporter.flush(LONG));
    assert_eq!(receiver.bodies("firstbad.config.load\"").len(), 1);
    assert!(exporter.stats().refused >= 2, "{:?}", exporter.stats());
}

#[test]
fn a_budget_holds_back_and_counts() {
    if is_child() {
        return;
    }
    let _alone = alone();
    directory();
    let receiver = Receiver::new(&["200 OK"]);
    // The first body is sent on credit; at a byte a second it is paid off in an hour or so.
    let exporter = export::to(&receiver.url).every(LONG).bytes_per_second(1).start().unwrap();
    assert!(exporter.flush(LONG) && exporter.flush(LONG));
    let stats = exporter.stats();
    assert!(stats.reports == 1 && stats.held_back >= 2, "{stats:?}");
}

#[test]
fn nothing_waits_for_a_receiver_that_hangs_or_is_not_there() {
    if is_child() {
        return;
    }
    let _alone = alone();
    directory();
    // It accepts, and never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for url in [format!("http://{}", hanging.local_addr().unwrap()), format!("http://{nobody}")] {
        let exporter = export::to(&url).every(LONG).start().unwrap();
        let begun = Instant::now();
        for number in 0..10_u8 {
            record_request(Outcome::Ok, &[FEATURES.tag()]);
            ROUTES.load_bytes(&[number], &Origin::new(), |_| Ok::<u8, String>(1)).applied().unwrap();
        }
        let _ = exporter.flush(Duration::from_millis(1));
        drop(exporter);
        // The receiver's deadline is five seconds; whoever waited for it would need longer than this.
        assert!(begun.elapsed() < Duration::from_secs(4), "{url}: {:?}", begun.elapsed());
    }
    assert!(export::to("https://collector").start().unwrap_err().to_string().contains("only http://"));
}
