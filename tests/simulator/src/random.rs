//! Seeded random numbers and the distributions the fleet model needs. It decides no parameter: every mean and share comes
//! from the scenario. The same seed gives the same run on every platform (integer state, no thread, no clock).

/// A xoshiro256** stream.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut s = seed;
        Self { state: [split_mix(&mut s), split_mix(&mut s), split_mix(&mut s), split_mix(&mut s)] }
    }

    /// A stream of its own for `label`, so that adding a draw in one place does not move every other.
    #[must_use]
    pub fn fork(seed: u64, label: &str) -> Self {
        let hash =
            label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        Self::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= t;
        *d = d.rotate_left(45);
        result
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in 0..n; 0 for n = 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Standard normal (Box-Muller, one branch).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (core::f64::consts::TAU * self.unit()).cos()
    }

    /// Lognormal with median 1.
    pub fn lognormal(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal()).exp()
    }

    /// Gamma with mean 1 and shape `k` (Marsaglia and Tsang; below 1 boosted).
    pub fn gamma(&mut self, k: f64) -> f64 {
        let (shape, boost) = if k < 1.0 { (k + 1.0, (1.0 - self.unit()).powf(1.0 / k)) } else { (k, 1.0) };
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v * boost / k;
            }
        }
    }

    /// Poisson: by multiplication when small, else a normal with its skew.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean <= 0.0 {
            return 0;
        }
        if mean < 16.0 {
            let (limit, mut product, mut n) = ((-mean).exp(), self.unit(), 0);
            while product > limit {
                product *= self.unit();
                n += 1;
            }
            return n;
        }
        let z = self.normal();
        (mean + mean.sqrt() * z + (z * z - 1.0) / 6.0).round().max(0.0) as u64
    }

    /// Binomial: by skipping failures when hits are few, else a normal.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if n == 0 || p <= 0.0 {
            return 0;
        }
        if p >= 1.0 {
            return n;
        }
        if p > 0.5 {
            return n - self.binomial(n, 1.0 - p);
        }
        let mean = n as f64 * p;
        if mean > 20.0 {
            let z = self.normal();
            return ((mean + (mean * (1.0 - p)).sqrt() * z).round().max(0.0) as u64).min(n);
        }
        let log_miss = (1.0 - p).ln();
        let (mut at, mut hits) = (0.0, 0);
        loop {
            at += ((1.0 - self.unit()).ln() / log_miss).floor() + 1.0;
            if at > n as f64 {
                return hits;
            }
            hits += 1;
        }
    }

    /// Shuffles in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_variance(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let values: Vec<f64> = (0..40_000).map(|_| draw()).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64)
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut r = Random::new(1);
        for (mean, variance, (m, v)) in [
            (3.0, 3.0, mean_and_variance(|| r.poisson(3.0) as f64)),
            (50.0, 50.0, mean_and_variance(|| r.poisson(50.0) as f64)),
            (5.0, 4.5, mean_and_variance(|| r.binomial(50, 0.1) as f64)),
            (400.0, 80.0, mean_and_variance(|| r.binomial(500, 0.8) as f64)),
            (1.0, 0.25, mean_and_variance(|| r.gamma(4.0))),
            (1.0, 2.0, mean_and_variance(|| r.gamma(0.5))),
        ] {
            assert!((m - mean).abs() < 0.05 * mean, "mean {m} for {mean}");
            assert!((v - variance).abs() < 0.08 * variance, "variance {v} for {variance}");
        }
    }
}
