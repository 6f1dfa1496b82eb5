//! A Prometheus, an Alertmanager and a receiver of notifications on free ports, with the files of `dashboards/`.

use axum::routing::{MethodRouter, get, post};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// One notification: the path of its receiver, and what Alertmanager sent.
#[derive(Clone, Debug)]
pub(super) struct Notification {
    path: &'static str,
    body: Value,
}

type Received = Arc<Mutex<Vec<Notification>>>;

pub(super) struct Servers {
    pub(super) alertmanager: String,
    prometheus: String,
    received: Received,
    children: Vec<Child>,
    _runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn dashboards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards")
}

/// A shipped file with some of its texts replaced, each of which must be there.
fn changed(file: &str, changes: &[(&str, &str)]) -> String {
    let mut text = std::fs::read_to_string(dashboards().join(file)).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "`{from}` is not in {file}");
        text = text.replace(from, to);
    }
    text
}

/// A receiver that keeps what it gets.
fn taken(received: &Received, path: &'static str) -> MethodRouter {
    let received = Arc::clone(received);
    post(move |axum::Json(body): axum::Json<Value>| async move {
        received.lock().unwrap().push(Notification { path, body });
    })
}

/// Starts a program that `./test` installs, under the name that it has here.
fn start(names: &[&str], arguments: &[String]) -> Child {
    let run = |name: &&str| {
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
    };
    let started = names.iter().find_map(run);
    started.unwrap_or_else(|| panic!("none of {names:?} runs; the test command (./test) installs it"))
}

impl Servers {
    /// Starts all of them; Prometheus scrapes what `metrics` gives.
    pub(super) fn start(repeat: &str, metrics: impl Fn() -> String + Clone + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let received = Received::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let router = axum::Router::new()
            .route("/metrics", get(move || std::future::ready(metrics())))
            .route("/pager", taken(&received, "/pager"))
            .route("/channel", taken(&received, "/channel"));
        runtime.spawn(async move { axum::serve(listener, router).await });
        let (alertmanager, prometheus) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let place = |name: &str| directory.path().join(name);
        let config = changed(
            "alertmanager/alertmanager.example.yml",
            &[
                ("127.0.0.1:9999", &own),
                ("group_wait: 5s", "group_wait: 1s"),
                ("group_interval: 1m", "group_interval: 1s"),
                ("repeat_interval: 4h", &format!("repeat_interval: {repeat}")),
            ],
        );
        std::fs::write(place("alertmanager.yml"), config).unwrap();
        let config = changed(
            "prometheus/prometheus.example.yml",
            &[
                ("127.0.0.1:4319", &own),
                ("127.0.0.1:9093", &alertmanager),
                ("scrape_interval: 5s", "scrape_interval: 1s"),
                ("evaluation_interval: 5s", "evaluation_interval: 1s"),
            ],
        );
        std::fs::write(place("prometheus.yml"), config).unwrap();
        for rules in ["rules.yaml", "alerts.yaml"] {
            std::fs::copy(dashboards().join("prometheus").join(rules), place(rules)).unwrap();
        }
        let shown = |name: &str| place(name).display().to_string();
        let children = vec![
            start(
                &["prometheus-alertmanager", "alertmanager"],
                &[
                    format!("--config.file={}", shown("alertmanager.yml")),
                    format!("--storage.path={}", shown("alertmanager")),
                    format!("--web.listen-address={alertmanager}"),
                    "--cluster.listen-address=".to_owned(),
                ],
            ),
            start(
                &["prometheus"],
                &[
                    format!("--config.file={}", shown("prometheus.yml")),
                    format!("--storage.tsdb.path={}", shown("prometheus")),
                    format!("--web.listen-address={prometheus}"),
                ],
            ),
        ];
        let (alertmanager, prometheus) = (format!("http://{alertmanager}"), format!("http://{prometheus}"));
        Self { alertmanager, prometheus, received, children, _runtime: runtime, _directory: directory }
    }

    /// Every notification, for a failed test.
    pub(super) fn all(&self) -> Vec<Notification> {
        self.received.lock().unwrap().clone()
    }

    /// Status of each notification that `path` got of an incident.
    pub(super) fn received(&self, path: &str, incident: &str) -> Vec<String> {
        self.of(path, |label| label("incident") == incident)
    }

    /// Status of each notification that `path` got of alerts of this name.
    pub(super) fn received_named(&self, path: &str, name: &str) -> Vec<String> {
        self.of(path, |label| label("alertname") == name)
    }

    fn of(&self, path: &str, wanted: impl Fn(&dyn Fn(&str) -> String) -> bool) -> Vec<String> {
        let is_it = |alert: &Value| {
            let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
            wanted(&label)
        };
        let of = |notification: &Notification| {
            let alerts = notification.body["alerts"].as_array().unwrap();
            (notification.path == path && alerts.iter().any(is_it))
                .then(|| notification.body["status"].as_str().unwrap().to_owned())
        };
        self.all().iter().filter_map(of).collect()
    }

    /// Whether Prometheus fires the alert of this name.
    pub(super) fn prometheus_fires(&self, name: &str) -> bool {
        let Ok(mut answer) = ureq::get(format!("{}/api/v1/alerts", self.prometheus)).call() else { return false };
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let alerts = body["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts.iter().any(|alert| alert["labels"]["alertname"] == name && alert["state"] == "firing")
    }
}

/// An alert as a rule over the metrics of `job` would send it.
pub(super) fn post_alert(alertmanager: &str, name: &str, job: &str) {
    let labels = json!({"alertname": name, "job": job, "severity": "critical", "config": "bot-features"});
    let alerts = json!([{"labels": labels, "annotations": {"summary": name}}]);
    let url = format!("{alertmanager}/api/v2/alerts");
    ureq::post(url).content_type("application/json").send(alerts.to_string()).unwrap();
}
