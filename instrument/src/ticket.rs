//! A load whose bytes are read in one place and become active in another, such as a reload library's reader and its receivers.

use crate::config::Config;
use crate::load::{Attempt, Origin};
use crate::tag::Tag;
use firstbad_protocol::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A load under way, made by [`Attempt::into_ticket`]: `Clone + Eq + Send + Sync`, so that it can ride through a channel beside
/// the parsed form. Two tickets are equal if their config and hash are. If all clones are dropped without a result, the refusal
/// `abandoned` is recorded, or `parser_panic` in a panic.
///
/// ```
/// use firstbad_instrument::{Config, Origin, Ticket};
/// use std::sync::mpsc::channel;
///
/// static RULES: Config = Config::new("rules");
///
/// let (send, receive) = channel::<(String, Ticket)>();
/// // The reader's thread:
/// let bytes = b"allow *\n";
/// let attempt = RULES.loading(bytes, &Origin::new().name("rules.txt"));
/// match std::str::from_utf8(bytes) {
///     Ok(text) => send.send((text.to_owned(), attempt.into_ticket()))?,
///     Err(error) => drop(attempt.refused("parse", &error.to_string())),
/// }
/// // The thread that serves:
/// let (rules, ticket) = receive.recv()?;
/// let tag = ticket.applied();
/// # let _ = (rules, tag);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "finish with applied() or refused()"]
pub struct Ticket(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: &'static Config,
    hash: Hash,
    /// None once there is a result.
    attempt: Mutex<Option<Attempt<'static>>>,
}

impl Attempt<'static> {
    /// The same load as a value that other threads can finish.
    pub fn into_ticket(self) -> Ticket {
        let (config, hash) = (self.config(), self.hash());
        Ticket(Arc::new(Shared { config, hash, attempt: Mutex::new(Some(self)) }))
    }
}

impl Ticket {
    /// Hash of what is being loaded.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.0.hash
    }

    /// The version is active now. Returns its tag. The clones of a ticket may each be applied: a version that is still active
    /// is loaded once, and one that another has replaced since is loaded again, by its hash.
    pub fn applied(&self) -> Tag {
        if let Some(attempt) = self.take() {
            return attempt.applied();
        }
        let active = self.0.config.active();
        if active.hash() == Some(self.0.hash) {
            return active;
        }
        self.0.config.loading_hash(self.0.hash, &Origin::new()).applied()
    }

    /// The version was refused. Returns the tag of the version that goes on serving, [`Tag::NONE`] if none does. Where there is a
    /// result already, nothing is recorded.
    pub fn refused(&self, reason: &str, error: &str) -> Tag {
        self.take().map_or_else(|| self.0.config.active(), |attempt| attempt.refused(reason, error))
    }

    fn take(&self) -> Option<Attempt<'static>> {
        self.0.attempt.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        self.0.hash == other.0.hash && self.0.config.name() == other.0.config.name()
    }
}

impl Eq for Ticket {}
