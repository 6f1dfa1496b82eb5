//! One request that may use several configs: counted once in the total and once under each version it used.

use crate::live::{Live, Pin};
use crate::tag::{Outcome, Tag};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// Versions that one request can be counted under; more are counted as dropped.
pub(crate) const TAGS_MAX: usize = 8;

/// Counts one request: once in the total, and once under each version in `tags` (one tag for each config it used).
///
/// ```
/// use firstbad_instrument::{Config, Origin, Outcome, record_load, record_request};
///
/// static ROUTES: Config = Config::new("routes");
/// static RULES: Config = Config::new("waf-rules");
///
/// let routes = record_load(&ROUTES, b"/\n", &Origin::new(), Ok(()));
/// let rules = record_load(&RULES, b"a\n", &Origin::new(), Ok(()));
/// // One request, which used both.
/// record_request(Outcome::of_status(Some(200), false), &[routes, rules]);
/// ```
#[inline]
pub fn record_request(outcome: Outcome, tags: &[Tag]) {
    if outcome.is_failure() {
        return record_failed(outcome, tags);
    }
    crate::tag::record_total(outcome);
    for tag in tags {
        tag.record(outcome);
    }
}

/// As [`record_request`], for several tags. It checks once for a request whether it failed, not once for each tag.
#[cold]
fn record_failed(outcome: Outcome, tags: &[Tag]) {
    crate::tag::record_total(outcome);
    for tag in tags {
        tag.record(outcome);
    }
}

/// The request that `places` belong to uses this version. The same tag twice counts once.
///
/// Places are cells, so that [`Request`], which handlers share by reference, and `pingora::Ctx`, which must be `Sync` and so holds
/// plain tags, rest on the same code.
// Measured: inlined, it makes a request of Pingora's with two pins 5 instructions longer than without it; called, 16 shorter.
#[inline(never)]
pub(crate) fn note_use(places: &[Cell<Tag>], tag: Tag) {
    if tag.is_none() {
        return;
    }
    // Places are taken from the first on, so that a free one ends the search.
    for place in places {
        if place.get() == tag {
            return;
        }
        if place.get().is_none() {
            return place.set(tag);
        }
    }
    crate::tag::count_dropped();
}

/// Counts a request in the total and under each version that it used.
#[inline]
pub(crate) fn count_uses(outcome: Outcome, tags: impl Iterator<Item = Tag>) {
    crate::tag::record_total(outcome);
    tags.take_while(|tag| !tag.is_none()).for_each(|tag| crate::tag::record_of_request(tag, outcome));
}

/// A request under way. [`Self::finish`] counts it; dropped in a panic, it counts the outcome `panic`; dropped without
/// either (the client went away), it counts nothing. Holds only tags, so it may cross awaits and threads. It allocates nothing.
/// Where several tasks or layers work on one request, see [`SharedRequest`].
///
/// ```
/// use firstbad_instrument::{Live, Origin, Outcome, Request};
///
/// static RULES: Live<Vec<String>> = Live::new("rules");
///
/// let parse = |bytes: &[u8]| std::str::from_utf8(bytes).map(|text| text.lines().map(str::to_owned).collect());
/// RULES.load_bytes(b"a\nb\n", &Origin::new(), parse).applied().unwrap();
/// let request = Request::start();
/// let rules = request.pin(&RULES).unwrap();
/// assert_eq!(rules.len(), 2);
/// // A task of the request may have panicked on another thread. `finish` then counts the outcome, and the panic itself stays
/// // counted under the version that the thread used: let the task run in `Tag::wrap`.
/// match std::thread::spawn(|| 200).join() {
///     Ok(status) => request.finish(Outcome::of_status(Some(status), false)),
///     Err(_) => request.finish(Outcome::Panic),
/// }
/// ```
#[derive(Debug, Default)]
pub struct Request {
    tags: [Cell<Tag>; TAGS_MAX],
    finished: Cell<bool>,
}

impl Request {
    /// A request that has used nothing so far.
    #[must_use]
    pub fn start() -> Self {
        Self::default()
    }

    /// The request uses this version. The same tag twice counts once.
    pub fn uses(&self, tag: Tag) {
        note_use(&self.tags, tag);
    }

    /// Pins the active version of `live` and counts this request under it.
    #[must_use]
    pub fn pin<T>(&self, live: &Live<T>) -> Option<Pin<T>> {
        let pin = live.pin()?;
        pin.disarm();
        self.uses(pin.tag());
        Some(pin)
    }

    /// Counts the request.
    pub fn finish(self, outcome: Outcome) {
        self.count(outcome);
    }

    fn count(&self, outcome: Outcome) {
        if self.finished.replace(true) {
            return;
        }
        count_uses(outcome, self.tags.iter().map(Cell::get));
    }

    /// The same request for several tasks, with the versions that it has used so far.
    #[must_use]
    pub fn share(self) -> SharedRequest {
        self.finished.set(true);
        let shared = SharedRequest::start();
        self.tags.iter().for_each(|tag| shared.uses(tag.get()));
        shared
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.count(Outcome::Panic);
        }
    }
}

/// A request that several tasks or layers work on, each with a clone of their own: `Clone + Send + Sync`, so that it can ride in
/// `http::Extensions`. Whoever ends it first counts it, once: [`Self::finish`], or a panic that drops a clone. If all clones are
/// dropped without either (the client went away), it counts nothing. It allocates once, when it is made.
///
/// A handler should pin what it uses with [`Self::pin`]: a pin of [`Live::pin`] that a panic drops counts a request of its own,
/// unless the same panic also drops a clone of this request that has used the version.
///
/// ```
/// use firstbad_instrument::{Live, Outcome, SharedRequest};
///
/// static RULES: Live<u8> = Live::new("rules");
///
/// // A layer around the handler:
/// let request = SharedRequest::start();
/// let for_handler = request.clone(); // extensions.insert(request.clone())
/// // The handler, in whatever task:
/// std::thread::spawn(move || {
///     if let Some(rules) = for_handler.pin(&RULES) {
///         println!("{}", *rules);
///     }
/// });
/// // The layer, with the status of the answer:
/// request.finish(Outcome::of_status(Some(200), false));
/// ```
#[derive(Clone, Debug)]
pub struct SharedRequest(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    tags: [AtomicU64; TAGS_MAX],
    finished: AtomicBool,
}

impl Default for SharedRequest {
    fn default() -> Self {
        Self::start()
    }
}

impl SharedRequest {
    /// A request that has used nothing so far.
    #[must_use]
    pub fn start() -> Self {
        Self(Arc::default())
    }

    /// The request uses this version. The same tag twice counts once.
    pub fn uses(&self, tag: Tag) {
        if tag.is_none() {
            return;
        }
        let takes = |place: &AtomicU64| match place.compare_exchange(0, tag.0, Relaxed, Relaxed) {
            Ok(_) => true,
            Err(known) => known == tag.0,
        };
        if !self.0.tags.iter().any(takes) {
            crate::tag::count_dropped();
        }
    }

    /// Pins the active version of `live` and counts this request under it.
    #[must_use]
    pub fn pin<T>(&self, live: &Live<T>) -> Option<Pin<T>> {
        let pin = live.pin()?;
        pin.disarm();
        self.uses(pin.tag());
        Some(pin)
    }

    /// Counts the request, unless it is counted already.
    pub fn finish(&self, outcome: Outcome) {
        if self.0.finished.swap(true, Relaxed) {
            return;
        }
        count_uses(outcome, self.0.tags.iter().map(|place| Tag(place.load(Relaxed))));
    }
}

impl Drop for SharedRequest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.finish(Outcome::Panic);
        }
    }
}
