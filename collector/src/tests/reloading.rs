//! Reloading the configuration of a running collector: a valid one is used; an invalid one changes nothing and is reported.

use super::support::{Running, eventually};
use crate::settings::{Alertmanager, FileError, Settings};
use std::path::Path;
use std::time::Duration;

const HEAD: &str = "+++\ntitle = \"t\"\nseverity = \"page\"\nescalate = \"never\"\n";
const ACTION: &str = "[[action]]\ndo = \"x\"\nrisk = \"none\"\nreversible = true\nverify = \"y\"\n";

fn settings(running: &Running, change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::on_free_ports(running.directory.path());
    change(&mut settings);
    settings
}

fn notices(running: &Running) -> String {
    running.collector().client().status().unwrap().notices.join("\n")
}

fn is_last_reload_good(running: &Running) -> bool {
    let text = running.get("/metrics").text();
    let value = text.lines().find_map(|line| line.strip_prefix("firstbad_collector_last_reload_successful "));
    value == Some("1")
}

fn alertmanager(url: &str) -> Option<Alertmanager> {
    Some(Alertmanager { urls: vec![url.to_owned()], ..Alertmanager::default() })
}

#[test]
fn what_can_change_while_it_runs_does_and_the_rest_is_named() {
    let running = Running::start();
    let collector = running.collector();
    assert!(collector.reload(Ok(settings(&running, |_| {}))).unwrap().applied.is_empty(), "control: nothing changed");
    let wanted = settings(&running, |settings| {
        settings.retention = Duration::from_secs(3600);
        settings.alertmanager = alertmanager("http://127.0.0.1:9");
        settings.engine.dimensions = vec!["cloud.zone".to_owned()];
    });
    let done = collector.reload(Ok(wanted.clone())).unwrap();
    assert_eq!((done.applied, done.after_restart), (vec!["alertmanager", "retention"], vec!["dimensions"]));
    let again = collector.reload(Ok(wanted)).unwrap();
    assert_eq!((again.applied.len(), again.after_restart), (0, vec!["dimensions"]), "it still waits for the restart");
    assert!(is_last_reload_good(&running) && notices(&running).is_empty());
}

#[test]
fn a_refused_configuration_changes_nothing_and_is_told_until_one_is_taken() {
    let running = Running::start();
    let collector = running.collector();
    let directory = running.directory.path().join("own");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("mine.md"), format!("{HEAD}colour = 1\n{ACTION}+++\n")).unwrap();
    let wanted = settings(&running, |settings| {
        settings.playbooks = Some(directory.clone());
        settings.retention = Duration::from_secs(3600);
    });
    let error = collector.reload(Ok(wanted.clone())).unwrap_err().to_string();
    assert!(error.contains("mine.md:5:1") && error.contains("colour"), "{error}");
    assert!(
        notices(&running).contains("not in force") && notices(&running).contains("mine.md:5:1"),
        "{}",
        notices(&running)
    );
    assert!(!is_last_reload_good(&running));
    let unreadable = FileError::Value { setting: "api", reason: "`x` is no address".to_owned() };
    assert!(collector.reload(Err(unreadable)).is_err());
    assert!(notices(&running).contains("no address"));
    std::fs::write(directory.join("mine.md"), format!("{HEAD}{ACTION}+++\n")).unwrap();
    let done = collector.reload(Ok(wanted)).unwrap();
    assert_eq!(done.applied, ["playbooks", "retention"], "nothing of the refused one was in force");
    assert!(notices(&running).is_empty() && is_last_reload_good(&running));
}

#[test]
fn alerts_follow_to_another_place() {
    let (first, second) = (Receiver::start(), Receiver::start());
    let running = Running::with(|settings| settings.alertmanager = alertmanager(&first.url));
    let publish = |batch| {
        let snapshot = super::alerting::snapshot(
            firstbad_protocol::verdict::Verdict::Cause,
            firstbad_protocol::verdict::State::Open,
        );
        running.collector().publisher().publish(crate::Published::new(batch, snapshot));
    };
    eventually("the first one is told", || {
        publish(1);
        first.calls() > 0
    });
    assert_eq!(second.calls(), 0);
    let wanted = settings(&running, |settings| settings.alertmanager = alertmanager(&second.url));
    running.collector().reload(Ok(wanted)).unwrap();
    let before = first.calls();
    eventually("the second one is told", || {
        publish(2);
        second.calls() > 0
    });
    assert_eq!(first.calls(), before, "the first one is told no more");
}

#[test]
fn own_playbooks_come_before_those_in_the_binary_and_bundles_do_not_need_them() {
    let directory = tempfile::tempdir().unwrap();
    let rule = "[[match]]\nverdict = [\"cause\", \"suspect\"]\nkind = [\"config\"]\nsignal = [\"errors\"]\nproperty = '^rows'\n";
    write_playbook(directory.path(), "mine", rule);
    let own = crate::playbooks::Playbooks::default();
    own.put(crate::playbooks::Playbooks::read(Some(directory.path())).unwrap());
    let snapshot =
        super::alerting::snapshot(firstbad_protocol::verdict::Verdict::Cause, firstbad_protocol::verdict::State::Open);
    let mut diagnosis = snapshot.diagnosis;
    own.annotate(&mut diagnosis);
    assert_eq!(diagnosis.incidents[0].playbook.as_deref(), Some("mine"));
    own.put(None);
    firstbad_playbooks::annotate(&mut diagnosis);
    own.annotate(&mut diagnosis);
    assert_ne!(diagnosis.incidents[0].playbook.as_deref(), Some("mine"), "control: without a directory");
    assert!(diagnosis.incidents[0].playbook.is_some());
}

fn write_playbook(directory: &Path, name: &str, rule: &str) {
    std::fs::write(directory.join(format!("{name}.md")), format!("{HEAD}{rule}{ACTION}+++\n")).unwrap();
}

/// A place that takes alerts and counts the calls.
struct Receiver {
    url: String,
    calls: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&calls);
        let take = move || {
            let counted = std::sync::Arc::clone(&counted);
            async move {
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        };
        let router = axum::Router::new().route("/api/v2/alerts", axum::routing::post(take));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, calls, _runtime: runtime }
    }

    fn calls(&self) -> usize {
        self.calls.load(std::sync::atomic::Ordering::SeqCst)
    }
}
