//! The places of a slot's cells in each layout that is supported. `layout::cell` gives their meaning.

use super::layout::cell;

/// The places of the cells in one layout version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells {
    /// As [`cell::DENIED`]; none if the layout has no such outcome.
    pub(super) denied: Option<usize>,
    /// As [`cell::ERROR`].
    pub(super) error: usize,
    /// As [`cell::PANIC`].
    pub(super) panic: usize,
    /// As [`cell::BUCKETS`].
    pub(super) buckets: usize,
    /// As [`cell::ABOVE`]; the cells for "below" and "not a number" follow it.
    pub(super) above: usize,
}

impl Cells {
    /// The cells of layout `version`, one of `layout::VERSIONS_READ`.
    pub(super) const fn of(version: u32) -> Self {
        if version == 1 {
            return Self { denied: None, error: 2, panic: 3, buckets: 4, above: 105 };
        }
        Self {
            denied: Some(cell::DENIED),
            error: cell::ERROR,
            panic: cell::PANIC,
            buckets: cell::BUCKETS,
            above: cell::ABOVE,
        }
    }
}
