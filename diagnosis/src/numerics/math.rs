//! Small statistics, on `libm` so that every platform gives the same bytes.

/// ln of the one-sided Fisher probability that `a` or more of `a + b` exposed fail when `c` of `c + d` others do.
pub(crate) fn fisher(a: u64, b: u64, c: u64, d: u64) -> f64 {
    let (row, column, all) = (a + b, a + c, a + b + c + d);
    if row == 0 || row == all || column == 0 {
        return 0.0;
    }
    let log_term = |k: u64| ln_choose(column, k) + ln_choose(all - column, row.saturating_sub(k)) - ln_choose(all, row);
    let most = row.min(column);
    let first = log_term(a);
    let mut sum = 0.0;
    for k in a..=most.min(a + 2000) {
        if row - k > all - column {
            continue;
        }
        let term = libm::exp(log_term(k) - first);
        sum += term;
        if term < 1e-12 {
            break;
        }
    }
    (first + libm::log(sum.max(1e-300))).min(0.0)
}

/// ln of the ways to choose `k` of `n`.
#[expect(clippy::cast_precision_loss, reason = "host counts")]
pub(crate) fn ln_choose(n: u64, k: u64) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    libm::lgamma(n as f64 + 1.0) - libm::lgamma(k as f64 + 1.0) - libm::lgamma((n - k) as f64 + 1.0)
}

/// Median; sorts its input.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 {
        upper
    } else {
        f64::midpoint(upper, middle.checked_sub(1).and_then(|at| values.get(at)).copied().unwrap_or(upper))
    }
}

/// Mean absolute deviation from the median, scaled to a normal's standard deviation, with the worst tenth left out.
pub(crate) fn spread(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    let center = median(&mut sorted);
    let mut away: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    away.sort_by(f64::total_cmp);
    let kept = away.len() - away.len() / 10;
    let sum: f64 = away.iter().take(kept).sum();
    1.2533 * sum / float(kept.max(1))
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// Rounded for print, so that the last bits never show.
pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = libm::pow(10.0, f64::from(digits));
    if value.is_finite() { libm::round(value * scale) / scale } else { 0.0 }
}

pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { float(part as usize) / float(whole as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_against_twelve_is_one_in_three_million() {
        assert!((libm::exp(fisher(12, 0, 0, 12)) / 3.7e-7 - 1.0).abs() < 0.01);
        assert!((libm::exp(fisher(3, 0, 0, 3)) - 0.05).abs() < 1e-9);
        assert!(fisher(5, 0, 5, 0).abs() < 1e-12);
    }
}
