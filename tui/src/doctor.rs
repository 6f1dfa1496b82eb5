//! What each sender of a fleet lacks for a full verdict. A sender is a service; what it sends is read off its requests and off
//! what the intake makes of them. What is missing, why it matters and how an SDK sets it is listed in `checks`.

mod checks;

use checks::CHECKS;
use firstbad_collector::normalise::{Normaliser, understands};
use firstbad_collector::otlp::Request;
use firstbad_collector::otlp::model::{Attribute, Resource};
use firstbad_diagnosis::observation::{Load, MorePanics, Name, NamedBy, Observation, Row, Source};
use firstbad_protocol::Untrusted;
use firstbad_protocol::names::attribute;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of services with findings of their own. All further ones count as one sender.
const SENDERS_MAX: usize = 256;
/// Processes counted for one service, and metric names and sentences kept for it.
const PROCESSES_MAX: usize = 100_000;
const NAMES_MAX: usize = 16;
/// Names of senders without `service.name`, and of services beyond the bound.
const UNNAMED: &str = "(no service.name)";
const FURTHER: &str = "(further services)";

/// What one service sends.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    /// `telemetry.sdk.language`, where it was sent.
    languages: BTreeSet<String>,
    processes: BTreeSet<Source>,
    rows: u64,
    /// Rows of senders whose host or process is not named for good.
    rows_unnamed: u64,
    outcomes: bool,
    failures: bool,
    views: bool,
    scores: bool,
    active: bool,
    first_failed: bool,
    loads: u64,
    loads_with_size: u64,
    limits: bool,
    exceptions: bool,
    binary: bool,
    /// Shortest span of a report, seconds; none before the first.
    interval_s: Option<i64>,
    not_understood: BTreeSet<String>,
    gaps: BTreeMap<String, u64>,
}

/// One thing that a sender lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Lack {
    /// What is missing.
    pub(crate) missing: &'static str,
    /// What a verdict then cannot say.
    pub(crate) effect: &'static str,
    /// How an SDK sets it.
    pub(crate) how: String,
}

/// What was found of one sender.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) service: String,
    pub(crate) languages: Vec<String>,
    pub(crate) processes: usize,
    pub(crate) lacks: Vec<Lack>,
    /// Names of metrics that were received and not understood; the first few.
    pub(crate) not_understood: Vec<String>,
    /// What could not be used, and how often.
    pub(crate) gaps: BTreeMap<String, u64>,
}

/// The senders, as their requests are read.
#[derive(Debug)]
pub(crate) struct Examination {
    normaliser: Normaliser,
    senders: BTreeMap<String, Sender>,
}

impl Examination {
    /// An examination that has seen nothing.
    pub(crate) fn new() -> Self {
        Self { normaliser: Normaliser::new(&[]), senders: BTreeMap::new() }
    }

    /// Takes one request.
    pub(crate) fn take(&mut self, request: &Request<'_>) {
        let (services, batch) = match request {
            Request::Metrics(metrics) => {
                for resource in &metrics.resource_metrics {
                    let unknown = resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
                    let unknown = unknown.map(|metric| metric.name.as_ref()).filter(|name| !understands(name));
                    let sender = self.sender(&service_of(&resource.resource));
                    sender.note_resource(&resource.resource);
                    unknown.for_each(|name| sender.note_unknown(name));
                }
                let services = metrics.resource_metrics.iter().map(|resource| service_of(&resource.resource));
                (services.collect::<BTreeSet<_>>(), self.normaliser.metrics(metrics))
            }
            Request::Logs(logs) => {
                let services = logs.resource_logs.iter().map(|resource| service_of(&resource.resource));
                (services.collect(), self.normaliser.logs(logs))
            }
            Request::Traces(traces) => {
                let services = traces.resource_spans.iter().map(|resource| service_of(&resource.resource));
                (services.collect(), self.normaliser.traces(traces))
            }
            Request::Other => return,
        };
        for observation in batch.observations {
            self.observation(&observation, &services);
        }
    }

