//! A vote in the manner of Gandalf (Li et al., "Gandalf: An Intelligent, End-To-End Analytics Service for Safe Deployment
//! in Large-Scale Cloud Infrastructure", NSDI 2020), in short form: every host whose failed share left its own past votes
//! for each rollout that reached it before, the more the sooner before, and against each that came later or never; of the
//! rollouts with half of the greatest possible vote, the one with the greatest product of vote and contrast (how much more
//! often its hosts are faulty than the others) is named. Left out: the decay of votes over time and the learned classifier at the end. A change that reaches all hosts at
//! once is no rollout.

use super::board::Cell;
use super::{Asked, Board, Element, best};
use firstbad_diagnosis::observation::Name;
use std::collections::BTreeMap;

/// A rollout this long before a fault has a third of a vote each, nanoseconds: the paper has hours.
const WINDOWS_NS: [i64; 3] = [60_000_000_000, 300_000_000_000, 900_000_000_000];
const LEAST_BLAME: f64 = 0.5;
/// Failed requests in a cell below which a host is not called faulty.
const LEAST_FAILED: f64 = 3.0;

pub(super) fn name(board: &Board, asked: Asked) -> Vec<Element> {
    let fault =
        |(host, cells): (&Name, &BTreeMap<i64, Cell>)| Some((host.clone(), board.end_of(first_fault(cells, asked)?)));
    let faults: Vec<(Name, i64)> = board.by_host().iter().filter_map(fault).collect();
    let score = |element: &Element| {
        let known = |host: &Name| board.exposed_at(element, host).filter(|at| *at <= asked.now_ns);
        let times: Vec<(Option<i64>, i64)> = faults.iter().map(|(host, at)| (known(host), *at)).collect();
        let exposed = board.by_host().keys().filter(|host| known(host).is_some()).count();
        let reach = Reach { exposed, all: board.by_host().len() };
        let blame = blame(&times);
        if blame < LEAST_BLAME { 0.0 } else { blame * contrast(&times, reach) }
    };
    best(board.rollouts().map(|element| (score(element), element)), 0.0)
}

/// The first cell since the onset in which a host fails more than three standard deviations above its own mean.
fn first_fault(cells: &BTreeMap<i64, Cell>, asked: Asked) -> Option<i64> {
    let share = |cell: &Cell| cell.0 / cell.1.max(1.0);
    let normal: Vec<f64> = cells.range(asked.normal()).map(|(_, cell)| share(cell)).collect();
    let n = normal.len().max(1) as f64;
    let mean = normal.iter().sum::<f64>() / n;
    let deviation = (normal.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / n).sqrt();
    let is_fault = |cell: &Cell| cell.0 >= LEAST_FAILED && share(cell) > mean + 3.0 * deviation;
    cells.range(asked.since()).find(|(_, cell)| is_fault(cell)).map(|(key, _)| *key)
}

/// The mean vote over faults, given when each host was exposed and when it failed.
fn blame(times: &[(Option<i64>, i64)]) -> f64 {
    let vote = |(exposed, fault): &(Option<i64>, i64)| match exposed.filter(|exposed| exposed <= fault) {
        Some(exposed) => WINDOWS_NS.iter().filter(|window| fault - exposed <= **window).count() as f64 / 3.0,
        None => -1.0,
    };
    times.iter().map(vote).sum::<f64>() / times.len().max(1) as f64
}

/// How many hosts a rollout has reached.
#[derive(Clone, Copy)]
struct Reach {
    /// Hosts exposed to it.
    exposed: usize,
    /// All hosts.
    all: usize,
}

/// How much more often hosts with it are faulty than hosts without it, given when each faulty host was exposed.
fn contrast(times: &[(Option<i64>, i64)], reach: Reach) -> f64 {
    let faulty = times.iter().filter(|(exposed, _)| exposed.is_some()).count();
    let rate = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    rate(faulty, reach.exposed) - rate(times.len() - faulty, reach.all.saturating_sub(reach.exposed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_count_by_distance_and_against_what_came_later() {
        let minute = 60_000_000_000;
        // 1 min before: 3 of 3 windows; 4 min: 2 of 3; 10 min: 1 of 3; after and never: against.
        assert!((blame(&[(Some(9 * minute), 10 * minute)]) - 1.0).abs() < 1e-12);
        assert!((blame(&[(Some(6 * minute), 10 * minute)]) - 2.0 / 3.0).abs() < 1e-12);
        assert!((blame(&[(Some(0), 10 * minute)]) - 1.0 / 3.0).abs() < 1e-12);
        assert!((blame(&[(Some(9 * minute), 10 * minute), (Some(11 * minute), 10 * minute)])).abs() < 1e-12);
        assert!((blame(&[(None, minute)]) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn hosts_without_it_that_fail_as_often_acquit() {
        let (with, without) = ((Some(0), 1), (None, 1));
        // 2 of 4 with it and 1 of 6 without; then 1 of 4 and 3 of 6; then nobody is without it.
        let four = Reach { exposed: 4, all: 10 };
        assert!((contrast(&[with, with, without], four) - (0.5 - 1.0 / 6.0)).abs() < 1e-12);
        assert!((contrast(&[with, without, without, without], four) + 0.25).abs() < 1e-12);
        assert!((contrast(&[with], Reach { exposed: 10, all: 10 }) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_fault_leaves_the_hosts_own_past() {
        let asked = Asked { onset: 4, now: 6, onset_ns: 0, now_ns: 0 };
        let cells =
            |last: f64| BTreeMap::from([(1, (1.0, 100.0)), (2, (3.0, 100.0)), (3, (2.0, 100.0)), (5, (last, 100.0))]);
        // Mean 2 %, deviation sqrt(2/3) %: the bound is 4.45 %.
        assert_eq!(first_fault(&cells(4.0), asked), None);
        assert_eq!(first_fault(&cells(5.0), asked), Some(5));
    }
}
