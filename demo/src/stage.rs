//! Carries out a scenario's schedule with real files, processes and requests, and keeps the truth about it. One thread,
//! the director, owns everything and is the only writer; callers read copies. What to do when is decided by `scenario`.

mod announcer;
mod director;

use crate::clock;
use crate::home::Home;
use crate::scenario::{Phase, Scenario};
use crate::truth::{Event, Truth};
use director::Director;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// How to stage.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What.
    pub scenario: Scenario,
    /// Seed of everything random. Shown to people, so that a run can be repeated.
    pub seed: u64,
    /// Where change events are sent (OTLP/HTTP); none: nobody is told.
    pub otlp_http: Option<SocketAddr>,
}

/// Why nothing could be staged. What goes wrong later is in [`Truth::trouble`].
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The files.
    #[error("the demo could not make its files below {path}: {reason}")]
    Files {
        /// Where.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The threads.
    #[error("the demo could not start a thread: {0}")]
    Threads(std::io::Error),
}

/// What the director shares with callers.
#[derive(Debug)]
struct Shared {
    truth: Mutex<Truth>,
    events: Mutex<Vec<Event>>,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Truth) -> T) -> T {
        change(&mut self.truth.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, what: impl Into<String>) {
        let event = Event { at: clock::now(), what: what.into() };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// Says what went wrong; the first trouble stays, later ones are only told.
    fn trouble(&self, what: String) {
        self.tell(format!("TROUBLE: {what}"));
        self.change(|truth| truth.trouble.get_or_insert(what).len());
    }
}

/// A running play.
#[derive(Debug)]
pub struct Stage {
    shared: Arc<Shared>,
    stop: Option<Sender<director::Input>>,
    director: Option<JoinHandle<()>>,
}

impl Stage {
    /// Starts the fleet in `home` and then the schedule. Returns at once: [`Truth::phase`] tells how far it is.
    ///
    /// # Errors
    /// If files or threads cannot be made.
    pub fn start(home: Arc<Home>, settings: Settings) -> Result<Self, StageError> {
        let mut truth = Truth::new(settings.scenario, settings.seed);
        truth.started = clock::now();
        let shared = Arc::new(Shared { truth: Mutex::new(truth), events: Mutex::new(Vec::new()) });
        let (sender, inputs) = mpsc::channel();
        let path = home.path().to_owned();
        let director = Director::new(home, settings, Arc::clone(&shared), sender.clone())
            .map_err(|reason| StageError::Files { path, reason })?;
        let director = std::thread::Builder::new()
            .name("demo-director".to_owned())
            .spawn(move || director.run(&inputs))
            .map_err(StageError::Threads)?;
        Ok(Self { shared, stop: Some(sender), director: Some(director) })
    }

    /// The ground truth as of now.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.shared.change(|truth| truth.clone())
    }

    /// Where the play stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.shared.change(|truth| truth.phase)
    }

    /// What happened since this was asked last, in order. At most a few dozen per run.
    #[must_use]
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.shared.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends load and processes, and returns the final truth.
    #[must_use]
    pub fn stop(mut self) -> Truth {
        self.end();
        self.truth()
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(director::Input::Stop);
        }
        if let Some(director) = self.director.take() {
            let _ = director.join();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end();
    }
}
