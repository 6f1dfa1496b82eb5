//! The three sources of metrics, and what each calls a metric and its labels. Names come from `protocol::names` alone; those of
//! OTLP are derived from them by the rules of Prometheus' translation.

use firstbad_protocol::names::{self, Kind, Metric};

/// Where Prometheus gets the metrics from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `/metrics` of the collector: sums over the fleet, `firstbad_fleet_*`.
    Collector,
    /// `/metrics` of proxies (feature `metrics` of the crate) or of agents.
    Proxy,
    /// OTLP of proxies or agents, translated by Prometheus or by an OpenTelemetry Collector.
    Otlp,
}

/// A quantity, independent of its name in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Requests by outcome.
    Requests,
    /// Panics.
    Panics,
    /// Histogram of scores.
    Scores,
    /// Scores that were not computed, or out of range.
    Defaulted,
    /// Loads by result and reason.
    Loads,
    /// Active versions: hosts at the collector, 1 for each process elsewhere.
    Active,
    /// Rows of a version.
    Rows,
    /// Rows that repeat an earlier row.
    DuplicateRows,
    /// Observed value over declared limit.
    LimitUsage,
    /// Declared limit.
    Limit,
    /// Bytes of a version. Not at the collector.
    Size,
    /// Unix time of the first failed request under a version. Not at the collector.
    FirstFailed,
    /// Telemetry that was not kept. Not at the collector.
    Dropped,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Requests,
        Self::Panics,
        Self::Scores,
        Self::Defaulted,
        Self::Loads,
        Self::Active,
        Self::Rows,
        Self::DuplicateRows,
        Self::LimitUsage,
        Self::Limit,
        Self::Size,
        Self::FirstFailed,
        Self::Dropped,
    ];

    /// Its entry in the list of names, as proxies serve it.
    const fn of_process(self) -> &'static Metric {
        match self {
            Self::Requests => &names::REQUESTS,
            Self::Panics => &names::PANICS,
            Self::Scores => &names::SCORES,
            Self::Defaulted => &names::SCORES_DEFAULTED,
            Self::Loads => &names::CONFIG_LOADS,
            Self::Active => &names::CONFIG_ACTIVE,
            Self::Rows => &names::CONFIG_ROWS,
            Self::DuplicateRows => &names::CONFIG_DUPLICATE_ROWS,
            Self::LimitUsage => &names::CONFIG_LIMIT_USAGE,
            Self::Limit => &names::CONFIG_LIMIT,
            Self::Size => &names::CONFIG_SIZE,
            Self::FirstFailed => &names::REQUESTS_FIRST_FAILED,
            Self::Dropped => &names::TELEMETRY_DROPPED,
        }
    }

    /// Its entry in the list of names, as the collector serves it.
    const fn of_fleet(self) -> Option<&'static Metric> {
        Some(match self {
            Self::Requests => &names::FLEET_REQUESTS,
            Self::Panics => &names::FLEET_PANICS,
            Self::Scores => &names::FLEET_SCORES,
            Self::Defaulted => &names::FLEET_SCORES_DEFAULTED,
            Self::Loads => &names::FLEET_CONFIG_LOADS,
            Self::Active => &names::FLEET_CONFIG_HOSTS,
            Self::Rows => &names::FLEET_CONFIG_ROWS,
            Self::DuplicateRows => &names::FLEET_CONFIG_DUPLICATE_ROWS,
            Self::LimitUsage => &names::FLEET_CONFIG_LIMIT_USAGE,
            Self::Limit | Self::Size | Self::FirstFailed | Self::Dropped => return None,
        })
    }
}

/// Labels that differ between the sources.
#[derive(Clone, Copy, Debug)]
pub struct Labels {
    /// Name of a config.
    pub config: &'static str,
    /// Hash of a version.
    pub hash: &'static str,
    /// Outcome of a request.
    pub outcome: &'static str,
    /// Place of a panic.
    pub site: &'static str,
    /// Name of a score.
    pub score: &'static str,
    /// Result of a load.
    pub result: &'static str,
    /// Reason of a refusal.
    pub reason: &'static str,
    /// Name of a limit.
    pub limit: &'static str,
    /// Region, where the scrape or the translation gives targets one.
    pub region: &'static str,
}

const PROMETHEUS: Labels = Labels {
    config: "config",
    hash: "config_hash",
    outcome: "outcome",
    site: "site",
    score: "score",
    result: "result",
    reason: "reason",
    limit: "limit",
    region: "region",
};

const TRANSLATED: Labels = Labels {
    config: "firstbad_config_name",
    hash: "firstbad_config_hash",
    outcome: "firstbad_outcome",
    site: "firstbad_panic_site",
    score: "firstbad_score_name",
    result: "firstbad_load_result",
    reason: "firstbad_reason",
    limit: "firstbad_limit_name",
    region: "cloud_region",
};

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Collector, Self::Proxy, Self::Otlp];

    /// One word for paths, uids and tags.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Proxy => "proxy",
            Self::Otlp => "otlp",
        }
    }

    /// The source, in the dashboard's title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Proxy => "proxies scraped",
            Self::Otlp => "OTLP",
        }
    }

    /// Names of the labels.
    #[must_use]
    pub const fn labels(self) -> Labels {
        match self {
            Self::Collector | Self::Proxy => PROMETHEUS,
            Self::Otlp => TRANSLATED,
        }
    }

    /// Name of a measure in this source, without `_bucket`, `_sum`, `_count`; none if it does not have it.
    #[must_use]
    pub fn metric(self, measure: Measure) -> Option<String> {
        match self {
            Self::Collector => measure.of_fleet().map(|metric| metric.prometheus.to_owned()),
            Self::Proxy => Some(measure.of_process().prometheus.to_owned()),
            Self::Otlp => Some(translated(measure.of_process())),
        }
    }
}

/// The standard count of requests, of senders that send no `firstbad.requests`: its Prometheus name.
pub const STANDARD_REQUESTS: &str = "http_server_request_duration_seconds_count";
/// The label of its status code.
pub const STANDARD_STATUS: &str = "http_response_status_code";

/// The Prometheus name of an OTLP metric: dots become underscores, the unit and `_total` are added, and the unit `1` of a gauge
/// becomes `_ratio`. Units in braces are dropped.
#[must_use]
pub fn translated(metric: &Metric) -> String {
    let mut name = metric.otel.replace('.', "_");
    let unit = match (metric.unit, metric.kind) {
        ("s", _) => "seconds",
        ("By", _) => "bytes",
        ("1", Kind::Gauge) => "ratio",
        _ => "",
    };
    if !unit.is_empty() && !name.ends_with(unit) {
        name = format!("{name}_{unit}");
    }
    if metric.kind == Kind::Counter {
        name.push_str("_total");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translation_gives_the_names_that_proxies_serve_but_for_two_gauges_of_unit_one() {
        let both = Measure::ALL.map(|measure| (measure.of_process().prometheus, translated(measure.of_process())));
        let differing: Vec<_> = both.iter().filter(|(served, translated)| served != translated).collect();
        let expected = [
            ("firstbad_config_active", "firstbad_config_active_ratio".to_owned()),
            ("firstbad_config_limit", "firstbad_config_limit_ratio".to_owned()),
        ];
        assert_eq!(differing, expected.iter().collect::<Vec<_>>());
    }
}
