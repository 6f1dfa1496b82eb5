//! Alerts out: open incidents to an Alertmanager (`POST /api/v2/alerts`), which has the routes, silences and pagers. An
//! alert's text holds the verdict sentence, the incident's id and the exact report command.

mod payload;

use crate::health::Health;
use crate::local::sleep_until;
use crate::publish::Publisher;
use crate::security::{Outbound, SecurityError, Timeouts};
use crate::settings::Alertmanager;
use payload::Alert;
pub use payload::severity;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often the verdicts are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Alertmanager forgets an alert that is not repeated for five minutes (its `resolve_timeout`).
const REPEAT_EVERY: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends alerts.
#[derive(Debug)]
pub(crate) struct Sender {
    url: String,
    outbound: Outbound,
    publisher: Publisher,
    health: Arc<Health>,
    /// By labels: what was delivered.
    sent: BTreeMap<BTreeMap<String, String>, Alert>,
    sent_at: Option<Instant>,
}

impl Sender {
    /// # Errors
    /// If a file of the connection cannot be used.
    pub(crate) fn new(
        alertmanager: &Alertmanager,
        publisher: Publisher,
        health: Arc<Health>,
    ) -> Result<Self, SecurityError> {
        let url = format!("{}/api/v2/alerts", alertmanager.url.trim_end_matches('/'));
        let timeouts = Timeouts { whole: Some(TIMEOUT), ..Timeouts::default() };
        let outbound = Outbound::new(&alertmanager.connect, &url, timeouts)?;
        Ok(Self { url, outbound, publisher, health, sent: BTreeMap::new(), sent_at: None })
    }

    pub(crate) fn run(mut self, stop: &watch::Receiver<bool>) {
        loop {
            self.look();
            if !sleep_until(Instant::now() + LOOK_EVERY, stop) {
                return;
            }
        }
    }

    /// Sends what is new, ended, or due again. What could not be delivered is tried at the next look.
    fn look(&mut self) {
        let latest = self.publisher.latest();
        let open: BTreeMap<_, _> = payload::alerts(&latest.snapshot.diagnosis).map(|a| (a.labels.clone(), a)).collect();
        let due = self.sent_at.is_none_or(|at| at.elapsed() >= REPEAT_EVERY);
        let mut alerts: Vec<Alert> = open.values().filter(|alert| due || !self.knows(alert)).cloned().collect();
        // An alert whose labels are no longer true has ended, even if its incident goes on under another verdict.
        let now = latest.snapshot.at;
        let ended = self.sent.iter().filter(|(labels, _)| !open.contains_key(*labels));
        alerts.extend(ended.map(|(_, alert)| Alert { ends_at: now, ..alert.clone() }));
        if alerts.is_empty() {
            return;
        }
        let body = serde_json::to_vec(&alerts).unwrap_or_default();
        let result = match self.post(&body) {
            Ok(()) => {
                self.sent = open;
                self.sent_at = Some(Instant::now());
                "sent"
            }
            Err(error) => {
                tracing::warn!(error, url = self.url, "alerts were not delivered; they are sent again");
                "failed"
            }
        };
        self.health.notifications("alertmanager", result, alerts.len() as u64);
    }

    fn post(&self, body: &[u8]) -> Result<(), String> {
        let request = self.outbound.authorized(self.outbound.agent().post(&self.url)).content_type("application/json");
        let answer = request.send(body).map_err(|error| error.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("status {}", answer.status().as_u16())) }
    }

    /// Whether this was delivered; numbers in the sentence move with each report and wait for the next repetition.
    fn knows(&self, alert: &Alert) -> bool {
        self.sent.get(&alert.labels).is_some_and(|sent| sent.says_the_same(alert))
    }
}
