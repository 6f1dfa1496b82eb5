//! Sends change events from a thread of its own, so that a busy collector cannot hold up the play. What is announced is
//! decided by the director.

use super::Shared;
use crate::change::{self, Change};
use firstbad_protocol::Hash;
use firstbad_protocol::time::Timestamp;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

/// A change to announce.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    pub(super) at: Timestamp,
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) target: String,
    pub(super) description: String,
    pub(super) version: Option<(&'static str, Hash)>,
    /// Whether it is one of the innocent changes that the judge asks about.
    pub(super) innocent: bool,
}

/// The thread that sends them.
#[derive(Debug)]
pub(super) struct Announcer {
    sender: Option<Sender<Announcement>>,
    thread: Option<JoinHandle<()>>,
}

impl Announcer {
    /// An announcer for the collector at `collector`; without one, announcements go nowhere.
    pub(super) fn start(collector: Option<SocketAddr>, shared: Arc<Shared>) -> std::io::Result<Self> {
        let Some(collector) = collector else { return Ok(Self { sender: None, thread: None }) };
        let (sender, announcements) = mpsc::channel::<Announcement>();
        let thread = std::thread::Builder::new().name("demo-announcer".to_owned()).spawn(move || {
            for announcement in announcements {
                send(collector, &announcement, &shared);
            }
        })?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Queues one. The schedule holds a few dozen, so the queue is bounded by it.
    pub(super) fn announce(&self, announcement: Announcement) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(announcement);
        }
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn send(collector: SocketAddr, announcement: &Announcement, shared: &Shared) {
    let change = Change {
        at: announcement.at,
        kind: announcement.kind,
        id: &announcement.id,
        target: &announcement.target,
        description: &announcement.description,
        version: announcement.version,
    };
    match change::announce(collector, &change) {
        Ok(()) if announcement.innocent => {
            shared.change(|truth| truth.innocent.changes.push(announcement.id.clone()));
        }
        Ok(()) => {}
        Err(error) => shared.trouble(format!("change `{}` could not be announced: {error}", announcement.id)),
    }
}
