//! Natural logarithms of odds, in which evidence is measured: a likelihood ratio or e-value of which the logarithm is `LN_1000`
//! is seen once in a thousand times where there is nothing to see.

pub(crate) const LN_10: f64 = std::f64::consts::LN_10;
pub(crate) const LN_100: f64 = 2.0 * LN_10;
pub(crate) const LN_1000: f64 = 3.0 * LN_10;
pub(crate) const LN_10_000: f64 = 4.0 * LN_10;
pub(crate) const LN_1_000_000: f64 = 6.0 * LN_10;
