//! Following a collector: server-sent events in, updates out, reconnecting for ever. What a person is told about a lost
//! connection is decided by the screen.

use super::{Client, ClientError};
use firstbad_protocol::limits::SNAPSHOT_BYTES_MAX;
use firstbad_protocol::snapshot::Snapshot;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Updates that may wait for a slow screen. Snapshots are whole, so a skipped one is no loss.
const UPDATES_MAX: usize = 4;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a follower tells.
#[derive(Debug)]
pub enum Update {
    /// A snapshot was published.
    Snapshot(Box<Snapshot>),
    /// The collector cannot be reached, or went away; it is tried again.
    Lost(ClientError),
}

/// Follows a collector until it is dropped.
#[derive(Debug)]
pub struct Follower {
    updates: Receiver<Update>,
    stop: Arc<AtomicBool>,
}

impl Follower {
    pub(super) fn start(client: Client) -> Self {
        let (sender, updates) = sync_channel(UPDATES_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // Detached: it may be blocked in a read that ends only when the collector speaks or goes.
        let spawned = std::thread::Builder::new().name("firstbad-follow".to_owned()).spawn({
            let sender = sender.clone();
            move || follow(&client, &sender, &stopped)
        });
        if let Err(error) = spawned {
            let reason = format!("cannot start a thread: {error}");
            let _ = sender.try_send(Update::Lost(ClientError::Unreachable { url: String::new(), reason }));
        }
        Self { updates, stop }
    }

    /// The updates, for a `select`-like loop of the caller's own.
    #[must_use]
    pub const fn updates(&self) -> &Receiver<Update> {
        &self.updates
    }

    /// The next update within `timeout`.
    #[must_use]
    pub fn next_within(&self, timeout: Duration) -> Option<Update> {
        self.updates.recv_timeout(timeout).ok()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn follow(client: &Client, updates: &SyncSender<Update>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let lost = match client.open("/api/v1/stream", super::RESPONSE_TIMEOUT) {
            Ok(body) => read_events(client, body, &mut |snapshot| send(updates, Update::Snapshot(snapshot), stop)),
            Err(error) => Some(error),
        };
        let Some(lost) = lost else { return };
        if !send(updates, Update::Lost(lost), stop) {
            return;
        }
        std::thread::park_timeout(RETRY_AFTER);
    }
}

/// Sends, or skips what the screen is too slow for. False: nobody listens any more.
fn send(updates: &SyncSender<Update>, update: Update, stop: &AtomicBool) -> bool {
    match updates.try_send(update) {
        Ok(()) | Err(TrySendError::Full(_)) => !stop.load(Ordering::Relaxed),
        Err(TrySendError::Disconnected(_)) => false,
    }
}

/// Reads events until the connection ends (the error), or nobody listens (none).
fn read_events(
    client: &Client,
    body: Box<dyn Read + Send>,
    deliver: &mut dyn FnMut(Box<Snapshot>) -> bool,
) -> Option<ClientError> {
    let mut reader = BufReader::new(body);
    let mut line = String::new();
    loop {
        line.clear();
        // A line is bounded, so that a foreign server cannot fill this process.
        match reader.by_ref().take(SNAPSHOT_BYTES_MAX as u64).read_line(&mut line) {
            Ok(0) => return Some(client.unreachable("/api/v1/stream", &"the collector closed the connection")),
            Ok(_) => {}
            Err(error) => return Some(client.unreachable("/api/v1/stream", &error)),
        }
        let Some(data) = line.strip_prefix("data:") else { continue };
        match serde_json::from_str(data.trim()) {
            Ok(snapshot) => {
                if !deliver(snapshot) {
                    return None;
                }
            }
            Err(error) => return Some(client.foreign("/api/v1/stream", &error)),
        }
    }
}
