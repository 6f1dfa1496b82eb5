//! Decides whether an incident is about the time of a harm. A report is dated by the clock of its host, so the harm of a host
//! whose clock is a day ahead is reported a day later. An incident is therefore compared with a harm by the true clock, and by
//! the clock of each host that the harm reached.

use super::diagnosis::Incident;
use super::evidence::Evidence;
use super::wire::unix_ns;
use super::world::World;
use firstbad_protocol::time::Timestamp;

/// A span of time of the draw, seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: f64,
    pub(crate) until: f64,
}

impl Span {
    /// Whether the two overlap, or are at most `slack` seconds apart.
    fn meets(self, other: Self, slack: f64) -> bool {
        self.from <= other.until + slack && other.from <= self.until + slack
    }
}

/// Returns the second of the draw at which a clock shows `at`.
pub(crate) fn second(at: Timestamp) -> f64 {
    (at.0 - unix_ns(0.0)) as f64 / 1e9
}

/// Returns the span of an incident by the true clock.
pub(crate) fn span(length_s: f64, incident: &Incident) -> Span {
    Span { from: incident.onset.map_or(0.0, second), until: incident.resolved_at.map_or(length_s, second) }
}

/// The time of a guilt or of a harmful nuisance, and the clocks that date it.
#[derive(Clone, Debug)]
pub(crate) struct Dated {
    /// The time by the true clock.
    pub(crate) span: Span,
    /// Whether a change causes the harm.
    pub(crate) is_of_change: bool,
    /// Length of the draw, seconds.
    length_s: f64,
    /// Seconds by which clocks are ahead: the true clock first, then those of the hosts that the harm reached.
    clocks_s: Vec<f64>,
}

impl Dated {
    /// Returns the clocks by which `incident` is at most `slack` seconds away from the harm, as the seconds by which each
    /// is ahead. The true clock is the first.
    pub(crate) fn clocks<'a>(&'a self, incident: &'a Incident, slack: f64) -> impl Iterator<Item = f64> + 'a {
        let meets = move |ahead_s: &f64| self.by(*ahead_s, incident).is_some_and(|span| span.meets(self.span, slack));
        self.clocks_s.iter().copied().filter(meets)
    }

    /// Whether `incident` is at most `slack` seconds away from the harm, by any of the clocks.
    pub(crate) fn meets(&self, incident: &Incident, slack: f64) -> bool {
        self.clocks(incident, slack).next().is_some()
    }

    /// Returns the span of `incident` if a clock that is `ahead_s` seconds ahead dates it; none if that clock showed the
    /// onset before the draw began. An incident without an end goes on until the end of the draw by every clock.
    fn by(&self, ahead_s: f64, incident: &Incident) -> Option<Span> {
        let Span { from, .. } = span(self.length_s, incident);
        let until = incident.resolved_at.map_or(self.length_s, |at| second(at) - ahead_s);
        (ahead_s == 0.0 || from >= ahead_s).then_some(Span { from: from - ahead_s, until })
    }
}

/// The times of all guilts and harms of a draw.
#[derive(Clone, Debug)]
pub(crate) struct Dates {
    /// Guilts, by number.
    pub(crate) guilts: Vec<Dated>,
    /// Harms of nuisances.
    harms: Vec<Dated>,
    /// Greatest distance of an incident from a harm that it is about, seconds. "An incident is not over while hosts still
    /// fail in its own way", so a few reports are allowed on either side.
    slack_s: f64,
}

impl Dates {
    /// Collects the times of `world`.
    pub(crate) fn of(world: &World, evidence: &Evidence) -> Self {
        let clock = |host: usize| world.telemetry.clock_off_s(&world.fleet, host);
        let dated = |span: Span, is_of_change: bool, hosts: &dyn Fn(usize) -> bool| {
            let clocks =
                (0..world.fleet.hosts.len()).filter(|host| hosts(*host)).map(clock).filter(|ahead| *ahead != 0.0);
            Dated {
                span,
                is_of_change,
                length_s: world.fleet.length_s,
                clocks_s: [0.0].into_iter().chain(clocks).collect(),
            }
        };
        let guilts = world.guilts.iter().enumerate().map(|(number, guilt)| {
            let seen = evidence.guilts.get(number);
            let shows = |host: usize| seen.and_then(|seen| seen.get(&host)).is_some_and(|seen| seen.since.is_some());
            dated(Span { from: guilt.from, until: guilt.until }, guilt.culprit.is_change(), &shows)
        });
        let harms = world.harms.iter().map(|harm| {
            let hit = |host: usize| harm.who.holds(&world.fleet, host);
            dated(Span { from: harm.from, until: harm.until }, false, &hit)
        });
        Self { guilts: guilts.collect(), harms: harms.collect(), slack_s: 3.0 * world.step_s() + 10.0 }
    }

