//! Layout of the mapped flight recorder, and its validating decoder. Files and mappings are opened elsewhere: the writer
//! is `instrument`, the reader `collector::recorder`.
//!
//! The file is an array of 64-bit words in the machine's own byte order. Every cell has one writer, or is written under
//! the process's one lock, or is a cell of a checksummed ring. A reader copies the file twice and decodes both copies
//! (see [`decode`]); whatever it finds there is hostile until validated.

mod cells;
mod checksum;
mod decode;
mod head;
mod image;
pub mod layout;
mod rings;
mod scores;
mod search;
pub mod told;
mod words;

pub use checksum::Checksum;
pub use decode::{DecodeError, decode, discard_moved, moved_between};
pub use head::{HEAD_BYTES, Head};
pub use image::{
    ConfigImage, Counts, DeathImage, Dropped, Ending, EventImage, EventKind, Facts, LoadCount, LoadImage, Outcomes,
    PanicImage, PanicPair, RecorderImage, ScoreDeclaration, SiteImage, State, VersionImage,
};
pub use scores::{ScoreHistogram, defaulted_scores, score_histogram};
pub use search::{AGENT_LOCK, FILE_SUFFIX, TOLD_SUFFIX, search_list};
