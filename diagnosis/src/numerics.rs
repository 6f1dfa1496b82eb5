//! Mathematics that knows no fleet, no unit and no config.

pub(crate) mod align;
pub mod localise;
pub(crate) mod math;
pub(crate) mod memo;
pub(crate) mod mixture;
pub(crate) mod odds;
pub(crate) mod reach;
pub(crate) mod shape;
pub(crate) mod spread;
pub(crate) mod sums;
pub(crate) mod time;
