//! A real Prometheus: its blocks made by promtool from text with times, or filled by a scrape, and asked over HTTP.

use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running Prometheus. Dropping it kills it.
pub(crate) struct Prometheus {
    child: Child,
    url: String,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From when to when, in Unix seconds, and how far apart the points are.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from_s: i64,
    pub(crate) to_s: i64,
    pub(crate) step_s: i64,
}

/// One series of an answer.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Value,
    /// Unix seconds and values; NaN is left out, as no screen shows it.
    pub(crate) points: Vec<Point>,
}

/// One value.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) at_s: f64,
    pub(crate) value: f64,
}

fn run(command: &mut Command) {
    let output = command.output().expect("prometheus and promtool are installed by ./test");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

impl Prometheus {
    /// Starts a server in `directory` with the samples of an OpenMetrics text.
    pub(crate) fn with(directory: &Path, openmetrics: &str) -> Self {
        let (text, blocks) = (directory.join("incident.om"), directory.join("blocks"));
        std::fs::write(&text, openmetrics).expect("write");
        run(Command::new("promtool").args(["tsdb", "create-blocks-from", "openmetrics"]).args([&text, &blocks]));
        Self::start(&blocks, "global: {}\n")
    }

    /// Starts a server with a configuration.
    pub(crate) fn start(directory: &Path, configuration: &str) -> Self {
        std::fs::create_dir_all(directory).expect("a directory");
        let file: PathBuf = directory.join("prometheus.yml");
        std::fs::write(&file, configuration).expect("write");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.display()))
            // The incident was in 2025.
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is installed by ./test");
        let started = Self { child, url: format!("http://127.0.0.1:{port}") };
        let begin = Instant::now();
        while ureq::get(format!("{}/-/ready", started.url)).call().is_err() {
            assert!(begin.elapsed() < PATIENCE, "prometheus is not ready within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        started
    }

    /// Every series of an expression within a window that has a value.
    pub(crate) fn range(&self, expression: &str, window: Window) -> Vec<Series> {
        let answer = ureq::get(format!("{}/api/v1/query_range", self.url))
            .query("query", expression)
            .query("start", window.from_s.to_string())
            .query("end", window.to_s.to_string())
            .query("step", window.step_s.to_string())
            .config()
            .http_status_as_error(false)
            .build()
            .call()
            .expect("an answer");
        let text = answer.into_body().read_to_string().expect("text");
        let body: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(body["status"], "success", "{expression}: {text}");
        let series = body["data"]["result"].as_array().expect("series");
        series.iter().map(Series::read).filter(|series| !series.points.is_empty()).collect()
    }
}

impl Series {
    fn read(series: &Value) -> Self {
        let point = |pair: &Value| {
            let value: f64 = pair[1].as_str()?.parse().ok()?;
            value.is_finite().then_some(Point { at_s: pair[0].as_f64()?, value })
        };
        let points = series["values"].as_array().expect("values").iter().filter_map(point).collect();
        Self { labels: series["metric"].clone(), points }
    }
}
