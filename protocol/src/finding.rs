//! Findings: unusual facts of an offending input. JSON holds the sentence, and only this file parses it. The engine decides
//! which findings there are.

use crate::Untrusted;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One unusual fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Finding {
    /// A count exceeds its declared limit.
    ExceedsLimit {
        /// The limit's name. It is untrusted text.
        name: String,
        /// The count in the content.
        value: u64,
        /// The declared limit.
        limit: u64,
    },
    /// Rows repeat an earlier row.
    RepeatedRows {
        /// Number of rows that repeat an earlier row.
        rows: u64,
    },
    /// A fact differs from the last known good version's.
    Changed {
        /// The fact's name: `rows`, `size`, ..
        fact: String,
        /// The value in the offending version.
        now: i64,
        /// The value in the last known good version.
        before: i64,
    },
    /// A sentence of another kind.
    Other(String),
}

const EXCEEDS: &str = " exceed the declared limit of ";
const REPEATED: &str = " rows repeat an earlier row";
const WAS: &str = ", was ";
const IN_GOOD: &str = " in the last known good version";

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExceedsLimit { name, value, limit } => write!(f, "{value} {}{EXCEEDS}{limit}", Untrusted(name)),
            Self::RepeatedRows { rows } => write!(f, "{rows}{REPEATED}"),
            Self::Changed { fact, now, before } => write!(f, "{fact}: {now}{WAS}{before}{IN_GOOD}"),
            Self::Other(sentence) => f.write_str(sentence),
        }
    }
}

fn exceeds_limit(text: &str) -> Option<Finding> {
    let (subject, limit) = text.rsplit_once(EXCEEDS)?;
    let (value, name) = subject.split_once(' ')?;
    Some(Finding::ExceedsLimit { name: name.to_owned(), value: value.parse().ok()?, limit: limit.parse().ok()? })
}

fn repeated_rows(text: &str) -> Option<Finding> {
    Some(Finding::RepeatedRows { rows: text.strip_suffix(REPEATED)?.parse().ok()? })
}

fn changed(text: &str) -> Option<Finding> {
    let (fact, numbers) = text.strip_suffix(IN_GOOD)?.rsplit_once(": ")?;
    let (now, before) = numbers.split_once(WAS)?;
    Some(Finding::Changed { fact: fact.to_owned(), now: now.parse().ok()?, before: before.parse().ok()? })
}

impl From<String> for Finding {
    /// Parses the text that `Display` writes; any other text is [`Finding::Other`].
    fn from(text: String) -> Self {
        let known = exceeds_limit(&text).or_else(|| repeated_rows(&text)).or_else(|| changed(&text));
        known.filter(|finding| finding.to_string() == text).unwrap_or(Self::Other(text))
    }
}

impl From<Finding> for String {
    fn from(finding: Finding) -> Self {
        finding.to_string()
    }
}
