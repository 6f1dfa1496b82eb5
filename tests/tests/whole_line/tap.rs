//! Stands between agents and collector: it passes every request on, and keeps what the collector took.

use crate::ledger::Ledger;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The tap. Its thread ends with the test process.
pub(crate) struct Tap {
    /// Where agents ship to.
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

/// What went through.
#[derive(Default)]
pub(crate) struct Taken {
    /// The reports, put together.
    pub(crate) ledger: Ledger,
    /// The reports as a capture: one request of OTLP/JSON in a line.
    pub(crate) capture: String,
    /// Requests that the collector did not take: path and status.
    pub(crate) refused: Vec<String>,
    /// All bytes of all reports, decompressed.
    pub(crate) bytes: Vec<u8>,
}

/// One request of an agent.
struct Request {
    method: String,
    path: String,
    headers: Vec<Header>,
    body: Vec<u8>,
}

struct Header {
    name: String,
    value: String,
}

impl Tap {
    /// Starts a tap before the collector that receives OTLP/HTTP at `collector`.
    pub(crate) fn start(collector: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let taken = Arc::new(Mutex::new(Taken::default()));
        let keeping = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (collector, keeping) = (collector.clone(), Arc::clone(&keeping));
                std::thread::spawn(move || pass(stream, &collector, &keeping));
            }
        });
        Self { address, taken }
    }

    /// Looks at what went through so far.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Taken) -> T) -> T {
        look(&self.taken.lock().expect("no panic under the lock"))
    }
}

/// Passes one request on and its answer back. An agent that ends in the middle of its request sends none.
fn pass(stream: TcpStream, collector: &str, taken: &Mutex<Taken>) {
    let mut reader = BufReader::new(stream);
    let Some(request) = read(&mut reader) else { return };
    // The collector ends before the agents only after a failed test.
    let Some(status) = forward(&request, collector) else { return };
    if request.method == "POST" {
        taken.lock().expect("no panic under the lock").keep(&request, status);
    }
    let answer = format!("HTTP/1.1 {status} passed on\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = reader.into_inner().write_all(answer.as_bytes());
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push(Header { name: name.to_ascii_lowercase(), value: value.to_owned() });
    }
    let length = headers.iter().find(|header| header.name == "content-length");
    let mut body = vec![0; length.map_or(0, |header| header.value.parse().expect("a length"))];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}

/// Returns the status of the collector's answer.
fn forward(request: &Request, collector: &str) -> Option<u16> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let (agent, url) = (ureq::Agent::new_with_config(config), format!("http://{collector}{}", request.path));
    let answer = if request.method == "HEAD" {
        agent.head(&url).call()
    } else {
        let kept = |header: &&Header| header.name.starts_with("content-") && header.name != "content-length";
        let headers = request.headers.iter().filter(kept);
        let post = headers.fold(agent.post(&url), |post, header| post.header(&header.name, &header.value));
        post.send(&request.body[..])
    };
    Some(answer.ok()?.status().as_u16())
}

impl Taken {
    fn keep(&mut self, request: &Request, status: u16) {
        if status != 200 {
            self.refused.push(format!("{} {status}", request.path));
            return;
        }
        let mut bytes = Vec::new();
        GzDecoder::new(&request.body[..]).read_to_end(&mut bytes).expect("gzip");
        let line = match request.path.as_str() {
            "/v1/metrics" => {
                let report = ExportMetricsServiceRequest::decode(&bytes[..]).expect("a request of metrics");
                self.ledger.add_metrics(&report);
                serde_json::to_string(&report)
            }
            "/v1/logs" => {
                let report = ExportLogsServiceRequest::decode(&bytes[..]).expect("a request of logs");
                self.ledger.add_logs(&report);
                serde_json::to_string(&report)
            }
            other => panic!("an agent posted to {other}"),
        };
        self.capture += &(line.expect("JSON") + "\n");
        self.bytes.extend(bytes);
    }
}
