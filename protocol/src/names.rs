//! The one list of metric, attribute and event names (contract.md sections 2 and 3). Parser, docs, `/metrics`, dashboards
//! check and tests read it. What is sent, and what a value means, is decided by sender and engine.

/// How a metric behaves over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A monotonic Sum; Prometheus counter.
    Counter,
    /// A last-value gauge.
    Gauge,
    /// An explicit-bounds histogram.
    Histogram,
}

/// One metric: its OpenTelemetry and Prometheus names, and what a reader needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// OpenTelemetry name; empty where the metric exists only in Prometheus form.
    pub otel: &'static str,
    /// Prometheus name, without `_bucket`, `_sum`, `_count`.
    pub prometheus: &'static str,
    /// Instrument kind.
    pub kind: Kind,
    /// UCUM unit.
    pub unit: &'static str,
    /// Prometheus labels beside those of the scrape target.
    pub labels: &'static [&'static str],
    /// Help text.
    pub help: &'static str,
}

/// Metric names on the wire.
pub mod metric {
    /// Requests by outcome.
    pub const REQUESTS: &str = "firstbad.requests";
    /// When the first request under a version failed, in one process.
    pub const REQUESTS_FIRST_FAILED: &str = "firstbad.requests.first_failed";
    /// Panics by site.
    pub const PANICS: &str = "firstbad.panics";
    /// Distribution of scores.
    pub const SCORES: &str = "firstbad.scores";
    /// Scores that were not computed, or out of range.
    pub const SCORES_DEFAULTED: &str = "firstbad.scores.defaulted";
    /// Loads by result.
    pub const CONFIG_LOADS: &str = "firstbad.config.loads";
    /// 1 for each active version, in every report.
    pub const CONFIG_ACTIVE: &str = "firstbad.config.active";
    /// Rows of the version.
    pub const CONFIG_ROWS: &str = "firstbad.config.rows";
    /// Rows that repeat an earlier row.
    pub const CONFIG_DUPLICATE_ROWS: &str = "firstbad.config.duplicate_rows";
    /// Bytes of the version.
    pub const CONFIG_SIZE: &str = "firstbad.config.size";
    /// Seconds since the version became active.
    pub const CONFIG_AGE: &str = "firstbad.config.age";
    /// A declared limit.
    pub const CONFIG_LIMIT: &str = "firstbad.config.limit";
    /// Observed value over declared limit.
    pub const CONFIG_LIMIT_USAGE: &str = "firstbad.config.limit_usage";
    /// Events that the sender could not keep.
    pub const TELEMETRY_DROPPED: &str = "firstbad.telemetry.dropped";
    /// Standard: duration of HTTP requests, seconds.
    pub const HTTP_SERVER_REQUEST_DURATION: &str = "http.server.request.duration";
    /// Standard: requests in flight.
    pub const HTTP_SERVER_ACTIVE_REQUESTS: &str = "http.server.active_requests";
    /// Standard: CPU utilisation, 0 to 1.
    pub const PROCESS_CPU_UTILIZATION: &str = "process.cpu.utilization";
    /// Standard: resident memory, bytes.
    pub const PROCESS_MEMORY_USAGE: &str = "process.memory.usage";
    /// Standard: seconds since the process started.
    pub const PROCESS_UPTIME: &str = "process.uptime";
}

