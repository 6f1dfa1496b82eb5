//! A logs request, record by record: which event it is, whether it was seen before, and what could not be used. What an
//! event says is read in `events`.

use super::event_record::EventRecord;
use super::events;
use super::gaps::{Fault, Gaps};
use super::keys::{self, Key};
use super::processes::Heard;
use super::recognise;
use super::senders::Sender;
use super::table::Table;
use super::{Batch, Normaliser, number};
use crate::otlp::Logs;
use crate::otlp::model::{Attribute, LogRecord, Value};
use firstbad_diagnosis::observation::Observation;
use firstbad_protocol::limits::BOOTS_MAX;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{HashSet, VecDeque};

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
    known: HashSet<u64>,
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
    normaliser.senders.tick();
    normaliser.logs.boots.tick();
    let mut walk = Walk { normaliser, batch: Batch::default(), gaps: Gaps::default(), fingerprints: Vec::new() };
    for resource in &request.resource_logs {
        let attributes = &resource.resource.attributes;
        let Normaliser { senders, dimensions, names, .. } = &mut *walk.normaliser;
        let sender = senders.sender(attributes, dimensions, names);
        for record in resource.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            let result = sender.as_ref().ok_or(Fault::TooManySenders).and_then(|sender| walk.record(record, sender));
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
}

impl Walk<'_> {
    fn record(&mut self, record: &LogRecord<'_>, sender: &Sender) -> Result<(), Fault> {
        let Some(name) = recognise::event(record)? else { return Ok(()) };
        let time = number::time(if record.time == 0 { record.observed } else { record.time })?;
        if !self.normaliser.is_within_horizon(time) || !self.is_new(record, sender) {
            return Ok(());
        }
        let at = Timestamp(time);
        let mut sender = sender.clone();
        let Normaliser { senders, names, .. } = &mut *self.normaliser;
        senders.tell_process(&mut sender, || Some(Heard::of_event(at)), names);
        self.normaliser.observed.note(sender.resource, time);
        self.batch.latest = self.batch.latest.max(Some(at));
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
        let senders = &mut self.normaliser.senders;
        senders.understood_of(sender.resource).into_iter().for_each(|understood| understood.events = true);
        if let Some(instance) = senders.instance(sender.instance) {
            instance.understood = true;
            instance.load_events |= matches!(observation, Observation::Load(_));
        }
        self.batch.records.push(EventRecord::of(record, self.batch.observations.len()));
        self.batch.observations.push(observation);
        Ok(())
    }

    fn is_new(&mut self, record: &LogRecord<'_>, sender: &Sender) -> bool {
        let find = |key| record.attributes.iter().find(|attribute| attribute.key == key).map(|found| &found.value);
        let boot = find(attribute::BOOT).and_then(Value::as_text);
        if let (Some(boot), Some(sequence)) = (boot, find(attribute::SEQ).and_then(Value::as_int)) {
            // The sender is part of the identity: nobody can silence another one's events by sending their numbers.
            let boot = keys::combine(sender.instance, keys::of_bytes(boot.as_bytes(), 0));
            return self.normaliser.logs.is_new_sequence(boot, sequence);
        }
        let fingerprint = fingerprint(record, sender);
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

#[expect(clippy::cast_possible_truncation, reason = "a fingerprint")]
fn fingerprint(record: &LogRecord<'_>, sender: &Sender) -> u64 {
    let body = Attribute { key: "".into(), value: record.body.clone() };
    let time = keys::of_bytes(&record.time.to_le_bytes(), record.observed);
    let said = keys::combine(keys::of_attributes(&record.attributes), keys::of_attributes(&[body]));
    let name = keys::of_bytes(record.event_name.as_bytes(), 0);
    keys::combine(keys::combine(sender.resource, time), keys::combine(said, name)) as u64
}
