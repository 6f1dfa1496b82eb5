//! A real Prometheus scrapes a target that serves the contract's names, and sends what it scraped by remote write: counts by
//! version and scores arrive as OTLP would have brought them.

use super::support::{JSON, Running, eventually};
use crate::settings::Clock;
use crate::store::{BatchRange, SqliteReader, StoreReader};
use firstbad_diagnosis::observation::{Observation, Row};
use firstbad_protocol::Hash;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A child that ends with the test.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves counts that grow with each scrape. The thread ends with the process.
fn target(hash: &Hash) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let short = hash.short();
    std::thread::spawn(move || {
        for (scrape, stream) in listener.incoming().enumerate() {
            let _ = answer(stream.unwrap(), &exposition(&short, scrape));
        }
    });
    address
}

fn exposition(short: &str, scrape: usize) -> String {
    let version = format!("config=\"bot\",config_hash=\"{short}\"");
    let (failed, scored) = (10 * scrape, 4 * scrape);
    format!(
        "# TYPE firstbad_requests_total counter\n\
         firstbad_requests_total{{{version},outcome=\"error\"}} {failed}\n\
         # TYPE firstbad_scores histogram\n\
         firstbad_scores_bucket{{{version},le=\"0.5\"}} {scrape}\n\
         firstbad_scores_bucket{{{version},le=\"50\"}} {scored}\n\
         firstbad_scores_bucket{{{version},le=\"+Inf\"}} {scored}\n\
         firstbad_scores_sum{{{version}}} {scored}\n\
         firstbad_scores_count{{{version}}} {scored}\n"
    )
}

fn answer(mut stream: TcpStream, text: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let length = text.len();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n")?;
    write!(stream, "Content-Length: {length}\r\n\r\n{text}")
}

fn start(directory: &Path, target: SocketAddr, write_url: &str) -> Prometheus {
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs: [{{job_name: fl, static_configs: [{{targets: [\"{target}\"]}}]}}]\n\
         remote_write: [{{url: \"{write_url}\", queue_config: {{max_shards: 1, batch_send_deadline: 1s}}}}]\n"
    );
    std::fs::write(directory.join("prometheus.yml"), config).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", directory.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
        .arg(format!("--web.listen-address={free}"))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(directory.join("log")).unwrap())
        .spawn();
    Prometheus(child.expect("prometheus runs; the test command (./test) installs it"))
}

/// A load event, so that the whole hash is known.
fn load(hash: &Hash) -> Vec<u8> {
    let now = Clock::default().now().0;
    let pair = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    let (host, name) = (pair("host.name", "other"), pair("firstbad.config.name", "bot"));
    let hash = pair("firstbad.config.hash", &hash.to_string());
    let result = pair("firstbad.load.result", "applied");
    format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{host}]}},"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{now}",
        "eventName":"firstbad.config.load","attributes":[{name},{hash},{result}]}}]}}]}}]}}"#
    )
    .into_bytes()
}

fn rows(running: &Running) -> Vec<Row> {
    let reader = SqliteReader::open(running.directory.path()).unwrap();
    let mut rows = Vec::new();
    let range = BatchRange { after: 0, last: reader.extent().unwrap().map_or(0, |extent| extent.last) };
    let visit = &mut |batch: crate::store::Batch| {
        rows.extend(batch.observations.into_iter().filter_map(|observation| match observation {
            Observation::Row(row) => Some(row),
            _ => None,
        }));
        true
    };
    reader.batches(range, visit).unwrap();
    rows
}

#[test]
fn a_prometheus_that_scrapes_a_proxy_brings_its_counts_and_scores() {
    let running = Running::start();
    let hash = Hash::of(b"bot features, version 1");
    assert_eq!(running.post("/v1/logs", JSON, &load(&hash)).status, 200);
    eventually("the version is known", || running.get("/api/v1/snapshot").text().contains(&hash.to_string()));
    let directory = tempfile::tempdir().unwrap();
    let target = target(&hash);
    let _prometheus = start(directory.path(), target, &running.url("/api/v1/write"));
    eventually("counts and scores of the version are stored", || {
        let rows = rows(&running);
        let failed = |row: &Row| row.views.iter().any(|view| view.hash == hash && view.outcomes.error >= 10);
        let scored = |row: &Row| row.scores.iter().any(|scores| scores.histogram.bounds.as_ref() == [0.5, 50.0]);
        rows.iter().any(failed) && rows.iter().any(scored)
    });
    // Its own metrics of the scrape (`up` and others) are none of firstbad's, and refuse nothing.
    let refused = running.collector().client().status().unwrap().refused;
    assert_eq!(refused.get("items"), Some(&0), "{refused:?}");
}
