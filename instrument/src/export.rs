//! A small shipper for proxies that no agent can stand beside: one thread that posts this process's recorder as OTLP/HTTP in
//! JSON, every few seconds. It is bounded in bytes a second, spread in time, and nothing of the proxy ever waits for it. Counts
//! are cumulative, so a report that does not arrive costs nothing but freshness; events that were overwritten before they could
//! be told are counted. It also tells the deaths of earlier processes of the service, as an agent would.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _recorder = firstbad_instrument::init().service("fl2").install()?;
//! let _exporter = firstbad_instrument::export::to("http://127.0.0.1:4318").start()?;
//! # Ok(())
//! # }
//! ```

mod budget;
mod dead;
mod http;
mod json;
mod logs;
mod metrics;
mod shipped;

use crate::cells::now_ns;
use crate::recorder;
use budget::Budget;
use dead::Dead;
use firstbad_protocol::recorder::RecorderImage;
use http::{Answer, Target};
use shipped::Shipped;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time that one post may take, from the name's look-up to the answer.
const POST_TIME_MAX: Duration = Duration::from_secs(5);

/// Settings of the shipper; see [`to`].
///
/// ```
/// use firstbad_instrument::export;
/// use std::time::Duration;
///
/// let exporter = export::to("http://collector:4318").every(Duration::from_secs(5)).bytes_per_second(32 << 10);
/// # let _ = exporter;
/// ```
#[derive(Clone, Debug)]
pub struct Export {
    url: String,
    bearer: Option<String>,
    every: Duration,
    bytes_per_second: u64,
}

/// Begins the set-up of a shipper to `url`: `http://host[:port][/prefix]`, port 4318 unless told. No TLS.
#[must_use]
pub fn to(url: impl Into<String>) -> Export {
    Export { url: url.into(), bearer: None, every: Duration::from_secs(10), bytes_per_second: 64 << 10 }
}

/// Why the shipper was not started.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// The address cannot be used.
    Address(String),
    /// The system gives no thread.
    Thread(std::io::Error),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(why) => write!(f, "exporting: {why}"),
            Self::Thread(error) => write!(f, "starting the export thread: {error}"),
        }
    }
}

impl std::error::Error for ExportError {}

impl Export {
    /// Time between two reports, at least a second (default 10 s); each is spread by a fifth.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every.max(Duration::from_secs(1));
        self
    }

    /// Bytes a second on average (default 64 KiB).
    #[must_use]
    pub const fn bytes_per_second(mut self, bytes: u64) -> Self {
        self.bytes_per_second = bytes;
        self
    }

    /// Token of the `Authorization` header.
    #[must_use]
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.bearer = Some(token.into());
        self
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// When the address cannot be used, or the system gives no thread.
    pub fn start(self) -> Result<Exporter, ExportError> {
        let mut target = Target::parse(&self.url).map_err(ExportError::Address)?;
        if let Some(token) = &self.bearer {
            target.bearer(token);
        }
        let shared = Arc::new(Shared::default());
        let budget = Budget::new(self.bytes_per_second, Instant::now());
        let mut shipper = Shipper {
            target,
            budget,
            every: self.every,
            shipped: Shipped::default(),
            dead: None,
            shared: Arc::clone(&shared),
        };
        std::thread::Builder::new()
            .name("firstbad-export".to_owned())
            .spawn(move || shipper.run())
            .map_err(ExportError::Thread)?;
        Ok(Exporter { shared })
    }
}

/// What the shipper has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reports that are safe at the receiver.
    pub reports: u64,
    /// Bytes of bodies that were posted.
    pub bytes: u64,
    /// Posts that the receiver did not take, or that reached nobody.
    pub failures: u64,
    /// Reports held back by the budget of bytes.
    pub held_back: u64,
    /// Reports that the receiver refused for good: their events are not told again.
    pub refused: u64,
}

#[derive(Default)]
struct Shared {
    /// Asked to stop, or to report at once; reports attempted so far.
    asked: Mutex<Asked>,
    changed: Condvar,
    counts: [AtomicU64; 5],
}

#[derive(Default)]
struct Asked {
    stop: bool,
    now: bool,
    attempts: u64,
}

/// A running shipper. Dropping it stops the thread without waiting for it: what it had not sent stays in the recorder, for the
/// next process or an agent. To send the last state first, call [`Self::flush`].
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// let recorder = firstbad_instrument::init().service("job").install()?;
/// let exporter = firstbad_instrument::export::to("http://127.0.0.1:4318").start()?;
/// // .. the work of a short job ..
/// exporter.flush(Duration::from_secs(2));
/// println!("{} reports, {} failures", exporter.stats().reports, exporter.stats().failures);
/// # drop(recorder);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it stops the export"]
pub struct Exporter {
    shared: Arc<Shared>,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").field("stats", &self.stats()).finish()
    }
}

