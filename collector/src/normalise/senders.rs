//! What is remembered of resources and instances: identity, when they reported, and which of several sources of the same
//! fact they send (contract.md section 2, "one source per instance and interval").

use super::identity::{self, Identity, Who};
use super::keys::{self, Key};
use super::known::Told;
use super::names::Names;
use super::processes::{Heard, Processes};
use super::reporters::Reporters;
use super::table::Table;
use super::understood::Understood;
use crate::otlp::model::{Attribute, Temporality};
use firstbad_diagnosis::observation::{Dimensions, NamedBy, Source};
use firstbad_protocol::limits::INSTANCES_MAX;
use firstbad_protocol::time::SECOND_NS;
use serde::{Deserialize, Serialize};

/// Instruments of one report are read one after another, each with a time of its own; this far apart they are one report.
pub(super) const SAME_REPORT_NS: i64 = SECOND_NS / 4;
/// An instance whose better source of requests was silent for so long is counted by the next one again.
const BETTER_SOURCE_NS: i64 = 300 * SECOND_NS;
/// A report after a longer silence than this says nothing about the time between.
const QUIET_MAX_NS: i64 = 120 * SECOND_NS;
/// Facts remembered per instance, so that gauges that repeat in every report are told once.
const FACTS_MAX: usize = 16;

/// Resources and instances.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Senders {
    resources: Table<Resource>,
    instances: Table<Instance>,
    processes: Processes,
}

#[derive(Debug, Serialize, Deserialize)]
struct Resource {
    sender: Sender,
    who: Who,
    understood: Understood,
    reporters: Reporters,
}

/// Who a resource is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sender {
    pub(super) resource: Key,
    pub(super) instance: Key,
    pub(super) identity: Identity,
    pub(super) source: Source,
    pub(super) named_by: NamedBy,
    pub(super) dimensions: Dimensions,
}

/// By how much the beginning that an uptime tells may move by itself: uptimes are rounded to seconds, and clocks are set.
const BORN_JITTER_S: f64 = 2.5;

#[expect(clippy::cast_precision_loss, reason = "a beginning is known to a second at best")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// What one instance is known to send.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Instance {
    /// When each source of requests last came, best first.
    told: [i64; 4],
    totals: bool,
    delta_requests: bool,
    pub(super) load_events: bool,
    /// Whether anything of it was understood: else it may be a pod of which only the cluster tells.
    pub(super) understood: bool,
    last_end: i64,
    /// When the process began, by its uptime: unix seconds; zero before an uptime came.
    born_s: f64,
    facts: Vec<u64>,
}

impl Senders {
    pub(super) fn tick(&mut self) {
        self.resources.tick();
        self.instances.tick();
        self.processes.tick();
    }

    /// Who a resource is, whichever of its processes sends; none if there are more resources than the limit.
    pub(super) fn sender(
        &mut self,
        attributes: &[Attribute<'_>],
        declared: &[String],
        names: &mut Names,
    ) -> Option<Sender> {
        let key = keys::of_attributes(attributes);
        if let Some(known) = self.resources.get_mut(key) {
            return Some(known.sender.clone());
        }
        let identity = Identity::of(attributes, names);
        let who = identity.who(key, names);
        let dimensions = identity::dimensions(attributes, declared, names);
        let (instance, source) = (who.key, who.source.clone());
        let sender = Sender { resource: key, instance, identity, source, named_by: who.named_by, dimensions };
        let resource = Resource {
            sender: sender.clone(),
            who,
            understood: Understood::default(),
            reporters: Reporters::default(),
        };
        self.resources.insert(key, resource, INSTANCES_MAX).then_some(sender)
    }

    /// Finds out which process of its identity a sender is, by when it was heard of.
    pub(super) fn tell_process(
        &mut self,
        sender: &mut Sender,
        heard: impl FnOnce() -> Option<Heard>,
        names: &mut Names,
    ) {
        let Some(who) = self.resources.get(sender.resource).map(|known| &known.who) else { return };
        if who.may_be_several()
            && let Some(heard) = heard()
        {
            (sender.source, sender.instance) = self.processes.source(who, heard, names);
        }
    }

    /// The source that an identity told beside its resource's is, and its identity within the tables.
    pub(super) fn source(&mut self, who: &Who, heard: Heard, names: &mut Names) -> (Source, Key) {
        self.processes.source(who, heard, names)
    }

    /// Times of the last two reports, with cumulative points, of the process of a resource that began at `start`; 0 is none.
    pub(super) fn reports(&self, resource: Key, start: i64) -> [i64; 2] {
        self.resources.get(resource).map_or([0; 2], |known| known.reporters.times(start))
    }

    /// Notes the last two reports of that process.
    pub(super) fn note_reports(&mut self, resource: Key, start: i64, reports: [i64; 2]) {
        if let Some(known) = self.resources.get_mut(resource) {
            known.reporters.note(start, reports);
        }
    }

    /// A series of the resource went back to an earlier start time. True the first time that it shows several processes.
    pub(super) fn note_return(&mut self, resource: Key) -> bool {
        self.resources.get_mut(resource).is_some_and(|known| known.reporters.note_return())
    }

    /// What was understood of a resource.
    pub(super) fn understood_of(&mut self, resource: Key) -> Option<&mut Understood> {
        self.resources.get_mut(resource).map(|known| &mut known.understood)
    }

    /// What was understood of each resource.
    pub(super) fn understood(&self) -> impl Iterator<Item = &Understood> {
        self.resources.values().map(|known| &known.understood)
    }

    /// What was understood of each resource.
    pub(super) fn understood_mut(&mut self) -> impl Iterator<Item = &mut Understood> {
        self.resources.values_mut().map(|known| &mut known.understood)
    }

    /// What is known of an instance. Beyond the limit nothing is remembered.
    pub(super) fn instance(&mut self, key: Key) -> Option<&mut Instance> {
        if self.instances.get(key).is_none() {
            self.instances.insert(key, Instance::default(), INSTANCES_MAX);
        }
        self.instances.get_mut(key)
    }
}

impl Instance {
    /// A source of requests came at `at`.
    pub(super) fn note_told(&mut self, told: Told, at: i64) {
        if let Some(latest) = self.told.get_mut(told as usize) {
            *latest = at.max(*latest);
        }
    }

