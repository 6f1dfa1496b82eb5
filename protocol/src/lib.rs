//! What leaves one part of firstbad and enters another: names, limits, identities, the recorder's layout, and the
//! snapshot and verdict types. It decides nothing and does no I/O; whoever reads or writes these types decides.
#![forbid(unsafe_code)]

pub mod content;
pub mod hash;
pub mod limits;
pub mod load;
pub mod names;
pub mod recorder;
pub mod untrusted;

#[cfg(feature = "serde")]
pub mod sentence;
#[cfg(feature = "serde")]
pub mod snapshot;
#[cfg(feature = "serde")]
pub mod time;
#[cfg(feature = "serde")]
pub mod verdict;

pub use hash::Hash;
pub use untrusted::Untrusted;
