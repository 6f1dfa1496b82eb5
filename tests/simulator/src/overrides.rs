//! What the command line changes of every scenario: another fleet, another report interval, other traffic, other
//! propagation, other noise. Answers stay as they are; what no longer can be told then is for the reader to say.

use crate::number::Number;
use crate::scenario::Scenario;

/// Report intervals that must lie before the first event, so that there is something to compare with.
const LEAD_INTERVALS: f64 = 24.0;
/// Report intervals for which the engine may still revise: a run goes on for as many longer ones.
const TAIL_INTERVALS: f64 = 18.0;
/// Scenarios are written for this report interval, seconds.
const USUAL_S: f64 = 10.0;
/// Their story begins after so many seconds.
const STORY_S: f64 = 540.0;

/// What the command line may override; what is none stays as the scenario says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// Hosts.
    pub hosts: Option<usize>,
    /// Report interval, seconds. A longer one than the scenario was written for moves its events later.
    pub interval_s: Option<f64>,
    /// Factor of every host's requests per second.
    pub rps_scale: Option<f64>,
    /// Factor of the time that a version or a change needs to reach the hosts.
    pub jitter_scale: Option<f64>,
    /// Factor of the noise: errors' overdispersion and the regions' wobble.
    pub noise_scale: Option<f64>,
    /// Whether hosts send standard metrics and load events only.
    pub standard: Option<bool>,
}

impl Overrides {
    /// Nothing overridden.
    pub const NONE: Self =
        Self { hosts: None, interval_s: None, rps_scale: None, jitter_scale: None, noise_scale: None, standard: None };

    /// The scenario as it is run.
    #[must_use]
    pub fn applied(&self, scenario: &Scenario) -> Scenario {
        let mut scenario = scenario.clone();
        if let Some(hosts) = self.hosts {
            scenario.fleet.hosts = (hosts as f64).into();
        }
        if let Some(interval) = self.interval_s {
            make_room(&mut scenario, interval);
            scenario.interval_s = interval.into();
        }
        let scale = |number: &mut Number, factor: Option<f64>| *number = number.map(|x| x * factor.unwrap_or(1.0));
        scale(&mut scenario.fleet.rps, self.rps_scale);
        scale(&mut scenario.fleet.wobble, self.noise_scale);
        scale(&mut scenario.fleet.dispersion, self.noise_scale.map(f64::recip));
        scenario.publish.iter_mut().filter_map(|publish| publish.jitter_s.as_mut()).for_each(|jitter| {
            scale(jitter, self.jitter_scale);
        });
        scenario.change.iter_mut().for_each(|change| scale(&mut change.spread_s, self.jitter_scale));
        if let Some(standard) = self.standard {
            scenario.fleet.style = if standard { "standard" } else { "full" }.into();
        }
        scenario
    }
}

/// Moves everything that happens to later, and the end with it, so that a slow reporter has told enough by then.
fn make_room(scenario: &mut Scenario, interval_s: f64) {
    let more = (interval_s - scenario.interval_s.greatest().max(USUAL_S)).max(0.0);
    let lead = if more > 0.0 { (LEAD_INTERVALS * interval_s - STORY_S).max(0.0) / 60.0 } else { 0.0 };
    let tail = TAIL_INTERVALS * more / 60.0;
    let later = |number: &mut Number, by: f64| *number = number.map(|minute| minute + by);
    later(&mut scenario.minutes, lead + tail);
    scenario.publish.iter_mut().for_each(|publish| later(&mut publish.at_min, lead));
    scenario.change.iter_mut().for_each(|change| later(&mut change.at_min, lead));
    let effects = scenario.effect.iter_mut().filter(|effect| effect.after_publish.is_none());
    let begins = effects.filter_map(|effect| effect.from_min.as_mut());
    begins
        .chain(scenario.fault.iter_mut().filter_map(|fault| fault.from_min.as_mut()))
        .for_each(|from| later(from, lead));
    if let Some(turns) = &mut scenario.alternation {
        later(&mut turns.from_min, lead);
        turns.restore_min.iter_mut().for_each(|restore| later(restore, lead));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Happening, Plan};
    use crate::scenario::{directory, read};

    /// Seconds of the first delivery of a bad version and of the end.
    fn story(overrides: Overrides) -> Option<(f64, f64)> {
        let plan = Plan::draw(&read(&directory().join("p1-panic-storm.toml")).ok()?, 3, overrides);
        let happenings = plan.hosts.iter().flat_map(|host| &host.agenda);
        let bad = happenings.filter_map(|(at, happening)| match happening {
            Happening::Deliver(version) => plan.versions.get(*version)?.tag.as_ref().map(|_| *at),
            _ => None,
        });
        Some((bad.reduce(f64::min)?, plan.length_s))
    }

    #[test]
    fn a_slow_reporter_has_reported_enough_before_anything_happens() {
        let (usual, usual_end) = story(Overrides::NONE).unwrap_or_default();
        let (slow, slow_end) = story(Overrides { interval_s: Some(60.0), ..Overrides::NONE }).unwrap_or_default();
        assert!(usual >= STORY_S && slow >= LEAD_INTERVALS * 60.0, "{usual} {slow}");
        // More generations before the bad one: which host gets it first is drawn anew, within the jitter.
        let longer = (slow_end - slow) - (usual_end - usual);
        assert!((longer - TAIL_INTERVALS * 50.0).abs() < 45.0, "{usual_end} {slow_end}");
        let quick = story(Overrides { interval_s: Some(1.0), ..Overrides::NONE });
        assert_eq!(quick, Some((usual, usual_end)));
    }

    #[test]
    fn factors_change_what_they_say_and_nothing_else() {
        let Ok(scenario) = read(&directory().join("p1-panic-storm.toml")) else { panic!("no scenario") };
        let usual = Plan::draw(&scenario, 3, Overrides::NONE);
        let busy = Plan::draw(&scenario, 3, Overrides { rps_scale: Some(0.1), ..Overrides::NONE });
        let total = |plan: &Plan| plan.hosts.iter().map(|host| host.rps).sum::<f64>();
        assert!((total(&busy) * 10.0 / total(&usual) - 1.0).abs() < 1e-9);
        assert_eq!(busy.versions.len(), usual.versions.len());
        let (first, _) = story(Overrides { jitter_scale: Some(0.0), ..Overrides::NONE }).unwrap_or_default();
        assert!(first > 0.0 && first < story(Overrides::NONE).unwrap_or_default().0 + 0.3);
    }
}
