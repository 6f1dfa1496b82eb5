//! Which properties of their content separate the guilty versions of a run from the clean ones.

use crate::plan::Plan;
use crate::truth::Truth;
use std::collections::BTreeSet;

/// Every property that separates the loaded versions with `tag` from the other loaded ones of their config, as the contract
/// writes it: a declared limit that was exceeded wins; else the largest (or least) clean value as of some moment since.
pub(super) fn separating(tag: Option<&str>, plan: &Plan, truth: &Truth) -> BTreeSet<Option<String>> {
    let is_bad = |index: &usize| plan.versions.get(*index).is_some_and(|version| version.tag.as_deref() == tag);
    let config = plan.versions.iter().find(|version| version.tag.as_deref() == tag).map(|version| version.config);
    let known: Vec<usize> = (0..plan.versions.len())
        .filter(|index| plan.versions.get(*index).map(|version| version.config) == config)
        .filter(|index| truth.loaded(*index).is_some() || plan.configs.iter().any(|config| config.initial == *index))
        .collect();
    let (bad, clean): (Vec<usize>, Vec<usize>) = known.into_iter().partition(is_bad);
    let since =
        bad.iter().filter_map(|index| truth.loaded(*index)).map(|loaded| loaded.first_s).fold(f64::INFINITY, f64::min);
    let mut all = BTreeSet::new();
    if let Some(limit) = limit_exceeded(plan, &bad, &clean) {
        all.insert(Some(format!("rows > {limit}")));
        return all;
    }
    for fact in ["rows", "duplicate_rows", "blank_fields", "columns", "size"] {
        let told = |index: &usize| {
            let value = plan.versions.get(*index)?.facts.numbers.get(fact).copied()?;
            Some((truth.loaded(*index).map_or(0.0, |loaded| loaded.first_s), value))
        };
        let (bad, mut clean): (Vec<_>, Vec<_>) =
            (bad.iter().filter_map(told).collect(), clean.iter().filter_map(told).collect());
        if bad.is_empty() || clean.is_empty() || (fact == "size" && bad.len() < 2) {
            continue;
        }
        clean.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (least, most) = (bad.iter().map(|b| b.1).min(), bad.iter().map(|b| b.1).max());
        let (clean_least, clean_most) = (clean.iter().map(|c| c.1).min(), clean.iter().map(|c| c.1).max());
        if least > clean_most {
            all.extend(running(&clean, since, i64::max).map(|value| Some(format!("{fact} > {value}"))));
        } else if most < clean_least {
            all.extend(running(&clean, since, i64::min).map(|value| Some(format!("{fact} < {value}"))));
        }
        if fact == "rows" && most == Some(0) && clean_least > Some(0) {
            all.insert(Some("empty".into()));
        }
    }
    all.extend(source(plan, &bad, &clean).map(|source| Some(format!("source = {source}"))));
    if all.is_empty() {
        all.insert(None);
    }
    all
}

fn limit_exceeded(plan: &Plan, bad: &[usize], clean: &[usize]) -> Option<i64> {
    let fact = |index: &usize| {
        let facts = &plan.versions.get(*index)?.facts;
        Some((*facts.numbers.get("rows")?, *facts.limits.get("rows")?))
    };
    let (_, limit) = bad.first().and_then(fact)?;
    let over = |index: &usize| fact(index).is_some_and(|(rows, limit)| rows > limit);
    (bad.iter().all(over) && !clean.iter().any(over)).then_some(limit)
}

/// The extreme of the clean values as of each moment from `since` on.
fn running(clean: &[(f64, i64)], since: f64, extreme: fn(i64, i64) -> i64) -> impl Iterator<Item = i64> {
    let mut seen = BTreeSet::new();
    let mut best: Option<i64> = None;
    for (index, (_, value)) in clean.iter().enumerate() {
        best = Some(best.map_or(*value, |best| extreme(best, *value)));
        let next = clean.get(index + 1).map_or(f64::INFINITY, |(at, _)| *at);
        if next >= since {
            seen.extend(best);
        }
    }
    seen.into_iter()
}

fn source(plan: &Plan, bad: &[usize], clean: &[usize]) -> Option<String> {
    let word = |index: &usize| plan.versions.get(*index)?.facts.words.get("source").map(|word| word.to_string());
    let of_bad: BTreeSet<String> = bad.iter().filter_map(word).collect();
    let of_clean: BTreeSet<String> = clean.iter().filter_map(word).collect();
    let only = of_bad.first().filter(|_| of_bad.len() == 1)?;
    (!of_clean.contains(only)).then(|| only.clone())
}