    fn observation(&mut self, observation: &Observation, services: &BTreeSet<String>) {
        let (source, dimensions) = match observation {
            Observation::Row(row) => (Some(&row.source), Some(&row.dimensions)),
            Observation::Load(load) => (Some(&load.source), Some(&load.dimensions)),
            Observation::Panic(panic) | Observation::MorePanics(MorePanics { first: panic, .. }) => {
                (Some(&panic.source), Some(&panic.dimensions))
            }
            Observation::Gap(gap) => {
                // A gap names no service. If the request holds only one service, the gap is attributed to it.
                for service in services {
                    let gaps = &mut self.sender(service).gaps;
                    if gaps.len() < NAMES_MAX || gaps.contains_key(gap.sentence.as_ref()) {
                        *gaps.entry(gap.sentence.to_string()).or_default() += gap.count;
                    }
                }
                return;
            }
            // What only these tell of is no proxy: an init system, a deployer.
            Observation::Start(_) | Observation::Exit(_) | Observation::Change(_) => return,
        };
        let named = dimensions.and_then(|dimensions| dimensions.get(attribute::SERVICE_NAME));
        let binary = dimensions.is_some_and(|dimensions| dimensions.contains_key(attribute::SERVICE_VERSION));
        let service = named.map_or_else(|| UNNAMED.to_owned(), Name::to_string);
        let sender = self.sender(&service);
        sender.binary |= binary;
        if let Some(source) = source.filter(|_| sender.processes.len() < PROCESSES_MAX) {
            sender.processes.insert(source.clone());
        }
        match observation {
            Observation::Row(row) => sender.row(row),
            Observation::Load(load) => sender.load(load),
            Observation::Panic(_) | Observation::MorePanics(_) => sender.exceptions = true,
            _ => {}
        }
    }

    fn sender(&mut self, service: &str) -> &mut Sender {
        let full = self.senders.len() >= SENDERS_MAX && !self.senders.contains_key(service);
        self.senders.entry(if full { FURTHER } else { service }.to_owned()).or_default()
    }

    /// What each sender lacks, by service.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.senders.iter().map(|(service, sender)| sender.finding(service)).collect()
    }
}

impl Sender {
    fn note_resource(&mut self, resource: &Resource<'_>) {
        let language = text_of(resource, "telemetry.sdk.language");
        if let Some(language) = language.filter(|_| self.languages.len() < NAMES_MAX) {
            self.languages.insert(language);
        }
    }

    fn note_unknown(&mut self, name: &str) {
        if self.not_understood.len() < NAMES_MAX {
            self.not_understood.insert(name.to_owned());
        }
    }

    fn row(&mut self, row: &Row) {
        self.rows += 1;
        self.rows_unnamed += u64::from(matches!(row.named_by, NamedBy::Instance | NamedBy::Nothing));
        self.outcomes |= !(row.totals.is_empty() && row.views.is_empty());
        self.failures |= row.totals.iter().any(|total| total.outcomes.failed() > 0);
        self.views |= !row.views.is_empty();
        self.scores |= !row.scores.is_empty();
        self.active |= !row.active.is_empty();
        self.first_failed |= !row.first_failed.is_empty();
        self.limits |= row.facts.iter().any(|(_, _, facts)| !facts.limits.is_empty());
        let length_s = row.span.end.since(row.span.start) / firstbad_protocol::time::SECOND_NS;
        if length_s > 0 {
            self.interval_s = Some(self.interval_s.map_or(length_s, |shortest| shortest.min(length_s)));
        }
    }

    fn load(&mut self, load: &Load) {
        if load.result.is_some() {
            self.loads += 1;
            let facts = &load.facts.numbers;
            self.loads_with_size += u64::from(facts.contains_key("rows") || facts.contains_key("size"));
            self.limits |= !load.facts.limits.is_empty();
        }
    }

    fn finding(&self, service: &str) -> Finding {
        let lacks = CHECKS.iter().filter(|check| (check.is_missing)(self));
        Finding {
            service: service.to_owned(),
            languages: self.languages.iter().cloned().collect(),
            processes: self.processes.len(),
            lacks: lacks.map(|check| check.lack(&self.languages)).collect(),
            not_understood: self.not_understood.iter().cloned().collect(),
            gaps: self.gaps.clone(),
        }
    }
}

fn service_of(resource: &Resource<'_>) -> String {
    text_of(resource, attribute::SERVICE_NAME).unwrap_or_else(|| UNNAMED.to_owned())
}

fn text_of(resource: &Resource<'_>, key: &str) -> Option<String> {
    let told = |attribute: &&Attribute<'_>| attribute.key == key;
    let value = resource.attributes.iter().find(told).and_then(|attribute| attribute.value.as_text());
    value.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The findings as text.
pub(crate) fn text(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let languages = finding.languages.join(", ");
        let languages = if languages.is_empty() { languages } else { format!(", SDK for {}", Untrusted(&languages)) };
        out += &format!("{}: {} processes{languages}\n", Untrusted(&finding.service), finding.processes);
        for lack in &finding.lacks {
            out += &format!(
                "  LACKS  {}: {}\n         {}\n",
                lack.missing,
                lack.effect,
                lack.how.replace('\n', "\n         ")
            );
        }
        if !finding.not_understood.is_empty() {
            let names = finding.not_understood.join(", ");
            out += &format!("  NOT UNDERSTOOD  metrics {}\n", Untrusted(&names));
        }
        for (sentence, count) in &finding.gaps {
            out += &format!("  NOT USED  {} ({count})\n", Untrusted(sentence));
        }
        if finding.lacks.is_empty() {
            out += "  lacks nothing\n";
        }
    }
    out
}

#[cfg(test)]
mod tests;
