//! Words of engineers: an incident was seen, its accused version is not the cause, or pages have to wait. A word is no evidence: it
//! changes no count and no verdict. Pages respect it, and so do later comparisons in the engine.

use crate::sentence::moment;
use crate::time::Timestamp;
use crate::{Hash, Untrusted};
use serde::{Deserialize, Serialize};

/// Characters of a word's text in its sentence; the text is stored whole.
const TEXT_SHOWN_MAX: usize = 160;
/// Characters of an author in a sentence.
const AUTHOR_SHOWN_MAX: usize = 40;

/// The kind of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordKind {
    /// Somebody has seen the incident.
    Ack,
    /// The accused version is not the cause.
    Dispute,
    /// Pages wait until a time: a maintenance, or a host known to be noisy.
    Quiet,
}

impl WordKind {
    /// The word in JSON, in paths of the query API, and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Dispute => "dispute",
            Self::Quiet => "quiet",
        }
    }
}

/// Which pages a quiet time holds: those for which every given field holds. Without any field it holds all pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QuietScope {
    /// Incidents of this host alone. Untrusted text.
    pub host: Option<String>,
    /// Incidents that accuse a version of this config. Untrusted text.
    pub config: Option<String>,
}

/// One version that a dispute is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DisputedVersion {
    /// Config name. Untrusted text.
    pub config: String,
    /// The version.
    pub hash: Hash,
}

/// One word of an engineer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineerWord {
    /// Position among all words of a collector, from 1.
    pub id: u64,
    /// Its kind.
    pub kind: WordKind,
    /// The collector's clock when it was said.
    pub at: Timestamp,
    /// Since when it holds: earlier than `at` where it extends a word of the same kind and scope.
    pub since: Timestamp,
    /// End of a quiet time; null for other kinds.
    pub until: Option<Timestamp>,
    /// Who said it. Untrusted text.
    pub author: String,
    /// Whether `author` is the name of a credential; else it is what the caller gave as its name.
    pub authenticated: bool,
    /// The reason that was given, perhaps empty. Untrusted text.
    pub text: String,
    /// The incident; null for a quiet time.
    pub incident: Option<String>,
    /// Whose pages are held; null for other kinds.
    pub scope: Option<QuietScope>,
}

impl EngineerWord {
    /// Whether it holds at `now`, unless it was taken back.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.since <= now && self.until.is_none_or(|until| now < until)
    }

    /// The same without time and text: `disputed by anna`. Safe for a terminal.
    #[must_use]
    pub fn brief(&self) -> String {
        let author = Untrusted(&self.author).cut(AUTHOR_SHOWN_MAX);
        match (self.kind, self.until) {
            (WordKind::Ack, _) => format!("acknowledged by {author}"),
            (WordKind::Dispute, _) => format!("disputed by {author}"),
            (WordKind::Quiet, Some(until)) => format!("pages held until {}", moment(until)),
            (WordKind::Quiet, None) => "pages held".to_owned(),
        }
    }

    /// One line for people, safe for a terminal: `disputed by anna at 2025-11-18T11:40:00Z: the deploy did it`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let author = Untrusted(&self.author).cut(AUTHOR_SHOWN_MAX);
        let by = if self.authenticated { author } else { format!("{author} (name not verified)") };
        let said = match (self.kind, self.until) {
            (WordKind::Ack, _) => format!("acknowledged by {by} at {}", moment(self.at)),
            (WordKind::Dispute, _) => format!("disputed by {by} at {}", moment(self.at)),
            (WordKind::Quiet, Some(until)) => {
                format!("pages{} held until {} by {by}", self.scoped(), moment(until))
            }
            (WordKind::Quiet, None) => format!("pages{} held by {by}", self.scoped()),
        };
        let text = self.text.trim();
        if text.is_empty() { said } else { format!("{said}: {}", Untrusted(text).cut(TEXT_SHOWN_MAX)) }
    }

    /// ` of host edge-1 and config routes`; empty for all pages.
    fn scoped(&self) -> String {
        let Some(scope) = &self.scope else { return String::new() };
        let named = |kind: &str, name: &Option<String>| {
            name.as_deref().map(|name| format!("{kind} {}", Untrusted(name).cut(AUTHOR_SHOWN_MAX)))
        };
        let parts: Vec<String> =
            [named("host", &scope.host), named("config", &scope.config)].into_iter().flatten().collect();
        if parts.is_empty() { String::new() } else { format!(" of {}", parts.join(" and ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(kind: WordKind) -> EngineerWord {
        let at = Timestamp::from_seconds(1_763_465_400);
        EngineerWord {
            id: 1,
            kind,
            at,
            since: at,
            until: (kind == WordKind::Quiet).then(|| at + 3_600_000_000_000),
            author: "anna".to_owned(),
            authenticated: true,
            text: String::new(),
            incident: None,
            scope: None,
        }
    }

    #[test]
    fn a_sentence_says_who_when_and_why() {
        let disputed = EngineerWord { text: "the deploy did it".to_owned(), ..word(WordKind::Dispute) };
        assert_eq!(disputed.sentence(), "disputed by anna at 2025-11-18T11:30:00Z: the deploy did it");
        let stated = EngineerWord { authenticated: false, ..word(WordKind::Ack) };
        assert_eq!(stated.sentence(), "acknowledged by anna (name not verified) at 2025-11-18T11:30:00Z");
        let scope = Some(QuietScope { host: Some("edge-1".to_owned()), config: None });
        let quiet = EngineerWord { scope, ..word(WordKind::Quiet) };
        assert_eq!(quiet.sentence(), "pages of host edge-1 held until 2025-11-18T12:30:00Z by anna");
    }

    #[test]
    fn hostile_text_is_escaped_and_cut() {
        let text = format!("\u{1b}[2J\u{202e}{}", "x".repeat(4096));
        let hostile = EngineerWord { text, author: "\u{7}\n".to_owned(), ..word(WordKind::Ack) };
        let sentence = hostile.sentence();
        assert!(sentence.chars().all(|c| !c.is_control() && c != '\u{202e}') && sentence.len() < 400, "{sentence}");
    }

    #[test]
    fn a_quiet_time_ends_at_its_end() {
        let quiet = word(WordKind::Quiet);
        let until = quiet.until.expect("an end");
        assert!(quiet.holds_at(quiet.at) && quiet.holds_at(until - 1) && !quiet.holds_at(until));
        assert!(word(WordKind::Ack).holds_at(until), "an acknowledgement has no end");
    }
}
