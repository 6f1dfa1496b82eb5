//! The one list of bounds on what comes from outside, each with its reason. What happens at a bound is decided, counted
//! and shown where the bound is met: the outage we study was a limit met in silence.

/// Greatest body of one request after decompression, bytes. An agent's report of 1,000 instances is about 2 MB.
pub const BODY_BYTES_MAX: usize = 16 << 20;
/// Bytes of decoded requests that may be in flight at once (reliability.md D2: decoding amplifies).
pub const IN_FLIGHT_BYTES_MAX: usize = 64 << 20;
/// Points or log records in one request.
pub const ITEMS_PER_REQUEST_MAX: usize = 100_000;
/// Attributes of one resource, point or record.
pub const ATTRIBUTES_MAX: usize = 128;
/// Bytes of one text (message, name, label); the head is kept.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Bytes of one name (config, limit, score, dimension value).
pub const NAME_BYTES_MAX: usize = 256;
/// Bytes of one version kept for the difference view.
pub const CONTENT_BYTES_MAX: usize = 4 << 20;
/// Bytes of one line of a capture (a fleet's report in one line was seen at 40 MB).
pub const CAPTURE_LINE_BYTES_MAX: usize = 256 << 20;
/// Hashes with their own labels per config and process in Prometheus form (contract.md section 3).
pub const METRIC_HASHES_MAX: usize = 8;
/// Instances whose state the engine keeps.
pub const INSTANCES_MAX: usize = 200_000;
/// Versions per config whose statistics the engine keeps apart; older ones fold into `older`.
pub const VERSIONS_MAX: usize = 256;
/// Configs the engine keeps apart.
pub const CONFIGS_MAX: usize = 512;
/// Change events the engine keeps.
pub const CHANGES_MAX: usize = 4096;
/// Incidents kept in memory and in a snapshot.
pub const INCIDENTS_MAX: usize = 64;
/// Hosts listed in a snapshot; counts stay exact.
pub const SNAPSHOT_HOSTS_MAX: usize = 512;
/// Points of one line in a snapshot.
pub const SNAPSHOT_POINTS_MAX: usize = 240;
/// Suspects listed for one incident.
pub const SUSPECTS_MAX: usize = 10;
