//! What the tests share: a collector in a directory of its own, requests, and waiting for a condition with a deadline.

use crate::{Collector, Settings};
use std::time::{Duration, Instant};

/// A collector on free ports in a directory that goes with it.
pub(super) struct Running {
    pub(super) collector: Option<Collector>,
    pub(super) directory: tempfile::TempDir,
}

impl Running {
    pub(super) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = Settings::on_free_ports(directory.path());
        change(&mut settings);
        Self { collector: Some(Collector::start(settings).unwrap()), directory }
    }

    pub(super) fn collector(&self) -> &Collector {
        self.collector.as_ref().unwrap()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.collector().otlp_url())
    }

    pub(super) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        post(&self.url(path), headers, body)
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        answer_of(agent.get(format!("{}{path}", self.collector().api_url())).call().unwrap(), true)
    }
}

/// An HTTP answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) media_type: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(super) const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

pub(super) fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_post(url, headers, body).unwrap()
}

/// An error: the connection broke off.
pub(super) fn try_post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, ureq::Error> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build();
    let agent: ureq::Agent = config.into();
    let mut request = agent.post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send(body).map(|answer| answer_of(answer, true))
}

/// The answer, with its body unless it has no end.
pub(super) fn answer_of(mut answer: ureq::http::Response<ureq::Body>, ends: bool) -> Answer {
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Answer {
        status: answer.status().as_u16(),
        retry_after: header("retry-after"),
        media_type: header("content-type").unwrap_or_default(),
        body: if ends { answer.body_mut().read_to_vec().unwrap() } else { Vec::new() },
    }
}

/// A log request with one record that names `id`.
pub(super) fn log_request(id: &str) -> Vec<u8> {
    let now = crate::settings::Clock::default().now().0;
    format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"service.instance.id","value":{{"stringValue":"i1"}}}}]}},
        "scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{now}","eventName":"firstbad.change",
        "body":{{"stringValue":"{id}"}},"attributes":[{{"key":"firstbad.change.kind","value":{{"stringValue":"flag"}}}},
        {{"key":"firstbad.change.id","value":{{"stringValue":"{id}"}}}}]}}]}}]}}]}}"#
    )
    .into_bytes()
}

/// Longest wait for a fact. Chosen for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds; fails with `what` after [`PATIENCE`].
pub(super) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