/// Attribute keys on the wire.
pub mod attribute {
    /// Name of a config.
    pub const CONFIG_NAME: &str = "firstbad.config.name";
    /// Hash of a version.
    pub const CONFIG_HASH: &str = "firstbad.config.hash";
    /// Human name of a version.
    pub const CONFIG_LABEL: &str = "firstbad.config.label";
    /// Outcome of a request: `ok`, `denied`, `error`, `panic`.
    pub const OUTCOME: &str = "firstbad.outcome";
    /// Panic site, `file:line:column`.
    pub const PANIC_SITE: &str = "firstbad.panic.site";
    /// Name of a score.
    pub const SCORE_NAME: &str = "firstbad.score.name";
    /// Declared least score.
    pub const SCORE_MIN: &str = "firstbad.score.min";
    /// Declared greatest score.
    pub const SCORE_MAX: &str = "firstbad.score.max";
    /// Reason of a defaulted score, refused load, or drop.
    pub const REASON: &str = "firstbad.reason";
    /// Result of a load.
    pub const LOAD_RESULT: &str = "firstbad.load.result";
    /// `loading` when written before the parse.
    pub const LOAD_PHASE: &str = "firstbad.load.phase";
    /// The real error as text.
    pub const ERROR: &str = "firstbad.error";
    /// Hash that was active before.
    pub const CONFIG_PREVIOUS_HASH: &str = "firstbad.config.previous_hash";
    /// Row-set hash.
    pub const CONFIG_ROWSET_HASH: &str = "firstbad.config.rowset_hash";
    /// Generation, an integer that grows.
    pub const CONFIG_GENERATION: &str = "firstbad.config.generation";
    /// Identity that all hosts' renderings of one logical version share: a commit, or a run of the generator.
    pub const CONFIG_REVISION: &str = "firstbad.config.revision";
    /// Producer of the version.
    pub const CONFIG_SOURCE: &str = "firstbad.config.source";
    /// Bytes.
    pub const CONFIG_SIZE: &str = "firstbad.config.size";
    /// Rows.
    pub const CONFIG_ROWS: &str = "firstbad.config.rows";
    /// Duplicate rows.
    pub const CONFIG_DUPLICATE_ROWS: &str = "firstbad.config.duplicate_rows";
    /// Blank fields.
    pub const CONFIG_BLANK_FIELDS: &str = "firstbad.config.blank_fields";
    /// Columns.
    pub const CONFIG_COLUMNS: &str = "firstbad.config.columns";
    /// Versions active, `name=sha256:..` each.
    pub const CONFIG_ACTIVE: &str = "firstbad.config.active";
    /// Prefix of a declared limit's attribute; the limit's name follows.
    pub const LIMIT_PREFIX: &str = "firstbad.limit.";
    /// Name of a limit (metric attribute).
    pub const LIMIT_NAME: &str = "firstbad.limit.name";
    /// Identity of a process life, with [`SEQ`] the identity of a log event.
    pub const BOOT: &str = "firstbad.boot";
    /// Sequence number of a log event within a process life.
    pub const SEQ: &str = "firstbad.seq";
    /// How many exceptions of one process at one place an event stands for (int); without it, one.
    pub const EXCEPTION_COUNT: &str = "firstbad.exception.count";
    /// When the first of those exceptions happened (int, Unix nanoseconds); the event's own time is the last one's.
    pub const EXCEPTION_FIRST: &str = "firstbad.exception.first";
    /// Whether the process ended on purpose.
    pub const EXIT_CLEAN: &str = "firstbad.exit.clean";
    /// Signal that ended the process, or asked it to end.
    pub const EXIT_SIGNAL: &str = "firstbad.exit.signal";
    /// Status with which the process left.
    pub const EXIT_STATUS: &str = "firstbad.exit.status";
    /// Kind of change.
    pub const CHANGE_KIND: &str = "firstbad.change.kind";
    /// Identity of a change.
    pub const CHANGE_ID: &str = "firstbad.change.id";
    /// Target of a change.
    pub const CHANGE_TARGET: &str = "firstbad.change.target";
    /// Format of captured content.
    pub const CONTENT_FORMAT: &str = "firstbad.content.format";
    /// Service name.
    pub const SERVICE_NAME: &str = "service.name";
    /// Version of the binary.
    pub const SERVICE_VERSION: &str = "service.version";
    /// Instance identity.
    pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
    /// Host name.
    pub const HOST_NAME: &str = "host.name";
    /// Identity of a pod.
    pub const K8S_POD_UID: &str = "k8s.pod.uid";
    /// Name of a pod, its own within its namespace.
    pub const K8S_POD_NAME: &str = "k8s.pod.name";
    /// Namespace of a pod.
    pub const K8S_NAMESPACE_NAME: &str = "k8s.namespace.name";
    /// Identity of a container.
    pub const CONTAINER_ID: &str = "container.id";
    /// Process id.
    pub const PROCESS_PID: &str = "process.pid";
    /// Standard: the binary, for naming the addresses of stacks.
    pub const PROCESS_EXECUTABLE_PATH: &str = "process.executable.path";
    /// Region.
    pub const CLOUD_REGION: &str = "cloud.region";
    /// Environment.
    pub const DEPLOYMENT_ENVIRONMENT_NAME: &str = "deployment.environment.name";
}

/// Names of log events.
pub mod event {
    /// A load.
    pub const CONFIG_LOAD: &str = "firstbad.config.load";
    /// A panic.
    pub const EXCEPTION: &str = "exception";
    /// A process started.
    pub const PROCESS_START: &str = "firstbad.process.start";
    /// A process ended.
    pub const PROCESS_EXIT: &str = "firstbad.process.exit";
    /// Any other change in the world.
    pub const CHANGE: &str = "firstbad.change";
    /// Content of a version.
    pub const CONFIG_CONTENT: &str = "firstbad.config.content";
}

/// Beginning of the name of the instrumentation scopes in which `firstbad export` writes points: each report in them is
/// complete, with its zeros.
pub const EXPORT_SCOPE: &str = "firstbad.export";

/// Resource attributes that are dimensions unless settings name more.
pub const DIMENSIONS: [&str; 4] = [
    attribute::SERVICE_NAME,
    attribute::SERVICE_VERSION,
    attribute::CLOUD_REGION,
    attribute::DEPLOYMENT_ENVIRONMENT_NAME,
];

