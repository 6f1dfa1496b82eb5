//! For a proxy's own tests: [`torture`] hands a loader variants of a good file that producers really make, and tells what it did
//! with each; [`outcomes_of`] reads what was counted. A recorder that leaves nothing behind is
//! [`Init::for_tests`](crate::Init::for_tests). Making the variants is in `variants`; a variant is neither stored nor sent.
//!
//! ```
//! use firstbad_instrument::testing::torture;
//!
//! // The loader under test gives what a request would see: here the answers to two look-ups.
//! fn load(bytes: &[u8]) -> Result<(bool, bool), String> {
//!     let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
//!     let mut rows: Vec<&str> = text.lines().collect();
//!     if rows.len() != 2 || rows.iter().any(|row| row.len() != 2 || row.parse::<u8>().is_err()) || !text.ends_with('\n') {
//!         return Err(format!("{} rows, 2 are expected, each a number", rows.len()));
//!     }
//!     rows.sort_unstable();
//!     Ok((rows.binary_search(&"10").is_ok(), rows.binary_search(&"20").is_ok()))
//! }
//!
//! let report = torture(load, "10\n20\n");
//! assert!(report.faults().next().is_none(), "{report}");
//! ```

mod counted;
mod variants;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use counted::outcomes_of;
pub use firstbad_protocol::recorder::Outcomes;
pub use variants::Expected;
use variants::Variant;

/// What a loader did with one variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It refused it, with this error.
    Refused(String),
    /// It took it, and behaves as with the good file.
    Same,
    /// It took it without a word, and behaves otherwise than with the good file.
    Changed,
    /// It panicked, with this message.
    Panicked(String),
    /// It did not come back in time. Its thread runs on.
    Hung,
}

/// One variant, and what became of it.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What the variant is.
    pub variant: String,
    /// What a loader may do with it.
    pub expected: Expected,
    /// What it did.
    pub reaction: Reaction,
}

impl Trial {
    /// Whether the loader did what would have been an outage: a panic, a hang, or damage taken without a word.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match (&self.reaction, self.expected) {
            (Reaction::Panicked(_) | Reaction::Hung, _) => true,
            (Reaction::Changed, expected) => expected != Expected::Anything,
            (Reaction::Same, expected) => expected == Expected::Refusal,
            (Reaction::Refused(_), expected) => expected == Expected::Acceptance,
        }
    }
}

/// What a loader did with every variant.
#[derive(Clone, Debug)]
#[must_use = "the report says whether the loader holds"]
pub struct Report {
    /// One for each variant, in the order they were tried.
    pub trials: Vec<Trial>,
}

impl Report {
    /// The trials that would have been an outage.
    pub fn faults(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|trial| trial.is_fault())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} variants, {} faults", self.trials.len(), self.faults().count())?;
        for trial in &self.trials {
            let mark = if trial.is_fault() { "FAULT" } else { "ok" };
            let said = match &trial.reaction {
                Reaction::Refused(error) => format!("refused: {error}"),
                Reaction::Same => "taken, same behaviour".to_owned(),
                Reaction::Changed => "taken without a word, other behaviour".to_owned(),
                Reaction::Panicked(message) => format!("panicked: {message}"),
                Reaction::Hung => "did not come back".to_owned(),
            };
            writeln!(f, "{mark:5} {}: {said}", trial.variant)?;
        }
        Ok(())
    }
}

/// Settings of a torture; see [`torture`].
///
/// ```
/// use firstbad_instrument::testing::Torture;
///
/// let load = |bytes: &[u8]| match bytes {
///     b"10\n20\n" => Ok(2),
///     _ => Err("not the file that this loader knows"),
/// };
/// let report = Torture::of("10\n20\n").name("ports.txt").rows_max(2).run(load);
/// # let _ = report.faults().count();
/// ```
#[derive(Clone, Debug)]
pub struct Torture {
    good: Vec<u8>,
    name: String,
    rows_max: Option<usize>,
    timeout: Duration,
}