    /// Whether a guilt or a harmful nuisance acts during `incident`, so that the incident is not needless.
    pub(crate) fn hurts(&self, incident: &Incident) -> bool {
        self.guilts.iter().chain(&self.harms).any(|dated| dated.meets(incident, self.slack_s))
    }

    /// Whether `external` is an admissible verdict for `incident`: harm acts in it that no change causes.
    pub(crate) fn external_is_true(&self, incident: &Incident) -> bool {
        let mut outside = self.guilts.iter().chain(&self.harms).filter(|dated| !dated.is_of_change);
        outside.any(|dated| dated.meets(incident, self.slack_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composer::evidence::HostSeen;
    use crate::composer::guilt::{Culprit, Guilt, Hurts};
    use crate::composer::push::Who;
    use crate::composer::telemetry::Skew;
    use std::collections::BTreeMap;

    const DAY_S: f64 = 86_400.0;

    /// Returns the times of a draw in which the hosts `failing` fail from second 200 to 300, and the clock of `ahead` is a day
    /// ahead.
    fn dates(failing: &[usize], ahead: Who) -> Dates {
        let mut world = World::draw(1, 4, |_| false);
        world.fleet.length_s = 1_000.0;
        world.fleet.interval_s = 10.0;
        let (from, until, words) = (200.0, 300.0, String::new());
        world.guilts = vec![Guilt { culprit: Culprit::Moment, hurts: Hurts::Requests, from, until, words }];
        world.telemetry.skews = vec![Skew { who: ahead, off_s: DAY_S, exact: true, salt: 0 }];
        let seen = HostSeen { since: Some(from), ..HostSeen::default() };
        let guilts: Vec<BTreeMap<usize, HostSeen>> = vec![failing.iter().map(|host| (*host, seen)).collect()];
        Dates::of(&world, &Evidence { guilts, ..Evidence::default() })
    }

    fn incident(onset: f64, resolved: Option<f64>) -> Incident {
        let at = |second: f64| Some(Timestamp(unix_ns(second)));
        Incident { onset: at(onset), resolved_at: resolved.and_then(at), ..Incident::default() }
    }

    #[test]
    fn a_harm_is_dated_by_the_clock_of_its_hosts() {
        let dates = dates(&[0], Who::Host(0));
        assert!(dates.hurts(&incident(DAY_S + 210.0, Some(DAY_S + 300.0))));
        assert!(dates.hurts(&incident(DAY_S + 210.0, None)), "and is still open");
        assert!(dates.external_is_true(&incident(DAY_S + 210.0, None)));
        assert!(dates.hurts(&incident(210.0, Some(300.0))), "the true clock is admissible too");
        let clocks =
            |at| dates.guilts.iter().flat_map(|dated| dated.clocks(&at, 0.0).collect::<Vec<_>>()).collect::<Vec<_>>();
        assert_eq!(clocks(incident(DAY_S + 210.0, None)), [DAY_S]);
        assert_eq!(clocks(incident(210.0, None)), [0.0]);
    }

    #[test]
    fn an_incident_at_a_time_without_harm_is_needless_by_every_clock() {
        let dates = dates(&[0], Who::Host(0));
        assert!(!dates.hurts(&incident(DAY_S + 400.0, None)));
        assert!(!dates.hurts(&incident(DAY_S + 50.0, Some(DAY_S + 100.0))));
        assert!(
            !dates.hurts(&incident(400.0, None)),
            "the true clock shows a time after the harm, the other one yesterday"
        );
        assert!(!dates.hurts(&incident(DAY_S / 2.0, None)));
    }

    #[test]
    fn the_clock_of_a_host_without_the_harm_dates_nothing() {
        let dates = dates(&[0], Who::Host(1));
        assert!(!dates.hurts(&incident(DAY_S + 210.0, Some(DAY_S + 300.0))));
        assert!(dates.hurts(&incident(210.0, Some(300.0))));
    }
}
