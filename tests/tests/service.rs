//! A collector as its senders and its killers meet it: telemetry over HTTP, SIGKILL in mid-incident, a restart on the same
//! directory, and requests that it must refuse with a reason.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_tests::capture::{Fault, Fleet, Form, hash_of};
use firstbad_tests::collector::{Collector, wait_for};
use std::net::TcpListener;
use std::process::Command;
use std::time::SystemTime;

/// A fleet whose last report ends now.
fn fleet_until_now() -> Fleet {
    let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let (interval_s, intervals) = (2, 120);
    let start_s = i64::try_from(now_s).expect("a clock before 2262") - interval_s * intervals;
    Fleet { start_s, hosts: 18, interval_s, intervals, fault_at: 70, form: Form::Native, fault: Fault::Oversized }
}

#[test]
fn an_incident_survives_sigkill_and_keeps_its_id() {
    let directory = tempfile::tempdir().expect("directory");
    let lines = fleet_until_now().lines();
    let lines: Vec<&str> = lines.lines().collect();
    let (first, rest) = lines.split_at(lines.len() * 4 / 5);
    let mut collector = Collector::start(directory.path());
    collector.send(first.iter().copied());
    let named = wait_for("an incident that names a cause", || {
        collector.incidents().into_iter().find(|incident| incident["cause"]["hashes"][0] == hash_of("pushed").as_str())
    });
    collector.kill();
    drop(collector);

    let collector = Collector::start(directory.path());
    let again = wait_for("the same incident", || collector.incidents().into_iter().next());
    assert_eq!((&again["id"], &again["onset"]), (&named["id"], &named["onset"]));
    assert_eq!(again["cause"], named["cause"]);
    collector.send(rest.iter().copied());
    // Lines that were acknowledged before the kill and come again change nothing.
    collector.send(first.iter().copied().take(200));
    let incidents = wait_for("the judgement", || Some(collector.incidents()).filter(|found| !found.is_empty()));
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0]["id"], named["id"]);
}

#[test]
fn what_cannot_be_taken_is_refused_with_a_reason() {
    let directory = tempfile::tempdir().expect("directory");
    let collector = Collector::start(directory.path());
    let cases: [(&str, &str, &[u8], u16); 6] = [
        ("/v1/metrics", "application/json", b"{\"resourceMetrics\": [{]", 400),
        ("/v1/metrics", "application/x-protobuf", b"\x0a\xff\xff\xff\xff\x0f", 400),
        ("/v1/logs", "application/json", b"[1, 2", 400),
        ("/v1/logs", "text/plain", b"hello", 415),
        ("/v1/nonsense", "application/json", b"{}", 404),
        ("/v1/metrics", "application/json", b"{\"resourceMetrics\": []}", 200),
    ];
    for (path, kind, body, expected) in cases {
        let (code, answer) = collector.post(path, kind, body);
        assert_eq!(code, expected, "{path} {kind}: {answer}");
        assert!(code == 200 || code == 404 || answer.len() > 10, "a refusal says why: {answer}");
    }
    let (_, metrics) = collector.get("/metrics").expect("an answer");
    assert!(metrics.contains("firstbad_collector_refused_total"), "{metrics}");
    assert_eq!(collector.incidents().len(), 0);
}

#[test]
fn a_second_collector_on_the_same_directory_says_who_holds_it() {
    let directory = tempfile::tempdir().expect("directory");
    let collector = Collector::start(directory.path());
    let second = Command::new(firstbad_tests::firstbad())
        .args([
            "collect",
            "--no-recorders",
            "--otlp-http",
            "127.0.0.1:0",
            "--otlp-grpc",
            "127.0.0.1:0",
            "--api",
            "127.0.0.1:0",
            "--data-dir",
        ])
        .arg(directory.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains(&collector.pid().to_string()), "{said}");
}

#[test]
fn a_taken_port_is_an_error_that_names_port_and_flag() {
    let directory = tempfile::tempdir().expect("directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("address").port();
    let refused = Command::new(firstbad_tests::firstbad())
        .args(["collect", "--no-recorders", "--otlp-grpc", "127.0.0.1:0", "--api", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path())
        .args(["--otlp-http", &format!("127.0.0.1:{port}")])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains(&port.to_string()) && said.contains("--otlp-http"), "{said}");
}

/// A collector whose log lines are read, and that is stopped by its pid.
struct Logging {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Logging {
    fn start(data: &std::path::Path, configuration: &std::path::Path) -> Self {
        let mut child = Command::new(firstbad_tests::firstbad())
            .args(["collect", "--no-recorders", "--log-format", "json", "--data-dir"])
            .arg(data)
            .args(["--otlp-http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--api", "127.0.0.1:0", "-c"])
            .arg(configuration)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("firstbad is built");
        let (send, lines) = std::sync::mpsc::channel();
        let log = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(log).map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line that says `words`; each line is a JSON object.
    fn line(&self, words: &str) -> serde_json::Value {
        loop {
            let line = self.lines.recv_timeout(std::time::Duration::from_secs(60)).expect("a line of the log");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
            if line["message"].as_str().is_some_and(|message| message.contains(words)) {
                return line;
            }
        }
    }

    fn hang_up(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill").success());
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn sighup_reads_the_configuration_again_and_a_refused_one_changes_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let configuration = directory.path().join("firstbad.toml");
    let write = |text: &str| std::fs::write(&configuration, text).expect("writing");
    write("[collect]\nretention = \"7d\"\n");
    let mut collector = Logging::start(&directory.path().join("data"), &configuration);
    collector.line("api on 127.0.0.1:");
    write("[collect]\nretention = \"1d\"\nalertmanager = \"nonsense\"\n");
    collector.hang_up();
    let refused = collector.line("refused");
    assert!(refused["error"].as_str().is_some_and(|error| error.contains("nonsense")), "{refused}");
    write("[collect]\nretention = \"1d\"\ncontents = \"off\"\n");
    collector.hang_up();
    let done = collector.line("read again");
    assert_eq!(done["done"], "changed: retention; after a restart: contents", "{done}");
    assert!(collector.child.try_wait().expect("its state").is_none(), "it goes on");
}
