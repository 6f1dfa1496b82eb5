//! A content is sent by one host of a fleet: the others ask, and do not send what the collector has. Whoever cannot be asked is
//! sent everything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_collector::agent::{Agent, AgentCounts};
use firstbad_collector::recorder::RecorderSource;
use firstbad_collector::security::{ConnectSettings, ServeSecurity};
use firstbad_collector::settings::{Clock, Contents, Recorders};
use firstbad_collector::{AgentSettings, Collector, Settings};
use firstbad_instrument::{Hash, Live, Origin};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

static FEATURES: Live<usize> = Live::new("bot-features");
const GOOD: &[u8] = b"a\nb\n";
const SECRET: &[u8] = b"rows: 2\npassword: hunter2\n";

/// This process's own recorder, with one version.
fn recorded() -> (tempfile::TempDir, firstbad_instrument::Recorder) {
    let directory = tempfile::tempdir().unwrap();
    let recorder = firstbad_instrument::init().service("edge").recorder_dir(directory.path()).install().unwrap();
    let parse = |bytes: &[u8]| Ok::<_, String>(bytes.len());
    FEATURES.load_bytes(GOOD, &Origin::new(), parse).applied().unwrap();
    (directory, recorder)
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An agent of one more host, after it has reported.
fn host(to: &str, directory: &Path) -> Agent {
    let recorders = Recorders { directories: vec![directory.to_owned()], interval: Duration::from_millis(100) };
    let settings = AgentSettings {
        to: to.to_owned(),
        recorders,
        metrics: None,
        insecure: false,
        connect: ConnectSettings::default(),
        security: ServeSecurity::default(),
        clock: Clock::default(),
    };
    let agent = Agent::start(settings).unwrap();
    eventually("a report", || agent.counts().shipped.load(Relaxed) > 1);
    agent
}

fn known(counts: &AgentCounts) -> u64 {
    counts.contents_known.load(Relaxed)
}

/// Names of the events of a new source's first report to a receiver that has every content, and what it was asked.
fn names(directory: &Path) -> (Vec<String>, Vec<Hash>) {
    let mut asked = Vec::new();
    let mut source = RecorderSource::new(vec![directory.to_owned()]);
    let exports = source.poll_for(Clock::default().now(), &mut |hash| {
        asked.push(hash);
        true
    });
    let resources = exports.into_iter().flat_map(|export| export.logs).flat_map(|logs| logs.resource_logs);
    let records = resources.flat_map(|resource| resource.scope_logs).flat_map(|scope| scope.log_records);
    let names = records.map(|record| record.event_name).collect();
    source.poll_for(Clock::default().now(), &mut |_| panic!("asked again of what it has"));
    (names, asked)
}

/// A receiver that takes everything, as any receiver of OTLP does, and says each request's first line.
fn another_receiver() -> (String, std::sync::mpsc::Receiver<(String, usize)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, heads) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            let _ = stream.read_exact(&mut body);
            let status = if head.starts_with("post") { "200 OK" } else { "405 Method Not Allowed" };
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = sender.send((head.lines().next().unwrap_or_default().to_owned(), body.len()));
        }
    });
    (url, heads)
}

#[test]
fn a_content_is_sent_by_one_host_of_the_fleet() {
    let (directory, _recorder) = recorded();
    let content = "firstbad.config.content".to_owned();
    let hash = Hash::of(GOOD);
    let (sent, asked) = names(directory.path());
    assert!(!sent.contains(&content) && asked == [hash], "{sent:?}");

    let store = tempfile::tempdir().unwrap();
    let collector = Collector::start(Settings::on_free_ports(store.path())).unwrap();
    let first = host(&collector.otlp_url(), directory.path());
    eventually("the content", || collector.client().content(&hash).is_ok_and(|bytes| bytes == GOOD));
    let second = host(&collector.otlp_url(), directory.path());
    assert_eq!((known(first.counts()), known(second.counts())), (0, 1));

    // A collector that keeps no contents wants none.
    let store = tempfile::tempdir().unwrap();
    let settings = Settings { contents: Contents::Off, ..Settings::on_free_ports(store.path()) };
    let frugal = Collector::start(settings).unwrap();
    assert_eq!(known(host(&frugal.otlp_url(), directory.path()).counts()), 1);

    // Another receiver does not know the question, and gets the content.
    let (url, requests) = another_receiver();
    let other = host(&url, directory.path());
    assert_eq!(known(other.counts()), 0);
    drop(other);
    let heads: Vec<String> = requests.try_iter().map(|(head, _)| head).collect();
    assert!(heads[0].starts_with(&format!("head /v1/contents/{} ", hash.hex())), "{heads:?}");
    assert!(heads[1].starts_with("post /v1/logs "), "{heads:?}");
    assert_eq!(heads.iter().filter(|head| head.starts_with("head")).count(), 1, "asked once: {heads:?}");

    // A secret arrives hidden, under the hash of the real bytes; so does what is said about it.
    let refuse = |bytes: &[u8]| Err::<usize, _>(format!("cannot parse {}", String::from_utf8_lossy(bytes)));
    let refused = FEATURES.load_bytes(SECRET, &Origin::new(), refuse);
    assert!(refused.applied().is_err());
    let shown = || collector.client().content(&Hash::of(SECRET));
    eventually("the masked content", || shown().is_ok_and(|bytes| bytes == b"rows: 2\npassword: ***\n"));
}
