//! Which metrics are read, and as what: the contract's table and the standard ones.

use super::gauges::Gauge;
use firstbad_protocol::names::metric;

/// A count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Requests,
    Panics,
    Defaulted,
    Loads,
    Dropped,
}

/// A distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distribution {
    Scores,
    Duration,
}

/// What a metric is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Count(Count),
    Distribution(Distribution),
    Gauge(Gauge),
}

/// What the metric of that name is to us, if anything.
pub(super) fn known(name: &str) -> Option<Known> {
    Some(match name {
        metric::REQUESTS => Known::Count(Count::Requests),
        metric::PANICS => Known::Count(Count::Panics),
        metric::SCORES_DEFAULTED => Known::Count(Count::Defaulted),
        metric::CONFIG_LOADS => Known::Count(Count::Loads),
        metric::TELEMETRY_DROPPED => Known::Count(Count::Dropped),
        metric::SCORES => Known::Distribution(Distribution::Scores),
        metric::HTTP_SERVER_REQUEST_DURATION => Known::Distribution(Distribution::Duration),
        metric::REQUESTS_FIRST_FAILED => Known::Gauge(Gauge::FirstFailed),
        metric::CONFIG_ACTIVE => Known::Gauge(Gauge::Active),
        metric::CONFIG_ROWS => Known::Gauge(Gauge::Fact("rows")),
        metric::CONFIG_DUPLICATE_ROWS => Known::Gauge(Gauge::Fact("duplicate_rows")),
        metric::CONFIG_SIZE => Known::Gauge(Gauge::Fact("size")),
        metric::CONFIG_AGE => Known::Gauge(Gauge::Age),
        metric::CONFIG_LIMIT => Known::Gauge(Gauge::Limit),
        metric::CONFIG_LIMIT_USAGE => Known::Gauge(Gauge::LimitUsage),
        metric::HTTP_SERVER_ACTIVE_REQUESTS => Known::Gauge(Gauge::InFlight),
        metric::PROCESS_CPU_UTILIZATION => Known::Gauge(Gauge::Cpu),
        metric::PROCESS_MEMORY_USAGE => Known::Gauge(Gauge::Memory),
        metric::PROCESS_UPTIME => Known::Gauge(Gauge::Uptime),
        _ => return None,
    })
}
