//! `/ready`, `grpc.health.v1`, the status and the metric say when the collector does not do its work, and only then.

use super::calls::{call_at, framed};
use super::support::{JSON, Running, eventually, log_request};
use crate::settings::{Clock, Listen};
use crate::{Client, Collector, Settings};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

const CHECK: &str = "/grpc.health.v1.Health/Check";
/// HealthCheckResponse: the status 1 (serving), 2 (not serving).
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
const NOT_SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 2];

/// What each of the four says.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// HTTP status and text of `/ready`.
    ready: u16,
    text: String,
    /// The message of the health check.
    checked: Vec<u8>,
    /// Whether the metric is 1.
    is_degraded: bool,
    /// Of the status.
    words: Vec<String>,
}

fn told(running: &Running, reason: &str) -> Told {
    let ready = running.get("/ready");
    let checked = call_at(running.collector().addresses().otlp_grpc[0], CHECK, &framed(0, b""));
    assert_eq!(checked.status, "0", "{checked:?}");
    let metrics = running.get("/metrics").text();
    let line = |value: u8| format!("firstbad_collector_degraded{{reason=\"{reason}\"}} {value}\n");
    assert!(metrics.contains(&line(0)) != metrics.contains(&line(1)), "{metrics}");
    let status = running.collector().client().status().unwrap();
    Told {
        ready: ready.status,
        text: ready.text(),
        checked: checked.body,
        is_degraded: metrics.contains(&line(1)),
        words: status.not_ready,
    }
}

fn assert_ready(running: &Running, reason: &str) {
    let ready = Told {
        ready: 200,
        text: "ready\n".to_owned(),
        checked: SERVING.to_vec(),
        is_degraded: false,
        words: Vec::new(),
    };
    assert_eq!(told(running, reason), ready, "{reason}");
    assert_eq!(running.get("/health").text(), "ok\n");
}

fn assert_not_ready(running: &Running, reason: &str, says: &str) {
    let Told { ready, text, checked, is_degraded, words } = told(running, reason);
    assert_eq!((ready, checked.as_slice(), is_degraded), (503, NOT_SERVING, true), "{reason}: {text}");
    assert!(text.contains(says) && words.iter().any(|words| words.contains(says)), "{text} {words:?}");
    assert_eq!(running.get("/health").text(), "ok\n", "the process runs");
}

/// A clock that stands where it is put.
fn hand_wound() -> (Arc<AtomicI64>, Clock) {
    let now = Arc::new(AtomicI64::new(1_763_460_000 * SECOND_NS));
    let shown = Arc::clone(&now);
    (now, Clock::new(move || Timestamp(shown.load(Ordering::SeqCst))))
}

fn report(running: &Running, seconds: i64, requests: u64) {
    let begin = 1_763_460_000 * SECOND_NS;
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let point = json!({"startTimeUnixNano": begin.to_string(), "timeUnixNano": (begin + seconds * SECOND_NS).to_string(),
        "asInt": requests.to_string(), "attributes": [text("firstbad.outcome", "ok")]});
    let resource = json!({"attributes": [text("service.name", "proxy"), text("service.instance.id", "i1"), text("host.name", "h1")]});
    let sum = json!({"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point]});
    let body = json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [{"name": "firstbad.requests", "sum": sum}]}]}]});
    assert_eq!(running.post("/v1/metrics", JSON, body.to_string().as_bytes()).status, 200);
}