/// Bounds of a score's Prometheus histogram (contract.md section 3). `le="0.5"` means "score is 0" and is spelled the
/// same in Prometheus 2 and 3 (dashboards.md, the `le` trap).
pub const SCORE_BOUNDS: [f64; 13] = [0.5, 1.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0];

macro_rules! metrics {
    ($($name:ident: $otel:expr, $prometheus:literal, $kind:ident, $unit:literal, [$($label:literal),*], $help:literal;)*) => {
        $(#[doc = $help] pub const $name: Metric = Metric { otel: $otel, prometheus: $prometheus, kind: Kind::$kind, unit: $unit, labels: &[$($label),*], help: $help };)*
        /// Every metric that firstbad serves.
        pub const METRICS: &[Metric] = &[$($name),*];
    };
}

metrics! {
    REQUESTS: metric::REQUESTS, "firstbad_requests_total", Counter, "{request}", ["config", "config_hash", "outcome"], "Requests by outcome; with config labels, those that used that version.";
    REQUESTS_FIRST_FAILED: metric::REQUESTS_FIRST_FAILED, "firstbad_requests_first_failed_seconds", Gauge, "s", ["config", "config_hash"], "Unix time at which the first request under this version failed.";
    PANICS: metric::PANICS, "firstbad_panics_total", Counter, "{panic}", ["config", "config_hash", "site"], "Panics by site and active version.";
    SCORES: metric::SCORES, "firstbad_scores", Histogram, "1", ["config", "config_hash", "score"], "Distribution of scores by version.";
    SCORES_DEFAULTED: metric::SCORES_DEFAULTED, "firstbad_scores_defaulted_total", Counter, "{score}", ["config", "config_hash", "score", "reason"], "Scores that were not computed, or out of range.";
    CONFIG_LOADS: metric::CONFIG_LOADS, "firstbad_config_loads_total", Counter, "{load}", ["config", "config_hash", "result", "reason"], "Loads by result and reason.";
    CONFIG_ACTIVE: metric::CONFIG_ACTIVE, "firstbad_config_active", Gauge, "1", ["config", "config_hash"], "1 for each version that is active.";
    CONFIG_LOAD_TIMESTAMP: "", "firstbad_config_load_timestamp_seconds", Gauge, "s", ["config", "config_hash"], "Unix time at which this version became active.";
    CONFIG_LAST_LOAD_SUCCESSFUL: "", "firstbad_config_last_load_successful", Gauge, "1", ["config"], "1 if the last load was not refused.";
    CONFIG_ROWS: metric::CONFIG_ROWS, "firstbad_config_rows", Gauge, "{row}", ["config", "config_hash"], "Rows of the version.";
    CONFIG_DUPLICATE_ROWS: metric::CONFIG_DUPLICATE_ROWS, "firstbad_config_duplicate_rows", Gauge, "{row}", ["config", "config_hash"], "Rows that repeat an earlier row.";
    CONFIG_SIZE: metric::CONFIG_SIZE, "firstbad_config_size_bytes", Gauge, "By", ["config", "config_hash"], "Bytes of the version.";
    CONFIG_AGE: metric::CONFIG_AGE, "firstbad_config_age_seconds", Gauge, "s", ["config", "config_hash"], "Seconds since the version became active.";
    CONFIG_LIMIT: metric::CONFIG_LIMIT, "firstbad_config_limit", Gauge, "1", ["config", "limit"], "A limit that the proxy declares.";
    CONFIG_LIMIT_USAGE: metric::CONFIG_LIMIT_USAGE, "firstbad_config_limit_usage_ratio", Gauge, "1", ["config", "limit"], "Observed value over declared limit.";
    TELEMETRY_DROPPED: metric::TELEMETRY_DROPPED, "firstbad_telemetry_dropped_total", Counter, "{event}", ["reason"], "Telemetry that could not be kept.";
    METRIC_HASHES_EVICTED: "", "firstbad_metric_hashes_evicted_total", Counter, "{hash}", [], "Hashes folded into `other` because more than 8 were live.";
    FLEET_REQUESTS: "", "firstbad_fleet_requests_total", Counter, "{request}", ["config", "config_hash", "outcome"], "Fleet: requests by outcome and version.";
    FLEET_PANICS: "", "firstbad_fleet_panics_total", Counter, "{panic}", ["config", "config_hash"], "Fleet: panics by version.";
    FLEET_SCORES: "", "firstbad_fleet_scores", Histogram, "1", ["config", "config_hash", "score"], "Fleet: distribution of scores by version.";
    FLEET_SCORES_DEFAULTED: "", "firstbad_fleet_scores_defaulted_total", Counter, "{score}", ["config", "config_hash", "score", "reason"], "Fleet: scores not computed, or out of range.";
    FLEET_CONFIG_LOADS: "", "firstbad_fleet_config_loads_total", Counter, "{load}", ["config", "config_hash", "result", "reason"], "Fleet: loads by result and reason.";
    FLEET_CONFIG_HOSTS: "", "firstbad_fleet_config_hosts", Gauge, "{host}", ["config", "config_hash"], "Fleet: hosts on which the version is active.";
    FLEET_CONFIG_ROWS: "", "firstbad_fleet_config_rows", Gauge, "{row}", ["config", "config_hash"], "Fleet: rows of the version.";
    FLEET_CONFIG_DUPLICATE_ROWS: "", "firstbad_fleet_config_duplicate_rows", Gauge, "{row}", ["config", "config_hash"], "Fleet: rows of the version that repeat an earlier row.";
    FLEET_CONFIG_LIMIT_USAGE: "", "firstbad_fleet_config_limit_usage_ratio", Gauge, "1", ["config", "limit"], "Fleet: greatest observed value over declared limit.";
    FLEET_CONFIG_FIRST_LOAD_TIMESTAMP: "", "firstbad_fleet_config_first_load_timestamp_seconds", Gauge, "s", ["config", "config_hash"], "Fleet: Unix time of the version's first load on any host.";
    COLLECTOR_BUILD: "", "firstbad_collector_build_info", Gauge, "1", ["version"], "1, with the version of the collector.";
    COLLECTOR_RECEIVED: "", "firstbad_collector_received_total", Counter, "{item}", ["signal"], "Points and events received and acknowledged.";
    COLLECTOR_REFUSED: "", "firstbad_collector_refused_total", Counter, "{request}", ["reason"], "Requests or items refused.";
    COLLECTOR_BYTES: "", "firstbad_collector_received_bytes_total", Counter, "By", [], "Bytes received, before decompression.";
    COLLECTOR_QUEUE_LENGTH: "", "firstbad_collector_queue_length", Gauge, "{request}", [], "Requests waiting for a commit.";
    COLLECTOR_QUEUE_CAPACITY: "", "firstbad_collector_queue_capacity", Gauge, "{request}", [], "Requests that may wait for a commit.";
    COLLECTOR_COMMIT: "", "firstbad_collector_store_commit_seconds", Histogram, "s", [], "Duration of store commits.";
    COLLECTOR_STORE_SIZE: "", "firstbad_collector_store_size_bytes", Gauge, "By", [], "Size of the store on disk.";
    COLLECTOR_HOSTS: "", "firstbad_collector_hosts", Gauge, "{host}", ["state"], "Hosts, `reporting` or `silent`.";
    COLLECTOR_LAST_EVENT: "", "firstbad_collector_last_event_timestamp_seconds", Gauge, "s", [], "Event time of the newest data.";
    COLLECTOR_INCIDENTS: "", "firstbad_collector_incidents", Gauge, "{incident}", ["state", "verdict"], "Incidents by state and verdict.";
    COLLECTOR_INCIDENT: "", "firstbad_collector_incident_info", Gauge, "1", ["incident", "verdict", "config", "sentence", "severity", "playbook"], "1 for each incident that is not over, with its verdict's sentence up to the numbers; `severity` is `critical` while it is open and a harmful change is or was accused, `quiet` where a quiet time holds its pages, else `warning`.";
    COLLECTOR_INCIDENT_HELD: "", "firstbad_collector_incident_held", Gauge, "1", ["incident"], "1 for each incident that is not over and that an engineer acknowledged, or whose pages a quiet time holds.";
    COLLECTOR_SUSPECT_CONFIDENCE: "", "firstbad_collector_suspect_confidence_ratio", Gauge, "1", ["config", "config_hash"], "Confidence that this version is the cause of an open incident.";
    COLLECTOR_DEGRADED: "", "firstbad_collector_degraded", Gauge, "1", ["reason"], "1 while the collector does not do its work for this reason, else 0: nothing can be stored (`store`), the clock was set back (`clock`), verdicts are behind (`behind`), no process reports any more (`blind`).";
    COLLECTOR_RELOAD: "", "firstbad_collector_last_reload_successful", Gauge, "1", [], "1 unless the configuration of the last SIGHUP was refused.";
    COLLECTOR_NOTIFICATIONS: "", "firstbad_collector_notifications_total", Counter, "{notification}", ["target", "result"], "Notifications sent.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_follow_the_suffix_rule() {
        for (index, metric) in METRICS.iter().enumerate() {
            assert_eq!(metric.prometheus.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.prometheus);
            assert!(
                !METRICS[..index].iter().any(|earlier| earlier.prometheus == metric.prometheus),
                "{}",
                metric.prometheus
            );
        }
    }
}
