//! Faults put into small made-up fleets: does the search name exactly the combination that was broken?

use super::*;

fn locate(leaves: &[Leaf], most: usize) -> Located {
    super::locate(leaves, most, &Constants::default())
}

fn localise(leaves: &[Leaf], most: usize) -> Vec<Combination> {
    locate(leaves, most).combinations
}

/// Keys `cdn` (4 values), `isp` (3), `p2p` (2), `region` (the same for all); 5 baseline intervals at 1 %; now `factor`.
fn fleet(factor: impl Fn(u32, u32, u32) -> f64) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    for (cdn, isp, p2p) in (0..24).map(|n| (n / 6, n / 2 % 3, n % 2)) {
        let requests = f64::from(2_000 + 400 * cdn + 300 * isp + 100 * p2p);
        let before = Counts { requests, failures: requests * 0.01 };
        leaves.push(Leaf {
            dimensions: dimensions(&[("cdn", cdn), ("isp", isp), ("p2p", p2p), ("region", 1)]),
            now: Counts { requests, failures: (before.failures * factor(cdn, isp, p2p)).round() },
            baseline: vec![before; 5],
        });
    }
    leaves
}

fn dimensions(terms: &[(&str, u32)]) -> BTreeMap<Name, Name> {
    terms.iter().map(|(key, value)| (Name::from(*key), Name::from(value.to_string()))).collect()
}

fn hit(condition: bool) -> f64 {
    if condition { 4.0 } else { 1.0 }
}

fn first(leaves: &[Leaf]) -> BTreeMap<Name, Name> {
    localise(leaves, 3).first().map(|best| best.dimensions.clone()).unwrap_or_default()
}

#[test]
fn one_two_and_three_dimensions_are_named_exactly() {
    assert_eq!(first(&fleet(|c, _, _| hit(c == 2))), dimensions(&[("cdn", 2)]));
    assert_eq!(first(&fleet(|c, _, p| hit(c == 2 && p == 1))), dimensions(&[("cdn", 2), ("p2p", 1)]));
    let three = fleet(|c, i, p| hit(c == 0 && i == 2 && p == 0));
    assert_eq!(first(&three), dimensions(&[("cdn", 0), ("isp", 2), ("p2p", 0)]));
}

#[test]
fn uneven_damage_within_the_combination_does_not_go_deeper() {
    let leaves = fleet(|c, i, p| if c == 1 { 3.0 + 0.4 * f64::from(i) + 0.3 * f64::from(p) } else { 1.0 });
    assert_eq!(first(&leaves), dimensions(&[("cdn", 1)]));
}

#[test]
fn of_two_faults_at_once_both_are_named() {
    let leaves = fleet(|c, i, p| hit(c == 3 || (i == 0 && p == 1)));
    let found = locate(&leaves, 3);
    assert_eq!(found.combinations.first().map(|one| one.dimensions.clone()), Some(dimensions(&[("cdn", 3)])));
    assert_eq!(found.beside.map(|one| one.dimensions), Some(dimensions(&[("isp", 0), ("p2p", 1)])));
    let single = locate(&fleet(|c, _, _| hit(c == 3)), 3);
    assert_eq!(single.beside, None);
}

#[test]
fn nothing_is_named_in_a_quiet_fleet() {
    assert_eq!(localise(&fleet(|_, _, _| 1.0), 3), Vec::new());
}

#[test]
fn everything_wins_when_the_whole_fleet_fails_and_only_then() {
    let whole = locate(&fleet(|_, _, _| 4.0), 3);
    assert!(whole.combinations.iter().all(|one| one.score < whole.everything.score), "{whole:#?}");
    let part = locate(&fleet(|c, _, _| hit(c == 2)), 3);
    assert!(part.combinations.iter().any(|one| one.score > part.everything.score), "{part:#?}");
}

#[test]
fn of_two_keys_that_mean_the_same_leaves_only_one_is_named() {
    let mut leaves = fleet(|c, _, _| hit(c == 2));
    for leaf in &mut leaves {
        let cdn = leaf.dimensions.get("cdn").cloned().unwrap_or_else(|| Name::from("-"));
        leaf.dimensions.insert(Name::from("vendor"), cdn);
    }
    let ranked = localise(&leaves, 10);
    assert_eq!(ranked.first().map(|best| best.dimensions.clone()), Some(dimensions(&[("cdn", 2)])));
    assert!(ranked.iter().all(|one| !(one.dimensions.contains_key("cdn") && one.dimensions.contains_key("vendor"))));
}