impl Exporter {
    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let [reports, bytes, failures, held_back, refused] =
            [0, 1, 2, 3, 4].map(|place: usize| self.shared.counts.get(place).map_or(0, |count| count.load(Relaxed)));
        Stats { reports, bytes, failures, held_back, refused }
    }

    /// Asks for a report at once and waits for its end, at most `timeout`. Whether one was attempted in that time.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = asked.attempts;
        asked.now = true;
        self.shared.changed.notify_all();
        while asked.attempts == before || asked.now {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            asked = self.shared.changed.wait_timeout(asked, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.shared.changed.notify_all();
    }
}

struct Shipper {
    target: Target,
    budget: Budget,
    every: Duration,
    shipped: Shipped,
    /// A recorder of a dead process that is being sent.
    dead: Option<Dead>,
    shared: Arc<Shared>,
}

/// One report of a recorder.
struct Report {
    /// Events that are not sent yet.
    records: Vec<logs::Record>,
    /// Number of events that were overwritten before they were sent.
    lost: u64,
    /// Time of the metrics, in nanoseconds since the Unix epoch.
    at_ns: u64,
}

impl Shipper {
    fn run(&mut self) {
        let mut failures = 0;
        loop {
            let answer = self.report();
            failures = if answer == Answer::Taken { 0 } else { failures + 1 };
            let retry_after = if let Answer::Later(after) = answer { after } else { None };
            let random = crate::directory::random() as u64;
            if !self.wait(budget::pause(self.every, failures, retry_after, random)) {
                return;
            }
        }
    }

    /// Waits for the next report; `false` if there is none to come.
    fn wait(&self, pause: Duration) -> bool {
        let mut asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.attempts += 1;
        self.shared.changed.notify_all();
        let (due, deadline) = (|asked: &Asked| asked.stop || asked.now, Instant::now() + pause);
        while !due(&asked) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            asked = self.shared.changed.wait_timeout(asked, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        asked.now = false;
        !asked.stop
    }

    fn count(&self, place: usize, amount: u64) {
        if let Some(count) = self.shared.counts.get(place) {
            count.fetch_add(amount, Relaxed);
        }
    }

    /// This process's recorder, then one dead one.
    fn report(&mut self) -> Answer {
        let Some(image) = crate::own::image() else { return Answer::Taken };
        let (records, told) = self.shipped.news(&image);
        let answer = self.ship(&image, Report { records, lost: told.lost, at_ns: now_ns() });
        if matches!(answer, Answer::Taken | Answer::Refused(_)) {
            self.shipped = told;
        }
        if answer == Answer::Taken { self.report_dead() } else { answer }
    }

    fn report_dead(&mut self) -> Answer {
        if self.dead.is_none() {
            let home = recorder::lock().home.as_ref().map(|home| (home.path.clone(), home.settings.service.clone()));
            let Some((own, service)) = home else { return Answer::Taken };
            self.dead = dead::claim(&own, &crate::directory::file_stem(&service));
        }
        let Some(found) = self.dead.take() else { return Answer::Taken };
        let (mut records, told) = Shipped::default().news(&found.image);
        records.extend(logs::death(&found.image, found.died_ns));
        let answer = self.ship(&found.image, Report { records, lost: told.lost, at_ns: found.died_ns });
        if matches!(answer, Answer::Taken | Answer::Refused(_)) {
            found.finish();
        } else {
            self.dead = Some(found);
        }
        answer
    }

    fn ship(&mut self, image: &RecorderImage, report: Report) -> Answer {
        let Report { records, lost, at_ns } = report;
        let mut bodies = Vec::new();
        if !records.is_empty() {
            bodies.push(("logs", logs::body(image, records)));
        }
        bodies.push(("metrics", metrics::body(image, at_ns, lost)));
        for (signal, body) in bodies {
            if !self.budget.take(body.len(), Instant::now()) {
                self.count(3, 1);
                return Answer::Later(None);
            }
            let answer = self.target.post(signal, &body, POST_TIME_MAX);
            self.count(1, body.len() as u64);
            match answer {
                Answer::Taken => self.count(0, 1),
                Answer::Refused(_) => {
                    self.count(4, 1);
                    return answer;
                }
                Answer::Later(_) | Answer::Unreachable(_) => {
                    self.count(2, 1);
                    return answer;
                }
            }
        }
        Answer::Taken
    }
}
