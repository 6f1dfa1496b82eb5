//! A config whose parsed form firstbad keeps: loads, last known good, and access with the tag of what is accessed.

use crate::config::Config;
use crate::file;
use crate::generations::{self, Generation, Generations, Parsed};
use crate::load::{Attempt, Origin};
use crate::load_outcome::LoadOutcome;
use crate::score::Score;
use crate::tag::{Outcome, Tag};
use arc_swap::{ArcSwap, Cache, Guard};
use std::cell::Cell;
use std::fmt::{self, Display};
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};
use std::time::{Duration, Instant};

/// Longest wait for another load to become active, which takes microseconds.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(1);

/// A parsed form and the version it was parsed from: they change together or not at all.
#[derive(Debug)]
pub(crate) struct Version<T> {
    pub(crate) value: T,
    /// The tag: a word of its own, since a version that comes back serves under a new one.
    tag: AtomicU64,
}

impl<T> Version<T> {
    pub(crate) fn new(value: T, tag: Tag) -> Arc<Self> {
        Arc::new(Self { value, tag: AtomicU64::new(tag.0) })
    }

    #[inline]
    pub(crate) fn tag(&self) -> Tag {
        Tag(self.tag.load(Relaxed))
    }
}

/// A config and its parsed form: `static FEATURES: Live<Features> = Live::new("bot-features").limit("rows", 200);`
///
/// ```
/// use firstbad_instrument::{Live, Origin, Outcome};
///
/// static RULES: Live<Vec<String>> = Live::new("waf-rules").limit("rows", 200);
///
/// fn parse(bytes: &[u8]) -> Result<Vec<String>, std::str::Utf8Error> {
///     Ok(std::str::from_utf8(bytes)?.lines().map(str::to_owned).collect())
/// }
///
/// assert!(RULES.pin().is_none(), "nothing is loaded");
/// RULES.load_bytes(b"a\nb\n", &Origin::new(), parse).applied()?;
/// // A refused version leaves the one before in place.
/// assert!(RULES.load_bytes(b"\xff", &Origin::new(), parse).applied().is_err());
/// let rules = RULES.pin().ok_or("no rules")?;
/// assert_eq!(rules.len(), 2);
/// rules.record(Outcome::Ok);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Live<T> {
    config: Config,
    current: OnceLock<ArcSwap<Version<T>>>,
    /// What served before. Its lock also keeps two loads from becoming active in one order here and in another in the
    /// recorder.
    generations: Mutex<Generations<T>>,
    generations_kept: usize,
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<T> Live<T> {
    /// A config called `name`, with nothing loaded.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self::of(Config::new(name))
    }

    /// The parsed form of `config`, with nothing loaded: `Live::of(Config::keyed("zone", "eu-1"))` for a name that is known only
    /// while the proxy runs.
    #[must_use]
    pub const fn of(config: Config) -> Self {
        Self {
            config,
            current: OnceLock::new(),
            generations: Mutex::new(Generations::new()),
            generations_kept: generations::KEPT,
        }
    }

    /// How many earlier versions are kept in parsed form, to go back to (default 2). Each costs the memory of its `T`.
    #[must_use]
    pub const fn generations_kept(mut self, count: usize) -> Self {
        self.generations_kept = count;
        self
    }

    /// Greatest file that [`Self::load_file`] reads, bytes (default 1 GiB); a larger one is refused with reason `limit`.
    #[must_use]
    pub const fn read_bytes_max(mut self, bytes: u64) -> Self {
        self.config.read_bytes_max = bytes;
        self
    }

    /// Declares a limit; see [`Config::limit`].
    #[must_use]
    pub const fn limit(mut self, name: &'static str, value: u64) -> Self {
        self.config.add_limit(name, value);
        self
    }

    /// Refuses a version that exceeds a declared limit; see [`Config::reject_over`].
    #[must_use]
    pub const fn reject_over(mut self) -> Self {
        self.config.reject_over = true;
        self
    }

    /// Leaves lines out of the row-set hash; see [`Config::ignore_lines`].
    #[must_use]
    pub const fn ignore_lines(mut self, beginnings: &'static [&'static str]) -> Self {
        self.config.ignored = beginnings;
        self
    }

    /// Declares a score; see [`Config::score`].
    #[must_use]
    pub const fn score(mut self, score: &'static Score) -> Self {
        self.config.add_score(score);
        self
    }

    /// The config, for [`Config::loading`] and [`Config::active`].
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Tag of the active version.
    #[must_use]
    #[inline]
    pub fn tag(&self) -> Tag {
        self.config.active()
    }

    /// Loads a file: reads it once, hashes and inspects the very buffer, runs `parse` on it, and makes the result active.
    /// A refusal, also by a panic in `parse`, keeps the version that serves.
    pub fn load_file<E: Display>(
        &self,
        path: impl AsRef<Path>,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> LoadOutcome {
        self.load_file_from(path, Origin::new(), parse)
    }

    /// As [`Self::load_file`], with what else is known of the version.
    pub fn load_file_from<E: Display>(
        &self,
        path: impl AsRef<Path>,
        origin: Origin,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> LoadOutcome {
        let path = path.as_ref();
        match file::read(path, self.config.read_bytes_max) {
            Ok(content) => self.load_bytes(&content.bytes, &origin.name_if_missing(path), parse),
            Err((reason, error)) => self.config.unreadable(reason, &error),
        }
    }

    /// Loads bytes that are at hand.
    pub fn load_bytes<E: Display>(
        &self,
        bytes: &[u8],
        origin: &Origin,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> LoadOutcome {
        let attempt = self.config.loading(bytes, origin);
        if self.current.get().is_some_and(|current| current.load().tag().hash() == Some(attempt.hash())) {
            return attempt.finish(Ok(()), |_| {});
        }
        let attempt = match attempt.within_limits() {
            Ok(attempt) => attempt,
            Err(refused) => return *refused,
        };
        match Attempt::guard(|| parse(bytes)) {
            Ok(value) => self.publish(attempt, |tag| Version::new(value, tag)),
            Err((reason, error)) => attempt.finish(Err((reason, &error)), |_| {}),
        }
    }

    fn publish(&self, attempt: Attempt<'_>, version: impl FnOnce(Tag) -> Arc<Version<T>>) -> LoadOutcome {
        let mut generations = self.lock_generations();
        let hash = attempt.hash();
        attempt.finish(Ok(()), |tag| {
            let version = version(tag);
            self.current.get_or_init(|| ArcSwap::new(Arc::clone(&version))).store(Arc::clone(&version));
            if let Some(generations) = &mut generations {
                generations.activate(Parsed { hash, version }, self.generations_kept, Instant::now());
            }
        })
    }

    /// The lock, unless it is held for longer than any load takes: in a child that was forked in the middle of another
    /// thread's load nobody will ever give it back, and a load must not wait for that.
    fn lock_generations(&self) -> Option<MutexGuard<'_, Generations<T>>> {
        let deadline = Instant::now() + LOCK_WAIT_MAX;
        loop {
            match self.generations.try_lock() {
                Ok(held) => return Some(held),
                Err(TryLockError::Poisoned(held)) => return Some(held.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() > deadline => return None,
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
    }

    /// The active version and those before it that are kept, with how long each served.
    pub fn generations(&self) -> Vec<Generation> {
        self.lock_generations().map_or_else(Vec::new, |generations| generations.list(Instant::now()))
    }

    /// Goes back to the last version before the active one that served for at least `bake_time`: its parsed form is still
    /// here, so nothing is read or parsed. None if there is no such version. When to go back is the proxy's decision.
    pub fn roll_back(&self, bake_time: Duration) -> Option<LoadOutcome> {
        let (hash, version) = self.lock_generations()?.last_good(bake_time)?;
        let attempt = self.config.loading_hash(hash, &Origin::new());
        Some(self.publish(attempt, |tag| {
            version.tag.store(tag.0, Relaxed);
            version
        }))
    }

    /// The active version, held for the guard's life; none before the first load that succeeded.
    #[must_use]
    #[inline]
    pub fn pin(&self) -> Option<Pin<T>> {
        let guard = self.current.get()?.load();
        Some(Pin { guard, armed: Cell::new(true) })
    }

    /// The active version, for as long as it is wanted; none before the first load that succeeded.
    #[cfg(feature = "axum")]
    pub(crate) fn version(&self) -> Option<Arc<Version<T>>> {
        Some(self.current.get()?.load_full())
    }

    /// A handle for one thread or one worker, whose [`Handle::pin`] costs one load while nothing changes.
    #[must_use]
    pub const fn handle(&self) -> Handle<'_, T> {
        Handle { live: self, cache: None }
    }
}

/// The active version, held. Derefs to the parsed form. Dropped in a panic before anything was recorded, it counts the
/// outcome `panic` under its version. Hold the [`Tag`] instead across awaits where the data itself is not needed.
///
/// ```
/// use firstbad_instrument::{Live, Origin, Outcome, Pin};
///
/// static RULES: Live<Vec<String>> = Live::new("waf-rules");
///
/// /// A request, or a part of it that needs the rules.
/// fn is_blocked(rules: &Pin<Vec<String>>, path: &str) -> bool {
///     rules.iter().any(|rule| path.starts_with(rule.as_str()))
/// }
///
/// # let parse = |bytes: &[u8]| std::str::from_utf8(bytes).map(|text| text.lines().map(str::to_owned).collect());
/// # RULES.load_bytes(b"/private\n", &Origin::new(), parse).applied().unwrap();
/// let rules = RULES.pin().unwrap();
/// rules.record(if is_blocked(&rules, "/private/a") { Outcome::Denied } else { Outcome::Ok });
/// ```
#[derive(Debug)]
pub struct Pin<T> {
    guard: Guard<Arc<Version<T>>>,
    armed: Cell<bool>,
}

impl<T> Pin<T> {
    /// The tag of the version held: Copy, may outlive the guard.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.guard.tag()
    }

    /// Counts one request under the version held.
    pub fn record(&self, outcome: Outcome) {
        self.disarm();
        self.tag().record(outcome);
    }

    /// Counts one score under the version held.
    pub fn score(&self, score: &Score, value: u8) {
        self.tag().score(score, value);
    }

    /// Leaves counting the outcome to someone else (a [`crate::Request`]).
    pub(crate) fn disarm(&self) {
        self.armed.set(false);
    }
}

impl<T> Deref for Pin<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard.value
    }
}