    /// Whether a source is this instance's requests at `at`: no better one tells of them.
    pub(super) fn counts_requests(&self, told: Told, at: i64) -> bool {
        !self.is_better_told(0, told, at)
    }

    /// Whether a source is this instance's durations at `at`, whoever counts its requests.
    pub(super) fn counts_durations(&self, told: Told, at: i64) -> bool {
        !self.is_better_told(Told::Own as usize + 1, told, at)
    }

    fn is_better_told(&self, from: usize, told: Told, at: i64) -> bool {
        let better = self.told.get(from..told as usize).unwrap_or_default();
        better.iter().any(|latest| *latest > 0 && at.saturating_sub(*latest) <= BETTER_SOURCE_NS)
    }

    /// Requests came, some of them without config attributes (`totals`): from now on views stand for no total. Where they
    /// came as delta their absence is zero.
    pub(super) fn note_requests(&mut self, totals: bool, temporality: Temporality) {
        self.totals |= totals;
        self.delta_requests |= temporality == Temporality::Delta;
    }

    /// Whether a row without totals has a total of zero: it has views, and totals were left out or came apart from them; or
    /// it has neither.
    pub(super) fn has_zero_total(&self, has_views: bool) -> bool {
        if has_views { self.totals } else { self.delta_requests }
    }

    /// A row up to `end` was made.
    pub(super) fn note_end(&mut self, end: i64) {
        self.last_end = self.last_end.max(end);
    }

    /// The interval that a report without any counts speaks for: with delta, an absent point is 0.
    pub(super) fn quiet_since(&self, at: i64) -> Option<i64> {
        self.since(at).filter(|_| self.delta_requests)
    }

    /// The end of the report before one at `at`, unless that is too long ago to go on from there.
    pub(super) fn since(&self, at: i64) -> Option<i64> {
        let follows = self.last_end > 0 && at > self.last_end.saturating_add(SAME_REPORT_NS);
        (follows && at - self.last_end <= QUIET_MAX_NS).then_some(self.last_end)
    }

    /// Takes an uptime, seconds, of a report at `time`; true if it tells of a process that began later than the one known.
    /// A report that comes late tells of the same beginning, however much smaller its uptime is.
    pub(super) fn began_anew(&mut self, uptime_s: f64, time: i64) -> bool {
        let born_s = seconds(time) - uptime_s;
        let anew = self.born_s > 0.0 && born_s > self.born_s + BORN_JITTER_S;
        if self.born_s <= 0.0 || anew {
            self.born_s = born_s;
        }
        anew
    }

    /// Whether a fact is new for this instance; it is remembered.
    pub(super) fn is_new_fact(&mut self, fact: u64) -> bool {
        if self.facts.contains(&fact) {
            return false;
        }
        if self.facts.len() >= FACTS_MAX {
            self.facts.remove(0);
        }
        self.facts.push(fact);
        true
    }
}
