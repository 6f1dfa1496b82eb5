//! Lets a run recover after its end: all hosts go back to the first version of every config, all changes are undone, and
//! whatever came from outside ends. Most scenarios end while hosts still fail; what the engine says later shows only here.

use crate::plan::{ChangePlan, Happening, HostPlan, Plan};
use crate::random::Random;
use std::collections::BTreeSet;

/// Report intervals between the end of the scenario and the repair. Chosen: the last diagnosis of the scenario is over.
const BEGINS_INTERVALS: f64 = 2.0;
/// Time in which the repair reaches the hosts, seconds. Chosen: a quick rollback.
const TAKES_S: f64 = 30.0;
/// Time for which a run goes on, seconds, and in report intervals; the longer one counts. Chosen: twice the five minutes after
/// which an incident counts as over.
const LASTS_S: f64 = 600.0;
/// See `LASTS_S`.
const LASTS_INTERVALS: f64 = 15.0;

/// Adds the repair to `plan`. Nothing before the end of the scenario changes.
pub fn add(plan: &mut Plan) {
    let begins = plan.length_s + BEGINS_INTERVALS * plan.interval_s.max(5.0);
    let mut random = Random::fork(plan.seed, "recovery");
    let first: Vec<usize> = plan.configs.iter().map(|config| config.initial).collect();
    for host in &mut plan.hosts {
        host.agenda.retain(|(at, _)| *at < begins);
        let at = begins + TAKES_S * random.unit();
        let undone = standing(host, &plan.changes).into_iter().map(|change| (at, Happening::Undo(change)));
        host.agenda.extend(undone);
        host.agenda.extend(first.iter().map(|version| (at, Happening::Deliver(*version))));
    }
    let outside = plan.effects.iter_mut().filter(|effect| effect.loads.is_none() && effect.change.is_none());
    outside.for_each(|effect| effect.until_s = effect.until_s.min(begins + TAKES_S));
}

/// Returns the changes of a host that are not undone yet and that an undoing ends.
fn standing(host: &HostPlan, changes: &[ChangePlan]) -> BTreeSet<usize> {
    let mut standing = BTreeSet::new();
    for (_, happening) in &host.agenda {
        match happening {
            Happening::Change(change) if changes.get(*change).is_some_and(|of| of.kind != "restart") => {
                standing.insert(*change);
            }
            Happening::Undo(change) => drop(standing.remove(change)),
            _ => {}
        }
    }
    standing
}

/// Returns the second at which a recovered run ends.
#[must_use]
pub fn ends_s(plan: &Plan) -> f64 {
    plan.length_s + LASTS_S.max(LASTS_INTERVALS * plan.interval_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench;
    use crate::overrides::Overrides;
    use crate::scenario::{Scenario, directory, read};
    use crate::simulation::{Simulation, step_s};

    /// A bad version, a bad flag, and a surge from outside.
    const SCENARIOS: [&str; 3] = ["p1-panic-storm", "d3-flag-staged", "n1-surge"];
    const SEED: u64 = 31;

    fn scenarios() -> Vec<Scenario> {
        SCENARIOS.iter().map(|name| read(&directory().join(format!("{name}.toml"))).unwrap()).collect()
    }

    /// Returns the last second at which a host of `plan` suffers until the end of a recovery.
    fn last_suffering(plan: &Plan) -> f64 {
        let mut simulation = Simulation::new(plan);
        let mut at = 0.0;
        while at < ends_s(plan) {
            at += step_s(plan.interval_s);
            let _ = simulation.step(at);
        }
        simulation.truth().last_suffering().unwrap()
    }

    #[test]
    fn after_the_repair_nobody_suffers() {
        let mut go_on = 0;
        for scenario in scenarios() {
            let mut plan = Plan::draw(&scenario, SEED, Overrides::NONE);
            let before = last_suffering(&plan);
            add(&mut plan);
            let after = last_suffering(&plan);
            let repaired_s = plan.length_s + BEGINS_INTERVALS * plan.interval_s + TAKES_S + plan.interval_s;
            assert!(after <= repaired_s, "{} seed {SEED}: {after} s, repaired at {repaired_s} s", scenario.name);
            go_on += usize::from(before > repaired_s);
        }
        assert!(go_on > 0, "seed {SEED}: no scenario needs a repair");
    }

    #[test]
    fn a_recovery_changes_nothing_before_the_end_of_the_scenario() {
        for scenario in scenarios() {
            let (plain, recovered) = (bench::run(&scenario, SEED), bench::run_and_recover(&scenario, SEED));
            assert_eq!(plain.diagnosis, recovered.diagnosis, "{} seed {SEED}", scenario.name);
            assert!(plain.kept.compared == 0 && recovered.kept.compared > 0, "{} seed {SEED}", scenario.name);
        }
    }
}
