//! Words of engineers: which ones hold, what a new one changes, and to which incident each belongs. They are stored beside the
//! observations, each with the batch of its commit, so that a replay knows the same ones at the same tick.

mod request;

pub use request::{NewWord, TakenBack, WordBody, WordRequest};

use firstbad_protocol::limits::WORDS_STORED_MAX;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{CauseKind, DisputedVersion, EngineerWord, Incident, QuietScope, WordKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The key of a dimension that names a host.
const HOST: &str = "host.name";

/// A word as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredWord {
    /// The word.
    pub word: EngineerWord,
    /// The batch that was committed with it.
    pub batch: u64,
    /// The versions that a dispute is about; empty for other kinds.
    pub versions: Vec<DisputedVersion>,
    /// When it was taken back or replaced; none: it holds until its own end, if it has one.
    pub ended: Option<Ended>,
}

/// The end of a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The batch that was committed with it.
    pub batch: u64,
    /// The collector's clock.
    pub at: Timestamp,
    /// Who took it back, or replaced it. Untrusted text.
    pub by: String,
}

impl StoredWord {
    /// The word as it stood after `batch`; none if it was said later.
    fn standing_after(mut self, batch: u64) -> Option<Self> {
        self.ended = self.ended.filter(|ended| ended.batch <= batch);
        (self.batch <= batch).then_some(self)
    }

    fn holds_at(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.word.holds_at(now)
    }
}

/// One change of the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordChange {
    /// A new one.
    Said(StoredWord),
    /// One was taken back or replaced.
    Ended {
        /// Which.
        id: u64,
        /// By whom and when.
        ended: Ended,
    },
    /// A word that no longer holds was deleted to make room for a new one.
    Forgotten {
        /// Which.
        id: u64,
    },
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordAnswer {
    /// The word that holds now, or the one that was taken back; null if there was none to take back.
    pub word: Option<EngineerWord>,
    /// Whether the request changed anything.
    pub changed: bool,
}

/// The store has as many words as its limit allows, and all of them still hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{WORDS_STORED_MAX} words are kept, which is the limit, and all of them hold: take some back with --undo")]
pub struct TooManyWords;

/// All words that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(BTreeMap<u64, StoredWord>);

impl Words {
    /// Words from a store, as they stood after `batch`.
    #[must_use]
    pub fn as_of(stored: impl IntoIterator<Item = StoredWord>, batch: u64) -> Self {
        let known = stored.into_iter().filter_map(|stored| stored.standing_after(batch));
        Self(known.map(|stored| (stored.word.id, stored)).collect())
    }

    /// Takes a change that was committed.
    pub fn apply(&mut self, change: &WordChange) {
        match change {
            WordChange::Said(said) => drop(self.0.insert(said.word.id, said.clone())),
            WordChange::Ended { id, ended } => {
                if let Some(stored) = self.0.get_mut(id) {
                    stored.ended = Some(ended.clone());
                }
            }
            WordChange::Forgotten { id } => drop(self.0.remove(id)),
        }
    }

