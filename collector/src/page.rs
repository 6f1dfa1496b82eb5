//! How a collector gets a page to serve: reports are written by whoever starts the collector, so it is handed in.

use firstbad_protocol::snapshot::Snapshot;

/// Draws what is known now as one HTML document.
#[derive(Clone, Copy, Debug)]
pub struct Page(fn(&Snapshot) -> String);

impl Page {
    /// A page that `draw` draws. All foreign text in it must be escaped.
    #[must_use]
    pub const fn new(draw: fn(&Snapshot) -> String) -> Self {
        Self(draw)
    }

    pub(crate) fn draw(self, snapshot: &Snapshot) -> String {
        (self.0)(snapshot)
    }
}
