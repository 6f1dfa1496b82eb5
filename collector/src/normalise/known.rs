//! The metrics that are read, and the meaning of each: those of the contract and the standard ones, by their current names,
//! by their names from before 2024, and in the spelling of the translation to Prometheus.

use super::gauges::Gauge;
use super::spellings::is_spelled;
use firstbad_protocol::names::{METRICS, metric};

/// A count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Requests,
    Panics,
    Defaulted,
    Loads,
    Dropped,
    /// The series `.._count` of a histogram of durations that was sent as separate series.
    Durations,
}

/// A distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distribution {
    Scores,
    /// In seconds.
    Duration,
    /// In milliseconds, the unit of the conventions before 2024.
    OldDuration,
}

/// The meaning of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Count(Count),
    Distribution(Distribution),
    Gauge(Gauge),
}

/// The metrics that count requests, best first. Where an instance sends several of them, only the best is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestSource {
    /// `firstbad.requests`.
    Own,
    /// The histogram of durations under its current name.
    Durations,
    /// The histogram of durations under its older name.
    OldDurations,
    /// The number of durations.
    Count,
}

impl Known {
    /// The source of request counts that this metric is, if it is one.
    pub(super) const fn request_source(self) -> Option<RequestSource> {
        match self {
            Self::Count(Count::Requests) => Some(RequestSource::Own),
            Self::Distribution(Distribution::Duration) => Some(RequestSource::Durations),
            Self::Distribution(Distribution::OldDuration) => Some(RequestSource::OldDurations),
            Self::Count(Count::Durations) => Some(RequestSource::Count),
            _ => None,
        }
    }
}

/// Durations in milliseconds, the name from before 2024.
const HTTP_SERVER_DURATION: &str = "http.server.duration";

/// Metrics by their OpenTelemetry name.
const KNOWN: [(&str, Known); 21] = [
    (metric::REQUESTS, Known::Count(Count::Requests)),
    (metric::PANICS, Known::Count(Count::Panics)),
    (metric::SCORES, Known::Distribution(Distribution::Scores)),
    (metric::SCORES_DEFAULTED, Known::Count(Count::Defaulted)),
    (metric::HTTP_SERVER_REQUEST_DURATION, Known::Distribution(Distribution::Duration)),
    (HTTP_SERVER_DURATION, Known::Distribution(Distribution::OldDuration)),
    (metric::CONFIG_ACTIVE, Known::Gauge(Gauge::Active)),
    (metric::REQUESTS_FIRST_FAILED, Known::Gauge(Gauge::FirstFailed)),
    (metric::CONFIG_LOADS, Known::Count(Count::Loads)),
    (metric::TELEMETRY_DROPPED, Known::Count(Count::Dropped)),
    (metric::CONFIG_ROWS, Known::Gauge(Gauge::Fact("rows"))),
    (metric::CONFIG_DUPLICATE_ROWS, Known::Gauge(Gauge::Fact("duplicate_rows"))),
    (metric::CONFIG_SIZE, Known::Gauge(Gauge::Fact("size"))),
    (metric::CONFIG_AGE, Known::Gauge(Gauge::Age)),
    (metric::CONFIG_LIMIT, Known::Gauge(Gauge::Limit)),
    (metric::CONFIG_LIMIT_USAGE, Known::Gauge(Gauge::LimitUsage)),
    (metric::HTTP_SERVER_ACTIVE_REQUESTS, Known::Gauge(Gauge::InFlight)),
    (metric::PROCESS_CPU_UTILIZATION, Known::Gauge(Gauge::Cpu)),
    (metric::PROCESS_MEMORY_USAGE, Known::Gauge(Gauge::Memory)),
    (metric::PROCESS_UPTIME, Known::Gauge(Gauge::Uptime)),
    // Some SDKs of that time could be set to measure in seconds; the translation then appends the unit to the old name.
    ("http.server.duration.seconds", Known::Distribution(Distribution::Duration)),
];

