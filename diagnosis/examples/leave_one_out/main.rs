//! Picks the localiser's constants on labelled incidents, and says honestly what the picking is worth: each case is scored
//! with the constants that were best on the others.
//!
//! ```text
//! cargo run --profile bench-fast -p firstbad-diagnosis --example leave_one_out -- FOLDER
//! ```
//!
//! FOLDER holds `truth.json` and the captures. Best is: most first answers right, then F1, then most right among the first
//! three; of equals that with the best neighbours in the grid, since a lone peak is luck.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it reads captures, as the engine may not")]

mod cases;

use cases::Case;
use firstbad_diagnosis::localise::{Constants, locate};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

const DISPERSION: [f64; 5] = [0.0125, 0.025, 0.05, 0.1, 0.2];
/// Memories of 2, 3, 5, 10 and all intervals.
const DECAY: [f64; 5] = [0.5, 2.0 / 3.0, 0.8, 0.9, 1.0];

/// Place in both lists.
type Place = [usize; 2];

/// How one case was answered.
#[derive(Clone, Copy, Default)]
struct Answer {
    answered: usize,
    first: usize,
    among_three: usize,
    labels: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: leave_one_out FOLDER")?;
    let cases = cases::read(folder.as_ref())?;
    report("default", &cases.iter().map(|case| answer(case, &Constants::default())).collect::<Vec<_>>());
    let mut grid: BTreeMap<Place, Vec<Answer>> = BTreeMap::new();
    for place in (0..25).map(|n| [n / 5, n % 5]) {
        let constants = constants(&place).ok_or("no such place")?;
        grid.insert(place, cases.iter().map(|case| answer(case, &constants)).collect());
    }
    table(&grid);
    let all = best(&grid, |_| true).ok_or("no cases")?;
    println!("chosen on all: {:?}", constants(&all).ok_or("no such place")?);
    report("chosen on all", grid.get(&all).map_or(&[], Vec::as_slice));
    let names: Vec<String> = (0..cases.len()).map(|number| number.to_string()).collect();
    held_out("a case held out", &grid, &names);
    held_out("a month held out", &grid, &cases.iter().map(|case| case.month.clone()).collect::<Vec<_>>());
    Ok(())
}

fn constants(place: &Place) -> Option<Constants> {
    let [dispersion, decay] = *place;
    Some(Constants { dispersion: *DISPERSION.get(dispersion)?, decay: *DECAY.get(decay)? })
}

fn answer(case: &Case, constants: &Constants) -> Answer {
    let found = locate(&case.leaves, 3, constants).combinations;
    let right: Vec<bool> = found.iter().map(|one| case.causes.contains(&one.dimensions)).collect();
    Answer {
        answered: usize::from(!right.is_empty()),
        first: usize::from(right.first() == Some(&true)),
        among_three: usize::from(right.contains(&true)),
        labels: case.causes.len(),
    }
}

fn sum<'a>(answers: impl Iterator<Item = &'a Answer>) -> Answer {
    answers.fold(Answer::default(), |sum, one| Answer {
        answered: sum.answered + one.answered,
        first: sum.first + one.first,
        among_three: sum.among_three + one.among_three,
        labels: sum.labels + one.labels,
    })
}

/// As `score.py` has it: an answer that is wrong is a false positive, a label that was not answered a false negative.
fn f1(sum: &Answer) -> f64 {
    2.0 * sum.first as f64 / (sum.answered + sum.labels) as f64
}

/// The best place, judged by the cases that `counts`.
fn best(grid: &BTreeMap<Place, Vec<Answer>>, counts: impl Fn(usize) -> bool) -> Option<Place> {
    let of = |answers: &[Answer]| sum(answers.iter().enumerate().filter(|(case, _)| counts(*case)).map(|(_, one)| one));
    let sums: BTreeMap<Place, Answer> = grid.iter().map(|(place, answers)| (*place, of(answers))).collect();
    let neighbours = |place: &Place| {
        let near = |other: &&Place| place.iter().zip(**other).map(|(a, b)| a.abs_diff(b)).sum::<usize>() == 1;
        let firsts: Vec<usize> = sums.iter().filter(|(other, _)| near(other)).map(|(_, sum)| sum.first).collect();
        firsts.iter().sum::<usize>() as f64 / firsts.len().max(1) as f64
    };
    let better = |(a, x): &(&Place, &Answer), (b, y): &(&Place, &Answer)| {
        (x.first.cmp(&y.first))
            .then(f1(x).total_cmp(&f1(y)))
            .then(x.among_three.cmp(&y.among_three))
            .then(neighbours(a).total_cmp(&neighbours(b)))
    };
    sums.iter().max_by(better).map(|(place, _)| *place)
}

/// Each group of cases is scored with what was best on all others.
fn held_out(title: &str, grid: &BTreeMap<Place, Vec<Answer>>, groups: &[String]) {
    let mut answers = Vec::new();
    let mut chosen: BTreeMap<Place, usize> = BTreeMap::new();
    for group in groups.iter().collect::<BTreeSet<_>>() {
        let of_group = |case: usize| groups.get(case) == Some(group);
        let Some((place, all)) = best(grid, |case| !of_group(case)).and_then(|place| grid.get_key_value(&place)) else {
            continue;
        };
        let before = answers.len();
        answers.extend(all.iter().enumerate().filter(|(case, _)| of_group(*case)).map(|(_, one)| *one));
        *chosen.entry(*place).or_default() += answers.len() - before;
    }
    report(title, &answers);
    for (place, cases) in chosen {
        let Some(constants) = constants(&place) else { continue };
        println!("    {cases:2} cases with {constants:?}");
    }
}

/// Right first answers and right among the first three at every place of the grid.
fn table(grid: &BTreeMap<Place, Vec<Answer>>) {
    for (place, answers) in grid {
        let Some(Constants { dispersion, decay }) = constants(place) else { continue };
        let sum = sum(answers.iter());
        println!("dispersion {dispersion:.4}, decay {decay:.3}: top-1 {}, top-3 {}", sum.first, sum.among_three);
    }
}

fn report(title: &str, answers: &[Answer]) {
    let (sum, cases) = (sum(answers.iter()), answers.len() as f64);
    let share = |count: usize| count as f64 / cases;
    let (first, three) = (share(sum.first), share(sum.among_three));
    println!("{title}: top-1 {} = {first:.3}, top-3 {} = {three:.3}, F1 {:.3}", sum.first, sum.among_three, f1(&sum));
}
