//! One page an incident, with the files of `dashboards/` as they are shipped and a real Prometheus and Alertmanager. Both get the
//! incident: Alertmanager from the collector's own sender, Prometheus from its metrics. Only times and addresses are changed.

mod servers;

use super::alerting::snapshot;
use super::support::eventually;
use crate::alerts::senders;
use crate::fleet::FleetCounts;
use crate::health::Health;
use crate::publish::{Published, Publisher};
use crate::settings::Alertmanager;
use firstbad_protocol::Hash;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{EngineerWord, HistoryEntry, Incident, QuietScope, State, Verdict, WordKind};
use servers::{Servers, post_alert};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const INCIDENT: &str = "20251118-112804-errors";

/// A collector as far as alerts see one: what it says of one incident, its metrics, its sender.
struct Stage {
    publisher: Publisher,
    servers: Servers,
    batch: u64,
    stop: tokio::sync::watch::Sender<bool>,
    sender: Option<std::thread::JoinHandle<()>>,
}

impl Stage {
    /// Begins with an incident that nobody explains; pages that are not held are repeated after `repeat`.
    fn begin(repeat: &str) -> Self {
        let first = snapshot(Verdict::InsufficientEvidence, State::Open);
        let publisher = Publisher::new(Published::new(1, first));
        let counts = Arc::new(Mutex::new(FleetCounts::new(false)));
        let served = publisher.clone();
        let metrics = move || counts.lock().unwrap().render(&served.latest().snapshot);
        let servers = Servers::start(repeat, metrics);
        let settings = Alertmanager { urls: vec![servers.alertmanager.clone()], ..Alertmanager::default() };
        let mut sender = senders(&settings, &publisher, &Arc::new(Health::new(1))).unwrap().remove(0);
        // A scrape and an evaluation take two seconds here.
        sender.end_after = Duration::from_secs(4);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let sender = Some(std::thread::spawn(move || sender.run(&stopped)));
        Self { publisher, servers, batch: 1, stop, sender }
    }

    /// The collector says this of its one incident.
    fn say(&mut self, change: impl FnOnce(&mut Incident)) {
        let mut now = self.publisher.latest().snapshot.clone();
        change(&mut now.diagnosis.incidents[0]);
        self.publish(now);
    }

    fn publish(&mut self, now: Snapshot) {
        self.batch += 1;
        self.publisher.publish(Published::new(self.batch, now));
    }

    /// The incident is accused, by this verdict.
    fn accuse(&mut self, verdict: Verdict, hashes: &[&[u8]]) {
        let cause = snapshot(Verdict::Cause, State::Open).diagnosis.incidents[0].cause.clone();
        self.say(|incident| {
            (incident.verdict, incident.named_at) = (verdict, Some(incident.onset + 1));
            incident.cause = cause;
            let hashes = hashes.iter().map(|bytes| Hash::of(bytes)).collect();
            incident.cause.as_mut().unwrap().hashes = hashes;
        });
    }

    /// Long enough for another notification, if there were one: a scrape, an evaluation, a wait of the group.
    fn settle(&self) {
        std::thread::sleep(Duration::from_secs(6));
    }

    fn pages(&self) -> Vec<String> {
        self.servers.received("/pager", INCIDENT)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(sender) = self.sender.take() {
            let _ = sender.join();
        }
    }
}

fn word(kind: WordKind, since: Timestamp) -> EngineerWord {
    EngineerWord {
        id: 1,
        kind,
        at: since,
        since,
        until: (kind == WordKind::Quiet).then(|| since + 3_600_000_000_000),
        author: "anna".to_owned(),
        authenticated: true,
        text: String::new(),
        incident: Some(INCIDENT.to_owned()),
        scope: (kind == WordKind::Quiet).then(QuietScope::default),
    }
}

#[test]
fn one_incident_is_one_page_from_its_name_to_its_end() {
    let mut stage = Stage::begin("4h");
    eventually("an incident without a cause is told in the channel", || {
        stage.servers.received("/channel", INCIDENT) == ["firing"]
    });
    assert!(stage.pages().is_empty());
    stage.accuse(Verdict::Suspect, &[b"one"]);
    eventually("the accusation pages", || stage.pages() == ["firing"]);
    eventually("Prometheus has the alert too", || stage.servers.prometheus_fires("FirstbadIncident"));

    // Nothing of this is another page: the second source, what stands behind the verdict, a version that joins, a cause, a
    // verdict that is withdrawn.
    post_alert(&stage.servers.alertmanager, "FirstbadErrorsFollowVersion", "firstbad");
    stage.accuse(Verdict::Cause, &[b"one", b"two"]);
    stage.settle();
    stage.say(|incident| {
        let cause = incident.cause.take();
        incident.history.push(HistoryEntry { at: incident.onset + 1, verdict: Verdict::Cause, cause });
        (incident.verdict, incident.named_at) = (Verdict::InsufficientEvidence, None);
    });
    stage.settle();
    stage.accuse(Verdict::Cause, &[b"one", b"two"]);
    stage.settle();
    assert_eq!(stage.pages(), ["firing"], "{:#?}", stage.servers.all());
    assert!(stage.servers.received_named("/pager", "FirstbadErrorsFollowVersion").is_empty());
    post_alert(&stage.servers.alertmanager, "FirstbadErrorsFollowVersion", "another-fleet");
    eventually("the control: the same of another fleet pages", || {
        !stage.servers.received_named("/pager", "FirstbadErrorsFollowVersion").is_empty()
    });

    stage.say(|incident| incident.state = State::Recovering);
    eventually("recovery ends the page", || stage.pages() == ["firing", "resolved"]);
    let told = stage.servers.received("/channel", INCIDENT).len();
    stage.say(|incident| incident.state = State::Resolved);
    eventually("the end is told in the channel", || {
        let channel = stage.servers.received("/channel", INCIDENT);
        channel.len() > told && channel.last().is_some_and(|status| status == "resolved")
    });
    stage.settle();
    assert_eq!(stage.pages(), ["firing", "resolved"], "{:#?}", stage.servers.all());
}

#[test]
fn what_is_held_pages_nobody_and_what_is_still_open_at_the_end_pages_then() {
    let mut stage = Stage::begin("4h");
    let onset = stage.publisher.latest().snapshot.diagnosis.incidents[0].onset;
    stage.say(|incident| incident.words = vec![word(WordKind::Quiet, onset - 1)]);
    stage.accuse(Verdict::Cause, &[b"one"]);
    stage.settle();
    assert!(stage.pages().is_empty(), "{:#?}", stage.servers.all());
    stage.say(|incident| incident.words.clear());
    eventually("the quiet time is over", || stage.pages() == ["firing"]);
}

#[test]
fn an_acknowledged_page_is_not_repeated_until_the_word_is_taken_back() {
    let mut stage = Stage::begin("3s");
    stage.accuse(Verdict::Cause, &[b"one"]);
    eventually("the control: a page that nobody took is repeated", || stage.pages().len() >= 3);
    let at = stage.publisher.latest().snapshot.at.unwrap();
    stage.say(|incident| incident.words = vec![word(WordKind::Ack, at)]);
    stage.settle();
    let told = stage.pages();
    stage.settle();
    assert_eq!(stage.pages(), told, "it was acknowledged");
    assert!(told.iter().all(|status| status == "firing"), "and is not called over: {told:?}");
    stage.say(|incident| incident.words.clear());
    eventually("it is repeated again", || stage.pages().len() > told.len());
}
