//! A logs request, record by record: which event it is, whether it was seen before, and what could not be used. What an
//! event says is read in `events`.

use super::event_record::EventRecord;
use super::events;
use super::gaps::{Fault, Gaps};
use super::keys::{self, Key};
use super::panics::{self, Counters, More, Remembered};
use super::processes::Heard;
use super::recognise;
use super::senders::Sender;
use super::table::{AsIs, Table};
use super::{Batch, Normaliser, number};
use crate::otlp::model::{LogRecord, Value};
use crate::otlp::{self, Digest, Form, Logs};
use firstbad_diagnosis::observation::{Observation, Source};
use firstbad_protocol::limits::BOOTS_MAX;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasherDefault;

/// Sequence numbers remembered per process life: more than a recorder holds.
const SEQUENCES_MAX: usize = 1024;
/// Records without a sequence number that are remembered.
const RECORDS_MAX: usize = 16_384;

/// Which records were seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    boots: Table<VecDeque<i64>>,
    records: VecDeque<u64>,
    #[serde(skip)]
    known: HashSet<u64, BuildHasherDefault<AsIs>>,
    #[serde(skip)]
    counters: Counters,
    #[serde(skip)]
    pub(super) remembered: Remembered,
}

impl Seen {
    /// Whether a numbered event of a process life is new; it is remembered.
    fn is_new_sequence(&mut self, boot: Key, sequence: i64) -> bool {
        let Some(seen) = self.boots.get_mut(boot) else {
            self.boots.insert(boot, VecDeque::from([sequence]), BOOTS_MAX);
            return true;
        };
        if seen.contains(&sequence) {
            return false;
        }
        if seen.len() >= SEQUENCES_MAX {
            seen.pop_front();
        }
        seen.push_back(sequence);
        true
    }

    fn knows(&mut self, record: u64) -> bool {
        if self.known.len() != self.records.len() {
            self.known = self.records.iter().copied().collect();
        }
        self.known.contains(&record)
    }

    fn remember(&mut self, record: u64) {
        if !self.known.insert(record) {
            return;
        }
        self.records.push_back(record);
        if self.records.len() > RECORDS_MAX
            && let Some(oldest) = self.records.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

pub(super) fn take(normaliser: &mut Normaliser, request: &Logs<'_>) -> Batch {
    walk(normaliser, request, false)
}

/// Takes the exceptions of spans.
pub(super) fn take_of_spans(normaliser: &mut Normaliser, request: &Logs<'_>) -> Batch {
    walk(normaliser, request, true)
}

fn walk(normaliser: &mut Normaliser, request: &Logs<'_>, of_spans: bool) -> Batch {
    normaliser.senders.tick();
    normaliser.logs.boots.tick();
    normaliser.logs.counters.tick();
    let mut walk = Walk {
        normaliser,
        batch: Batch::default(),
        gaps: Gaps::default(),
        fingerprints: Vec::new(),
        more: More::default(),
        noted: None,
        of_spans,
        noted_exception: None,
    };
    for resource in &request.resource_logs {
        let attributes = &resource.resource.attributes;
        let Normaliser { senders, dimensions, names, .. } = &mut *walk.normaliser;
        let sender = senders.sender(attributes, dimensions, names);
        let several = sender.as_ref().is_some_and(|sender| senders.may_be_several(sender.resource));
        let process = sender.as_ref().map_or(0, |sender| process_of(&sender.source, sender));
        for record in resource.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            let result = sender
                .as_ref()
                .ok_or(Fault::TooManySenders)
                .and_then(|sender| walk.record(record, Origin { sender, process, several }));
            match result {
                Ok(()) => walk.batch.accepted += 1,
                Err(fault) => {
                    walk.batch.rejected += 1;
                    walk.gaps.add(fault);
                }
            }
        }
    }
    walk.finish()
}

struct Walk<'n> {
    normaliser: &'n mut Normaliser,
    batch: Batch,
    gaps: Gaps,
    /// Equal records of one request are several events; equal records of two requests are one that was sent twice.
    fingerprints: Vec<u64>,
    more: More,
    /// The process for which it was last noted that its events are understood.
    noted: Option<Key>,
    /// Whether the records are exceptions of spans.
    of_spans: bool,
    /// The process for which it was last noted that its exceptions come as log events.
    noted_exception: Option<Key>,
}

