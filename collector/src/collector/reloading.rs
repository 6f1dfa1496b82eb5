//! The parts of a running collector that follow a changed configuration. Everything is prepared before anything is changed.

use crate::StartError;
use crate::alerts::pool::Pool;
use crate::playbooks::Playbooks;
use crate::reload::{ReloadError, Reloaded, difference};
use crate::security::Fresh;
use crate::server::api::Api;
use crate::settings::{FileError, Settings};
use crate::writer::Kept;
use std::sync::{Arc, Mutex, PoisonError};

/// What other parts of the collector read while it may change.
pub(super) struct Shared {
    /// The settings in force.
    pub(super) settings: Settings,
    pub(super) kept: Arc<Mutex<Kept>>,
    pub(super) playbooks: Playbooks,
    /// Certificates and credentials.
    pub(super) fresh: Vec<Arc<dyn Fresh>>,
}

/// Puts changed settings in force, one reload at a time.
pub(super) struct Reloading {
    state: Mutex<State>,
    /// Where the status finds why the last configuration was refused.
    problem: Arc<Mutex<Option<String>>>,
}

struct State {
    shared: Shared,
    /// None once the collector stops.
    alerts: Option<Pool>,
}

impl std::fmt::Debug for Reloading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloading").finish_non_exhaustive()
    }
}

impl Reloading {
    /// Starts the senders of alerts.
    ///
    /// # Errors
    /// If a file of their connection cannot be used, or there is no thread to be had.
    pub(super) fn start(api: &Api, shared: Shared) -> Result<Self, StartError> {
        let mut alerts = Pool::new(api.publisher.clone(), Arc::clone(&api.health));
        let settings = &shared.settings;
        let senders = alerts.prepare(settings.alertmanager.as_ref().filter(|_| !settings.shadow))?;
        alerts.apply(senders).map_err(|source| StartError::Thread { what: "alerts", source })?;
        let state = Mutex::new(State { shared, alerts: Some(alerts) });
        Ok(Self { state, problem: Arc::clone(&api.reload_problem) })
    }

    /// See [`crate::Collector::reload`].
    pub(super) fn reload(&self, wanted: Result<Settings, FileError>) -> Result<Reloaded, ReloadError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let done = wanted.map_err(ReloadError::from).and_then(|wanted| state.reload(wanted));
        let problem = done.as_ref().err().map(|error| format!("the changed configuration is not in force: {error}"));
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        done
    }

    /// Ends the senders of alerts.
    pub(super) fn stop(&self) {
        drop(self.state.lock().unwrap_or_else(PoisonError::into_inner).alerts.take());
    }
}

impl State {
    fn reload(&mut self, wanted: Settings) -> Result<Reloaded, ReloadError> {
        let Some(alerts) = &mut self.alerts else { return Ok(Reloaded::default()) };
        let Shared { settings, kept, playbooks, fresh } = &mut self.shared;
        let library = Playbooks::read(wanted.playbooks.as_deref())?;
        // Whether it alerts at all is decided at start.
        let senders = alerts.prepare(wanted.alertmanager.as_ref().filter(|_| !settings.shadow))?;
        fresh.iter().for_each(|files| files.look());
        if let Some(problem) = fresh.iter().find_map(|files| files.problem()) {
            return Err(ReloadError::Files(problem));
        }
        let done = difference(settings, &wanted);
        alerts.apply(senders)?;
        playbooks.put(library);
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Kept::of(&wanted);
        settings.alertmanager = wanted.alertmanager;
        settings.playbooks = wanted.playbooks;
        (settings.retention, settings.store_bytes_max) = (wanted.retention, wanted.store_bytes_max);
        Ok(done)
    }
}