    /// Every word that is kept, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &StoredWord> {
        self.0.values()
    }

    /// The changes of a request that is committed with `batch`. This only computes them.
    ///
    /// # Errors
    /// If there is no room for a new word.
    pub fn decide(&self, request: &WordRequest, batch: u64) -> Result<Decided, TooManyWords> {
        match request {
            WordRequest::Say(new) => self.say(new, batch),
            WordRequest::TakeBack(back) => Ok(self.take_back(back, batch)),
        }
    }

    fn say(&self, new: &NewWord, batch: u64) -> Result<Decided, TooManyWords> {
        let before = self.0.values().find(|stored| stored.holds_at(new.at) && new.is_about_the_same(&stored.word));
        if let Some(same) = before.filter(|stored| new.says_the_same(stored)) {
            return Ok(Decided::nothing(Some(same.word.clone())));
        }
        let mut changes = Vec::new();
        if self.0.len() >= WORDS_STORED_MAX {
            let over = self.0.values().find(|stored| !stored.holds_at(new.at)).ok_or(TooManyWords)?;
            changes.push(WordChange::Forgotten { id: over.word.id });
        }
        if let Some(before) = before {
            let ended = Ended { batch, at: new.at, by: new.author.clone() };
            changes.push(WordChange::Ended { id: before.word.id, ended });
        }
        let id = self.0.last_key_value().map_or(1, |(last, _)| last.saturating_add(1));
        let since = before.map_or(new.at, |before| before.word.since.min(new.at));
        let said = new.stored(id, since, batch);
        let word = Some(said.word.clone());
        changes.push(WordChange::Said(said));
        Ok(Decided { changes, answer: WordAnswer { word, changed: true } })
    }

    fn take_back(&self, back: &TakenBack, batch: u64) -> Decided {
        let found = self.0.values().find(|stored| stored.holds_at(back.at) && back.is_of(&stored.word));
        let Some(found) = found else { return Decided::nothing(None) };
        let ended = Ended { batch, at: back.at, by: back.by.clone() };
        let word = Some(found.word.clone());
        let changes = vec![WordChange::Ended { id: found.word.id, ended }];
        Decided { changes, answer: WordAnswer { word, changed: true } }
    }

    /// The versions whose dispute holds.
    #[must_use]
    pub fn disputed(&self) -> BTreeSet<DisputedVersion> {
        let holding = self.0.values().filter(|stored| stored.ended.is_none());
        holding.flat_map(|stored| stored.versions.iter().cloned()).collect()
    }

    /// Gives each incident its words, and the quiet times that hold its pages.
    pub fn annotate(&self, snapshot: &mut Snapshot) {
        let Some(now) = snapshot.at else { return };
        let failing: BTreeSet<&str> =
            snapshot.hosts.iter().filter(|host| host.failing).map(|host| host.host.as_str()).collect();
        let failing = OnlyHost::of(&failing);
        for incident in &mut snapshot.diagnosis.incidents {
            incident.words = self.of(incident, now, failing.as_ref());
        }
    }

    /// Gives one incident that is over the words about itself.
    pub fn annotate_past(&self, incident: &mut Incident, now: Timestamp) {
        incident.words = self.of(incident, now, None);
    }

    fn of(&self, incident: &Incident, now: Timestamp, failing: Option<&OnlyHost>) -> Vec<EngineerWord> {
        let is_its_own = |word: &EngineerWord| match &word.scope {
            None => word.incident.as_deref() == Some(incident.id.as_str()),
            Some(scope) => fits(scope, incident, failing),
        };
        let holding = self.0.values().filter(|stored| stored.holds_at(now));
        holding.map(|stored| &stored.word).filter(|word| is_its_own(word)).cloned().collect()
    }
}

/// The changes of a request, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Changes to commit, in order.
    pub changes: Vec<WordChange>,
    /// The answer, once they are committed.
    pub answer: WordAnswer,
}

impl Decided {
    const fn nothing(word: Option<EngineerWord>) -> Self {
        Self { changes: Vec::new(), answer: WordAnswer { word, changed: false } }
    }
}

/// The one host that fails, if only one does.
struct OnlyHost(String);

impl OnlyHost {
    fn of(failing: &BTreeSet<&str>) -> Option<Self> {
        let mut names = failing.iter();
        let only = names.next().map(|name| Self((*name).to_owned()));
        only.filter(|_| names.next().is_none())
    }
}

/// Whether a quiet time holds the pages of an incident. What is not known to be of the host alone is not held.
fn fits(scope: &QuietScope, incident: &Incident, failing: Option<&OnlyHost>) -> bool {
    let cause = incident.cause.as_ref();
    let of_config = |config: &String| cause.and_then(|cause| cause.config.as_ref()) == Some(config);
    let of_host = |host: &String| {
        let named = cause.filter(|cause| cause.kind == CauseKind::Host).and_then(|cause| cause.dimensions.get(HOST));
        let alone = incident.impact.hosts_affected <= 1 && failing.is_some_and(|only| only.0 == *host);
        named == Some(host) || alone
    };
    scope.config.as_ref().is_none_or(of_config) && scope.host.as_ref().is_none_or(of_host)
}

/// The changes that each batch was committed with.
#[must_use]
pub fn changes(stored: &[StoredWord]) -> BTreeMap<u64, Vec<WordChange>> {
    let mut by_batch: BTreeMap<u64, Vec<WordChange>> = BTreeMap::new();
    for word in stored {
        let said = StoredWord { ended: None, ..word.clone() };
        by_batch.entry(word.batch).or_default().push(WordChange::Said(said));
    }
    for word in stored {
        let Some(ended) = &word.ended else { continue };
        let change = WordChange::Ended { id: word.word.id, ended: ended.clone() };
        by_batch.entry(ended.batch).or_default().push(change);
    }
    by_batch
}

/// The kind of a word by its name in a path.
#[must_use]
pub fn kind_of(word: &str) -> Option<WordKind> {
    [WordKind::Ack, WordKind::Dispute, WordKind::Quiet].into_iter().find(|kind| kind.as_str() == word)
}

#[cfg(test)]
mod tests;
