//! A named input that a proxy loads while it runs, with its declared limits and scores. Loading it is in `load` and `live`.

use crate::load::{Attempt, Origin};
use crate::load_outcome::LoadOutcome;
use crate::score::Score;
use crate::tag::Tag;
use firstbad_protocol::Hash;
use firstbad_protocol::recorder::layout;
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Limits that one config can declare.
pub(crate) const LIMITS_MAX: usize = layout::config::LIMITS_MAX;
/// Scores that one config can declare.
pub(crate) const SCORES_MAX: usize = layout::config::SCORES_MAX;

/// Hexadecimal digits of the hash at the end of a name that was cut.
const NAME_HASH_DIGITS: usize = 12;

/// A name as the recorder can hold it. Two long names with the same head stay two names.
fn bounded(name: String) -> String {
    if name.is_empty() {
        return "unnamed".to_owned();
    }
    let bytes_max = layout::config::NAME_BYTES_MAX;
    if name.len() <= bytes_max {
        return name;
    }
    let head = bytes_max - NAME_HASH_DIGITS - 1;
    let head = (0..=head).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    let (head, _) = name.split_at(head);
    format!("{head}~{}", Hash::of(name.as_bytes()).short())
}

/// A config for a proxy that keeps its own loader: `static RULES: Config = Config::new("waf-rules").limit("rows", 200);`
///
/// ```
/// use firstbad_instrument::{Config, Origin, Outcome};
///
/// static RULES: Config = Config::new("waf-rules").limit("rows", 200);
///
/// let bytes = b"allow 10.0.0.0/8\n";
/// let loading = RULES.loading(bytes, &Origin::new().name("rules.txt"));
/// let tag = match std::str::from_utf8(bytes) {
///     Ok(_rules) => loading.applied(), // store the rules with their tag
///     Err(error) => loading.refused("parse", &error.to_string()),
/// };
/// assert_eq!(RULES.active(), tag);
/// tag.record(Outcome::Ok);
/// ```
#[derive(Debug)]
pub struct Config {
    pub(crate) name: Cow<'static, str>,
    pub(crate) limits: [(&'static str, u64); LIMITS_MAX],
    pub(crate) scores: [Option<&'static Score>; SCORES_MAX],
    pub(crate) reject_over: bool,
    /// Beginnings of lines that the row-set hash leaves out.
    pub(crate) ignored: &'static [&'static str],
    /// Greatest file that is read into memory.
    pub(crate) read_bytes_max: u64,
    /// Place in the recorder's table, from 1; 0 while never loaded.
    pub(crate) place: AtomicU32,
    /// The recorder's word that holds the key of the active version.
    pub(crate) active: OnceLock<&'static AtomicU64>,
}

impl Config {
    /// A config called `name`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self::with_name(Cow::Borrowed(name))
    }

    /// A config whose name is known only while the proxy runs. Of a name of more than 256 bytes, the head and a hash of the whole
    /// are kept.
    ///
    /// One process records at most [`CONFIGS_MAX`](Self::CONFIGS_MAX) configs. A name keeps its place for the life of the process,
    /// also when its `Config` is dropped, and a later `Config` of the same name goes on with it. The loads of further configs say
    /// in their findings that they are not recorded, one line on stderr says so for the first of them, and
    /// `firstbad.telemetry.dropped` counts them under `configs_full`.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self::with_name(Cow::Owned(bounded(name.into())))
    }

    /// One of several configs of a kind, such as the file of a zone, a tenant or a virtual host: `Config::keyed("zone", "eu-1")` is
    /// the config `zone/eu-1`. See [`Self::named`] for how many there can be.
    #[must_use]
    pub fn keyed(kind: &str, key: impl fmt::Display) -> Self {
        Self::named(format!("{kind}/{key}"))
    }

    /// Greatest number of configs that one process records.
    pub const CONFIGS_MAX: usize = layout::CONFIGS_MAX;

    const fn with_name(name: Cow<'static, str>) -> Self {
        Self {
            name,
            limits: [("", 0); LIMITS_MAX],
            scores: [None; SCORES_MAX],
            reject_over: false,
            ignored: &[],
            read_bytes_max: 1 << 30,
            place: AtomicU32::new(0),
            active: OnceLock::new(),
        }
    }

    /// Declares a limit: `rows`, `bytes`, `columns`, or a counter of the proxy's own that [`Origin::counter`] fills.
    /// Observed, not enforced, unless [`Self::reject_over`]. A ninth limit is ignored.
    #[must_use]
    pub const fn limit(mut self, name: &'static str, value: u64) -> Self {
        self.add_limit(name, value);
        self
    }

    /// Refuses a version that exceeds a declared limit, instead of only reporting it.
    #[must_use]
    pub const fn reject_over(mut self) -> Self {
        self.reject_over = true;
        self
    }

    /// Leaves lines out of the row-set hash that differ from host to host although the version is the same: those that begin,
    /// after white space, with one of these texts (`["listen", "host ="]`). Rows of a list are left out likewise. The hash of
    /// the version stays that of all its bytes; [`Origin::revision`] is what groups the hashes.
    #[must_use]
    pub const fn ignore_lines(mut self, beginnings: &'static [&'static str]) -> Self {
        self.ignored = beginnings;
        self
    }

    /// Declares a score that is given under this config. A fifth score is ignored.
    #[must_use]
    pub const fn score(mut self, score: &'static Score) -> Self {
        self.add_score(score);
        self
    }

    #[expect(clippy::indexing_slicing, reason = "place < LIMITS_MAX; `get_mut` is not const")]
    pub(crate) const fn add_limit(&mut self, name: &'static str, value: u64) {
        let mut place = 0;
        while place < LIMITS_MAX {
            if self.limits[place].0.is_empty() {
                self.limits[place] = (name, value);
                return;
            }
            place += 1;
        }
    }

    #[expect(clippy::indexing_slicing, reason = "place < SCORES_MAX; `get_mut` is not const")]
    pub(crate) const fn add_score(&mut self, score: &'static Score) {
        let mut place = 0;
        while place < SCORES_MAX {
            if self.scores[place].is_none() {
                self.scores[place] = Some(score);
                return;
            }
            place += 1;
        }
    }

    /// Begins a load of `bytes` by the proxy's own loader: hashes and inspects the very buffer, and writes "loading" to
    /// the recorder, so that a process that dies in its parser is named. Finish with [`Attempt::applied`] or
    /// [`Attempt::refused`].
    pub fn loading(&self, bytes: &[u8], origin: &Origin) -> Attempt<'_> {
        Attempt::of_bytes(self, bytes, origin)
    }

    /// As [`Self::loading`], where only the hash is at hand; facts come from `origin` alone.
    pub fn loading_hash(&self, hash: Hash, origin: &Origin) -> Attempt<'_> {
        Attempt::of_hash(self, hash, origin)
    }

    /// A version that could not even be read: reason and error.
    pub(crate) fn unreadable(&self, reason: &str, error: &str) -> LoadOutcome {
        Attempt::of_nothing(self).finish(Err((reason, error)), |_| {})
    }

    /// The config's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that is active now.
    #[must_use]
    #[inline]
    pub fn active(&self) -> Tag {
        // The word itself, so that a request needs no look-up.
        Tag(self.active.get().map_or(0, |word| word.load(Relaxed)))
    }
}
