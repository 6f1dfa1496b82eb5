//! Requests of engineers: to add a word, or to take one back.

use super::StoredWord;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{DisputedVersion, EngineerWord, QuietScope, WordKind};
use serde::{Deserialize, Serialize};

/// The body of a request to the query API. With credentials, the author is the caller, and `author` is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WordBody {
    /// Who says it.
    pub author: String,
    /// Why, in a sentence or two.
    pub text: String,
    /// End of a quiet time.
    pub until: Option<Timestamp>,
    /// A quiet time holds only pages of incidents of this host alone.
    pub host: Option<String>,
    /// A quiet time holds only pages that accuse a version of this config.
    pub config: Option<String>,
}

/// A request about words. The API has checked its texts and names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordRequest {
    /// A new word.
    Say(NewWord),
    /// One is taken back.
    TakeBack(TakenBack),
}

/// A new word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWord {
    /// Its kind.
    pub kind: WordKind,
    /// The collector's clock.
    pub at: Timestamp,
    /// Who says it.
    pub author: String,
    /// Whether the author is the name of a credential.
    pub authenticated: bool,
    /// The reason, perhaps empty.
    pub text: String,
    /// The incident; none for a quiet time.
    pub incident: Option<String>,
    /// End of a quiet time.
    pub until: Option<Timestamp>,
    /// Which pages a quiet time holds.
    pub scope: Option<QuietScope>,
    /// The versions that a dispute is about.
    pub versions: Vec<DisputedVersion>,
}

impl NewWord {
    /// Whether `word` is of the same kind, and about the same incident or scope.
    pub(super) fn is_about_the_same(&self, word: &EngineerWord) -> bool {
        self.kind == word.kind && self.incident == word.incident && self.scope == word.scope
    }

    /// Whether `stored` already says all of this.
    pub(super) fn says_the_same(&self, stored: &StoredWord) -> bool {
        let word = &stored.word;
        self.author == word.author
            && self.authenticated == word.authenticated
            && self.text == word.text
            && self.until == word.until
            && self.versions == stored.versions
    }

    pub(super) fn stored(&self, id: u64, since: Timestamp, batch: u64) -> StoredWord {
        let Self { kind, at, author, authenticated, text, incident, until, scope, versions } = self.clone();
        let word = EngineerWord { id, kind, at, since, until, author, authenticated, text, incident, scope };
        StoredWord { word, batch, versions, ended: None }
    }
}

/// A word is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// Its kind.
    pub kind: WordKind,
    /// The incident that it is about; none for a quiet time.
    pub incident: Option<String>,
    /// The position of a quiet time; none for other kinds.
    pub id: Option<u64>,
    /// The collector's clock.
    pub at: Timestamp,
    /// Who takes it back.
    pub by: String,
}

impl TakenBack {
    pub(super) fn is_of(&self, word: &EngineerWord) -> bool {
        self.kind == word.kind && self.incident == word.incident && self.id.is_none_or(|id| id == word.id)
    }
}
