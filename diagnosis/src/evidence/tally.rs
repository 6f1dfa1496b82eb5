//! A hypothesis held against the scene: who was exposed and failed, who was not and did not, how failing follows each
//! host's own load, and whether it goes when the exposure goes. The unit of evidence is the host and its load, never the
//! request.

use crate::evidence::riskset::contrast;
use crate::hypothesis::findings::Tally;
use crate::numerics::align::{Alignment, Pair, Question};
use crate::numerics::math::float;
use crate::numerics::time::{Instant, Placed, Span, Window};
use crate::scene::Scene;
use crate::scene::hosts::Hosts;
use crate::scene::patient::{Bout, Patient};
use crate::scene::rollouts::{APART, Rollouts};
use crate::scene::spans::Spans;
use crate::state::ids::LevelId;
use crate::state::model::Move;
use crate::state::moves::DELAY_MAX;

/// What a load takes to show in what hosts count, ns: however long a report is.
const SHOWS_IN: Span = Span(15_000_000_000);

/// Reports since the last failing within which a host still fails: a loop waits between its deaths.
const GOES_ON: i64 = 12;
/// Deaths of one host from which it dies again and again.
const LOOP_FROM: f64 = 3.0;

/// One in so many units must have a version for a process that starts to have it because it starts.
const COMMON_PART: usize = 3;
/// Report intervals between a process start and the loads that belong to it.
const STARTS_WITHIN: i64 = 2;

/// Hosts from which loads in one rollout can be told from a moment.
const HOSTS_MIN: usize = 3;

/// What is counted of one hypothesis.
struct Sheet<'a> {
    scene: &'a Scene<'a>,
    levels: &'a [LevelId],
    result: Tally,
    entries: Rollouts,
    leaves: Rollouts,
    /// From when on a process that starts loads the version because it starts.
    common: Instant,
}

/// Holds a hypothesis against the scene: that of `levels`, if it is of a factor, and whether they are binaries; with the
/// spans in which each patient was exposed.
pub(crate) fn tally(scene: &Scene<'_>, levels: &[LevelId], binary: bool, exposed: &Spans) -> Tally {
    let common = if binary { Instant::MAX } else { common_from(scene, exposed) };
    let (entries, leaves) = (Rollouts::new(scene.interval), Rollouts::new(scene.interval));
    let mut sheet = Sheet { scene, levels, result: Tally::default(), entries, leaves, common };
    for (index, patient) in scene.patients.iter().enumerate() {
        let Some(spans) = exposed.of(index) else {
            // Out of scope: what fails there is not explained.
            if !exposed.is_forgotten(index) {
                sheet.result.bouts.all += patient.bouts.len() as u64;
            }
            continue;
        };
        sheet.patient(patient, spans);
    }
    let Sheet { mut result, entries, leaves, .. } = sheet;
    result.risk = contrast(scene, binary, exposed, None);
    aligned(scene, &mut result, entries, true);
    let entering = result.aligned;
    aligned(scene, &mut result, leaves, false);
    result.leaving = result.aligned - entering;
    // Both together: bounded one by one, what hosts left could outweigh that none began to fail with it.
    result.aligned = result.aligned.clamp(-30.0, 30.0);
    result
}

