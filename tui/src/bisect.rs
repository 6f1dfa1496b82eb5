//! The search for the first bad version, as `git bisect run` does it: which version is tried next, and what was found. Trying
//! one is a function that it is given.

/// What a try showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// The command ended with 0.
    Good,
    /// With 1 to 124.
    Bad,
    /// With 125: this version cannot be tried.
    Skip,
}

/// What a search found, as places in the list of versions, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The first bad one; the good one before it, unless the oldest is bad already.
    First {
        /// The first bad version.
        bad: usize,
        /// The newest good one before it.
        good: Option<usize>,
    },
    /// The newest is good, so none is bad.
    NoneBad,
    /// Only versions that could not be tried are left: any of them, or the bad one after them, is the first.
    Among {
        /// The candidates, oldest first; the last one is bad.
        candidates: Vec<usize>,
    },
    /// Nothing could be tried.
    NothingTried,
}

/// Searches `count` versions. All before the first bad one are taken to be good, and all after it bad.
///
/// # Errors
/// What `try_one` gave instead of an answer.
pub(crate) fn search<E>(count: usize, mut try_one: impl FnMut(usize) -> Result<Tried, E>) -> Result<Found, E> {
    let mut skipped = vec![false; count];
    let mut bad = match newest(count, &mut skipped, &mut try_one)? {
        None => return Ok(Found::NothingTried),
        Some(End::Good) => return Ok(Found::NoneBad),
        Some(End::Bad(place)) => place,
    };
    let mut from = 0;
    while let Some(place) = next(from, bad, &skipped) {
        match try_one(place)? {
            Tried::Good => from = place + 1,
            Tried::Bad => bad = place,
            Tried::Skip => mark(&mut skipped, place),
        }
    }
    let good = from.checked_sub(1);
    Ok(if from == bad { Found::First { bad, good } } else { Found::Among { candidates: (from..=bad).collect() } })
}

/// The newest version that could be tried.
enum End {
    Good,
    Bad(usize),
}

fn newest<E>(
    count: usize,
    skipped: &mut [bool],
    try_one: &mut impl FnMut(usize) -> Result<Tried, E>,
) -> Result<Option<End>, E> {
    for place in (0..count).rev() {
        match try_one(place)? {
            Tried::Good => return Ok(Some(End::Good)),
            Tried::Bad => return Ok(Some(End::Bad(place))),
            Tried::Skip => mark(skipped, place),
        }
    }
    Ok(None)
}

fn mark(skipped: &mut [bool], place: usize) {
    if let Some(skipped) = skipped.get_mut(place) {
        *skipped = true;
    }
}

/// The place nearest to the middle of `from..to` that was not skipped.
fn next(from: usize, to: usize, skipped: &[bool]) -> Option<usize> {
    let middle = usize::midpoint(from, to);
    let open = (from..to).filter(|place| skipped.get(*place) == Some(&false));
    open.min_by_key(|place| place.abs_diff(middle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Searches `count` versions: those from `first_bad` on are bad, those in `skip` cannot be tried. Also returns the number of tries.
    fn searched(count: usize, first_bad: usize, skip: &[usize]) -> (Found, usize) {
        let mut tries = 0;
        let found = search(count, |place| {
            tries += 1;
            Ok::<_, Infallible>(match place {
                place if skip.contains(&place) => Tried::Skip,
                place if place >= first_bad => Tried::Bad,
                _ => Tried::Good,
            })
        });
        (found.unwrap(), tries)
    }

    #[test]
    fn the_first_bad_version_is_found_wherever_it_is_in_a_logarithm_of_tries() {
        for count in 1..70 {
            for first_bad in 0..count {
                let (found, tries) = searched(count, first_bad, &[]);
                assert_eq!(
                    found,
                    Found::First { bad: first_bad, good: first_bad.checked_sub(1) },
                    "{first_bad} of {count}"
                );
                assert!(tries <= 2 + usize::try_from(count.ilog2()).unwrap() + 1, "{tries} tries for {count}");
            }
            assert_eq!(searched(count, count, &[]).0, Found::NoneBad);
        }
    }

    #[test]
    fn what_cannot_be_tried_is_passed_over_and_named_where_it_matters() {
        assert_eq!(searched(9, 5, &[2, 7]).0, Found::First { bad: 5, good: Some(4) });
        assert_eq!(searched(9, 5, &[3, 4]).0, Found::Among { candidates: vec![3, 4, 5] });
        assert_eq!(searched(9, 0, &[0]).0, Found::Among { candidates: vec![0, 1] });
        assert_eq!(searched(9, 5, &[8]).0, Found::First { bad: 5, good: Some(4) }, "the newest is skipped");
        assert_eq!(searched(3, 0, &[0, 1, 2]).0, Found::NothingTried);
        assert_eq!(searched(0, 0, &[]).0, Found::NothingTried);
    }

    #[test]
    fn an_abort_ends_the_search() {
        assert_eq!(search(9, |place| if place == 4 { Err("aborted") } else { Ok(Tried::Bad) }), Err("aborted"));
    }
}
