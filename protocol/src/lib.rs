//! What leaves one part of firstbad and enters another: names, limits, identities, the recorder's layout, and the
//! snapshot and verdict types. It decides nothing and does no I/O; whoever reads or writes these types decides.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod content;
pub mod hash;
pub mod limits;
pub mod load;
pub mod mask;
pub mod names;
pub mod recorder;
pub mod untrusted;

#[cfg(feature = "serde")]
pub mod blind_spot;
#[cfg(feature = "serde")]
pub mod finding;
#[cfg(feature = "serde")]
pub mod property;
#[cfg(feature = "serde")]
pub mod sentence;
#[cfg(feature = "serde")]
pub mod snapshot;
#[cfg(feature = "serde")]
pub mod time;
#[cfg(feature = "serde")]
pub mod verdict;

#[cfg(feature = "serde")]
pub use blind_spot::BlindSpot;
#[cfg(feature = "serde")]
pub use finding::Finding;
pub use hash::Hash;
#[cfg(feature = "serde")]
pub use property::Property;
pub use untrusted::Untrusted;
