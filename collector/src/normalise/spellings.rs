//! Attribute keys in their other spellings: those of the conventions before 2024, and those that the translation to
//! Prometheus writes (underscores for dots; for firstbad's own metrics the short labels of contract.md section 3).

use crate::otlp::model::Attribute;
use firstbad_protocol::names::{DIMENSIONS, attribute};

/// Status of an HTTP response.
pub(super) const HTTP_STATUS: &str = "http.response.status_code";
/// The same before 2024.
pub(super) const HTTP_STATUS_BEFORE: &str = "http.status_code";
/// Reason for which a request failed, where there is no status.
pub(super) const ERROR_TYPE: &str = "error.type";

/// Keys of a point that are read, in addition to dimensions.
const READ: [&str; 22] = [
    attribute::CONFIG_NAME,
    attribute::CONFIG_HASH,
    attribute::OUTCOME,
    attribute::PANIC_SITE,
    attribute::SCORE_NAME,
    attribute::SCORE_MIN,
    attribute::SCORE_MAX,
    attribute::REASON,
    attribute::LOAD_RESULT,
    attribute::LIMIT_NAME,
    HTTP_STATUS,
    ERROR_TYPE,
    "cpu.mode",
    attribute::SERVICE_NAME,
    attribute::SERVICE_INSTANCE_ID,
    attribute::K8S_POD_UID,
    attribute::K8S_NAMESPACE_NAME,
    attribute::K8S_POD_NAME,
    attribute::CONTAINER_ID,
    attribute::HOST_NAME,
    attribute::PROCESS_PID,
    "process.cpu.state",
];

/// The spelling of the attributes of one point.
#[derive(Clone, Copy)]
pub(super) struct Spelling<'k> {
    /// Keys that are dimensions in addition to the default ones.
    declared: &'k [String],
    /// Whether a key of firstbad is spelled in full. A short label on the same point is then the sender's own attribute.
    in_full: bool,
}

impl<'k> Spelling<'k> {
    /// The spelling of `attributes`.
    pub(super) fn of(attributes: &[Attribute<'_>], declared: &'k [String]) -> Self {
        Self { declared, in_full: attributes.iter().any(|attribute| attribute.key.starts_with("firstbad.")) }
    }

    /// The key that `key` means: `key` itself, unless it is another spelling of a key that is read.
    pub(super) fn meant<'a>(self, key: &'a str) -> &'a str
    where
        'k: 'a,
    {
        if self.in_full { key } else { short(key).unwrap_or_else(|| dotted(key, self.declared)) }
    }
}

/// The key for a short label of contract.md section 3.
fn short(key: &str) -> Option<&'static str> {
    Some(match key {
        HTTP_STATUS_BEFORE | "http_status_code" => HTTP_STATUS,
        "config" => attribute::CONFIG_NAME,
        "config_hash" => attribute::CONFIG_HASH,
        "outcome" => attribute::OUTCOME,
        "site" => attribute::PANIC_SITE,
        "score" => attribute::SCORE_NAME,
        "reason" => attribute::REASON,
        "result" => attribute::LOAD_RESULT,
        "limit" => attribute::LIMIT_NAME,
        _ => return None,
    })
}

/// The key that is read and has dots where `key` has underscores; `key` itself if there is none.
fn dotted<'k>(key: &'k str, declared: &'k [String]) -> &'k str {
    if key.contains('.') || !key.contains('_') {
        return key;
    }
    let dimensions = DIMENSIONS.iter().copied().chain(declared.iter().map(String::as_str));
    READ.into_iter().chain(dimensions).find(|known| is_spelled(key, known)).unwrap_or(key)
}

/// Whether `key` is `known` with underscores in place of dots.
pub(super) fn is_spelled(key: &str, known: &str) -> bool {
    let same = |(own, dotted): (u8, u8)| own == dotted || (own == b'_' && dotted == b'.');
    key.len() == known.len() && key.bytes().zip(known.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn underscores_and_short_labels_mean_the_same_keys() {
        let declared = ["app.shard_id".to_owned()];
        let spelling = Spelling::of(&[], &declared);
        for (key, means) in [
            ("http_response_status_code", HTTP_STATUS),
            ("http.status_code", HTTP_STATUS),
            ("error_type", ERROR_TYPE),
            ("firstbad_config_hash", attribute::CONFIG_HASH),
            ("config_hash", attribute::CONFIG_HASH),
            ("k8s_pod_name", attribute::K8S_POD_NAME),
            ("cloud_region", attribute::CLOUD_REGION),
            ("app_shard_id", "app.shard_id"),
            ("app.shard_id", "app.shard_id"),
            ("http_route", "http_route"),
            ("state", "state"),
        ] {
            assert_eq!(spelling.meant(key), means);
        }
        let in_full = [Attribute { key: attribute::CONFIG_NAME.into(), ..Attribute::default() }];
        assert_eq!(Spelling::of(&in_full, &[]).meant("config"), "config", "the sender's own");
    }
}
