//! What happens on the stage, and when: a schedule drawn from a seed. Pure; `stage` carries it out.

use crate::random::Random;
use crate::roster::{self, Engine};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What can be staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// 18 November 2025: an access change doubles the rows of the feature file, node by node.
    November,
    /// A traffic surge right after a harmless push: nothing may be accused.
    Surge,
}

impl Scenario {
    /// Every scenario, as `--scenario` lists them.
    pub const ALL: [Self; 2] = [Self::November, Self::Surge];

    /// The word for `--scenario`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::November => "november",
            Self::Surge => "surge",
        }
    }

    /// One line for the help.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::November => {
                "the outage of 18 November 2025: a feature file outgrows the 200 rows that the proxy preallocates"
            }
            Self::Surge => "a traffic surge two seconds after a harmless push: no change may be accused",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scenario {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scenario| scenario.as_str() == word).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|scenario| scenario.as_str()).collect();
            format!("unknown scenario; known are {}", known.join(", "))
        })
    }
}

/// Where the play stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The fleet is being started.
    #[default]
    Starting,
    /// Everything serves; baselines form.
    Calm,
    /// Good and bad files alternate.
    Alternating,
    /// Every node generates the bad file.
    Bad,
    /// More traffic than the fleet admits (scenario `surge`).
    Surge,
    /// The good file, or the usual traffic, is back.
    Recovering,
    /// Nothing more will happen; the fleet goes on serving until it is stopped.
    Done,
}

/// One thing that is done on the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A phase begins.
    Enter(Phase),
    /// The access change reaches a node: rows of `r0` become visible to the generator's query there.
    Grant(usize),
    /// The generator runs on a node and publishes what it got.
    Generate(usize),
    /// A new feature is added to the table on every node, as happens on any day.
    AddFeature,
    /// A harmless version of the second config is published.
    PushRules,
    /// A harmless change elsewhere is announced (a flag).
    Flag,
    /// Requests to two regions come six times as often, or as usual again.
    Surge(bool),
    /// SIGKILL for these hosts' processes.
    Kill(Vec<String>),
    /// Hosts killed before get a new process.
    Replace,
    /// The operator stops the generator and publishes the last good file again.
    Restore,
    /// One host whose arenas ran dry is restarted, if there still is one.
    RestartOne,
}

/// A step and when it is due, milliseconds after the fleet serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// When.
    pub(crate) at_ms: u64,
    /// What.
    pub(crate) step: Step,
}

/// Nodes of the generator's cluster.
pub(crate) const NODES: usize = 5;
/// Between two generations: the five minutes of the real generator, shrunk.
const GENERATION_MS: u64 = 5_000;
/// The access change begins here: before, hosts gather three generations of calm.
const GRANTS_FROM_MS: u64 = 15_000;
/// The first generation that no node can do well any more.
const ALL_BAD_FROM_MS: u64 = GRANTS_FROM_MS + (NODES as u64 - 1) * GENERATION_MS;
/// The good file returns.
const RESTORE_MS: u64 = ALL_BAD_FROM_MS + 12_000;

/// The schedule of `scenario` for `seed`, in order of time.
pub(crate) fn schedule(scenario: Scenario, seed: u64) -> Vec<Due> {
    let mut due = match scenario {
        Scenario::November => november(seed),
        Scenario::Surge => surge(seed),
    };
    due.sort_by_key(|due| due.at_ms);
    due
}

fn at(at_ms: u64, step: Step) -> Due {
    Due { at_ms, step }
}

fn november(seed: u64) -> Vec<Due> {
    let (grants, nodes) = alternation(seed);
    let mut due = vec![
        at(0, Step::Enter(Phase::Calm)),
        at(4_500, Step::AddFeature),
        at(12_000, Step::PushRules),
        at(13_500, Step::Flag),
        at(GRANTS_FROM_MS - 100, Step::Enter(Phase::Alternating)),
        at(ALL_BAD_FROM_MS - 100, Step::Enter(Phase::Bad)),
        // A fresh bad hash joins the first: the family must be recognised by its content.
        at(ALL_BAD_FROM_MS + 4_500, Step::AddFeature),
        at(ALL_BAD_FROM_MS + 7_000, Step::Kill(victims(seed))),
        at(ALL_BAD_FROM_MS + 9_500, Step::Replace),
        at(RESTORE_MS, Step::Enter(Phase::Recovering)),
        at(RESTORE_MS, Step::Restore),
        at(RESTORE_MS + 15_000, Step::Enter(Phase::Done)),
    ];
    due.extend(
        grants
            .into_iter()
            .enumerate()
            .map(|(index, node)| at(GRANTS_FROM_MS - 50 + index as u64 * GENERATION_MS, Step::Grant(node))),
    );
    due.extend(
        nodes.into_iter().enumerate().map(|(index, node)| at((index as u64 + 1) * GENERATION_MS, Step::Generate(node))),
    );
    due.extend((0..3).map(|index| at(RESTORE_MS + 6_000 + index * 3_000, Step::RestartOne)));
    due
}

