//! Natural logarithms of odds, the unit of evidence. Without an effect, an e-value with a logarithm of at least `LN_1000`
//! occurs at most once in a thousand times.

pub(crate) const LN_10: f64 = std::f64::consts::LN_10;
pub(crate) const LN_100: f64 = 2.0 * LN_10;
pub(crate) const LN_1000: f64 = 3.0 * LN_10;
pub(crate) const LN_10_000: f64 = 4.0 * LN_10;
pub(crate) const LN_1_000_000: f64 = 6.0 * LN_10;
