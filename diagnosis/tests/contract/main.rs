//! The engine by the sentences of the contract: each test is one of them, told by a small fleet written by hand. What
//! single modules decide is tested beside them; the simulator holds the wide catalogue.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

#[path = "../fleet/mod.rs"]
mod fleet;

mod alibis;
mod course;
mod feeds;
mod felt;
mod few_hosts;
mod flags;
mod frequent_pushes;
mod jobs;
mod late;
mod limits;
mod load_costs;
mod once_broken;
mod producers;
mod refusals;
mod releases;
mod returns;
mod score_forms;
mod story;
mod sums;
mod together;
mod two_causes;
mod unheard;
mod versions;
