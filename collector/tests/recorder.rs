//! From a proxy's process to OTLP: what it recorded is read while it lives and after SIGKILL, its death is told once, by
//! one, and this process's own recorder survives being read.
#![allow(
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

#[path = "recorder/claims.rs"]
mod claims;

use firstbad_collector::recorder::{Export, RecorderSource, RecorderState, dump, list};
use firstbad_instrument::{Config, Hash, Live, Origin, Outcome, Request, Score, record_request};
use firstbad_protocol::time::Timestamp;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::SystemTime;

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static FEATURES: Live<usize> = Live::new("bot-features").limit("rows", 3).score(&BOT);
static ROUTES: Config = Config::new("routes");

const GOOD: &str = "a\nb\n";
const BAD: &str = "a\nb\na\nb\n";

fn parse(bytes: &[u8]) -> Result<usize, String> {
    Ok(bytes.iter().filter(|byte| **byte == b'\n').count())
}

fn live(directory: &Path) -> firstbad_instrument::Recorder {
    let init = firstbad_instrument::init().service("fl2").version("2.1").host("h1").dimension("cloud.region", "eu");
    let recorder = init.recorder_dir(directory).install().unwrap();
    ROUTES.loading(b"/\n", &Origin::new()).applied();
    FEATURES.load_bytes(GOOD.as_bytes(), &Origin::new().label("g7"), parse).applied().unwrap();
    for number in 0..10 {
        let request = Request::start();
        let features = request.pin(&FEATURES).unwrap();
        request.uses(ROUTES.active());
        features.score(&BOT, if number % 2 == 0 { 0 } else { 50 });
        request.finish(Outcome::Ok);
    }
    recorder
}

fn is_child() -> bool {
    std::env::var("FIRSTBAD_TEST_CHILD").is_ok()
}

/// Runs only in children: lives until it is killed, and obeys words from its parent.
#[test]
fn child() {
    let Ok(directory) = std::env::var("FIRSTBAD_TEST_CHILD") else { return };
    let _recorder = live(Path::new(&directory));
    println!("ready");
    for line in std::io::stdin().lines() {
        match line.unwrap().as_str() {
            "bad" => {
                FEATURES.load_bytes(BAD.as_bytes(), &Origin::new(), parse).applied().unwrap();
                let _ = std::panic::catch_unwind(|| {
                    let _features = FEATURES.pin().unwrap();
                    panic!("called `Option::unwrap()` on a `None` value");
                });
            }
            "deny" => record_request(Outcome::Denied, &[FEATURES.tag()]),
            "fail" => record_request(Outcome::Error, &[FEATURES.tag()]),
            "abort" => {
                println!("aborting");
                std::process::abort();
            }
            "exit" => {
                println!("exiting");
                std::process::exit(3);
            }
            "load" => {
                let _ = FEATURES.load_bytes(b"killer\n", &Origin::new(), |_| -> Result<usize, String> {
                    println!("loading");
                    loop {
                        std::thread::park();
                    }
                });
            }
            _ => return,
        }
        println!("done");
    }
}

struct Proxy {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Proxy {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture"])
            .env("FIRSTBAD_TEST_CHILD", directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut proxy = Self { child, output };
        proxy.wait_for("ready");
        proxy
    }

    fn say(&mut self, word: &str, answer: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
        self.wait_for(answer);
    }

    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the child ended before it said {word}");
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_nanos()).unwrap())
}

fn shown(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        Some(Value::ArrayValue(array)) => {
            array.values.iter().map(|value| shown(Some(value))).collect::<Vec<_>>().join(",")
        }
        other => format!("{other:?}"),
    }
}

fn attributes(found: &[KeyValue]) -> BTreeMap<String, String> {
    found.iter().map(|pair| (pair.key.clone(), shown(pair.value.as_ref()))).collect()
}

fn int(point: &NumberDataPoint) -> i64 {
    match point.value.unwrap() {
        number_data_point::Value::AsInt(value) => value,
        #[expect(clippy::cast_possible_truncation, reason = "shares are compared in hundredths")]
        number_data_point::Value::AsDouble(value) => (value * 100.0).round() as i64,
    }
}

