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
/// Greatest file that `firstbad check` and `firstbad diff` read, bytes: it is held in memory.
pub const CHECKED_FILE_BYTES_MAX: usize = 1 << 30;
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
/// Names of hosts that need a restart in a snapshot. With more, none is listed: part of a list would be taken for the whole.
/// Chosen: near 400 kB, as much as the listed hosts take.
pub const RESTART_NAMES_MAX: usize = 16_384;
/// Points of one line in a snapshot.
pub const SNAPSHOT_POINTS_MAX: usize = 240;
/// Configs of a snapshot whose hosts are counted by version over time, and versions of each: 40 kB together.
pub const ROLLOUT_CONFIGS_MAX: usize = 4;
/// See [`ROLLOUT_CONFIGS_MAX`]; hosts on other versions are counted together.
pub const ROLLOUT_VERSIONS_MAX: usize = 6;
/// Places of panics in a snapshot; each holds a text of at most [`TEXT_BYTES_MAX`].
pub const SNAPSHOT_SITES_MAX: usize = 32;
/// Hosts of one place of panics that are counted; beyond it the number is a lower bound.
pub const SITE_HOSTS_MAX: usize = 64;
/// Deaths listed in a snapshot.
pub const SNAPSHOT_DEATHS_MAX: usize = 128;
/// Suspects listed for one incident.
pub const SUSPECTS_MAX: usize = 10;
/// Bytes of one snapshot or other answer of the query API as JSON. 512 hosts, 256 versions and 64 incidents are near 2 MB.
pub const SNAPSHOT_BYTES_MAX: usize = 32 << 20;
/// Bytes of one bundle, compressed. An hour of 1,000 instances at 10 s is about 40 MB.
pub const BUNDLE_BYTES_MAX: usize = 256 << 20;
/// Bytes of one bundle, decompressed: the bound holds while reading, whatever the headers claim.
pub const BUNDLE_BYTES_UNPACKED_MAX: usize = 2 << 30;
/// Entries of one bundle: checkpoint, batches, settings, verdict, manifest, and one content per version.
pub const BUNDLE_ENTRIES_MAX: usize = 1024;
/// Connections of one listener; further ones wait in the kernel's backlog.
pub const CONNECTIONS_MAX: usize = 4096;
/// Snapshot streams open at once; each holds one connection for as long as a screen looks.
pub const STREAMS_MAX: usize = 256;
/// Incidents kept in the store, newest first; with each goes the checkpoint that its bundle starts from.
pub const INCIDENTS_STORED_MAX: usize = 256;
/// Buckets of one histogram point. SDKs stop at 160 on each side of zero.
pub const BUCKETS_MAX: usize = 2048;
/// Points or log records in one line of a capture: a fleet's report in one line was seen at 40 MB.
pub const CAPTURE_LINE_ITEMS_MAX: usize = 4_000_000;
/// Bytes that a compressed capture may unpack to, in a temporary file. Three hours of 200 hosts at 10 s were 2.35 GB.
pub const CAPTURE_UNPACKED_BYTES_MAX: usize = 64 << 30;
/// log2 of the greatest window a zstd stream may ask the reader to reserve, bytes (8 MiB; reliability.md D1).
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Series whose last value, or whose seen points, the normaliser keeps. Least recently used first out.
pub const SERIES_MAX: usize = 4_000_000;
/// Of them those of one process, refused beyond: 8 versions of each of 512 configs with every outcome are 12,288.
pub const SERIES_PER_SENDER_MAX: usize = 16_384;
/// And those of one aggregate, behind which a fleet's leaves of dimensions may stand.
pub const SERIES_PER_AGGREGATE_MAX: usize = 524_288;
/// Distinct label sets that the normaliser keeps interpreted; when full, all are interpreted anew.
pub const LABEL_SETS_MAX: usize = 262_144;
/// Distinct names that the normaliser shares between rows; when full, sharing starts anew.
pub const SHARED_NAMES_MAX: usize = 262_144;
/// Process lives whose log event numbers the normaliser remembers. Least recently used first out.
pub const BOOTS_MAX: usize = 100_000;
/// Leaves visited by the search for a combination of two or three dimensions, over all combinations of keys: 20 of them
/// at 100,000 leaves, so five dimensions are searched whole.
pub const LOCALISE_VISITS_MAX: usize = 2_000_000;
/// Recorders that one agent reads; a host with more proxies than this runs several agents on directories of their own.
pub const RECORDERS_MAX: usize = 4096;
/// Bytes of contents that one agent ships at a time; the rest follows with the next report.
pub const CONTENT_BYTES_PER_REPORT_MAX: usize = 8 << 20;
/// Bytes of a file with certificates, a key or credentials: 100,000 credentials are near 16 MB.
pub const SECURITY_FILE_BYTES_MAX: usize = 32 << 20;
/// Bytes of one audit log; then it becomes `audit.log.1`, and the one before goes.
pub const AUDIT_BYTES_MAX: u64 = 64 << 20;
/// Denied calls that the audit log takes within one second; further ones are counted in its next line.
pub const AUDIT_DENIED_PER_SECOND: u32 = 10;
/// Bytes of the text of an engineer's word: a sentence or two.
pub const WORD_BYTES_MAX: usize = 1024;
/// Seconds for which a quiet time may hold pages: 30 days. One without an end would be forgotten, and an outage missed.
pub const QUIET_SECONDS_MAX: i64 = 30 * 86_400;
/// Words of engineers that a collector keeps. At the bound those go that hold no more; if all hold, new ones are refused.
/// Chosen: ten a day for a year.
pub const WORDS_STORED_MAX: usize = 4096;
/// Changes in one request to `/api/v1/changes`.
pub const CHANGES_PER_REQUEST_MAX: usize = 64;
/// Bytes of such a request: each change with a description of [`TEXT_BYTES_MAX`], escaped as JSON.
pub const CHANGES_BODY_BYTES_MAX: usize = 1 << 20;
/// Seconds that a reported change may lie in the future: what clocks of pipelines differ by.
pub const CHANGE_AHEAD_SECONDS_MAX: i64 = 60;
/// Bytes of an `Idempotency-Key`: 128 hold every identity that a pipeline has.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Bytes of the text that `firstbad purge --text` looks for, least and most: shorter ones stand everywhere.
pub const PURGE_TEXT_BYTES_MIN: usize = 4;
/// See [`PURGE_TEXT_BYTES_MIN`].
pub const PURGE_TEXT_BYTES_MAX: usize = 4096;
