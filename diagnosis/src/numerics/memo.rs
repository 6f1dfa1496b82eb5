//! Alignments that were computed before. Between two ticks few hosts send a report, and the pairs of most rollouts are what
//! they were: nineteen of twenty alignments were asked before, and they are half of what a diagnosing tick costs. An
//! alignment follows from its question alone, so what is kept changes no answer. It is no part of a checkpoint.

use crate::numerics::align::{Alignment, Question};
use std::collections::BTreeMap;
use std::mem;
use std::sync::Mutex;

/// Questions of one age; two ages are kept, each question with at most 256 pairs.
const AGE: usize = 128;

/// Answers by question: those used of late, and those used before.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    ages: Mutex<[BTreeMap<Question, Alignment>; 2]>,
}

impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Memo {
    /// The answer, computed if need be.
    pub(crate) fn answer(&self, question: Question) -> Alignment {
        // A lock that a panic has poisoned costs time, not an answer.
        let Ok(mut ages) = self.ages.lock() else { return question.answer() };
        let [young, old] = &mut *ages;
        if let Some(known) = young.get(&question) {
            return *known;
        }
        let answer = old.remove(&question).unwrap_or_else(|| question.answer());
        if young.len() >= AGE {
            *old = mem::take(young);
        }
        young.insert(question, answer);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::align::Pair;
    use crate::numerics::time::{Instant, Placed, Span, Window};

    const S: Span = Span(1_000_000_000);

    fn question(spread: i64) -> Question {
        let pair = |host: i64| {
            let at = Instant::ZERO + host * spread * S / 8;
            Pair {
                at,
                change: Some(Window { start: at, end: at + S }),
                near: Placed::default(),
                guessed: false,
                gap: Span::ZERO,
            }
        };
        Question::of(&(0..20).map(pair).collect::<Vec<_>>(), S)
    }

    #[test]
    fn what_is_kept_is_bounded_and_changes_no_answer() {
        let memo = Memo::default();
        for spread in (0..1_000).chain(0..1_000) {
            assert_eq!(memo.answer(question(spread)), question(spread).answer(), "{spread}");
            assert_eq!(memo.answer(question(spread)), question(spread).answer(), "{spread}");
        }
        let ages = memo.ages.lock().unwrap();
        assert!(ages.iter().all(|age| !age.is_empty() && age.len() <= AGE));
        assert_ne!(question(8).answer(), question(9).answer(), "the control: questions differ");
    }
}
