//! The beginning of a recorder: whose it is and when its process began and ended, from four kilobytes of the file. It is for
//! those who look at many recorders and need no counts.

use super::decode::{check_version, read_resource};
use super::layout::{self, header};
use super::words::Words;

/// Bytes at the beginning of a recorder that [`Head::of`] needs.
pub const HEAD_BYTES: usize = layout::JOURNAL * 8;

/// What the beginning of a recorder says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Creation, nanoseconds since the Unix epoch.
    pub started_ns: u64,
    /// End of the process, nanoseconds since the Unix epoch, if the process noted it.
    pub exited_ns: Option<u64>,
    /// Resource attributes. They are untrusted text.
    pub resource: Vec<(String, String)>,
}

impl Head {
    /// Reads the first [`HEAD_BYTES`] bytes of a recorder. None if they are not those of a recorder of a known layout.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let words = Words(bytes);
        check_version(words).ok()?;
        Some(Self {
            started_ns: words.at(header::STARTED),
            exited_ns: Some(words.at(header::EXITED)).filter(|time| *time != 0),
            resource: read_resource(words),
        })
    }

    /// The value of a resource attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.resource.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}