/// Units and kinds that the translation to Prometheus appends, where it is configured to.
const SUFFIXES: [&str; 5] = ["_total", "_ratio", "_bytes", "_seconds", "_milliseconds"];

/// The meaning of the metric of that name, if it has one.
pub(super) fn known(name: &str) -> Option<Known> {
    if name.contains('.') {
        return KNOWN.iter().find(|(known, _)| *known == name).map(|(_, known)| *known);
    }
    if let Some(durations) = name.strip_suffix("_count") {
        let is_durations = |known: &Known| known.request_source().is_some_and(|source| source != RequestSource::Own);
        return translated(durations).filter(is_durations).map(|_| Known::Count(Count::Durations));
    }
    translated(name)
}

/// The meaning of a series of Prometheus, which has one value at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeriesKind<'n> {
    /// A count.
    Sum,
    /// A last value.
    Gauge,
    /// A bucket of the histogram of that name.
    Bucket(&'n str),
    /// The sum of the histogram of that name.
    SumOfHistogram(&'n str),
    /// The number of values of a histogram.
    CountOfHistogram,
}

/// The meaning of the series of that name, if it has one.
pub(crate) fn series_kind(name: &str) -> Option<SeriesKind<'_>> {
    let of_histogram =
        |suffix| name.strip_suffix(suffix).filter(|base| matches!(known(base), Some(Known::Distribution(_))));
    match known(name) {
        Some(Known::Count(_)) => Some(SeriesKind::Sum),
        Some(Known::Gauge(_)) => Some(SeriesKind::Gauge),
        // The name of a whole histogram: the series of one have suffixes.
        Some(Known::Distribution(_)) => None,
        None => of_histogram("_bucket")
            .map(SeriesKind::Bucket)
            .or_else(|| of_histogram("_sum").map(SeriesKind::SumOfHistogram))
            .or_else(|| of_histogram("_count").map(|_| SeriesKind::CountOfHistogram)),
    }
}

/// Whether points of the metric of that name are read.
#[must_use]
pub fn understands(name: &str) -> bool {
    known(name).is_some()
}

/// Whether an unknown metric has a name like firstbad's own: a misspelling, or a metric of a later version.
pub(super) fn is_misspelled(name: &str) -> bool {
    let own = name.starts_with("firstbad.") || name.starts_with("firstbad_");
    own && !METRICS.iter().any(|metric| metric.prometheus == name)
}

/// The meaning of a name in which underscores replaced the dots.
fn translated(name: &str) -> Option<Known> {
    let of = |name: &str| KNOWN.iter().find(|(known, _)| is_spelled(name, known)).map(|(_, known)| *known);
    of(name).or_else(|| SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).and_then(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_known_by_its_prometheus_name_as_well() {
        for metric in METRICS.iter().filter(|metric| !metric.otel.is_empty()) {
            assert!(known(metric.otel).is_some(), "{}", metric.otel);
            assert_eq!(known(metric.prometheus), known(metric.otel), "{}", metric.prometheus);
        }
    }

    #[test]
    fn durations_are_known_by_all_their_names_and_nothing_else_is() {
        let seconds = Some(Known::Distribution(Distribution::Duration));
        let milliseconds = Some(Known::Distribution(Distribution::OldDuration));
        assert_eq!(known("http_server_request_duration_seconds"), seconds);
        assert_eq!(known("http_server_request_duration"), seconds);
        assert_eq!(known("http_server_duration_seconds"), seconds);
        assert_eq!(known("http_server_duration_milliseconds"), milliseconds);
        assert_eq!(known("http.server.duration"), milliseconds);
        assert_eq!(known("http_server_request_duration_seconds_count"), Some(Known::Count(Count::Durations)));
        assert_eq!(known("process_memory_usage_bytes"), Some(Known::Gauge(Gauge::Memory)));
        for unknown in ["firstbad.request", "http.client.duration", "firstbad_scores_count", "http_server_duration_sum"]
        {
            assert_eq!(known(unknown), None, "{unknown}");
        }
        assert!(is_misspelled("firstbad.request") && !is_misspelled("firstbad_collector_hosts"));
    }
}
