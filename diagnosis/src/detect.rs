//! Whether something is wrong: which class of symptoms, and since when. Episodes of single units alarm where they are hard
//! or many; sums over the fleet, and over the hosts of a new version, where no unit shows it (`risen`). What it is, is
//! decided in `judge`. What a symptom explains already alarms no more.

pub(crate) mod census;
pub(crate) mod risen;
pub(crate) mod tick;

use crate::detect::risen::{Alone, WORTH_WAKING, long_for, risen, summed_for};
use crate::numerics::reach::in_reach;
use crate::numerics::time::{Instant, Span};
use crate::signals::baseline::fleet_rate;
use crate::signals::sample::LEAST_RATIO;
use crate::state::State;
use crate::state::class::Class;
use crate::state::model::{Counter, Run, Unit};

/// Report intervals in which beginnings belong together.
pub(crate) const TOGETHER: i64 = 30;
/// Panics of one unit from which it counts as panicking: of a thousand hosts some panic once in a while.
const PANICS_MIN: f64 = 3.0;

/// Hosts that must fail hard within one report, and events beyond expectation, from which a second report is not waited
/// for. Of real machines three now and then share a bad report, five hardly ever.
const AT_ONCE_MIN: usize = 5;
const AT_ONCE_EXCESS: f64 = 30.0;

/// Hosts up to which ten failures in one report are enough: there every one of them is a good part of the fleet.
const FEW_HOSTS: usize = 4;
const FEW_EXCESS: f64 = 10.0;

/// Part of the fleet, a half, and the least number of pods or generated identities that must be gone at once.
const PASSING_PART: usize = 2;
const PASSING_MIN: usize = 5;

/// What alarms: the beginning of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alarm {
    pub class: Class,
    pub onset: Instant,
}

/// What unexplained episodes of one class show.
#[derive(Clone, Debug, Default)]
struct Episodes {
    /// The unit with the greatest excess.
    worst: Worst,
    /// When each unit began.
    starts: Vec<Instant>,
    /// Last report times of silent pods and generated identities without a known death.
    passing: Vec<Instant>,
    /// Units with a hard episode.
    hard: usize,
    /// Of them, those whose episode has gone on for two reports.
    lasting: usize,
    /// Events beyond expectation of the hard ones, and of the lasting ones.
    excess: f64,
    lasting_excess: f64,
    /// Units that panic.
    panicking: usize,
}

/// The episode of one unit that has the greatest excess.
#[derive(Clone, Copy, Debug, Default)]
struct Worst {
    /// Events beyond expectation.
    excess: f64,
    start: Instant,
    end: Instant,
}

impl Worst {
    fn of(run: &Run) -> Self {
        Self { excess: run.observed - run.expected, start: run.start, end: run.end }
    }

    fn or_worse(self, other: Self) -> Self {
        if other.excess > self.excess { other } else { self }
    }

    /// Events beyond expectation within `length`, assuming a constant rate.
    fn within(self, length: Span) -> f64 {
        let lasted = (self.end - self.start).max(Span::NS);
        self.excess * (length.seconds() / lasted.seconds()).min(1.0)
    }
}

/// Classes that are alarmed by what no symptom explains.
pub(crate) fn alarms(state: &State) -> Vec<Alarm> {
    let now = state.last_event.unwrap_or_default().max(state.now.unwrap_or_default());
    let from = state.warm().max(now - 720 * state.interval);
    Class::ALL
        .into_iter()
        .filter_map(|class| {
            let onset = alarm(state, class, from, now - TOGETHER * state.interval)?;
            Some(Alarm { class, onset })
        })
        .collect()
}

fn alarm(state: &State, class: Class, from: Instant, since: Instant) -> Option<Instant> {
    let mut episodes = episodes(state, class, from, since);
    let live = state.census.live.max(1);
    // That they go is everyday's work, unless so many do at once that those who are left must feel it.
    // Those that are gone for long are not among the living any more.
    let known = live + episodes.passing.len();
    if episodes.passing.len() >= (known / PASSING_PART).max(PASSING_MIN).min(known.div_ceil(2)) {
        let passing = std::mem::take(&mut episodes.passing);
        episodes.starts.extend(passing);
    }
    if is_alarmed(class, &episodes, live) {
        let mut starts = episodes.starts;
        starts.sort_unstable();
        return cluster(&starts, state.interval);
    }
    // A symptom of this class that is open explains the sums, or is still looked at.
    let busy = state.symptoms.iter().any(|symptom| symptom.class == class && symptom.resolved.is_none());
    if busy {
        return None;
    }
    // One host alone raises an alarm where it fails hard. Of a few hosts, one is a good part of the fleet.
    let worst = |length: Span| if live <= FEW_HOSTS { 0.0 } else { episodes.worst.within(length) };
    let alone = Alone { shortly: worst(summed_for(state)), long: worst(long_for(state)) };
    risen(state, class, alone).filter(|onset| *onset >= from).map(|onset| first_of(&episodes, onset))
}

