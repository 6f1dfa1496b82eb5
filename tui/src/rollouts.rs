//! When a fleet went to the accused versions and when it went back, read off the loads that the chart's lines hold. The list of
//! changes has one entry per version, at its first load; good and bad files that alternate, and the way back, are in no entry.

use firstbad_protocol::snapshot::{LineRole, Snapshot};
use firstbad_protocol::time::Timestamp;

/// Part of the largest rollout below which loads are restarts of single hosts, and no rollout.
const ROLLOUT_MIN: f64 = 0.1;

/// One rollout, after the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rollout {
    /// End of the report interval of its first load.
    pub(crate) at: Timestamp,
    /// Whether it is to an accused version; else it is the way back.
    pub(crate) is_accused: bool,
    /// The config.
    pub(crate) config: String,
    /// Loads.
    pub(crate) loads: u32,
}

impl Rollout {
    /// In words, without the time.
    pub(crate) fn told(&self) -> String {
        let loads = self.loads;
        match self.is_accused {
            true => format!("AGAIN    {} to an accused version, {loads} loads", self.config),
            false => format!("BACK     {} to a version that is not accused, {loads} loads", self.config),
        }
    }
}

/// Turns from accused versions to others and back, oldest first. The first rollout of an accused version is not among them: it is
/// a change of its own.
pub(crate) fn turns(snapshot: &Snapshot) -> Vec<Rollout> {
    let mut rollouts: Vec<Rollout> = [LineRole::Accused, LineRole::Others]
        .into_iter()
        .filter_map(|role| snapshot.lines.iter().find(|line| line.role() == role && line.config.is_some()))
        .flat_map(|line| {
            let at = |index: usize| line.from + (index as f64 * line.step_s * 1e9) as i64;
            let is_accused = line.role() == LineRole::Accused;
            let config = line.config.clone().unwrap_or_default();
            let found = stretches(&line.loads).into_iter();
            found.map(move |stretch| Rollout {
                at: at(stretch.from),
                is_accused,
                config: config.clone(),
                loads: stretch.loads,
            })
        })
        .collect();
    let most = rollouts.iter().map(|rollout| rollout.loads).max().unwrap_or(0);
    rollouts.retain(|rollout| f64::from(rollout.loads) >= ROLLOUT_MIN * f64::from(most));
    rollouts.sort_by_key(|rollout| rollout.at);
    let first = rollouts.iter().position(|rollout| rollout.is_accused).map_or(rollouts.len(), |first| first);
    let mut before = true;
    rollouts.drain(..first);
    rollouts.retain(|rollout| std::mem::replace(&mut before, rollout.is_accused) != rollout.is_accused);
    rollouts
}

/// Intervals with loads that follow each other.
struct Stretch {
    from: usize,
    loads: u32,
}

fn stretches(loads: &[u32]) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut goes_on = false;
    for (index, loads) in loads.iter().copied().enumerate() {
        match found.last_mut() {
            Some(stretch) if goes_on && loads > 0 => stretch.loads += loads,
            _ if loads > 0 => found.push(Stretch { from: index, loads }),
            _ => {}
        }
        goes_on = loads > 0;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn ways_back_and_returns_are_told_and_restarts_are_not() {
        let mut snapshot = fixture::named();
        let lines = &mut snapshot.lines;
        lines[0].config = Some("bot-features".into());
        let (mut others, mut accused) = (vec![0; 60], vec![0; 60]);
        (others[5], accused[10], accused[11]) = (24, 20, 4);
        (others[20], accused[30], others[33], others[40]) = (24, 24, 1, 23);
        (lines[0].loads, lines[1].loads) = (others, accused);
        let from = lines[0].from;
        let told: Vec<(i64, bool, u32)> = turns(&snapshot)
            .iter()
            .map(|one| (one.at.since(from) / 10_000_000_000, one.is_accused, one.loads))
            .collect();
        assert_eq!(told, [(20, false, 24), (30, true, 24), (40, false, 23)]);
        snapshot.lines.clear();
        assert!(turns(&snapshot).is_empty());
    }
}
