//! Alerts reach an Alertmanager in its own form: once when an incident opens, again when its words change, and with an
//! end when it is over.

use super::support::eventually;
use crate::alerts::senders;
use crate::health::Health;
use crate::publish::{Published, Publisher};
use crate::settings::Alertmanager;
use axum::extract::State;
use axum::routing::post;
use firstbad_protocol::snapshot::{Fleet, Snapshot};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{self, Cause, CauseKind, Diagnosis, Incident, Verdict, Window};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

type Received = Arc<Mutex<Vec<serde_json::Value>>>;

/// An Alertmanager as far as we use one: it answers 503 to the first call, so that the repetition is tested too.
fn alertmanager() -> (tokio::runtime::Runtime, String, Received) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let received = Received::default();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let take = move |State(received): State<Received>, axum::Json(alerts): axum::Json<Vec<serde_json::Value>>| async move {
        if calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            return axum::http::StatusCode::SERVICE_UNAVAILABLE;
        }
        received.lock().unwrap().extend(alerts);
        axum::http::StatusCode::OK
    };
    let router = axum::Router::new().route("/api/v2/alerts", post(take)).with_state(Arc::clone(&received));
    runtime.spawn(async move { axum::serve(listener, router).await });
    (runtime, url, received)
}

pub(super) fn snapshot(verdict: Verdict, state: verdict::State) -> Snapshot {
    let cause = Cause {
        kind: CauseKind::Config,
        config: Some("bot-features".to_owned()),
        hashes: vec![super::fleet::bad()],
        property: Some("rows > 200".into()),
        also_separates: Vec::new(),
        scope: BTreeMap::new(),
        change: None,
        dimensions: BTreeMap::new(),
    };
    let incident = Incident {
        state,
        signals: vec![verdict::Signal::Errors],
        verdict,
        cause: verdict.accuses().then_some(cause),
        playbook: Some("oversized-input".to_owned()),
        ..Incident::new("20251118-112804-errors".to_owned(), super::fleet::BEGAN)
    };
    let window = Window::default();
    let (schema, asked, blind_spots) = (verdict::SCHEMA, false, Vec::new());
    Snapshot {
        at: Some(Timestamp::from_seconds(1_763_465_400)),
        diagnosis: Diagnosis { schema, asked, window, blind_spots, incidents: vec![incident] },
        fleet: Fleet::default(),
        versions: Vec::new(),
        lines: Vec::new(),
        hosts: Vec::new(),
        census: None,
        changes: Vec::new(),
        rollouts: Vec::new(),
        sites: Vec::new(),
        deaths: Vec::new(),
    }
}

#[test]
fn an_incident_is_told_from_its_opening_to_its_end() {
    let (_runtime, url, received) = alertmanager();
    let publisher = Publisher::new(Published::new(1, snapshot(Verdict::InsufficientEvidence, verdict::State::Open)));
    let health = Arc::new(Health::new(1));
    let alertmanager = Alertmanager { urls: vec![url], ..Alertmanager::default() };
    let mut sender = senders(&alertmanager, &publisher, &health).unwrap().remove(0);
    sender.end_after = std::time::Duration::ZERO;

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let thread = std::thread::spawn(move || sender.run(&stopped));
    let of = |verdict: &str, ended: bool| {
        let received = received.lock().unwrap();
        let mut all = received.iter();
        all.find(|alert| alert["annotations"]["verdict"] == verdict && alert.get("endsAt").is_some() == ended).cloned()
    };
    eventually("the incident is told, after a refusal", || of("insufficient_evidence", false).is_some());
    publisher.publish(Published::new(2, snapshot(Verdict::Cause, verdict::State::Open)));
    eventually("the verdict is told", || of("cause", false).is_some());
    let alert = of("cause", false).unwrap();
    assert_eq!(alert["labels"]["incident"], "20251118-112804-errors");
    assert_eq!(alert["labels"]["config"], "bot-features");
    assert_eq!(alert["annotations"]["report"], "firstbad report 20251118-112804-errors");
    assert_eq!(alert["annotations"]["playbook"], "oversized-input");
    assert!(alert["annotations"]["summary"].as_str().unwrap().contains("bot-features"), "{alert}");
    eventually("the earlier word is ended", || of("insufficient_evidence", true).is_some());
    publisher.publish(Published::new(3, snapshot(Verdict::Cause, verdict::State::Resolved)));
    eventually("the end is told", || of("cause", true).is_some());
    stop.send(true).unwrap();
    thread.join().unwrap();
    let text = health.render();
    assert!(
        text.contains(r#"firstbad_collector_notifications_total{target="alertmanager",result="failed"} 1"#),
        "{text}"
    );
}
