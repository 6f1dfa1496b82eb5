//! The tag: which version of which config produced a result. Copy, one word, may cross awaits and threads.

use crate::score::Score;
use crate::{hook, hot, recorder, table};
use firstbad_protocol::Hash;
use firstbad_protocol::recorder::layout::{cell, dropped, key};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How a request ended.
///
/// ```
/// use firstbad_instrument::Outcome;
///
/// assert_eq!(Outcome::of_status(Some(204), false), Outcome::Ok);
/// assert_eq!(Outcome::of_status(Some(401), false), Outcome::Denied);
/// assert_eq!(Outcome::of_status(Some(502), false), Outcome::Error);
/// assert_eq!(Outcome::of_status(None, false), Outcome::Error, "the client got no answer");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Outcome {
    /// Served.
    Ok = cell::OK as u8,
    /// Answered with a refusal: blocked, unauthorised, not found, too many requests.
    Denied = cell::DENIED as u8,
    /// Failed without a panic.
    Error = cell::ERROR as u8,
    /// Ended in a panic.
    Panic = cell::PANIC as u8,
}

impl Outcome {
    /// The outcome of a request by the HTTP status of its answer, if it had one, and by whether the proxy saw an error. A client
    /// sees a failure at a status of 500 and above, or without an answer. A status of 400 to 499 is a denial, whether or not the
    /// proxy saw an error.
    #[must_use]
    pub const fn of_status(status: Option<u16>, error: bool) -> Self {
        match status {
            Some(400..500) => Self::Denied,
            Some(..400) if !error => Self::Ok,
            _ => Self::Error,
        }
    }

    /// Whether the client got no answer, or an answer with a status of 500 and above.
    #[inline]
    pub(crate) const fn is_failure(self) -> bool {
        self.cell() >= cell::ERROR
    }

    #[inline]
    const fn cell(self) -> usize {
        self as usize
    }
}

/// The version that produced a result. What is recorded through it counts under that version, whatever is active by then. The
/// default is [`Tag::NONE`], so that a parsed form can hold its tag in a field that its format does not have.
///
/// ```
/// use firstbad_instrument::{Config, Hash, Origin, Outcome, Tag, record_load};
///
/// static RULES: Config = Config::new("waf-rules");
///
/// let before = record_load(&RULES, b"a\n", &Origin::new(), Ok(()));
/// let after = record_load(&RULES, b"b\n", &Origin::new(), Ok(()));
/// before.record(Outcome::Error); // a request that began under the version before
/// assert_eq!(before.hash(), Some(Hash::of(b"a\n")));
/// assert_eq!(RULES.active(), after);
/// assert!(Tag::default().is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tag(pub(crate) u64);

impl Tag {
    /// No version: recording through it does nothing.
    pub const NONE: Self = Self(0);

    /// Whether there is no version behind the tag.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Counts one request of this config under this version. For a proxy with several configs, see
    /// [`crate::record_request`], which also counts the total.
    #[inline]
    pub fn record(self, outcome: Outcome) {
        if outcome.is_failure() {
            hot::count_failure(self.0, outcome.cell());
        } else {
            hot::count(self.0, key::lane(self.0), outcome.cell());
        }
    }

    /// Counts one score given under this version. `score` is declared by the version's config; a score that is not is
    /// counted as dropped.
    #[inline]
    pub fn score(self, score: &Score, value: u8) {
        self.count_score(score, score.cell(value));
    }

    /// Counts one score, cut into the buckets that `score` declares; NaN, below and above are counted as such.
    #[inline]
    pub fn score_f64(self, score: &Score, value: f64) {
        self.count_score(score, score.cell_f64(value));
    }

    #[inline]
    fn count_score(self, score: &Score, cell: usize) {
        let lane = score.lane();
        // A lane below the config's own is that of another config; `count` refuses one above it.
        if lane < key::lane(self.0) {
            self.count_score_declared_again(score, cell);
        } else {
            hot::count(self.0, lane, cell);
        }
    }

    /// Counts a score whose first config, which has a lower lane, is not the tag's.
    #[cold]
    fn count_score_declared_again(self, score: &Score, cell: usize) {
        match score.lane_from(key::lane(self.0)) {
            Some(lane) => hot::count(self.0, lane, cell),
            None => count_dropped(),
        }
    }

    /// The version's hash, while the recorder still knows the version.
    #[must_use]
    pub fn hash(self) -> Option<Hash> {
        table::hash_of(recorder::words()?, self.0)
    }

    /// Until the guard is dropped, a panic on this thread counts under this version of its config, not under the one that
    /// is active by then. Also where panics abort, and no guard's drop runs any more.
    #[must_use = "the guard says how long"]
    pub fn enter(self) -> Entered {
        let (config, before) = hook::enter(self.0);
        Entered { config, before, not_send: PhantomData }
    }

    /// Wraps a future so that a panic in any of its polls counts under this version.
    pub fn wrap<F: Future>(self, future: F) -> Tagged<F> {
        Tagged { tag: self, future: Box::pin(future) }
    }
}

/// A thread's word that it uses a version; see [`Tag::enter`].
///
/// ```
/// use firstbad_instrument::{Config, Origin, record_load};
///
/// static RULES: Config = Config::new("waf-rules");
///
/// let tag = record_load(&RULES, b"a\n", &Origin::new(), Ok(()));
/// let worker = std::thread::spawn(move || {
///     let _entered = tag.enter();
///     // A panic here counts under `tag`, even if another version is active now.
/// });
/// worker.join().unwrap();
/// ```
#[derive(Debug)]
pub struct Entered {
    config: usize,
    before: u64,
    /// The word is this thread's.
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        hook::enter_config(self.config, self.before);
        let _ = self.not_send;
    }
}

/// A future that is polled under a tag; see [`Tag::wrap`].
///
/// ```
/// use firstbad_instrument::{Config, Origin, record_load};
///
/// static RULES: Config = Config::new("waf-rules");
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let tag = record_load(&RULES, b"a\n", &Origin::new(), Ok(()));
/// // A panic in the task counts under `tag`, on whatever thread it is polled.
/// let task = tokio::spawn(tag.wrap(async { 200 }));
/// assert_eq!(task.await.unwrap(), 200);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Tagged<F> {
    tag: Tag,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Tagged<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = self.tag.enter();
        self.future.as_mut().poll(context)
    }
}

/// Counts one request in the total.
#[inline]
pub(crate) fn record_total(outcome: Outcome) {
    hot::count_total(outcome.cell());
}

/// Counts the outcome `panic` of a pin that a panic drops.
#[cold]
pub(crate) fn record_panic_of_pin(tag: Tag) {
    hook::amend(tag.0);
    hook::note_outcome_of_pin(tag.0);
    tag.record(Outcome::Panic);
}

/// Counts the outcome of a request under a version that it used. A pin that the same panic dropped has counted it already.
#[inline]
pub(crate) fn record_of_request(tag: Tag, outcome: Outcome) {
    if outcome != Outcome::Panic {
        return tag.record(outcome);
    }
    record_panic_of_request(tag);
}

#[cold]
fn record_panic_of_request(tag: Tag) {
    hook::amend(tag.0);
    if !hook::take_outcome_of_pin(tag.0) {
        tag.record(Outcome::Panic);
    }
}

pub(crate) fn count_dropped() {
    recorder::count_dropped(dropped::TAGS);
}
