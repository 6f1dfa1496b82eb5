//! A ledger of runs that must not accuse: a line per scenario and engine, so that the bound on false accusations grows with
//! every run and no run is forgotten. What a false accusation is, the judge decided.

use crate::outcome::Outcome;
use crate::table::upper_bound;
use std::collections::BTreeMap;

/// The columns.
const HEAD: &str =
    "engine,date,scenario,class,first_seed,last_seed,runs,false_accusations,upper_95,wrong_exonerations,right";

/// One line: runs of one scenario by one engine, over seeds without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    engine: String,
    date: String,
    scenario: String,
    class: String,
    first_seed: u64,
    last_seed: u64,
    runs: usize,
    accused: usize,
    exonerated: usize,
    right: usize,
}

impl Line {
    fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split(',').collect();
        let [engine, date, scenario, class, first, last, runs, accused, _, exonerated, right] = fields.as_slice()
        else {
            return None;
        };
        Some(Self {
            engine: (*engine).into(),
            date: (*date).into(),
            scenario: (*scenario).into(),
            class: (*class).into(),
            first_seed: first.parse().ok()?,
            last_seed: last.parse().ok()?,
            runs: runs.parse().ok()?,
            accused: accused.parse().ok()?,
            exonerated: exonerated.parse().ok()?,
            right: right.parse().ok()?,
        })
    }

    fn text(&self) -> String {
        format!(
            "{},{},{},{},{},{},{},{},{:.4},{},{}",
            self.engine,
            self.date,
            self.scenario,
            self.class,
            self.first_seed,
            self.last_seed,
            self.runs,
            self.accused,
            upper_bound(self.accused, self.runs),
            self.exonerated,
            self.right
        )
    }

    /// Whether `later` goes on where this ends.
    fn goes_on(&self, later: &Self) -> bool {
        (&self.engine, &self.scenario) == (&later.engine, &later.scenario) && self.last_seed + 1 == later.first_seed
    }

    /// Whether `other` holds some of the same runs: they must not count twice.
    fn overlaps(&self, other: &Self) -> bool {
        (&self.engine, &self.scenario) == (&other.engine, &other.scenario)
            && self.first_seed <= other.last_seed
            && other.first_seed <= self.last_seed
    }

    fn join(&mut self, later: &Self) {
        self.date.clone_from(&later.date);
        self.last_seed = later.last_seed;
        self.runs += later.runs;
        self.accused += later.accused;
        self.exonerated += later.exonerated;
        self.right += later.right;
    }
}

/// Where runs come from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Commit of the engine that made them.
    pub engine: &'a str,
    /// Day on which it did, as in 2026-01-31.
    pub date: &'a str,
}

/// The ledger `before`, with `outcomes` from `origin` written into it.
///
/// # Errors
/// If a line of it cannot be read, or it holds some of the runs already: nothing may be lost in silence or count twice.
pub fn extended(before: &str, outcomes: &[Outcome], origin: Origin) -> Result<String, String> {
    let known = before.lines().filter(|line| !line.is_empty() && *line != HEAD);
    let read = |line: &str| Line::read(line).ok_or_else(|| format!("the ledger's line `{line}` cannot be read"));
    let mut lines: Vec<Line> = known.map(read).collect::<Result<_, _>>()?;
    for new in summed(outcomes, origin) {
        if let Some(line) = lines.iter().find(|line| line.overlaps(&new)) {
            let (first, last) = (line.first_seed, line.last_seed);
            return Err(format!(
                "{} of engine {}: seeds {first} to {last} are in the ledger already",
                line.scenario, origin.engine
            ));
        }
        match lines.iter_mut().find(|line| line.goes_on(&new)) {
            Some(line) => line.join(&new),
            None => lines.push(new),
        }
    }
    let text: Vec<String> = lines.iter().map(Line::text).collect();
    Ok(format!("{HEAD}\n{}\n", text.join("\n")))
}

fn summed(outcomes: &[Outcome], origin: Origin) -> Vec<Line> {
    let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    outcomes.iter().for_each(|outcome| groups.entry(&outcome.scenario).or_default().push(outcome));
    let line = |(scenario, of): (&&str, &Vec<&Outcome>)| Line {
        engine: origin.engine.into(),
        date: origin.date.into(),
        scenario: (*scenario).into(),
        class: of.first().map(|outcome| outcome.class.clone()).unwrap_or_default(),
        first_seed: of.iter().map(|outcome| outcome.seed).min().unwrap_or(0),
        last_seed: of.iter().map(|outcome| outcome.seed).max().unwrap_or(0),
        runs: of.len(),
        accused: of.iter().filter(|outcome| outcome.false_accusation.is_some()).count(),
        exonerated: of.iter().filter(|outcome| outcome.wrong_exoneration.is_some()).count(),
        right: of.iter().filter(|outcome| outcome.right).count(),
    };
    groups.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(seed: u64, accused: bool) -> Outcome {
        let false_accusation = accused.then(|| "at 5 s".to_owned());
        Outcome {
            scenario: "n1".into(),
            class: "negative".into(),
            seed,
            false_accusation,
            right: true,
            ..Outcome::default()
        }
    }

    fn from<'a>(engine: &'a str, date: &'a str) -> Origin<'a> {
        Origin { engine, date }
    }

    #[test]
    fn runs_without_a_gap_share_a_line_and_others_do_not() {
        let first = extended("", &[outcome(1001, false), outcome(1002, false)], from("abc", "2026-01-01")).unwrap();
        assert_eq!(first, format!("{HEAD}\nabc,2026-01-01,n1,negative,1001,1002,2,0,0.7764,0,2\n"));
        let second = extended(&first, &[outcome(1003, true)], from("abc", "2026-01-02")).unwrap();
        assert_eq!(second, format!("{HEAD}\nabc,2026-01-02,n1,negative,1001,1003,3,1,0.8646,0,3\n"));
        let gap = extended(&second, &[outcome(1009, false)], from("abc", "2026-01-02")).unwrap();
        let other = extended(&gap, &[outcome(1010, false)], from("def", "2026-01-02")).unwrap();
        assert_eq!(other.lines().count(), 4);
        assert!(extended(&other, &[outcome(1002, false)], from("abc", "2026-01-02")).is_err());
        assert!(extended("nonsense", &[], from("abc", "")).is_err());
    }
}
