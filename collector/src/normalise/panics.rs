//! The panics that are kept one by one, and those that are only counted: a process that panics in every request sends the
//! same event thousands of times a second. Of one process at one place, the first [`KEPT_A_MINUTE`] of a minute are kept as
//! they were sent; the further ones of a request become one [`MorePanics`]. An event whose bytes were read before, apart
//! from its times, is not read again ([`Digest`]).

use super::identity::{self, Identity};
use super::keys::{self, Key};
use super::names::Names;
use super::senders::Sender;
use super::table::{AsIs, Table};
use crate::otlp::model::LogRecord;
use crate::otlp::{Digest, Form};
use firstbad_diagnosis::observation::{Dimensions, MorePanics, Name, Observation, Panic};
use firstbad_protocol::Hash;
use firstbad_protocol::names::attribute;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// Panics of one process at one place that are kept one by one in a minute of event time. Chosen: more than anybody reads.
pub(super) const KEPT_A_MINUTE: u32 = 100;
const MINUTE_NS: i64 = 60 * SECOND_NS;
/// Processes and places for which the number of a minute is remembered; 48 bytes each.
const PLACES_MAX: usize = 65_536;
/// Events whose bytes are remembered; with messages of the greatest length below 8 MB.
const DIGESTS_MAX: usize = 16_384;
/// An event with a longer message is not remembered by its bytes.
const MESSAGE_BYTES_MAX: usize = 256;

/// How many panics of each process at each place were kept. After a restart it begins anew.
#[derive(Debug, Default)]
pub(super) struct Counters(Table<Minute>);

#[derive(Clone, Copy, Debug)]
struct Minute {
    /// Minute of event time since the Unix epoch.
    minute: i64,
    kept: u32,
}

impl Counters {
    /// A new request begins.
    pub(super) fn tick(&mut self) {
        self.0.tick();
    }

    /// Whether a panic at `at` is among those that are kept. One of an earlier minute counts into the latest.
    pub(super) fn keeps(&mut self, place: Key, at: Timestamp) -> bool {
        let minute = at.0.div_euclid(MINUTE_NS);
        let Some(known) = self.0.get_mut(place) else {
            self.0.insert(place, Minute { minute, kept: 1 }, PLACES_MAX);
            return true;
        };
        if minute > known.minute {
            *known = Minute { minute, kept: 0 };
        }
        let keeps = known.kept < KEPT_A_MINUTE;
        known.kept = known.kept.saturating_add(1);
        keeps
    }
}

/// The content of a panic event, without its time and its process.
#[derive(Clone, Debug)]
pub(super) struct ParsedPanic {
    /// Identity of the record among those of its resource and time ([`keys::of_record`]).
    pub(super) record: Key,
    /// Identity of its exception type and site.
    pub(super) kind: Key,
    exception: Option<Name>,
    message: Name,
    site: Option<Name>,
    active: Vec<(Name, Hash)>,
}

impl ParsedPanic {
    /// The panic, at `at` in the process of `sender`.
    pub(super) fn panic(&self, at: Timestamp, sender: &Sender) -> Panic {
        Panic {
            at,
            source: sender.source.clone(),
            dimensions: Dimensions::clone(&sender.dimensions),
            exception: self.exception.clone(),
            message: Name::clone(&self.message),
            site: self.site.clone(),
            active: self.active.clone(),
        }
    }
}

/// Identity of a panic's exception type and site.
pub(super) fn kind_of(panic: &Panic) -> Key {
    let part = |text: &Option<Name>, role| keys::of_bytes(text.as_deref().unwrap_or_default().as_bytes(), role);
    keys::combine(part(&panic.exception, 0), part(&panic.site, 1))
}

/// The panics that were read before, by the bytes of their events.
#[derive(Debug, Default)]
pub(super) struct Remembered(HashMap<Digest, ParsedPanic, BuildHasherDefault<AsIs>>);

impl Remembered {
    /// Forgets all when there are too many. Only before a request is read: what it is read with has to stay.
    pub(super) fn make_room(&mut self) {
        if self.0.len() >= DIGESTS_MAX {
            self.0.clear();
        }
    }

    pub(super) fn knows(&self, digest: Digest) -> bool {
        self.0.contains_key(&digest)
    }

    pub(super) fn get(&self, digest: Digest) -> Option<&ParsedPanic> {
        self.0.get(&digest)
    }

    /// Remembers a panic by the bytes of its event, unless the event says more than a panic: who it is about, or a number.
    pub(super) fn remember(&mut self, record: &LogRecord<'_>, panic: &Panic, declared: &[String]) {
        let Form::New(digest) = record.form else { return };
        if panic.message.len() > MESSAGE_BYTES_MAX || self.0.len() >= DIGESTS_MAX {
            return;
        }
        let says_more = record.attributes.iter().any(|attribute| {
            let key = attribute.key.as_ref();
            matches!(key, attribute::BOOT | attribute::SEQ | attribute::EXCEPTION_COUNT)
                || identity::is_dimension(key, declared)
        });
        if !says_more && Identity::of(&record.attributes, &mut Names::default()).is_empty() {
            let Panic { exception, message, site, active, .. } = panic.clone();
            let (record, kind) = (keys::of_record(record), kind_of(panic));
            self.0.insert(digest, ParsedPanic { record, kind, exception, message, site, active });
        }
    }
}

/// The panics of one request that are only counted: indices of their observations, by process and kind.
#[derive(Debug, Default)]
pub(super) struct More(HashMap<Key, usize, BuildHasherDefault<AsIs>>);

impl More {
    /// The count of a place, if it was begun.
    pub(super) fn known<'o>(&self, place: Key, observations: &'o mut [Observation]) -> Option<&'o mut MorePanics> {
        match self.0.get(&place).and_then(|index| observations.get_mut(*index)) {
            Some(Observation::MorePanics(more)) => Some(more),
            _ => None,
        }
    }

    /// Begins the count of a place with its first panic.
    pub(super) fn begin(&mut self, place: Key, mut first: Panic, observations: &mut Vec<Observation>) {
        if first.site.is_none() {
            first.message = Name::default();
        }
        self.0.insert(place, observations.len());
        let last = first.at;
        observations.push(Observation::MorePanics(MorePanics { first, last, count: 1 }));
    }
}

/// Counts one more, at `at`.
pub(super) fn add(more: &mut MorePanics, at: Timestamp) {
    more.count = more.count.saturating_add(1);
    more.last = more.last.max(at);
    more.first.at = more.first.at.min(at);
}

#[cfg(test)]
mod tests;
