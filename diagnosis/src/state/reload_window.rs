//! For how long after a load a host may still pay for the reload itself. Whether it did is decided in `evidence::blip`.

use crate::numerics::time::Span;

/// Report intervals, and time, within which the cost of a reload itself is over (diagnosis.md, "Persistence guard").
pub(crate) const BLIP: i64 = 4;
const BLIP_MIN: Span = Span(30 * 1_000_000_000);

/// Time within which the cost of a reload is over.
pub(crate) fn blip(interval: Span) -> Span {
    (BLIP * interval).max(BLIP_MIN)
}
