//! The senders that run, one for each Alertmanager, and how they follow a changed configuration: one that stays goes on with
//! what it has delivered, so that nothing is sent twice and each end is still sent.

use super::{Sender, senders};
use crate::health::Health;
use crate::publish::Publisher;
use crate::security::SecurityError;
use crate::settings::{AlertTexts, Alertmanager};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// What a running sender takes over at its next look.
#[derive(Debug)]
pub(crate) struct Renewal {
    pub(super) outbound: crate::security::Outbound,
    pub(super) texts: AlertTexts,
}

/// The place where a sender finds its renewal.
pub(crate) type RenewalSlot = Arc<Mutex<Option<Renewal>>>;

/// A sender that runs.
#[derive(Debug)]
struct Running {
    renewal: RenewalSlot,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

/// The senders that run, by URL. Dropping it stops them.
#[derive(Debug)]
pub(crate) struct Pool {
    publisher: Publisher,
    health: Arc<Health>,
    running: BTreeMap<String, Running>,
}

impl Pool {
    /// Without senders.
    pub(crate) fn new(publisher: Publisher, health: Arc<Health>) -> Self {
        Self { publisher, health, running: BTreeMap::new() }
    }

    /// Senders for `alertmanager` that do not run yet.
    ///
    /// # Errors
    /// If a file of the connection cannot be used. Nothing has changed then.
    pub(crate) fn prepare(&self, alertmanager: Option<&Alertmanager>) -> Result<Vec<Sender>, SecurityError> {
        alertmanager.map_or_else(|| Ok(Vec::new()), |alertmanager| senders(alertmanager, &self.publisher, &self.health))
    }

    /// Lets exactly these run: starts new ones, renews those that run, ends the others.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub(crate) fn apply(&mut self, senders: Vec<Sender>) -> std::io::Result<()> {
        let mut before = std::mem::take(&mut self.running);
        for sender in senders {
            let url = sender.url.clone();
            let running = match before.remove(&url) {
                Some(running) => {
                    let renewal = Renewal { outbound: sender.outbound, texts: sender.texts };
                    *running.renewal.lock().unwrap_or_else(PoisonError::into_inner) = Some(renewal);
                    running
                }
                None => Running::start(sender)?,
            };
            self.running.insert(url, running);
        }
        before.into_values().for_each(Running::end);
        Ok(())
    }
}

impl Running {
    fn start(sender: Sender) -> std::io::Result<Self> {
        let renewal = Arc::clone(&sender.renewal);
        let (stop, stopped) = watch::channel(false);
        let named = std::thread::Builder::new().name("firstbad-alerts".to_owned());
        Ok(Self { renewal, stop, thread: named.spawn(move || sender.run(&stopped))? })
    }

    fn end(self) {
        let _ = self.stop.send(true);
        let _ = self.thread.join();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        std::mem::take(&mut self.running).into_values().for_each(Running::end);
    }
}