impl Sheet<'_> {
    /// Counts one patient, exposed in `spans`.
    fn patient(&mut self, patient: &Patient<'_>, spans: &[Window]) {
        let Self { scene, levels, .. } = *self;
        // A unit that fails for another reason is no evidence here.
        if patient.bouts.is_empty() && !patient.absent.is_empty() {
            return;
        }
        // Most units are well, and were exposed all the time or never.
        match spans {
            [] if patient.bouts.is_empty() => {
                let known = scene.hot_within(scene.onset.max(patient.first), patient.seen);
                self.result.control.seen += u64::from(known * 10 >= scene.interval * 9);
                return;
            }
            [span] if patient.bouts.is_empty() && span.start <= scene.onset - DELAY_MAX && span.end >= patient.seen => {
                let known = patient.seen - (scene.onset - scene.interval);
                self.result.exposed.seen += u64::from(known * 10 >= scene.interval * 3);
                return;
            }
            _ => {}
        }
        let own = |bout: &Bout| bout.level.is_some_and(|level| levels.contains(&level));
        let starts_in = |span: Window| patient.bouts.iter().find(|bout| scene.began_in(bout, &[span]));
        self.result.bouts.all += patient.bouts.len() as u64;
        let explained = |bout: &&Bout| scene.began_in(bout, spans);
        self.result.bouts.hits += patient.bouts.iter().filter(explained).count() as u64;
        let mut exposed = false;
        let mut failing = false;
        for span in spans {
            let known = span.end.min(patient.seen) - span.start.max(scene.onset - scene.interval);
            let bout = starts_in(*span);
            if known * 10 < scene.interval * 3 && bout.is_none() {
                continue;
            }
            exposed = true;
            failing |= bout.is_some();
            if let Some(bout) = bout.filter(|bout| own(bout)) {
                let died = bout.deaths > 0.0;
                self.result.deaths += u64::from(died);
                self.result.refusals += u64::from(!died);
            }
            self.entry(patient, *span);
        }
        self.result.exposed.count(exposed, failing);
        self.result.control = self.result.control.and(unexposed(scene, patient, spans));
    }

    /// A load into the exposure and the way out of it.
    fn entry(&mut self, patient: &Patient<'_>, span: Window) {
        let scene = self.scene;
        let (from, to) = (span.start, span.end);
        let failed_before = patient
            .bouts
            .iter()
            .any(|bout| bout.start < from - scene.early(bout) && bout.end > from - 2 * scene.interval);
        let bout = patient.bouts.iter().find(|bout| bout.start >= from - scene.early(bout) && bout.start < to);
        let within = |bout: &&Bout| bout.start >= from - scene.early(bout) && bout.start < to;
        if bout.is_some() && to >= patient.seen {
            let lately = |bout: &Bout| bout.open || bout.end >= scene.now - GOES_ON * scene.interval;
            let goes_on = patient.bouts.iter().filter(within).any(lately);
            self.result.stays.count(goes_on);
        }
        let by_start = from > self.common && comes_with_a_start(scene, patient, from);
        if !failed_before && !by_start && from > scene.onset - DELAY_MAX {
            let began = bout.filter(|bout| bout.start - from <= DELAY_MAX);
            let start = began.map(|bout| bout.began);
            if let Some(bout) = began {
                self.result.prompt.count(is_prompt(bout, from, scene));
            }
            let long_enough = to.min(patient.seen) - from >= 3 * scene.interval;
            let load = scene.moves(patient).iter().find(|entry| entry.at == from);
            let guessed = load.is_some_and(|entry| !entry.told);
            // Guessed from the last report before a silence, a load agrees with it by itself.
            let itself = guessed && began.is_some_and(|bout| bout.silent);
            let stays = to >= patient.seen;
            let left = load.zip(began).is_some_and(|(load, bout)| stays && scene.may_have_left(load, bout));
            self.result.hearsay += u64::from(itself || left);
            if (start.is_some() || long_enough) && !itself {
                let near = began.map_or_else(Placed::default, |bout| bout.near);
                let gap = began.map_or(Span::ZERO, |_| gap(scene, patient, from, load));
                self.entries.add(level_at(scene, patient, from), Pair { at: from, change: start, near, guessed, gap });
            }
            self.result.missed += u64::from(start.is_none() && long_enough && from > scene.onset - scene.interval);
        }
        // A process that dies again and again is up between its deaths.
        let looped = patient.bouts.iter().filter(within).map(|bout| bout.deaths).sum::<f64>() >= LOOP_FROM;
        let until = to - if looped { GOES_ON } else { 2 } * scene.interval;
        let failing_at_exit = patient.bouts.iter().filter(within).rfind(|bout| bout.end >= until);
        // What ends because the host begins to fail of something else has not stopped.
        let replaced = patient.absent.iter().any(|absent| (absent.start - to).abs() <= 3 * scene.interval);
        if let Some(bout) = failing_at_exit.filter(|_| patient.seen >= to + scene.interval && !replaced) {
            let stopped = bout.end <= to + 2 * scene.interval;
            if stopped && !bout.open {
                // A process that starts again loads what it has, whatever it died of: that its silence ends then is no sign,
                // but that it dies no more is, where it died again and again.
                if !bout.heard || looped {
                    let half = scene.interval / 2;
                    let change = Some(Window { start: bout.end - half, end: bout.end + half });
                    self.leaves.add(
                        level_at(scene, patient, to),
                        Pair { at: to, change, near: Placed::default(), guessed: false, gap: Span::ZERO },
                    );
                }
                self.result.stops.hits += 1;
            } else if !stopped && patient.seen >= to + 4 * scene.interval {
                let pair = Pair { at: to, change: None, near: Placed::default(), guessed: false, gap: Span::ZERO };
                self.leaves.add(level_at(scene, patient, to), pair);
                self.result.tail += 1;
            }
            self.result.stops.all += 1;
        }
    }
}

