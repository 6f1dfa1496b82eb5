//! The product as a stranger meets it: one `firstbad demo`, headless, with real processes. While the fleet is failing, the
//! incident is asked for through the API, bundled, and diagnosed offline; in the end the demo's own answer is held against
//! what its stage wrote down. One run serves every claim here, because it takes a minute.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One fleet at a time: two would share the machine, and prove less about either.
static STAGE: Mutex<()> = Mutex::new(());

/// A bound against hanging, not a mark: the play itself takes 70 s, and its end is waited for another 30 s.
const PATIENCE: Duration = Duration::from_secs(240);

fn firstbad(directory: &Path) -> Command {
    let mut command = Command::new(firstbad_tests::firstbad());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FIRSTBAD_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).env("TMPDIR", directory);
    command
}

/// A demo that runs, and what it prints on the way.
struct Demo {
    child: Option<Child>,
    api: String,
    timeline: Option<std::thread::JoinHandle<String>>,
}

impl Demo {
    fn start(directory: &Path) -> Self {
        let mut child = firstbad(directory)
            .args(["demo", "--headless", "--format", "json", "--keep"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("target/*/firstbad is built");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let first = lines.next().expect("the demo says what it starts");
        let api = first.rsplit_once(' ').expect("it ends with the collector's address").1.to_owned();
        let timeline = std::thread::spawn(move || lines.fold(first, |all, line| all + "\n" + &line));
        Self { child: Some(child), api, timeline: Some(timeline) }
    }

    /// The demo's last word, its exit code, and its timeline.
    fn end(mut self) -> (Value, Option<i32>, String) {
        let Output { status, stdout, .. } = self.child.take().expect("running").wait_with_output().expect("it ends");
        let timeline = self.timeline.take().expect("read").join().expect("text");
        let outcome = serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{error}\n{timeline}"));
        (outcome, status.code(), timeline)
    }
}

/// A claim that does not hold must not leave a fleet behind.
impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn said(command: &mut Command) -> Said {
    let output = command.output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Asks until there is an answer. An open incident is exit code 1, so only the text decides.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn get(url: &str) -> Option<String> {
    ureq::get(url).call().ok()?.body_mut().read_to_string().ok()
}

/// The incident that accuses an input, as the collector publishes it now.
fn accusing(diagnosis: &str) -> Option<Value> {
    let diagnosis: Value = serde_json::from_str(diagnosis).expect("JSON");
    let incidents = diagnosis["incidents"].as_array().expect("incidents").clone();
    incidents.into_iter().find(|incident| incident["verdict"] == "cause")
}

/// The diagnosis as the collector publishes it, and a bundle of the same publication: the engine judges once a second, so
/// some bundle soon lies between two equal answers.
fn published_and_bundled(directory: &Path, api: &str) -> (String, PathBuf) {
    let bundle = directory.join("incident.tar.zst");
    let url = format!("{api}/api/v1/diagnosis");
    eventually("a bundle between two equal publications", || {
        let before = get(&url)?;
        let id = accusing(&before)?["id"].as_str()?.to_owned();
        let made = said(firstbad(directory).args(["bundle", &id, "--collector", api, "-o"]).arg(&bundle));
        assert_eq!(made.code, Some(0), "{}", made.err);
        (get(&url)? == before).then_some((before, bundle.clone()))
    })
}

/// What a script and a person get from the collector while the fleet is failing.
fn the_report_holds_what_to_do(directory: &Path, api: &str) {
    let report = said(firstbad(directory).args(["report", "latest", "--collector", api]));
    assert_eq!(report.code, Some(0), "{}", report.err);
    for wanted in ["bot-features", "rows > 200", "OutOfSpace", "oversized-input"] {
        assert!(report.out.contains(wanted), "`{wanted}` is missing in {}", report.out);
    }
    let status = said(firstbad(directory).args(["status", "--collector", api]));
    assert_eq!(status.code, Some(1), "an incident is open: {} {}", status.out, status.err);
    let metrics = get(&format!("{api}/metrics")).expect("metrics");
    assert!(metrics.contains("firstbad_fleet_panics_total{config=\"bot-features\""), "{metrics}");
    let alerting = "verdict=\"cause\",config=\"bot-features\",sentence=\"NAMED: ";
    assert!(
        metrics.lines().any(|line| line.starts_with("firstbad_collector_incident_info{") && line.contains(alerting))
    );
}

/// The bundle gives the same bytes again, on this machine or any other.
fn the_bundle_says_the_same(directory: &Path, live: &str, bundle: &Path) {
    let again = said(firstbad(directory).args(["diagnose", "--format", "json"]).arg(bundle));
    assert_eq!(again.code, Some(1), "{}", again.err);
    assert_eq!(again.out, live, "the bundle's verdict is the live one");
    let verified = said(firstbad(directory).args(["explain", "--verify"]).arg(bundle));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    // The control: half a bundle is no bundle, and the error names the file.
    let bytes = std::fs::read(bundle).expect("the bundle");
    let half = directory.join("half.tar.zst");
    std::fs::write(&half, bytes.get(..bytes.len() / 2).expect("half")).expect("written");
    let refused = said(firstbad(directory).args(["diagnose", "--format", "json"]).arg(&half));
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{}", refused.err);
    assert!(refused.err.contains("half.tar.zst"), "{}", refused.err);
}

fn strings(value: &Value) -> BTreeSet<String> {
    value.as_array().expect("a list").iter().map(|one| one.as_str().expect("text").to_owned()).collect()
}

/// What the stage wrote down about itself.
fn truth(directory: &Path) -> Value {
    let mut homes = std::fs::read_dir(directory).expect("the demo's place").filter_map(Result::ok);
    let home = homes.find(|entry| entry.file_name().to_string_lossy().starts_with("firstbad-demo-")).expect("kept");
    let text = std::fs::read_to_string(home.path().join("truth.json")).expect("truth.json");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_demo_names_the_input_and_its_bundle_says_the_same() {
    let _alone = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().expect("directory");
    let demo = Demo::start(directory.path());
    let (live, bundle) = published_and_bundled(directory.path(), &demo.api);
    the_report_holds_what_to_do(directory.path(), &demo.api);
    let (outcome, code, timeline) = demo.end();
    the_bundle_says_the_same(directory.path(), &live, &bundle);

    assert_eq!((code, &outcome["right"]), (Some(0), &Value::Bool(true)), "{timeline}\n{:#}", outcome["findings"]);
    assert_eq!(outcome["schema"], 1);
    let truth = truth(directory.path());
    let incident = accusing(&outcome.to_string()).expect("named");
    let cause = &incident["cause"];
    assert_eq!((&cause["config"], &cause["property"]), (&"bot-features".into(), &"rows > 200".into()));
    assert_eq!(strings(&cause["hashes"]), strings(&truth["bad"]));
    let signals = strings(&incident["signals"]);
    assert!(signals.contains("panics") && signals.contains("scores"), "{signals:?}");
    assert_ne!(incident["state"], "open", "the good file is back");
    assert_eq!(truth["killed"].as_array().map(Vec::len), Some(3), "some were killed with SIGKILL");
    let (after_s, exposed) = (outcome["named_after_s"].as_f64(), outcome["named_after_exposed_hosts"].as_u64());
    assert!(
        after_s.is_some_and(|s| s > 0.0 && s <= 60.0) && exposed.is_some_and(|n| (1..=24).contains(&n)),
        "{outcome}"
    );
    assert!(outcome["first_bad_load"].is_string(), "{outcome}");
}

/// The control of the judge: where nothing is guilty, the same run of the same parts accuses nobody.
#[test]
fn a_surge_after_a_harmless_push_accuses_nobody() {
    let _alone = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().expect("directory");
    let run = said(firstbad(directory.path()).args(["demo", "--headless", "--scenario", "surge", "--format", "json"]));
    let outcome: Value = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.err));
    assert_eq!((run.code, &outcome["right"]), (Some(0), &Value::Bool(true)), "{}\n{:#}", run.err, outcome["findings"]);
    assert!(accusing(&outcome.to_string()).is_none(), "{outcome:#}");
    assert_eq!(outcome["named_after_s"], Value::Null);
}