/// Every point as `metric{value,..}`, the attributes' values in the order of their keys, hashes cut to six digits.
fn points(export: &Export) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for metric in &export.metrics.as_ref().unwrap().resource_metrics[0].scope_metrics[0].metrics {
        let points: Vec<(&[KeyValue], i64)> = match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => sum.data_points.iter().map(|point| (&point.attributes[..], int(point))).collect(),
            Data::Gauge(gauge) => gauge.data_points.iter().map(|point| (&point.attributes[..], int(point))).collect(),
            Data::Histogram(histogram) => histogram
                .data_points
                .iter()
                .map(|point| (&point.attributes[..], i64::try_from(point.count).unwrap()))
                .collect(),
            other => panic!("{other:?}"),
        };
        for (of_point, value) in points {
            let short =
                |value: &String| value.strip_prefix("sha256:").map_or_else(|| value.clone(), |hex| hex[..6].to_owned());
            let values: Vec<String> = attributes(of_point).values().map(short).collect();
            found.insert(format!("{}{{{}}}", metric.name, values.join(",")), value);
        }
    }
    found
}

fn logs(export: &Export) -> Vec<(String, BTreeMap<String, String>, LogRecord)> {
    let resources = export.logs.iter().flat_map(|logs| &logs.resource_logs);
    let records = resources.flat_map(|resource| &resource.scope_logs[0].log_records);
    records.map(|record| (record.event_name.clone(), attributes(&record.attributes), record.clone())).collect()
}

fn event<'a>(
    events: &'a [(String, BTreeMap<String, String>, LogRecord)],
    wanted: &str,
) -> &'a BTreeMap<String, String> {
    &events.iter().find(|(name, ..)| name == wanted).unwrap_or_else(|| panic!("{wanted} in {events:?}")).1
}

fn names(export: &Export) -> Vec<String> {
    logs(export).into_iter().map(|(name, ..)| name).collect()
}

fn short(text: &str) -> String {
    Hash::of(text.as_bytes()).hex()[..6].to_owned()
}

fn only(mut exports: Vec<Export>) -> Export {
    assert_eq!(exports.len(), 1);
    exports.remove(0)
}

fn poll(source: &mut RecorderSource) -> Export {
    only(source.poll(now()))
}

fn check_first(first: &Export, pid: u32) {
    let (found, good) = (points(first), short(GOOD));
    assert_eq!(found["firstbad.requests{ok}"], 10);
    assert_eq!(found[&format!("firstbad.requests{{{good},bot-features,ok}}")], 10);
    assert_eq!(found[&format!("firstbad.requests{{{},routes,ok}}", short("/\n"))], 10);
    assert_eq!(found[&format!("firstbad.scores{{{good},bot-features,99,1,bot}}")], 10);
    assert_eq!(found[&format!("firstbad.scores.defaulted{{{good},bot-features,sentinel,99,1,bot}}")], 5);
    assert_eq!(found[&format!("firstbad.config.active{{{good},g7,bot-features}}")], 1);
    assert_eq!(found["firstbad.config.limit{bot-features,rows}"], 3);
    assert_eq!(found["firstbad.config.limit_usage{bot-features,rows}"], 67);
    let resource = &first.metrics.as_ref().unwrap().resource_metrics[0].resource;
    let resource = attributes(&resource.as_ref().unwrap().attributes);
    assert_eq!((resource["service.name"].as_str(), resource["cloud.region"].as_str()), ("fl2", "eu"));
    assert_eq!(resource["process.pid"], pid.to_string());
    let (contents, told): (Vec<String>, Vec<String>) =
        names(first).into_iter().partition(|name| name == "firstbad.config.content");
    assert_eq!(told, ["firstbad.process.start", "firstbad.config.load", "firstbad.config.load"]);
    assert_eq!(contents.len(), 2);
}

fn check_bad(second: &Export) {
    let (found, bad) = (points(second), short(BAD));
    assert_eq!(found[&format!("firstbad.requests{{{bad},bot-features,panic}}")], 1);
    assert_eq!(found[&format!("firstbad.config.rows{{{bad},bot-features}}")], 4);
    assert_eq!(found["firstbad.config.limit_usage{bot-features,rows}"], 133);
    let panic = found.iter().find(|(key, _)| key.starts_with(&format!("firstbad.panics{{{bad},bot-features,")));
    assert_eq!(panic.map(|(_, count)| *count), Some(1), "{found:?}");
    let events = logs(second);
    let exception = event(&events, "exception");
    assert_eq!(exception["exception.message"], "called `Option::unwrap()` on a `None` value");
    assert!(exception["firstbad.config.active"].contains(&format!("bot-features={}", Hash::of(BAD.as_bytes()))));
    assert!(exception["exception.stacktrace"].lines().count() > 3);
    let load = event(&events, "firstbad.config.load");
    assert_eq!((load["firstbad.load.result"].as_str(), load["firstbad.limit.rows"].as_str()), ("applied", "3"));
    assert_eq!(load["firstbad.config.previous_hash"], Hash::of(GOOD.as_bytes()).to_string());
}

