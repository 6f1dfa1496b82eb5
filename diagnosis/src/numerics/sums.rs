//! What every contrast on sums over many hosts takes for granted: by how much a fault may raise a rate, and by how much
//! counts wobble. Which contrast is drawn is decided in `staged` and `pooled`.

/// Factors by which exposure may raise the rate.
pub(crate) const FACTORS: [f64; 6] = [1.5, 2.0, 3.0, 5.0, 10.0, 30.0];

/// Variance of counts over the Poisson one, at least.
pub(crate) const DISPERSION: f64 = 2.0;
