//! Does the localiser name causes in fleets that it was not made on? Floors are well below what was seen and well above
//! what a wrong model gives; each miss is printed with its seed.

#[path = "localise/made_up.rs"]
mod made_up;

use firstbad_diagnosis::localise::{Constants, Leaf, locate};
use made_up::{Dimensions, Fleet, Kind, fleet, within};

const PLAIN: Kind = Kind { causes: 1, requests: 200_000.0, rates_differ: 0.5, noise: 0.15 };

/// Seeds that were not looked at when the model was made; those from 1 on were.
fn fleets(kind: Kind) -> Vec<(u64, Fleet)> {
    (1001..=1150).filter_map(|seed| Some((seed, fleet(seed, kind)?))).collect()
}

/// Whether both mean the same leaves: of two names for them the localiser takes the shorter.
fn same(leaves: &[Leaf], a: &Dimensions, b: &Dimensions) -> bool {
    leaves.iter().all(|leaf| within(&leaf.dimensions, a) == within(&leaf.dimensions, b))
}

/// Share of fleets whose first answer is exactly one of the causes, and in which one of the first three is.
fn rates(kind: Kind) -> (f64, f64) {
    let fleets = fleets(kind);
    let (mut first, mut among_three) = (0, 0);
    for (seed, Fleet { leaves, causes }) in &fleets {
        let found = locate(leaves, 3, &Constants::default()).combinations;
        let is_cause = |one: &Dimensions| causes.iter().any(|cause| same(leaves, cause, one));
        let right: Vec<bool> = found.iter().map(|one| is_cause(&one.dimensions)).collect();
        first += usize::from(right.first() == Some(&true));
        among_three += usize::from(right.contains(&true));
        if right.first() != Some(&true) {
            println!("seed {seed}: {causes:?}, answered {:?}", found.first().map(|one| &one.dimensions));
        }
    }
    let share = |count: usize| count as f64 / fleets.len() as f64;
    println!("{kind:?}: first {:.3}, among three {:.3} of {}", share(first), share(among_three), fleets.len());
    assert!(fleets.len() >= 75, "too few fleets");
    (share(first), share(among_three))
}

fn holds(kind: Kind, least: (f64, f64)) {
    let seen = rates(kind);
    assert!(seen.0 >= least.0 && seen.1 >= least.1, "{kind:?}: {seen:?}");
}

#[test]
fn one_cause_is_named_exactly() {
    holds(PLAIN, (0.85, 0.9));
}

#[test]
fn one_of_two_or_three_causes_is_named_exactly() {
    holds(Kind { causes: 2, ..PLAIN }, (0.85, 0.9));
    holds(Kind { causes: 3, ..PLAIN }, (0.8, 0.9));
}

#[test]
fn few_requests_are_enough_for_most() {
    holds(Kind { requests: 5_000.0, ..PLAIN }, (0.7, 0.8));
}

#[test]
fn leaves_that_always_fail_more_are_no_cause() {
    holds(Kind { rates_differ: 1.5, requests: 20_000.0, ..PLAIN }, (0.7, 0.8));
}

#[test]
fn noise_as_great_as_the_model_assumes_is_borne() {
    holds(Kind { noise: 0.22, ..PLAIN }, (0.8, 0.9));
}

#[test]
fn the_second_cause_is_named_beside_the_first() {
    let fleets = fleets(Kind { causes: 2, ..PLAIN });
    let both = |(_, Fleet { leaves, causes }): &&(u64, Fleet)| {
        let found = locate(leaves, 1, &Constants::default());
        let named = |cause: &Dimensions| {
            found.combinations.iter().chain(&found.beside).any(|one| same(leaves, cause, &one.dimensions))
        };
        causes.iter().all(named)
    };
    let share = fleets.iter().filter(both).count() as f64 / fleets.len() as f64;
    println!("both of two causes: {share:.3} of {}", fleets.len());
    assert!(share >= 0.5, "{share}");
}

#[test]
fn nothing_is_named_where_nothing_is_wrong() {
    for (requests, rates_differ) in [(2_000.0, 0.5), (20_000.0, 1.5), (200_000.0, 0.5), (2_000_000.0, 1.0)] {
        let quiet = fleets(Kind { causes: 0, requests, rates_differ, ..PLAIN });
        let named = |(seed, fleet): &&(u64, Fleet)| {
            let found = locate(&fleet.leaves, 1, &Constants::default()).combinations;
            found.iter().for_each(|one| println!("seed {seed}: {:?}", one.dimensions));
            !found.is_empty()
        };
        let count = quiet.iter().filter(named).count();
        println!("{requests} requests: {count} of {} quiet fleets got an answer", quiet.len());
        assert!(count * 20 <= quiet.len(), "{count} of {} quiet fleets got an answer", quiet.len());
    }
}