impl<T> Drop for Pin<T> {
    fn drop(&mut self) {
        if self.armed.get() && std::thread::panicking() {
            crate::tag::record_panic_of_pin(self.tag());
        }
    }
}

type VersionCache<'a, T> = Cache<&'a ArcSwap<Version<T>>, Arc<Version<T>>>;

/// One worker's way to the active version.
///
/// ```
/// use firstbad_instrument::{Live, Origin, Outcome};
///
/// static RULES: Live<Vec<String>> = Live::new("waf-rules");
///
/// # let parse = |bytes: &[u8]| std::str::from_utf8(bytes).map(|text| text.lines().map(str::to_owned).collect());
/// # RULES.load_bytes(b"/private\n", &Origin::new(), parse).applied().unwrap();
/// // One for each worker, made once.
/// let mut handle = RULES.handle();
/// for path in ["/", "/private/a"] {
///     let Some((rules, tag)) = handle.pin() else { continue };
///     let blocked = rules.iter().any(|rule| path.starts_with(rule.as_str()));
///     tag.record(if blocked { Outcome::Denied } else { Outcome::Ok });
/// }
/// ```
#[derive(Debug)]
pub struct Handle<'a, T> {
    live: &'a Live<T>,
    cache: Option<VersionCache<'a, T>>,
}

impl<T> Handle<'_, T> {
    /// The active version's parsed form and tag; none before the first load that succeeded.
    #[inline]
    pub fn pin(&mut self) -> Option<(&T, Tag)> {
        if self.cache.is_none() {
            self.cache = Some(Cache::new(self.live.current.get()?));
        }
        let version = self.cache.as_mut()?.load();
        Some((&version.value, version.tag()))
    }
}