fn is_alarmed(class: Class, episodes: &Episodes, live: usize) -> bool {
    let third = live.div_ceil(3);
    match class {
        Class::Failed | Class::Unscored | Class::Denied => {
            let at_once = (live / 20).max(AT_ONCE_MIN).min(live.div_ceil(2).max(2));
            let many = episodes.hard >= at_once && episodes.excess >= AT_ONCE_EXCESS;
            let few = live <= FEW_HOSTS && episodes.hard > 0 && episodes.excess >= FEW_EXCESS;
            let long = episodes.lasting > 0 && episodes.lasting_excess >= WORTH_WAKING;
            many || few || long || episodes.panicking >= (live / 50).max(2).min(third)
        }
        // Of three hosts two that are gone are not to be waited for until the third is.
        Class::Gone => episodes.starts.len() >= (live / 33).max(3).min(live.div_ceil(2).max(1)),
        Class::Rejected | Class::Refused => episodes.starts.len() >= (live / 50).max(2).min(third),
        Class::Hanging | Class::Drifting | Class::Slow | Class::Cpu | Class::Memory => {
            episodes.starts.len() >= (live / 100).max(3).min(live)
        }
    }
}

/// Unexplained episodes that began at `from` or later and go on, or ended after `since`.
fn episodes(state: &State, class: Class, from: Instant, since: Instant) -> Episodes {
    let mut found = Episodes::default();
    // What the fleet knew of when a run began may have been next to nothing.
    let usual = state.prior.get(Counter::Panics as usize).map_or(0.0, |prior| fleet_rate(prior, Counter::Panics));
    let usual = LEAST_RATIO * usual;
    for unit in state.census.stirred.iter().filter_map(|id| state.units.get(*id)) {
        let counts = |run: &&Run| {
            // An exit event proves a death without any baseline.
            let begun = run.start >= from || run.is_death() && run.precise;
            Class::of(run.counter) == class && run.claim == 0 && begun && (run.open || run.end > since)
        };
        let mut begun: Option<Instant> = None;
        let (mut hard, mut lasting, mut panics) = (0.0_f64, 0.0_f64, false);
        for run in unit.runs.iter().filter(counts) {
            let first = unit.restarts_seen.first().filter(|first| run.counter == Counter::Silent && *first >= from);
            let start = first.map_or(run.start, |first| first.min(run.start));
            begun = Some(begun.map_or(start, |begun| begun.min(start)));
            panics |= run.counter == Counter::Panics && run.observed >= PANICS_MIN.max(usual * run.trials);
            if run.is_hard() {
                hard = hard.max(run.observed - run.expected);
                lasting = lasting.max(if is_lasting(run) { run.observed - run.expected } else { 0.0 });
            }
        }
        found.worst = unit.runs.iter().filter(counts).map(Worst::of).fold(found.worst, Worst::or_worse);
        let died = unit.runs.iter().filter(counts).any(Run::is_death);
        if class == Class::Gone && !unit.stays && !died {
            found.passing.extend(begun);
        } else {
            found.starts.extend(begun);
        }
        found.hard += usize::from(hard > 0.0);
        found.excess += hard;
        found.lasting += usize::from(lasting > 0.0);
        found.lasting_excess += lasting;
        found.panicking += usize::from(panics);
    }
    found
}

/// Where the failing of a symptom that nobody explains yet really begins: a stray host before does not count.
pub(crate) fn anchor(state: &State, onset: Instant, counters: &[Counter], claim: u32) -> Instant {
    let first = |unit: &Unit| {
        unit.runs
            .iter()
            .filter(|run| counters.contains(&run.counter) && run.start >= onset - 2 * state.interval)
            .filter(|run| run.claim == 0 || run.claim == claim)
            .map(|run| run.start)
            .min()
    };
    let sick = state.census.sick.iter().filter_map(|id| state.units.get(*id));
    let sick = in_reach(sick, |unit| unit.runs.first().map_or(0, |run| run.start.0));
    let mut starts: Vec<Instant> = sick.filter_map(first).collect();
    starts.sort_unstable();
    let needed = starts.len() * 15 / 100;
    let enough = |(index, start): &(usize, &Instant)| {
        starts.get(index + needed).is_some_and(|later| *later - **start <= TOGETHER * state.interval)
    };
    starts.iter().enumerate().find(enough).map_or(onset, |(_, start)| *start)
}

/// When the sums were raised by an episode that goes on, they rose when it began.
fn first_of(episodes: &Episodes, onset: Instant) -> Instant {
    let Worst { excess, start, .. } = episodes.worst;
    if excess >= WORTH_WAKING { start.min(onset) } else { onset }
}

/// Whether it has gone on for more than one report.
fn is_lasting(run: &Run) -> bool {
    run.end > run.first.end && run.end - run.first.start > run.first.length() * 3 / 2
}

/// The earliest beginning that is soon followed by others.
fn cluster(starts: &[Instant], interval: Span) -> Option<Instant> {
    let needed = (starts.len() / 50).max(1).min(starts.len().saturating_sub(1));
    starts
        .iter()
        .enumerate()
        .find(|(index, start)| starts.get(index + needed).is_some_and(|later| *later - **start <= TOGETHER * interval))
        .map(|(_, start)| *start)
        .or_else(|| starts.first().copied())
}