/// Time from which a third of the fleet had the version. A process that starts later loads it because it starts, so a failure
/// then may be an effect of the start.
fn common_from(scene: &Scene<'_>, exposed: &Spans) -> Instant {
    let first = |index: usize| exposed.of(index).and_then(|spans| spans.first()).map(|span| span.start);
    let mut loads: Vec<Instant> = (0..scene.patients.len()).filter_map(first).collect();
    loads.sort_unstable();
    loads.get(scene.patients.len() / COMMON_PART).map_or(Instant::MAX, |at| *at + STARTS_WITHIN * scene.interval)
}

/// Whether a process loaded something because it started.
fn comes_with_a_start(scene: &Scene<'_>, patient: &Patient<'_>, load: Instant) -> bool {
    let near = |start: Instant| start > scene.warm && (start - load).abs() <= STARTS_WITHIN * scene.interval;
    near(patient.first) || patient.unit.starts.iter().any(|start| near(*start))
}

/// Whether failing may have begun with a load: within what a load takes to show, as far as the beginning is known.
fn is_prompt(bout: &Bout, load: Instant, scene: &Scene<'_>) -> bool {
    let Placed { at: place, deviation } = bout.near;
    let reports = scene.interval * 3 / 2;
    let (began, most) = if bout.near.is_known() {
        (Window { start: place - 2 * deviation, end: place + 2 * deviation }, reports.min(SHOWS_IN))
    } else {
        (bout.began, reports)
    };
    began.start <= load + most && began.end >= load - scene.tolerance()
}

/// Time from a load to the nearest other one of its config on the same unit.
fn gap(scene: &Scene<'_>, patient: &Patient<'_>, at: Instant, load: Option<&Move>) -> Span {
    let others = scene.moves(patient).iter().filter(|entry| Some(entry.factor) == load.map(|load| load.factor));
    others.map(|entry| (entry.at - at).abs()).filter(|apart| *apart > Span::ZERO).min().unwrap_or(DELAY_MAX)
}

/// The version that a unit moved to at a time: rollouts that overlap are told apart by it, or hosts that fail whenever
/// would each find a load nearby.
fn level_at(scene: &Scene<'_>, patient: &Patient<'_>, at: Instant) -> LevelId {
    scene.moves(patient).iter().find(|entry| entry.at == at).map_or(LevelId::UNKNOWN, |entry| entry.level)
}

/// Whether a unit was seen unexposed while the fleet failed, and whether it began to fail so.
fn unexposed(scene: &Scene<'_>, patient: &Patient<'_>, spans: &[Window]) -> Hosts {
    let (mut control, mut failing) = (false, false);
    let mut gap_from = scene.onset.max(patient.first);
    let mut settled = gap_from;
    let ends = spans.iter().copied().chain([Window { start: patient.seen, end: patient.seen }]);
    for span in ends {
        let until = span.start.min(patient.seen);
        let (from_start, to_next) =
            (|bout: &Bout| settled - scene.early(bout), |bout: &Bout| until - scene.early(bout));
        let starts = patient.bouts.iter().any(|bout| (from_start(bout)..to_next(bout)).contains(&bout.start));
        let carried = patient.bouts.iter().any(|bout| bout.start < from_start(bout) && bout.end > settled);
        let long_enough = scene.hot_within(settled, until) * 10 >= scene.interval * 9;
        if starts && until > gap_from {
            (control, failing) = (true, true);
        } else if long_enough && !carried {
            control = true;
        }
        if span.end > gap_from {
            gap_from = span.end;
            settled = span.end + scene.interval * 3 / 2;
        }
    }
    Hosts { seen: u64::from(control), failing: u64::from(failing) }
}