#[test]
fn keys_missing_in_some_leaves_are_still_named() {
    let mut leaves = fleet(|c, _, _| hit(c == 2));
    for leaf in &mut leaves {
        if leaf.dimensions.get("cdn").is_some_and(|cdn| &**cdn != "2") {
            leaf.dimensions.remove("cdn");
        }
    }
    assert_eq!(first(&leaves), dimensions(&[("cdn", 2)]));
}

#[test]
fn observed_and_expected_add_up_to_the_fleet() {
    let leaves = fleet(|c, _, _| hit(c == 2));
    let found = locate(&leaves, 1);
    let Some(best) = found.combinations.first() else { panic!("nothing found") };
    assert!((best.observed / best.expected - 4.0).abs() < 0.1, "{best:?}");
    assert!((best.observed_outside / best.expected_outside - 1.0).abs() < 0.1, "{best:?}");
    assert!((best.observed + best.observed_outside - found.everything.observed).abs() < 1e-6);
    assert!((best.expected + best.expected_outside - found.everything.expected).abs() < 1e-6);
}

#[test]
fn no_failures_before_and_no_baseline_at_all_are_answered() {
    let mut leaves = fleet(|c, _, _| if c == 2 { 4.0 } else { 0.0 });
    leaves.iter_mut().flat_map(|leaf| &mut leaf.baseline).for_each(|counts| counts.failures = 0.0);
    assert_eq!(first(&leaves), dimensions(&[("cdn", 2)]));
    leaves.iter_mut().for_each(|leaf| leaf.baseline.clear());
    assert_eq!(first(&leaves), dimensions(&[("cdn", 2)]));
}

#[test]
fn empty_and_damaged_input_are_harmless() {
    assert_eq!(localise(&[], 3), Vec::new());
    assert_eq!(localise(&fleet(|c, _, _| hit(c == 2)), 0), Vec::new());
    let mut leaves = fleet(|c, _, _| hit(c == 2));
    if let Some(leaf) = leaves.first_mut() {
        leaf.now = Counts { requests: f64::NAN, failures: f64::INFINITY };
    }
    assert_eq!(first(&leaves), dimensions(&[("cdn", 2)]));
}

#[test]
fn the_order_of_equals_is_fewer_keys_then_names() {
    // Two CDNs with the same damage and the same traffic: the names decide, whatever the order of the leaves.
    let mut leaves = fleet(|c, _, _| hit(c < 2));
    for (leaf, number) in leaves.iter_mut().zip(0_u32..) {
        leaf.now = Counts { requests: 2_000.0, failures: if number / 6 < 2 { 100.0 } else { 20.0 } };
        leaf.baseline = vec![Counts { requests: 2_000.0, failures: 20.0 }; 5];
    }
    for _ in ["as they come", "reversed"] {
        let ranked: Vec<_> = localise(&leaves, 2).into_iter().map(|one| one.dimensions).collect();
        assert_eq!(ranked, [dimensions(&[("cdn", 0)]), dimensions(&[("cdn", 1)])]);
        leaves.reverse();
    }
}

#[test]
fn many_keys_and_leaves_are_searched_within_the_bound() {
    let mut leaves = Vec::new();
    for n in 0_u32..20_000 {
        let terms: Vec<(String, u32)> = (0..12).map(|key| (format!("k{key:02}"), (n / (key + 1)) % 7)).collect();
        let terms: Vec<(&str, u32)> = terms.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        let bad = terms.contains(&("k03", 5));
        let before = Counts { requests: 100.0, failures: 1.0 };
        let now = Counts { requests: 100.0, failures: if bad { 8.0 } else { 1.0 } };
        leaves.push(Leaf { dimensions: dimensions(&terms), now, baseline: vec![before; 4] });
    }
    let found = locate(&leaves, 3);
    assert!(found.keys_left_out > 0, "the bound was not met: {}", found.keys_left_out);
    assert_eq!(found.combinations.first().map(|best| best.dimensions.clone()), Some(dimensions(&[("k03", 5)])));
}
