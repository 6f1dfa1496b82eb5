//! `firstbad --plain`: the stream of plain lines of a collector, until it is interrupted.

use crate::failure::Failure;
use crate::output::print;
use crate::plain::Stream;
use firstbad_collector::{Client, Update};

/// Prints each update of `client` as lines.
///
/// # Errors
/// If nobody reads what is printed.
pub(super) fn follow(client: &Client) -> Result<(), Failure> {
    let mut stream = Stream::default();
    let follower = client.follow();
    while let Ok(update) = follower.updates().recv() {
        let lines: Vec<String> = match update {
            Update::Snapshot(snapshot) => stream.of(&snapshot),
            Update::Lost(error) => stream.of_loss(&error.to_string()).into_iter().collect(),
        };
        if !lines.is_empty() {
            print(&(lines.join("\n") + "\n"))?;
        }
    }
    Ok(())
}