#[test]
fn while_nothing_can_be_stored_it_is_not_ready() {
    let running = Running::start();
    assert_ready(&running, "store");
    let other = rusqlite::Connection::open(running.directory.path().join("firstbad.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The journal takes requests until the database refuses what waits for it.
    eventually("it refuses", || running.post("/v1/logs", JSON, &log_request("during")).status == 503);
    assert_not_ready(&running, "store", "nothing can be stored");
    other.execute_batch("ROLLBACK").unwrap();
    eventually("it goes on", || running.post("/v1/logs", JSON, &log_request("after")).status == 200);
    assert_ready(&running, "store");
}

#[test]
fn a_clock_that_was_set_back_and_a_fleet_that_fell_silent_are_told() {
    let (now, clock) = hand_wound();
    let start = now.load(Ordering::SeqCst);
    let running = Running::with(|settings| settings.clock = clock);
    let wind = |seconds: i64| now.store(start + seconds * SECOND_NS, Ordering::SeqCst);
    for seconds in 1..=60 {
        wind(seconds);
        report(&running, seconds, 100 * seconds.unsigned_abs());
    }
    eventually("the host is known", || running.collector().publisher().latest().snapshot.fleet.hosts_reporting == 1);
    assert_ready(&running, "clock");
    wind(60 - 3600);
    assert_not_ready(&running, "clock", "set back");
    wind(61);
    assert_ready(&running, "clock");
    assert_ready(&running, "blind");
    wind(60 + 400);
    eventually("the silence is told", || running.get("/ready").status == 503);
    eventually("it is the only reason", || running.collector().client().status().unwrap().not_ready.len() == 1);
    assert_not_ready(&running, "blind", "no process reports");
    report(&running, 460, 50_000);
    // What was reported is judged with the next tick.
    let seconds = std::cell::Cell::new(460);
    eventually("a report makes it ready again", || {
        seconds.set(seconds.get() + 1);
        wind(seconds.get());
        running.get("/ready").status == 200
    });
}

#[test]
fn while_the_store_is_read_it_answers_that_it_is_starting() {
    let directory = tempfile::tempdir().unwrap();
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    // The store asks for the time first: here it waits for the answer.
    let clock = Clock::new(move || {
        let _ = held.lock().unwrap().recv();
        Clock::default().now()
    });
    let free = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let [http, grpc, api]: [SocketAddr; 3] = [free(), free(), free()];
    let listen = |address: SocketAddr| -> Listen { address.to_string().parse().unwrap() };
    let mut settings = Settings::on_free_ports(directory.path());
    (settings.otlp_http, settings.otlp_grpc, settings.api) = (Some(listen(http)), Some(listen(grpc)), listen(api));
    settings.clock = clock;
    let starting = std::thread::spawn(move || Collector::start(settings).unwrap());
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let get = |path: &str| {
        let mut answer = agent.get(format!("http://{api}{path}")).call().ok()?;
        Some((answer.status().as_u16(), answer.body_mut().read_to_string().unwrap()))
    };
    eventually("it answers at once", || get("/health").is_some());
    assert_eq!(get("/health").unwrap(), (200, "ok\n".to_owned()));
    let (status, text) = get("/ready").unwrap();
    assert!(status == 503 && text.contains("starting"), "{status} {text}");
    assert_eq!(get("/api/v1/snapshot").unwrap().0, 503);
    let answer = super::support::post(&format!("http://{http}/v1/logs"), JSON, &log_request("early"));
    assert_eq!((answer.status, answer.retry_after.as_deref()), (503, Some("5")), "{}", answer.text());
    assert_eq!(call_at(grpc, CHECK, &framed(0, b"")).body, NOT_SERVING);
    assert!(!starting.is_finished());
    drop(release);
    let collector = starting.join().unwrap();
    assert_eq!(get("/ready").unwrap(), (200, "ready\n".to_owned()));
    assert_eq!(call_at(grpc, CHECK, &framed(0, b"")).body, SERVING);
    assert!(Client::new(&collector.api_url()).status().unwrap().not_ready.is_empty());
}

#[test]
fn a_health_check_knows_its_services_and_refuses_what_is_none() {
    let running = Running::start();
    let address = running.collector().addresses().otlp_grpc[0];
    let named = |name: &str| [&[10, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
    let known = named("opentelemetry.proto.collector.logs.v1.LogsService");
    assert_eq!(call_at(address, CHECK, &framed(0, &known)).body, SERVING);
    assert_eq!(call_at(address, CHECK, &framed(0, &named("other"))).status, "5");
    assert_eq!(call_at(address, CHECK, &framed(0, b"\x0a\xff")).status, "3");
    assert_eq!(call_at(address, CHECK, b"").status, "3");
}

#[test]
fn a_watched_answer_changes_with_the_facts() {
    let running = Running::start();
    let address = running.collector().addresses().otlp_grpc[0];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        let request = axum::http::Request::post(format!("http://{address}/grpc.health.v1.Health/Watch"));
        let request = request.header("content-type", "application/grpc").body(()).unwrap();
        let (response, mut body) = client.send_request(request, false).unwrap();
        body.send_data(framed(0, b"").into(), true).unwrap();
        let mut answers = response.await.unwrap().into_body();
        assert_eq!(answers.data().await.unwrap().unwrap(), SERVING);
        let other = rusqlite::Connection::open(running.directory.path().join("firstbad.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(answers.data().await.unwrap().unwrap(), NOT_SERVING);
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(answers.data().await.unwrap().unwrap(), SERVING);
    });
}
