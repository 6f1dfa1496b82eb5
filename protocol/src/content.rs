//! What is inside a version, for the crate and the reading side alike: how bytes are cut into rows, what is counted in them,
//! and how two versions differ. The walkers are cheap and need no crates; feature `parse` adds the parsers behind `check` and
//! `diff`.

mod diff;
mod ends;
mod fields;
mod format;
mod header;
mod inspect;
mod json;
mod kind;
#[cfg(feature = "parse")]
pub mod parse;
mod pem;
mod plain;
mod rows;
mod separated;
mod settings;
mod sniff;
mod toml;
mod unlike;
mod yaml;

pub use diff::{Change, Difference, RowCount, diff};
pub use ends::Ends;
pub use format::Format;
pub use inspect::{Duplicate, Inspection, RowReader, inspect, inspect_ignoring, inspect_with};
pub use kind::Kind;
pub use rows::{Holds, Part, Row, Walked, for_each_row};
pub use separated::{Dialect, split_fields};
pub use unlike::unlike;
