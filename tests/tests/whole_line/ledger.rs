//! What arrived, put together by process: the newest value of every series, and every event once. A count that falls, a start
//! time that moves, and an event that comes again with another content fail the test at once.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use std::collections::BTreeMap;

/// Attributes as texts.
pub(crate) type Attributes = BTreeMap<String, String>;

/// All processes, by `process.pid`.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) processes: BTreeMap<u32, Process>,
}

/// What one process sent.
#[derive(Debug, Default)]
pub(crate) struct Process {
    /// Its resource.
    pub(crate) resource: Attributes,
    /// Number of reports of metrics.
    pub(crate) reports: u32,
    denied: Vec<Denied>,
    series: BTreeMap<Series, Point>,
    events: BTreeMap<EventId, Event>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    metric: String,
    attributes: Attributes,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    start_ns: u64,
    value: f64,
    is_gauge: bool,
}

/// Whether a report had denied requests under a version.
#[derive(Clone, Copy, Debug)]
struct Denied {
    at_ns: u64,
    is_there: bool,
}

/// The identity of an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct EventId {
    boot: String,
    sequence: String,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name.
    pub(crate) name: String,
    /// Its time, ns since the Unix epoch.
    pub(crate) at_ns: u64,
    /// Its attributes.
    pub(crate) attributes: Attributes,
}

impl Event {
    /// Returns an attribute; an empty text if there is none.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}

impl Process {
    /// Returns the newest value of a series; 0 if there is none.
    pub(crate) fn value(&self, metric: &str, attributes: &[(&str, &str)]) -> f64 {
        let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.series.get(&Series { metric: metric.to_owned(), attributes }).map_or(0.0, |point| point.value)
    }

    /// Returns the newest value of every series of `metric` that is not 0.
    pub(crate) fn values(&self, metric: &str) -> Vec<(&Attributes, f64)> {
        let found = self.series.iter().filter(|(series, point)| series.metric == metric && point.value != 0.0);
        found.map(|(series, point)| (&series.attributes, point.value)).collect()
    }

    /// Number of reports after this time, ns since the Unix epoch, until one has denied requests under a version; none if none has.
    pub(crate) fn reports_until_denied(&self, since_ns: u64) -> Option<usize> {
        self.denied.iter().filter(|report| report.at_ns >= since_ns).position(|report| report.is_there)
    }

    fn note_denied(&mut self, metrics: &[Metric]) {
        let requests = metrics.iter().find_map(|metric| match &metric.data {
            Some(Data::Sum(sum)) if metric.name == "firstbad.requests" => Some(&sum.data_points),
            _ => None,
        });
        let Some(first) = requests.and_then(|points| points.first()) else { return };
        let is_there = requests.into_iter().flatten().any(|point| {
            let of = attributes(&point.attributes);
            of.get("firstbad.outcome").is_some_and(|outcome| outcome == "denied")
                && of.contains_key("firstbad.config.hash")
                && number(point) > 0.0
        });
        self.denied.push(Denied { at_ns: first.time_unix_nano, is_there });
    }

    /// Returns the events with this name, in the order of time.
    pub(crate) fn events(&self, name: &str) -> Vec<&Event> {
        let mut found: Vec<&Event> = self.events.values().filter(|event| event.name == name).collect();
        found.sort_by_key(|event| event.at_ns);
        found
    }

    fn add_metric(&mut self, metric: &Metric) {
        let (points, is_sum) = match &metric.data {
            Some(Data::Sum(sum)) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "{metric:?}");
                (&sum.data_points, true)
            }
            Some(Data::Gauge(gauge)) => (&gauge.data_points, false),
            // The servers have no scores.
            other => panic!("{}: {other:?}", metric.name),
        };
        let before = self.series.clone();
        let mut seen = Vec::new();
        for point in points {
            let series = Series { metric: metric.name.clone(), attributes: attributes(&point.attributes) };
            assert!(!seen.contains(&series), "twice in one report: {series:?}");
            assert!(point.start_time_unix_nano <= point.time_unix_nano, "{series:?} begins after its end");
            let point = Point { start_ns: point.start_time_unix_nano, value: number(point), is_gauge: !is_sum };
            if let (true, Some(known)) = (is_sum, before.get(&series)) {
                assert_eq!(known.start_ns, point.start_ns, "{series:?} begins anew");
                assert!(known.value <= point.value, "{series:?} falls from {} to {}", known.value, point.value);
            }
            seen.push(series.clone());
            self.series.insert(series, point);
        }
    }

    fn add_event(&mut self, event: Event) {
        let id =
            EventId { boot: event.get("firstbad.boot").to_owned(), sequence: event.get("firstbad.seq").to_owned() };
        assert!(!id.boot.is_empty() && !id.sequence.is_empty(), "{event:?}");
        let known = self.events.entry(id).or_insert_with(|| event.clone());
        assert_eq!(*known, event, "one identity, two events");
    }
}

impl Ledger {
    pub(crate) fn add_metrics(&mut self, request: &ExportMetricsServiceRequest) {
        for part in &request.resource_metrics {
            let process = self.process(&part.resource.as_ref().expect("a resource").attributes);
            process.reports += 1;
            // A gauge holds for its report alone.
            process.series.retain(|_, point| !point.is_gauge);
            for scope in &part.scope_metrics {
                scope.metrics.iter().for_each(|metric| process.add_metric(metric));
                process.note_denied(&scope.metrics);
            }
        }
    }

    pub(crate) fn add_logs(&mut self, request: &ExportLogsServiceRequest) {
        for part in &request.resource_logs {
            let process = self.process(&part.resource.as_ref().expect("a resource").attributes);
            for record in part.scope_logs.iter().flat_map(|scope| &scope.log_records) {
                let name = record.event_name.clone();
                let attributes = attributes(&record.attributes);
                process.add_event(Event { name, at_ns: record.time_unix_nano, attributes });
            }
        }
    }

    fn process(&mut self, resource: &[KeyValue]) -> &mut Process {
        let resource = attributes(resource);
        let pid = resource.get("process.pid").expect("a pid").parse().expect("a number");
        let process = self.processes.entry(pid).or_default();
        if process.resource.is_empty() {
            process.resource = resource.clone();
        }
        assert_eq!(process.resource, resource, "one process, two resources");
        process
    }
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        #[expect(clippy::cast_precision_loss, reason = "counts of a test are small")]
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        Some(number_data_point::Value::AsDouble(value)) => value,
        None => panic!("a point without a value"),
    }
}

fn attributes(from: &[KeyValue]) -> Attributes {
    from.iter().map(|attribute| (attribute.key.clone(), text(attribute.value.as_ref()))).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(value)) => value.clone(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::ArrayValue(values)) => {
            let texts: Vec<String> = values.values.iter().map(|value| text(Some(value))).collect();
            texts.join(",")
        }
        other => panic!("an attribute of another kind: {other:?}"),
    }
}