fn check_last(last: &Export) {
    let events = logs(last);
    let exit = event(&events, "firstbad.process.exit");
    assert_eq!((exit["firstbad.exit.clean"].as_str(), exit["firstbad.load.phase"].as_str()), ("false", "loading"));
    assert_eq!(exit["firstbad.config.hash"], Hash::of(b"killer\n").to_string());
    assert!(exit["firstbad.config.active"].contains(&Hash::of(BAD.as_bytes()).to_string()));
    assert_eq!(points(last)["firstbad.requests{ok}"], 10, "the last counts of the dead");
    let distinct: BTreeSet<_> = events.iter().map(|(_, found, _)| &found["firstbad.seq"]).collect();
    assert_eq!(distinct.len(), events.len());
}

#[test]
fn a_recorder_is_shipped_alive_and_dead_and_each_event_once() {
    if is_child() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let here = [directory.path().to_owned()];
    let mut proxy = Proxy::start(directory.path());
    let mut source = RecorderSource::new(here.to_vec());
    let first = poll(&mut source);
    check_first(&first, proxy.child.id());
    assert_eq!(names(&poll(&mut source)), names(&first), "not committed: told again");
    source.commit();
    let quiet = poll(&mut source);
    assert!(quiet.logs.is_none(), "committed: not told again");
    assert_eq!(points(&quiet)["firstbad.requests{ok}"], 10, "cumulative points are repeated");

    proxy.say("bad", "done");
    check_bad(&poll(&mut source));
    source.commit();
    proxy.say("load", "loading");
    let stuck = logs(&poll(&mut source));
    assert_eq!(event(&stuck, "firstbad.config.load")["firstbad.load.phase"], "loading", "told while it hangs");
    assert_eq!((list(&here)[0].state, list(&here)[0].service.as_deref()), (RecorderState::Live, Some("fl2")));
    let path = list(&here)[0].path.clone();
    proxy.kill();
    assert_eq!(list(&here)[0].state, RecorderState::Dead);

    check_last(&poll(&mut source));
    let mut rival = RecorderSource::new(here.to_vec());
    assert!(poll(&mut source).logs.is_some(), "until it is committed");
    source.commit();
    assert!(source.poll(now()).is_empty());
    assert!(rival.poll(now()).is_empty(), "a death is told by one");
    let dumped = dump(&PathBuf::from(format!("{}.done", path.display()))).unwrap();
    assert!(dumped.entry.reported && dumped.entry.clean == Some(false));
    assert!(dumped.lines.iter().any(|line| line.contains("Option::unwrap()")), "{:#?}", dumped.lines);
    let named = |line: &&String| line.starts_with("    child at ") && line.contains("recorder.rs:");
    assert!(dumped.lines.iter().filter(named).count() >= 1, "the stack has names: {:#?}", dumped.lines);
}

#[test]
fn denied_requests_and_the_first_failure_are_sent_under_their_version() {
    if is_child() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut proxy = Proxy::start(directory.path());
    let mut source = RecorderSource::new(vec![directory.path().to_owned()]);
    let (good, failed) = (short(GOOD), |export: &Export| {
        let metrics = &export.metrics.as_ref().unwrap().resource_metrics[0].scope_metrics[0].metrics;
        let found = metrics.iter().find(|metric| metric.name == "firstbad.requests.first_failed")?;
        let Some(Data::Gauge(gauge)) = &found.data else { panic!("{found:?}") };
        let [point] = &gauge.data_points[..] else { panic!("{found:?}") };
        let Some(number_data_point::Value::AsDouble(seconds)) = point.value else { panic!("{point:?}") };
        Some((attributes(&point.attributes)["firstbad.config.hash"].clone(), seconds))
    });
    proxy.say("deny", "done");
    let denied = poll(&mut source);
    assert_eq!(points(&denied)["firstbad.requests{denied}"], 1);
    assert_eq!(points(&denied)[&format!("firstbad.requests{{{good},bot-features,denied}}")], 1);
    assert_eq!(points(&denied)[&format!("firstbad.requests{{{good},bot-features,ok}}")], 10);
    assert_eq!(failed(&denied), None, "a request that was denied did not fail");
    let before = seconds();
    proxy.say("fail", "done");
    let (hash, at) = failed(&poll(&mut source)).unwrap();
    assert_eq!(hash, Hash::of(GOOD.as_bytes()).to_string());
    assert!((before - 0.001..=seconds() + 0.001).contains(&at), "{before} {at}");
    proxy.say("fail", "done");
    assert_eq!(failed(&poll(&mut source)), Some((hash, at)), "the first");
    proxy.kill();
}

