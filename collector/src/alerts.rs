//! Alerts out: open incidents to each Alertmanager (`POST /api/v2/alerts`), which has the routes, silences and pagers. An
//! alert's text holds the verdict sentence, the incident's id and the exact report command.

mod payload;
pub(crate) mod pool;
pub(crate) mod severity;

use crate::health::Health;
use crate::local::sleep_until;
use crate::publish::Publisher;
use crate::security::{Outbound, SecurityError, Timeouts};
use crate::settings::{AlertTexts, Alertmanager};
use payload::Alert;
pub use severity::severity;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often the verdicts are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Alertmanager forgets an alert that is not repeated for five minutes (its `resolve_timeout`).
const REPEAT_EVERY: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long an alert must be gone before it is ended. Prometheus may send the same alert (`dashboards/prometheus`) and sees its
/// end up to a scrape and an evaluation later: ended before that, it would fire, and page, once more.
const END_AFTER: Duration = Duration::from_secs(15);
/// Longest wait before an Alertmanager that did not answer is tried again: a page may come so much later.
const RETRY_MAX: Duration = Duration::from_secs(15);

/// Sends alerts to one Alertmanager.
#[derive(Debug)]
pub(crate) struct Sender {
    url: String,
    outbound: Outbound,
    publisher: Publisher,
    health: Arc<Health>,
    texts: AlertTexts,
    /// By labels: what was delivered.
    sent: BTreeMap<BTreeMap<String, String>, Alert>,
    sent_at: Option<Instant>,
    /// By labels: since when what was delivered is gone.
    gone: BTreeMap<BTreeMap<String, String>, Instant>,
    pub(crate) end_after: Duration,
    failing: Option<Failing>,
    /// Where a changed configuration is left for it.
    renewal: pool::RenewalSlot,
}

/// An Alertmanager that does not answer.
#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Instant,
    /// When it is tried again, and how long was waited for that.
    next: Instant,
    waited: Duration,
}

/// A sender for each Alertmanager.
///
/// # Errors
/// If a file of the connection cannot be used.
pub(crate) fn senders(
    alertmanager: &Alertmanager,
    publisher: &Publisher,
    health: &Arc<Health>,
) -> Result<Vec<Sender>, SecurityError> {
    let sender = |url: &String| {
        let url = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
        let timeouts = Timeouts { whole: Some(TIMEOUT), ..Timeouts::default() };
        Ok(Sender {
            outbound: Outbound::new(&alertmanager.connect, &url, timeouts)?,
            url,
            publisher: publisher.clone(),
            health: Arc::clone(health),
            texts: alertmanager.texts.clone(),
            sent: BTreeMap::new(),
            sent_at: None,
            gone: BTreeMap::new(),
            end_after: END_AFTER,
            failing: None,
            renewal: pool::RenewalSlot::default(),
        })
    };
    alertmanager.urls.iter().map(sender).collect()
}

impl Sender {
    pub(crate) fn run(mut self, stop: &watch::Receiver<bool>) {
        loop {
            self.look();
            if !sleep_until(Instant::now() + LOOK_EVERY, stop) {
                return;
            }
        }
    }

    /// Sends what is new, ended, or due again. What could not be delivered is tried again, less and less often.
    fn look(&mut self) {
        if let Some(renewal) = self.renewal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            (self.outbound, self.texts) = (renewal.outbound, renewal.texts);
            // What keeps it from delivering may be what was changed.
            self.failing = self.failing.map(|failing| Failing { next: Instant::now(), ..failing });
        }
        if self.failing.is_some_and(|failing| Instant::now() < failing.next) {
            return;
        }
        let latest = self.publisher.latest();
        let open = payload::alerts(&latest.snapshot.diagnosis, &self.texts);
        let open: BTreeMap<_, _> = open.map(|alert| (alert.labels.clone(), alert)).collect();
        let due = self.sent_at.is_none_or(|at| at.elapsed() >= REPEAT_EVERY);
        let mut alerts: Vec<Alert> = open.values().filter(|alert| due || !self.knows(alert)).cloned().collect();
        // An alert whose labels are no longer true has ended, even if its incident goes on under another severity.
        let now = latest.snapshot.at;
        let ended = self.ended(&open);
        let of = |labels| self.sent.get(labels).map(|alert| Alert { ends_at: now, ..alert.clone() });
        alerts.extend(ended.iter().filter_map(of));
        if alerts.is_empty() {
            return;
        }
        let body = serde_json::to_vec(&alerts).unwrap_or_default();
        let result = match self.post(&body) {
            Ok(()) => {
                self.sent.retain(|labels, _| !ended.contains(labels));
                self.sent.extend(open);
                self.sent_at = Some(Instant::now());
                self.answered();
                "sent"
            }
            Err(error) => {
                self.failed(&error);
                "failed"
            }
        };
        self.health.notifications("alertmanager", result, alerts.len() as u64);
    }

    /// Labels of alerts that were delivered and have been gone for long enough.
    fn ended(&mut self, open: &BTreeMap<BTreeMap<String, String>, Alert>) -> BTreeSet<BTreeMap<String, String>> {
        let now = Instant::now();
        let sent = &self.sent;
        self.gone.retain(|labels, _| sent.contains_key(labels) && !open.contains_key(labels));
        for labels in sent.keys().filter(|labels| !open.contains_key(*labels)) {
            self.gone.entry(labels.clone()).or_insert(now);
        }
        let after = self.end_after;
        let long = self.gone.iter().filter(|(_, since)| since.elapsed() >= after);
        long.map(|(labels, _)| labels.clone()).collect()
    }

    fn answered(&mut self) {
        if let Some(failing) = self.failing.take() {
            let seconds = failing.since.elapsed().as_secs();
            tracing::info!(url = self.shown(), seconds, "alerts are delivered again");
        }
    }

    /// One line when it begins to fail; the metric counts the rest.
    fn failed(&mut self, error: &str) {
        let now = Instant::now();
        let before = self.failing;
        let waited = before.map_or(LOOK_EVERY, |failing| (failing.waited * 2).min(RETRY_MAX));
        self.failing = Some(Failing { since: before.map_or(now, |failing| failing.since), next: now + waited, waited });
        if before.is_none() {
            tracing::warn!(error, url = self.shown(), "alerts are not delivered; they are sent again until they are");
        }
    }

    /// The URL without a password in it.
    fn shown(&self) -> String {
        match (self.url.split_once("://"), self.url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://..@{rest}"),
            _ => self.url.clone(),
        }
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
