//! A collector as a process of its own, for tests: started on free ports, asked and sent to over plain HTTP.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "only tests use it, and a test may fail loudly")]

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `firstbad collect`. Dropping it kills it.
#[derive(Debug)]
pub struct Collector {
    child: Child,
    otlp: u16,
    api: u16,
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Already dead where the test killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

impl Collector {
    /// Starts one on free ports, with its store in `data`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same with more flags.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_with(data: &Path, flags: &[&str]) -> Self {
        let (otlp, api) = (free_port(), free_port());
        let child = Command::new(crate::firstbad())
            .args(["collect", "--no-recorders", "--data-dir"])
            .arg(data)
            .args([
                "--otlp-http",
                &format!("127.0.0.1:{otlp}"),
                "--otlp-grpc",
                "127.0.0.1:0",
                "--api",
                &format!("127.0.0.1:{api}"),
            ])
            .args(flags)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("target/*/firstbad is built");
        let collector = Self { child, otlp, api };
        wait_for("the API", || collector.get("/api/v1/status").ok().filter(|(code, _)| *code == 200));
        collector
    }

    /// The URL of its query API.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL.
    ///
    /// # Panics
    /// If it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("dead");
    }

    /// Status and body of a query.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn get(&self, path: &str) -> std::io::Result<(u16, String)> {
        exchange(self.api, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), b"")
    }

    /// Posts to its OTLP/HTTP receiver and returns status and body of the answer.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        exchange(self.otlp, &head, body).expect("an answer")
    }

    /// Posts the lines of a capture, each acknowledged before the next.
    ///
    /// # Panics
    /// If one is refused.
    pub fn send<'a>(&self, lines: impl Iterator<Item = &'a str>) {
        for line in lines {
            let path = if line.contains("resourceLogs") { "/v1/logs" } else { "/v1/metrics" };
            let (code, answer) = self.post(path, "application/json", line.as_bytes());
            assert_eq!(code, 200, "{answer}");
        }
    }

    /// The incidents of its diagnosis.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn incidents(&self) -> Vec<Value> {
        let (code, body) = self.get("/api/v1/diagnosis").expect("an answer");
        assert_eq!(code, 200, "{body}");
        let found: Value = serde_json::from_str(&body).expect("JSON");
        found["incidents"].as_array().expect("incidents").clone()
    }
}

fn exchange(port: u16, head: &str, body: &[u8]) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok((code, if head.to_ascii_lowercase().contains("chunked") { unchunked(body) } else { body.to_owned() }))
}

/// The body of a chunked answer.
fn unchunked(mut rest: &str) -> String {
    let mut whole = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some(chunk) = after.get(..size).filter(|chunk| !chunk.is_empty()) else { break };
        whole.push_str(chunk);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    whole
}

/// Looks until something is found.
///
/// # Panics
/// If nothing is found within a minute.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
