//! The bots module that both engines share: how a feature file is parsed, and how a score is computed from features. What
//! an engine does with too many features is its own affair.

/// A feature file that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ParseError {
    /// Not text.
    #[error("the feature file is not UTF-8: {0}")]
    NotText(#[from] std::str::Utf8Error),
    /// A row without its two fields.
    #[error("line {line} of the feature file has no `name,type`")]
    Row {
        /// Line, from 1.
        line: usize,
    },
}

/// Names of features, in the file's order.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<String>, ParseError> {
    let rows = std::str::from_utf8(bytes)?.lines().enumerate().skip(1);
    rows.map(|(index, row)| {
        let (name, _) = row.split_once(',').ok_or(ParseError::Row { line: index + 1 })?;
        Ok(name.to_owned())
    })
    .collect()
}

/// The value of a feature for a request: some number in [0, 1) that depends on both.
pub(super) fn value(path: &str, name: &str) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in path.bytes().chain(name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 29;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let bits = (hash.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64;
    bits / 9_007_199_254_740_992.0
}

/// The score of a request with these feature values: 1 to 99, and rarely 0, since some requests cannot be scored
/// (signatures.md: 0 in 1 %, 1 in 18 %, 2 to 29 in 22 %, the rest above).
pub(super) fn score(values: &[f64]) -> u8 {
    let quantile = values.iter().sum::<f64>().fract();
    let between = |low: f64, high: f64, from: f64, to: f64| low + (quantile - from) / (to - from) * (high - low);
    let score = match quantile {
        q if q < 0.01 => 0.0,
        q if q < 0.19 => 1.0,
        q if q < 0.41 => between(2.0, 30.0, 0.19, 0.41),
        _ => between(30.0, 100.0, 0.41, 1.0),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 99")]
    let whole = score.clamp(0.0, 99.0) as u8;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_spread_as_they_do_in_life() {
        let names = parse(b"name,type\na,Float32\nb,Float32\nc,UInt32\n").unwrap();
        assert_eq!(names, ["a", "b", "c"]);
        let scores: Vec<u8> = (0..20_000)
            .map(|page| score(&names.iter().map(|name| value(&format!("/page/{page}"), name)).collect::<Vec<_>>()))
            .collect();
        let share = |low: u8, high: u8| {
            scores.iter().filter(|score| (low..=high).contains(score)).count() * 1000 / scores.len()
        };
        assert!((5..=15).contains(&share(0, 0)), "{}", share(0, 0));
        assert!((160..=200).contains(&share(1, 1)), "{}", share(1, 1));
        assert!((560..=620).contains(&share(30, 99)), "{}", share(30, 99));
        assert_eq!(parse(b"name,type\nbroken\n"), Err(ParseError::Row { line: 2 }));
    }
}