/// Own-load alignment, rollout by rollout.
fn aligned(scene: &Scene<'_>, result: &mut Tally, mut pairs: Rollouts, entering: bool) {
    let mut last = Instant::LONG_AGO;
    let (mut singles, mut loads) = (Vec::new(), 0);
    for rollout in pairs.in_order() {
        let close = |pair: &Pair| {
            let most = 3 * scene.interval;
            pair.change.is_some_and(|change| change.start - pair.at <= most && pair.at - change.end <= most)
        };
        let changed: Vec<Pair> = rollout.changed.iter().map(|changed| changed.pair).collect();
        if changed.iter().filter(|pair| close(pair)).count() * 2 > rollout.count {
            // Generations that follow at once are one way in, or out.
            result.flips.agreeing += u64::from(rollout.first - last > APART * scene.interval);
            last = rollout.last;
        } else if entering && changed.is_empty() {
            result.flips.contrary += 1;
        }
        if entering && rollout.count < HOSTS_MIN {
            singles.extend(changed);
            loads += rollout.count;
            continue;
        }
        let alignment = scene.memo.answer(Question::of(&changed, scene.interval));
        // After a delay, hosts that had it as long and stay well count against: a lag that few share is found by chance.
        let late = alignment.lag.delay_s > 3.0 * scene.interval.seconds() && alignment.ratio > 0.0;
        let share = if late { float(changed.len()) / float(rollout.count.max(1)) } else { 1.0 };
        result.aligned += alignment.ratio * share;
        if entering && alignment.lag.hosts >= result.lag.hosts.max(3) {
            result.lag = alignment.lag;
        }
    }
    let alignment = scene.memo.answer(Question::of(&singles, scene.interval));
    if let Some(alignment) = one_by_one(alignment, &singles, loads, scene.interval) {
        result.aligned += alignment.ratio;
        if alignment.lag.hosts > result.lag.hosts {
            result.lag = alignment.lag;
        }
    }
}

/// Alignment of loads that came to one or two hosts at a time, taken together: no moment is theirs, but each failing that
/// begins with its host's own load is one more coincidence, as far as other loads of the config are not as near.
fn one_by_one(alignment: Alignment, pairs: &[Pair], loads: usize, interval: Span) -> Option<Alignment> {
    let spread = alignment.lag.delay_spread_s.max(interval.seconds() / 20.0);
    let most = |pair: &Pair| libm::log((pair.gap.seconds() / (4.0 * spread)).max(1.0));
    let most = pairs.iter().skip(1).map(most).sum::<f64>();
    let ratio = alignment.ratio.min(most) * float(pairs.len()) / float(loads.max(1));
    (pairs.len() >= HOSTS_MIN && alignment.ratio > 0.0).then_some(Alignment { ratio, ..alignment })
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Span = Span(1_000_000_000);

    fn one_after_another(gap: Span) -> Vec<Pair> {
        let loads = |host: i64| Instant::ZERO + host * 200 * S;
        let begins = |host: i64| loads(host) + 2 * S + host % 3 * S / 2;
        let pair = |host: i64| Pair {
            at: loads(host),
            change: Some(Window { start: begins(host) - S / 2, end: begins(host) + S / 2 }),
            near: Placed::default(),
            guessed: false,
            gap,
        };
        (0..6).map(pair).collect()
    }

    #[test]
    fn hosts_that_fail_one_by_one_each_with_its_own_load_are_aligned() {
        let ratio = |pairs: &[Pair], loads| {
            let alignment = Question::of(pairs, 10 * S).answer();
            one_by_one(alignment, pairs, loads, 10 * S).map_or(0.0, |of| of.ratio)
        };
        let rare = one_after_another(DELAY_MAX);
        assert!(ratio(&rare, 6) > 6.9, "{}", ratio(&rare, 6));
        // Half of the loads were followed by nothing; other loads of the config are as near; two hosts are no series.
        assert!(ratio(&rare, 12) < 0.6 * ratio(&rare, 6));
        assert!(ratio(&one_after_another(2 * S), 6) < 0.1);
        assert!(ratio(rare.get(..2).unwrap_or_default(), 2) < 0.1);
    }
}
