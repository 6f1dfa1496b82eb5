//! Where alerts are sent, and what stands in them: labels of one's own, and where their links lead. What cannot be used is
//! refused at start, since nobody would notice before an incident.

use super::FileError;
use std::collections::BTreeMap;
use std::str::FromStr;

/// The playbooks of this repository.
const PLAYBOOKS_URL: &str = "https://github.com/firstbad/firstbad/blob/main/playbooks";
/// Labels that identify an alert.
const RESERVED: [&str; 4] = ["alertname", "incident", "severity", "config"];

/// Labels and links of alerts that do not depend on the incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertTexts {
    /// Labels of every alert; `job` replaces `firstbad`.
    pub labels: BTreeMap<String, String>,
    /// Where the playbooks are: `URL/NAME.md`.
    pub playbooks_url: String,
    /// Where Grafana is; none: alerts link to no dashboard.
    pub grafana_url: Option<String>,
    /// Where people reach the query API; none: alerts do not link to it.
    pub external_url: Option<String>,
}

impl Default for AlertTexts {
    fn default() -> Self {
        Self { labels: BTreeMap::new(), playbooks_url: PLAYBOOKS_URL.to_owned(), grafana_url: None, external_url: None }
    }
}

impl AlertTexts {
    /// The page of a playbook; without one, that of all.
    #[must_use]
    pub fn playbook_url(&self, playbook: Option<&str>) -> String {
        format!("{}/{}.md", self.playbooks_url, playbook.unwrap_or("README"))
    }
}

/// A label of every alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertLabel {
    /// Its name, as Prometheus allows it.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl FromStr for AlertLabel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(64).collect();
        let (name, value) = text.split_once('=').ok_or_else(|| format!("`{shown}` is not NAME=VALUE"))?;
        let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_name = name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit());
        if !is_name || value.is_empty() {
            return Err(format!("`{shown}` is not NAME=VALUE with a name of letters, digits and underscores"));
        }
        if RESERVED.contains(&name) {
            return Err(format!("`{name}` is a label that the collector sets itself, like {}", RESERVED.join(", ")));
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// A base URL without the slash at its end.
pub(super) fn base_url(setting: &'static str, text: &str) -> Result<String, FileError> {
    let uri = text.parse::<axum::http::Uri>().ok();
    let scheme = uri.as_ref().and_then(|uri| uri.scheme_str());
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    let plain = uri.as_ref().is_some_and(|uri| uri.query().is_none());
    if matches!(scheme, Some("http" | "https")) && !host.is_empty() && plain {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let shown: String = text.chars().take(200).collect();
    let reason = format!("`{shown}` is not a URL such as http://127.0.0.1:9093");
    Err(FileError::Value { setting, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_is_refused_at_start() {
        for good in ["http://127.0.0.1:9093", "https://alerts.example/prefix/", "http://user:secret@[::1]:9093"] {
            assert!(!base_url("--alertmanager", good).unwrap().ends_with('/'), "{good}");
        }
        for wrong in ["nonsense", "127.0.0.1:9093", "ftp://a", "http://", "http://a?x=1", "", "http://a b"] {
            let error = base_url("--alertmanager", wrong).unwrap_err().to_string();
            assert!(error.contains("--alertmanager") && error.contains("http://127.0.0.1:9093"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_label_has_a_name_that_prometheus_allows_and_identifies_nothing() {
        let label = AlertLabel { name: "cluster".to_owned(), value: "eu=1".to_owned() };
        assert_eq!("cluster=eu=1".parse(), Ok(label));
        for wrong in ["cluster", "cluster=", "=eu", "1a=eu", "a-b=eu", "severity=page"] {
            assert!(wrong.parse::<AlertLabel>().is_err(), "{wrong}");
        }
    }
}