/// The resource of a record.
#[derive(Clone, Copy)]
struct Origin<'a> {
    sender: &'a Sender,
    /// Identity of the process at which its panics are counted ([`process_of`]).
    process: Key,
    /// Whether several processes may send under its identity.
    several: bool,
}

impl Walk<'_> {
    fn record(&mut self, record: &LogRecord<'_>, origin: Origin<'_>) -> Result<(), Fault> {
        if let Form::Known(digest) = record.form {
            return self.known(record, digest, origin);
        }
        let Some(name) = recognise::event(record)? else { return Ok(()) };
        let time = time_of(record)?;
        if !self.normaliser.is_within_horizon(time) || !self.is_new(record, origin.sender) {
            return Ok(());
        }
        let at = Timestamp(time);
        let sender = self.process(origin, at);
        self.seen(&sender, at);
        if name == event::CONFIG_CONTENT {
            self.batch.contents.push(events::content(record, &mut self.normaliser.names)?);
            return Ok(());
        }
        let observation = events::read(
            name,
            record,
            &mut events::Context {
                at,
                sender: &sender,
                senders: &mut self.normaliser.senders,
                declared: &self.normaliser.dimensions,
                names: &mut self.normaliser.names,
            },
        )?;
        self.understood(&sender, matches!(observation, Observation::Load(_)));
        if name == event::EXCEPTION {
            self.exception(&sender, at);
        }
        let Normaliser { logs: Seen { counters, remembered, .. }, dimensions, .. } = &mut *self.normaliser;
        if let Observation::Panic(panic) = &observation {
            remembered.remember(record, panic, dimensions);
            let place = keys::combine(process_of(&panic.source, &sender), panics::kind_of(panic));
            if !counters.keeps(place, at) {
                match self.more.known(place, &mut self.batch.observations) {
                    Some(more) => panics::add(more, at),
                    None => self.more.begin(place, panic.clone(), &mut self.batch.observations),
                }
                return Ok(());
            }
        }
        self.batch.records.push(EventRecord::of(record, self.batch.observations.len()));
        self.batch.observations.push(observation);
        Ok(())
    }

    /// A panic whose event was read before, apart from its times.
    fn known(&mut self, record: &LogRecord<'_>, digest: Digest, origin: Origin<'_>) -> Result<(), Fault> {
        let time = time_of(record)?;
        let Some(panic) = self.normaliser.logs.remembered.get(digest) else { return Ok(()) };
        let (kind, key) = (panic.kind, panic.record);
        if !self.normaliser.is_within_horizon(time) || !self.is_new_record(fingerprint(record, key, origin.sender)) {
            return Ok(());
        }
        let at = Timestamp(time);
        let sender = self.process(origin, at);
        self.seen(&sender, at);
        self.understood(&sender, false);
        self.exception(&sender, at);
        let process = match &sender {
            Cow::Borrowed(_) => origin.process,
            Cow::Owned(own) => process_of(&own.source, own),
        };
        let place = keys::combine(process, kind);
        let Seen { counters, remembered, .. } = &mut self.normaliser.logs;
        let keeps = counters.keeps(place, at);
        // Most panics of a storm end here.
        if !keeps && let Some(more) = self.more.known(place, &mut self.batch.observations) {
            panics::add(more, at);
            return Ok(());
        }
        let Some(panic) = remembered.get(digest) else { return Ok(()) };
        if !keeps {
            self.more.begin(place, panic.panic(at, &sender), &mut self.batch.observations);
            return Ok(());
        }
        let whole = record.undecoded.and_then(|bytes| otlp::decode_record(bytes).ok()).unwrap_or_default();
        self.batch.records.push(EventRecord::of(&whole, self.batch.observations.len()));
        self.batch.observations.push(Observation::Panic(panic.panic(at, &sender)));
        Ok(())
    }

    /// The sender, as the process of its identity that an event at `at` is of.
    fn process<'s>(&mut self, Origin { sender, several, .. }: Origin<'s>, at: Timestamp) -> Cow<'s, Sender> {
        if !several {
            return Cow::Borrowed(sender);
        }
        let mut own = sender.clone();
        let Normaliser { senders, names, .. } = &mut *self.normaliser;
        senders.tell_process(&mut own, || Some(Heard::of_event(at)), names);
        Cow::Owned(own)
    }

    fn seen(&mut self, sender: &Sender, at: Timestamp) {
        self.normaliser.observed.note(sender.resource, at.0);
        self.batch.latest = self.batch.latest.max(Some(at));
    }

    /// Notes an exception, so that the same one in a span does not count again.
    fn exception(&mut self, sender: &Sender, at: Timestamp) {
        if !self.of_spans && self.noted_exception != Some(sender.instance) {
            self.normaliser.spans.note_logged_exception(sender.instance, at);
            self.noted_exception = Some(sender.instance);
        }
    }

    /// Notes that an event of `sender` was understood, and whether it was a load.
    fn understood(&mut self, sender: &Sender, load: bool) {
        if !load && self.noted == Some(sender.instance) {
            return;
        }
        let senders = &mut self.normaliser.senders;
        senders.understood_of(sender.resource).into_iter().for_each(|understood| understood.events = true);
        if let Some(instance) = senders.instance(sender.instance) {
            instance.understood = true;
            instance.load_events |= load;
        }
        self.noted = Some(sender.instance);
    }

    fn is_new(&mut self, record: &LogRecord<'_>, sender: &Sender) -> bool {
        let find = |key| record.attributes.iter().find(|attribute| attribute.key == key).map(|found| &found.value);
        let boot = find(attribute::BOOT).and_then(Value::as_text);
        if let (Some(boot), Some(sequence)) = (boot, find(attribute::SEQ).and_then(Value::as_int)) {
            // The sender is part of the identity: nobody can silence another one's events by sending their numbers.
            let boot = keys::combine(sender.instance, keys::of_bytes(boot.as_bytes(), 0));
            return self.normaliser.logs.is_new_sequence(boot, sequence);
        }
        self.is_new_record(fingerprint(record, keys::of_record(record), sender))
    }

    fn is_new_record(&mut self, fingerprint: u64) -> bool {
        self.fingerprints.push(fingerprint);
        !self.normaliser.logs.knows(fingerprint)
    }

    fn finish(mut self) -> Batch {
        self.fingerprints.into_iter().for_each(|fingerprint| self.normaliser.logs.remember(fingerprint));
        let at = self.batch.latest.unwrap_or_default();
        self.batch.observations.extend(self.gaps.observations(at));
        self.batch
    }
}

fn time_of(record: &LogRecord<'_>) -> Result<i64, Fault> {
    number::time(if record.time == 0 { record.observed } else { record.time })
}

/// Identity of the process at which panics are counted: an event may name another one than its resource.
fn process_of(source: &Source, sender: &Sender) -> Key {
    match source {
        Source::Instance { instance, host } => {
            keys::combine(keys::of_bytes(instance.as_bytes(), 0), keys::of_bytes(host.as_bytes(), 1))
        }
        Source::Aggregate => sender.instance,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a fingerprint")]
fn fingerprint(record: &LogRecord<'_>, said: Key, sender: &Sender) -> u64 {
    let time = keys::of_bytes(&record.time.to_le_bytes(), record.observed);
    keys::combine(keys::combine(sender.resource, time), said) as u64
}
