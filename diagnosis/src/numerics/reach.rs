//! Walking through more memory than a cache holds. A fleet's histories lie apart from its hosts; fetched one after the
//! other, each is waited for, and the waiting is most of what a diagnosing tick costs. Asked for some at a time, they come
//! together.

/// How many are asked for together: about as many as a core can wait for at once.
const TOGETHER: usize = 16;

/// The same items in the same order, after `look` has looked at each of the next ones: it reads a word of each line
/// that is wanted.
pub(crate) fn in_reach<T: Copy>(items: impl Iterator<Item = T>, look: impl Fn(T) -> i64) -> impl Iterator<Item = T> {
    let mut items = items.fuse();
    let mut ahead: Vec<T> = Vec::with_capacity(TOGETHER);
    let mut next = 0;
    std::iter::from_fn(move || {
        if next == ahead.len() {
            next = 0;
            ahead.clear();
            ahead.extend(items.by_ref().take(TOGETHER));
            std::hint::black_box(ahead.iter().fold(0, |all, item| all ^ look(*item)));
        }
        next += 1;
        ahead.get(next - 1).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_added_or_moved() {
        for count in [0, 1, 15, 16, 17, 100] {
            let seen: Vec<i64> = in_reach(0..count, |item| item).collect();
            assert_eq!(seen, (0..count).collect::<Vec<i64>>());
        }
    }
}
