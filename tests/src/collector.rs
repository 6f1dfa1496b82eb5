//! A collector as a process of its own, for tests: started on free ports, asked and sent to over plain HTTP.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "only tests use it, and a test may fail loudly")]

use serde_json::Value;
use std::net::TcpListener;
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
    pub fn get(&self, path: &str) -> Result<(u16, String), ureq::Error> {
        read(client().get(format!("{}{path}", self.api_url())).call()?)
    }

    /// Posts to its OTLP/HTTP receiver and returns status and body of the answer.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.otlp);
        let answer = client().post(url).content_type(kind).send(body).and_then(read);
        answer.expect("an answer")
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

/// A client that takes every status as an answer and keeps no connection.
fn client() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0);
    config.timeout_global(Some(PATIENCE)).build().into()
}

/// Status and whole body of an answer.
fn read(mut answer: ureq::http::Response<ureq::Body>) -> Result<(u16, String), ureq::Error> {
    let body = answer.body_mut().with_config().limit(u64::MAX).read_to_string()?;
    Ok((answer.status().as_u16(), body))
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
