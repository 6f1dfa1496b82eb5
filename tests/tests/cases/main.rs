//! Public outages, made anew as small captures: `firstbad diagnose` gives the right answer for each kind. One file holds one
//! kind. `fleet` writes the lines and `answer` runs the command. Kinds that differ only in how the lines are written are
//! in `../forms.rs`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod answer;
mod answers;
mod clocks;
mod fleet;
mod loops;
mod otlp;
mod rejected;
mod silence;
mod workers;