fn seconds() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// An exit event that an agent sent.
struct SentExit {
    attributes: BTreeMap<String, String>,
    /// Time of the event, nanoseconds since the Unix epoch.
    at_ns: u64,
}

impl SentExit {
    /// Whether the process ended on purpose, its signal and its status.
    fn ending(&self) -> [String; 3] {
        let key = |key| format!("firstbad.exit.{key}");
        ["clean", "signal", "status"].map(|name| self.attributes.get(&key(name)).cloned().unwrap_or_default())
    }

    /// Whether the event has the time of the end. The agent read the recorder 7 s later.
    fn is_timed_by_the_process(&self) -> bool {
        now().0.unsigned_abs().abs_diff(self.at_ns) < 5_000_000_000
    }
}

/// Ends a process. Returns the exit event of an agent that saw the process alive.
fn end(how: impl FnOnce(&mut Proxy)) -> SentExit {
    let directory = tempfile::tempdir().unwrap();
    let mut proxy = Proxy::start(directory.path());
    let mut source = RecorderSource::new(vec![directory.path().to_owned()]);
    source.poll(now());
    source.commit();
    how(&mut proxy);
    proxy.child.wait().unwrap();
    // The agent reads the recorder a while after the end.
    let later = Timestamp(now().0 + 7_000_000_000);
    let exits: Vec<_> = logs(&only(source.poll(later)));
    let exits: Vec<_> = exits.iter().filter(|(name, ..)| name == "firstbad.process.exit").collect();
    assert_eq!(exits.len(), 1, "{exits:?}");
    SentExit { attributes: exits[0].1.clone(), at_ns: exits[0].2.time_unix_nano }
}

#[test]
fn an_exit_event_has_the_kind_and_the_time_of_the_end() {
    if is_child() {
        return;
    }
    let signal = |name: &'static str| {
        move |proxy: &mut Proxy| {
            let pid = proxy.child.id().to_string();
            assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
        }
    };
    let exited = end(|proxy| proxy.say("exit", "exiting"));
    assert_eq!(exited.ending(), ["false", "", "3"]);
    assert!(exited.is_timed_by_the_process());
    assert!(exited.attributes["firstbad.config.active"].contains(&Hash::of(GOOD.as_bytes()).to_string()));
    let aborted = end(|proxy| proxy.say("abort", "aborting"));
    assert_eq!(aborted.ending(), ["false", "6", ""]);
    assert!(aborted.is_timed_by_the_process());
    let terminated = end(signal("-TERM"));
    assert_eq!(terminated.ending(), ["true", "15", ""], "it was asked to end");
    assert!(terminated.is_timed_by_the_process());
    let killed = end(signal("-KILL"));
    assert_eq!(killed.ending(), ["false", "", ""]);
    assert!(killed.at_ns > now().0.unsigned_abs(), "nobody noted the end: the event has the time of the agent's read");
    let ended = end(|proxy| proxy.say("end", "test result"));
    assert_eq!(ended.ending()[0], "true");
}

#[test]
fn a_stack_has_names_where_the_binary_can_be_read() {
    if is_child() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut proxy = Proxy::start(directory.path());
    proxy.say("bad", "done");
    let stack = |export: &Export| event(&logs(export), "exception")["exception.stacktrace"].clone();
    let mut plain = RecorderSource::new(vec![directory.path().to_owned()]);
    let plain = stack(&poll(&mut plain));
    assert!(plain.starts_with("build id ") && plain.lines().skip(1).all(|line| line.contains(": 0x")), "{plain}");
    let mut source = RecorderSource::new(vec![directory.path().to_owned()]).with_names_of_stacks();
    // A report does not wait for a binary that is slow to read. Without a commit, the next poll sends it again.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let named = loop {
        let named = stack(&poll(&mut source));
        if !named.lines().skip(1).all(|line| line.contains(": 0x")) {
            break named;
        }
        assert!(std::time::Instant::now() < deadline, "no names: {named}");
    };
    assert_eq!(named.lines().next(), plain.lines().next(), "the build id stays");
    assert!(named.lines().any(|line| line.contains(": child at ") && line.contains("recorder.rs:")), "{named}");
    let innermost = named.lines().nth(1).unwrap();
    assert!(innermost.contains("recorder.rs:"), "the proxy's own function is first: {named}");
    assert!(!named.contains("__rust_begin_short_backtrace"), "{named}");
    let begun = std::time::Instant::now();
    assert_eq!(stack(&poll(&mut source)), named);
    assert!(begun.elapsed() < std::time::Duration::from_millis(500), "once for each site: {:?}", begun.elapsed());
    proxy.kill();
}