/// Feeds variants of the good file to `loader`: empty, truncated, duplicated, blank, re-ordered, junk, oversized, off by one.
/// `loader` gives what requests would see of the file (the answers to a few look-ups, say): that is how a variant taken
/// without a word is told from one that does no harm. Panics are caught, and a loader that hangs is left behind on its thread.
pub fn torture<B, E>(
    loader: impl Fn(&[u8]) -> Result<B, E> + Send + Sync + 'static,
    good_file: impl Into<Vec<u8>>,
) -> Report
where
    B: PartialEq + Send + 'static,
    E: fmt::Display,
{
    Torture::of(good_file).run(loader)
}

impl Torture {
    /// With this good file, 5 s for each load, and no limit of rows.
    #[must_use]
    pub fn of(good_file: impl Into<Vec<u8>>) -> Self {
        Self { good: good_file.into(), name: String::new(), rows_max: None, timeout: Duration::from_secs(5) }
    }

    /// File name of the good file: tells how it is cut into rows.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Rows that the loader must take; with one more it must refuse.
    #[must_use]
    pub const fn rows_max(mut self, rows: usize) -> Self {
        self.rows_max = Some(rows);
        self
    }

    /// How long a load may take before it counts as hung.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs it; see [`torture`].
    pub fn run<B, E>(&self, loader: impl Fn(&[u8]) -> Result<B, E> + Send + Sync + 'static) -> Report
    where
        B: PartialEq + Send + 'static,
        E: fmt::Display,
    {
        let loader = Arc::new(loader);
        let good = Arc::new(Mutex::new(None));
        let try_one = |variant: Variant| {
            let reaction = self.react(&loader, &good, variant.bytes);
            Trial { variant: variant.name, expected: variant.expected, reaction }
        };
        let itself =
            |name: &str| Variant { name: name.to_owned(), expected: Expected::Acceptance, bytes: self.good.clone() };
        let mut trials = vec![try_one(itself("the good file itself")), try_one(itself("the good file again"))];
        let broken = trials.iter().any(Trial::is_fault);
        if !broken {
            trials.extend(variants::of(&self.good, &self.name, self.rows_max).into_iter().map(try_one));
        }
        Report { trials }
    }

    /// Loads on a thread of its own. The first behaviour that `good` learns is the good file's.
    fn react<B, E, L>(&self, loader: &Arc<L>, good: &Arc<Mutex<Option<B>>>, bytes: Vec<u8>) -> Reaction
    where
        B: PartialEq + Send + 'static,
        E: fmt::Display,
        L: Fn(&[u8]) -> Result<B, E> + Send + Sync + 'static,
    {
        let (loader, good) = (Arc::clone(loader), Arc::clone(good));
        let (tell, told) = channel();
        let run = move || {
            let loaded =
                std::panic::catch_unwind(AssertUnwindSafe(|| loader(&bytes).map_err(|error| error.to_string())));
            let reaction = match loaded {
                Err(payload) => Reaction::Panicked(message(&*payload)),
                Ok(Err(error)) => Reaction::Refused(error),
                Ok(Ok(behaviour)) => {
                    let mut good = good.lock().unwrap_or_else(PoisonError::into_inner);
                    match &*good {
                        Some(good) if *good != behaviour => Reaction::Changed,
                        Some(_) => Reaction::Same,
                        None => {
                            *good = Some(behaviour);
                            Reaction::Same
                        }
                    }
                }
            };
            let _ = tell.send(reaction);
        };
        let spawned = std::thread::Builder::new().name("firstbad-torture".to_owned()).spawn(run);
        match told.recv_timeout(if spawned.is_ok() { self.timeout } else { Duration::ZERO }) {
            Ok(reaction) => reaction,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Reaction::Hung,
        }
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("(a panic whose payload is no text)").to_owned()
}
