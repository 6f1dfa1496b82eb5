//! Rows, duplicates, blanks and columns of one version, and the row-level difference of two. Pure functions over bytes,
//! bounded, without a JSON or CSV library (the instrument links this). What a finding means is decided elsewhere.

mod diff;
mod fields;
mod format;
mod inspect;
mod rows;

pub use diff::{Change, Difference, RowCount, diff};
pub use format::Format;
pub use inspect::{Duplicate, Inspection, RowReader, inspect, inspect_with};
pub use rows::{Row, for_each_row};