/// The order in which nodes get the grant, and the node of each generation up to the restore. Draws again until a bad
/// file is followed by a good one before all nodes are bad: that the fleet recovered and failed again is what made the
/// real day look like an attack (incidents.md 1).
fn alternation(seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut random = Random::new(seed, 1);
    loop {
        let mut grants: Vec<usize> = (0..NODES).collect();
        for last in (1..NODES).rev() {
            let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(0);
            grants.swap(last, other);
        }
        let generations = (RESTORE_MS - 1) / GENERATION_MS;
        let nodes: Vec<usize> =
            (0..generations).map(|_| usize::try_from(random.below(NODES as u64)).unwrap_or(0)).collect();
        let bad: Vec<bool> = (0..generations).zip(&nodes).map(|(index, node)| is_bad(&grants, index, *node)).collect();
        if bad.windows(2).any(|pair| pair == [true, false]) {
            return (grants, nodes);
        }
    }
}

/// Whether generation `index` (from 0, due at `(index + 1) * GENERATION_MS`) runs on a node that has the grant by then.
fn is_bad(grants: &[usize], index: u64, node: usize) -> bool {
    let at_ms = (index + 1) * GENERATION_MS;
    let granted = at_ms.checked_sub(GRANTS_FROM_MS).map_or(0, |since| since / GENERATION_MS + 1);
    grants.iter().take(usize::try_from(granted).unwrap_or(NODES)).any(|granted| *granted == node)
}

/// Three processes to kill: two of the new engine that need no restart otherwise, one of the old.
fn victims(seed: u64) -> Vec<String> {
    let mut random = Random::new(seed, 2);
    let hosts = roster::fleet();
    let mut pick = |engine: Engine, count: usize| {
        let mut names: Vec<String> = hosts
            .iter()
            .filter(|host| host.engine == engine && host.arenas.is_none())
            .map(|host| host.name.clone())
            .collect();
        let mut picked = Vec::new();
        while picked.len() < count && !names.is_empty() {
            let index = usize::try_from(random.below(names.len() as u64)).unwrap_or(0);
            picked.push(names.swap_remove(index));
        }
        picked
    };
    let mut victims = pick(Engine::Fl2, 2);
    victims.extend(pick(Engine::Fl, 1));
    victims
}

fn surge(seed: u64) -> Vec<Due> {
    let mut random = Random::new(seed, 3);
    let mut due = vec![
        at(0, Step::Enter(Phase::Calm)),
        at(4_500, Step::AddFeature),
        at(13_000, Step::PushRules),
        at(14_000, Step::Flag),
        at(15_000, Step::Enter(Phase::Surge)),
        at(15_000, Step::Surge(true)),
        at(35_000, Step::Enter(Phase::Recovering)),
        at(35_000, Step::Surge(false)),
        at(45_000, Step::Enter(Phase::Done)),
    ];
    due.extend((1..=8).map(|index| {
        at(index * GENERATION_MS, Step::Generate(usize::try_from(random.below(NODES as u64)).unwrap_or(0)))
    }));
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_alternates_before_all_is_bad_and_then_stays_bad() {
        for seed in 0..500 {
            let mut granted = Vec::new();
            let mut files = Vec::new();
            for due in schedule(Scenario::November, seed) {
                match due.step {
                    Step::Grant(node) => granted.push(node),
                    Step::Generate(node) => files.push((due.at_ms, granted.contains(&node))),
                    _ => {}
                }
            }
            assert!(files.windows(2).any(|pair| pair[0].1 && !pair[1].1), "seed {seed}: {files:?}");
            assert!(files.iter().all(|(at_ms, bad)| !*bad || *at_ms >= GRANTS_FROM_MS), "seed {seed}: {files:?}");
            let settled: Vec<_> = files.iter().filter(|(at_ms, _)| *at_ms >= ALL_BAD_FROM_MS).collect();
            assert!(settled.len() >= 3 && settled.iter().all(|(_, bad)| *bad), "seed {seed}: {files:?}");
        }
    }

    #[test]
    fn schedules_are_in_order_and_repeat_for_a_seed() {
        for scenario in Scenario::ALL {
            let due = schedule(scenario, 42);
            assert!(due.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms));
            assert_eq!(due.last().map(|due| &due.step), Some(&Step::Enter(Phase::Done)));
            assert_eq!(due, schedule(scenario, 42));
            assert_eq!(scenario.as_str().parse(), Ok(scenario));
        }
    }
}
