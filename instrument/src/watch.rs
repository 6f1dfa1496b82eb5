//! Watches a file and loads it when its content is another: the file replaced, a symbolic link swapped, or written in place.
//! Whether the bytes are good is decided by the parser; here only whether they are of one piece.

use crate::file::{self, Stamp};
use crate::live::Live;
use crate::load::Origin;
use crate::load_outcome::LoadOutcome;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Looks at which a file was being written, after which it is loaded all the same: what is appended to for ever would never be
/// loaded.
const UNSETTLED_MAX: u32 = 10;

/// A watched file, for a proxy with a timer of its own: call [`Self::poll`] from it. [`Live::watch`] brings a thread instead.
///
/// ```
/// use firstbad_instrument::{Live, Watched};
/// use std::time::Duration;
///
/// static RULES: Live<String> = Live::new("waf-rules");
///
/// let path = std::env::temp_dir().join(format!("rules-{}", std::process::id()));
/// std::fs::write(&path, "a\n")?;
/// let mut watched = Watched::new(&RULES, &path, Duration::ZERO);
/// let parse = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
/// assert!(watched.poll(parse).is_some_and(|loaded| loaded.applied().is_ok()));
/// assert!(watched.poll(parse).is_none(), "nothing changed");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Watched<T: 'static> {
    live: &'static Live<T>,
    path: PathBuf,
    origin: Origin,
    /// For so long nobody has written to a file before it is read, unless it looks the same twice.
    settle: Duration,
    loaded: Option<Stamp>,
    seen: Option<Stamp>,
    unsettled: u32,
    missing: bool,
}

impl<T> Watched<T> {
    /// A file that nobody has looked at. A file that was written to within `settle` is read at the next look that finds it
    /// unchanged.
    #[must_use]
    pub fn new(live: &'static Live<T>, path: impl AsRef<Path>, settle: Duration) -> Self {
        let path = path.as_ref().to_owned();
        let origin = Origin::new().name_if_missing(&path);
        Self { live, path, origin, settle, loaded: None, seen: None, unsettled: 0, missing: false }
    }

    /// What else is known of the versions.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin.name_if_missing(&self.path);
        self
    }

    /// Looks once, and loads if there is another content, or if the file cannot be read any more (told once). None if there was
    /// nothing to do.
    pub fn poll<E: Display>(&mut self, parse: impl FnOnce(&[u8]) -> Result<T, E>) -> Option<LoadOutcome> {
        let found = match Stamp::of(&self.path) {
            Ok(found) => found,
            Err(error) if !std::mem::replace(&mut self.missing, true) => {
                self.loaded = None;
                let error = format!("reading {}: {error}", self.path.display());
                return Some(self.live.config().unreadable("io", &error));
            }
            Err(_) => return None,
        };
        self.missing = false;
        if self.loaded == Some(found) {
            return None;
        }
        let quiet = found.age(SystemTime::now()).is_some_and(|age| age >= self.settle);
        let same = self.seen.replace(found) == Some(found);
        if !quiet && !same && self.is_patient() {
            return None;
        }
        self.load(parse)
    }

    fn load<E: Display>(&mut self, parse: impl FnOnce(&[u8]) -> Result<T, E>) -> Option<LoadOutcome> {
        match file::read(&self.path, self.live.config().read_bytes_max) {
            Ok(content) if !content.whole && self.is_patient() => None,
            Ok(content) => {
                self.unsettled = 0;
                self.loaded = Some(content.stamp);
                Some(self.live.load_bytes(&content.bytes, &self.origin, parse))
            }
            Err((reason, error)) => {
                self.unsettled = 0;
                self.loaded = self.seen;
                Some(self.live.config().unreadable(reason, &error))
            }
        }
    }

    /// Whether to wait for a later look.
    fn is_patient(&mut self) -> bool {
        self.unsettled += 1;
        self.unsettled <= UNSETTLED_MAX
    }
}

/// Stops the thread of [`Live::watch`] when dropped.
///
/// ```
/// use firstbad_instrument::{Live, Watcher};
/// use std::time::Duration;
///
/// static RULES: Live<String> = Live::new("waf-rules");
///
/// fn watch_rules() -> std::io::Result<Watcher> {
///     RULES.watch("/etc/waf/rules.txt", Duration::from_secs(2), |bytes| String::from_utf8(bytes.to_vec()))
/// }
/// ```
#[derive(Debug)]
#[must_use = "dropping it stops the watch"]
pub struct Watcher {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl<T: Send + Sync + 'static> Live<T> {
    /// Loads `path` now and then whenever its content is another, looking every `every`, on a thread of its own.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch<E: Display>(
        &'static self,
        path: impl AsRef<Path>,
        every: Duration,
        parse: impl Fn(&[u8]) -> Result<T, E> + Send + 'static,
    ) -> std::io::Result<Watcher> {
        let mut watched = Watched::new(self, path, every);
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let asked = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("firstbad-watch".to_owned()).spawn(move || {
            let (stop, changed) = &*asked;
            let mut stopped = stop.lock().unwrap_or_else(PoisonError::into_inner);
            while !*stopped {
                drop(stopped);
                let _ = watched.poll(&parse);
                stopped = stop.lock().unwrap_or_else(PoisonError::into_inner);
                if !*stopped {
                    stopped = changed.wait_timeout(stopped, every).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        })?;
        Ok(Watcher { stop, thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
