//! The memory of resources and instances: their identity, the times of their reports, and the sources of the same fact that
//! they send (contract.md section 2, "one source per instance and interval").

use super::identity::{self, Identity, Process, Who};
use super::keys::{self, Key};
use super::known::RequestSource;
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
/// Silence, nanoseconds, of the better source of request counts after which the next best one counts.
const BETTER_SOURCE_NS: i64 = 300 * SECOND_NS;
/// A report after a longer silence than this says nothing about the time between.
const QUIET_MAX_NS: i64 = 120 * SECOND_NS;
/// Maximum number of facts remembered per instance, so that a gauge that repeats in every report makes one observation.
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

/// The identity of a resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sender {
    pub(super) resource: Key,
    pub(super) instance: Key,
    pub(super) identity: Identity,
    pub(super) source: Source,
    pub(super) named_by: NamedBy,
    pub(super) dimensions: Dimensions,
}

/// Greatest difference, seconds, between two start times computed from uptimes that counts as the same start: uptimes are
/// rounded to seconds, and clocks are adjusted.
const BORN_JITTER_S: f64 = 2.5;

#[expect(clippy::cast_precision_loss, reason = "a beginning is known to a second at best")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// What one instance is known to send.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Instance {
    /// Time of the last point of each [`RequestSource`].
    request_sources: [i64; 4],
    totals: bool,
    delta_requests: bool,
    pub(super) load_events: bool,
    /// Whether any of its points was understood. If none was, it may be a pod that only the cluster reports on.
    pub(super) understood: bool,
    last_end: i64,
    /// Start of the process computed from its uptime, Unix seconds; zero before the first uptime.
    born_s: f64,
    facts: Vec<u64>,
}

impl Senders {
    pub(super) fn tick(&mut self) {
        self.resources.tick();
        self.instances.tick();
        self.processes.tick();
    }

    /// The identity of a resource, without regard to its processes; none if there are more resources than the limit.
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

    /// Resolves a sender to one process of its identity, by the time in which the sender existed.
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
            let process = self.processes.source(who, heard, names);
            (sender.source, sender.instance) = (process.source, process.key);
        }
    }

    /// Whether several processes may report under the identity of a resource.
    pub(super) fn may_be_several(&self, resource: Key) -> bool {
        self.resources.get(resource).is_some_and(|known| known.who.may_be_several())
    }

    /// The process behind an identity that a point or an event gave itself.
    pub(super) fn source(&mut self, who: &Who, heard: Heard, names: &mut Names) -> Process {
        self.processes.source(who, heard, names)
    }

    /// Times of the last two reports with cumulative points from the process of a resource that began at `start`; 0 is none.
    pub(super) fn reports(&self, resource: Key, start: i64) -> [i64; 2] {
        self.resources.get(resource).map_or([0; 2], |known| known.reporters.times(start))
    }

    /// Notes the last two reports of that process.
    pub(super) fn note_reports(&mut self, resource: Key, start: i64, reports: [i64; 2]) {
        if let Some(known) = self.resources.get_mut(resource) {
            known.reporters.note(start, reports);
        }
    }

    /// Notes that a series of the resource went back to an earlier start time. Returns true once: when that proves several
    /// processes.
    pub(super) fn note_return(&mut self, resource: Key) -> bool {
        self.resources.get_mut(resource).is_some_and(|known| known.reporters.note_return())
    }

    /// Notes that more processes of the resource had one start time than can be distinguished. Returns true once.
    pub(super) fn note_crowd(&mut self, resource: Key) -> bool {
        self.resources.get_mut(resource).is_some_and(|known| {
            known.understood.crowded = true;
            known.reporters.note_crowd()
        })
    }

    /// Whether the cumulative counts of the resource are left out, because its processes cannot be distinguished.
    pub(super) fn is_crowded(&self, resource: Key) -> bool {
        self.resources.get(resource).is_some_and(|known| known.reporters.is_crowded())
    }

    /// What is understood of one resource.
    pub(super) fn understood_of(&mut self, resource: Key) -> Option<&mut Understood> {
        self.resources.get_mut(resource).map(|known| &mut known.understood)
    }

    /// What is understood of each resource.
    pub(super) fn understood(&self) -> impl Iterator<Item = &Understood> {
        self.resources.values().map(|known| &known.understood)
    }

    /// What is understood of each resource.
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

/// Whether a source whose last point is of `latest` (0: none) still counts at `at`.
fn is_current(latest: i64, at: i64) -> bool {
    latest > 0 && at.saturating_sub(latest) <= BETTER_SOURCE_NS
}

impl Instance {
    /// Whether it has sent counts of requests.
    pub(super) fn sends_requests(&self) -> bool {
        self.request_sources.iter().any(|latest| *latest > 0)
    }

    /// Notes a point of `source` at `at`.
    pub(super) fn note_request_source(&mut self, source: RequestSource, at: i64) {
        if let Some(latest) = self.request_sources.get_mut(source as usize) {
            *latest = at.max(*latest);
        }
    }

    /// Whether `source` counts as this instance's requests at `at`: no better source is current.
    pub(super) fn counts_requests(&self, source: RequestSource, at: i64) -> bool {
        !self.has_better_source(0, source, at)
    }

    /// Whether `source` counts as this instance's durations at `at`, whichever source counts its requests.
    pub(super) fn counts_durations(&self, source: RequestSource, at: i64) -> bool {
        !self.has_better_source(RequestSource::Own as usize + 1, source, at)
    }

    /// Whether a metric counts the requests of this instance at `at`.
    pub(super) fn measures_requests(&self, at: i64) -> bool {
        self.request_sources.iter().any(|latest| is_current(*latest, at))
    }

    fn has_better_source(&self, from: usize, source: RequestSource, at: i64) -> bool {
        let better = self.request_sources.get(from..source as usize).unwrap_or_default();
        better.iter().any(|latest| is_current(*latest, at))
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

    /// Takes an uptime, seconds, of a report at `time`. Returns whether its process began later than the known one. A report
    /// that comes late has a smaller uptime and the same start.
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
