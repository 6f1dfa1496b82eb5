//! Audits of small programs that are compiled here, in every way that changes how their sites look.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod difference;
mod hostile;
mod sites;
mod support;
