//! The life of symptoms: opened by alarms, judged at each tick, over when their own episodes are. Incidents are made of
//! them in `cases`.

use crate::detect::{Alarm, alarms, anchor};
use crate::evidence::blip::is_load_cost;
use crate::evidence::content::{clean, of_levels};
use crate::evidence::property::properties;
use crate::evidence::shares::AllShares;
use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::Tally;
use crate::hypothesis::judgement::{Judgement, LIMIT_AT};
use crate::numerics::odds::{LN_100, LN_1000};
use crate::numerics::time::{Instant, Span};
use crate::scene::Scene;
use crate::state::State;
use crate::state::class::Class;
use crate::state::ids::LevelId;
use crate::state::model::{Counter, Family};
use crate::state::ring::{Sums, index_of, start_of};
use crate::state::symptom::{Named, STATIC_AFTER, Symptom};
use crate::verdict::cases::{COMES_BACK, group};
use crate::verdict::claims::claim;
use crate::verdict::cost::add_up;
use crate::verdict::course::{pattern, tell_facts};
use crate::verdict::feeds::is_withdrawn;
use crate::verdict::incident::{begins_with, cause_of, is_later, suspects, unknown};
use crate::verdict::judge::judge;
use crate::verdict::producers::tell_producer;
use crate::verdict::refusal::judge_refusals;
use crate::wording::words;
use firstbad_protocol::Property;
use firstbad_protocol::time::SECOND_NS;
use firstbad_protocol::verdict::{CauseKind, Pattern, State as Stage, Verdict};
use std::collections::BTreeMap;

/// Reports without a failing after which a symptom is over, and the least time.
const QUIET: i64 = 3;
const QUIET_MIN: Span = Span(60 * SECOND_NS);
/// Symptoms kept.
const SYMPTOMS_MAX: usize = 256;
/// Of the hosts that fail most at once, the part from which it is recovering.
const RECOVERING: u64 = 5;

/// Opens, judges and closes symptoms, and tells the incidents that they make.
pub(crate) fn review(state: &mut State) {
    for alarm in alarms(state) {
        open_or_resume(state, alarm);
    }
    let mut newly = false;
    let due: Vec<u32> =
        state.symptoms.iter().filter(|symptom| is_due(state, symptom)).map(|symptom| symptom.id).collect();
    for id in due {
        let Some(index) = state.symptoms.iter().position(|symptom| symptom.id == id) else { continue };
        let Some(mut symptom) = state.symptoms.get(index).cloned() else { continue };
        let accused = symptom.verdict.accuses();
        update(state, &mut symptom);
        newly |= !accused && symptom.verdict.accuses();
        claim(state, &symptom);
        add_up(state, &mut symptom);
        close_if_over(state, &mut symptom);
        if symptom.resolved.is_some() {
            claim(state, &symptom);
        }
        if let Some(slot) = state.symptoms.get_mut(index) {
            *slot = symptom;
        }
    }
    if newly {
        ask_producers(state);
    }
    group(state);
}

/// Looks for the producer of what symptoms accuse already when another accuses for the first time: what that explains hid it.
fn ask_producers(state: &mut State) {
    let mut symptoms = std::mem::take(&mut state.symptoms);
    for symptom in symptoms.iter_mut().filter(|symptom| symptom.resolved.is_none() && symptom.factor().is_some()) {
        let before = symptom.named.clone();
        if before.as_ref().is_some_and(|before| before.producer.is_none()) {
            let scene = Scene::new(state, symptom.onset, &seen(state, symptom), symptom.id);
            tell_producer(state, symptom, before.as_ref(), &scene);
        }
    }
    state.symptoms = symptoms;
}

/// Whether a symptom is to be judged at this tick: twice a report interval at first, more rarely as it grows old, for
/// what is known of it then changes as slowly.
fn is_due(state: &State, symptom: &Symptom) -> bool {
    if symptom.resolved.is_some() {
        return false;
    }
    let Some(judged) = symptom.judged else { return true };
    let now = state.now.unwrap_or_default();
    now - judged >= ((now - symptom.onset) / 64).clamp(state.interval / 2, 3 * state.interval)
}

/// What no symptom explains belongs to the one of its class that explains nothing yet, or is its coming back, or is new.
fn open_or_resume(state: &mut State, alarm: Alarm) {
    if state.symptoms.iter().any(|symptom| symptom.class == alarm.class && symptom.takes_in()) {
        return;
    }
    let comes_back = |symptom: &Symptom| {
        symptom.class == alarm.class
            && !symptom.verdict.accuses()
            && symptom.resolved.is_some()
            && alarm.onset - symptom.last_bad <= COMES_BACK
    };
    if let Some(symptom) = state.symptoms.iter_mut().rev().find(|symptom| comes_back(symptom)) {
        symptom.resolved = None;
        symptom.judged = None;
        symptom.pattern = Pattern::Flapping;
        (symptom.onset, symptom.last_bad) = (alarm.onset, alarm.onset);
        return;
    }
    if alarm.class.is_felt() {
        forget_recent(state);
    }
    if state.symptoms.len() >= SYMPTOMS_MAX {
        state.symptoms.remove(0);
    }
    state.symptoms_ever = state.symptoms_ever.wrapping_add(1);
    state.symptoms.push(Symptom::fresh(state.symptoms_ever, alarm.class, alarm.onset));
}

/// Lets go what expectations learnt last: it may hold the beginning of an incident.
fn forget_recent(state: &mut State) {
    for base in &mut state.prior {
        base.forget_recent();
    }
    for unit in &mut state.units {
        unit.forget_recent(state.rotations);
    }
}

/// Judges one symptom anew and carries over what must last.
fn update(state: &State, symptom: &mut Symptom) {
    symptom.judged = state.now;
    let counters = symptom.class.counters();
    let anchor = anchor(state, symptom.onset, counters, symptom.id);
    if !symptom.verdict.accuses() || anchor < symptom.onset {
        symptom.onset = anchor;
    }
    let scene = Scene::new(state, symptom.onset, &seen(state, symptom), symptom.id);
    let mut judged = if symptom.class == Class::Refused { judge_refusals(state, &scene) } else { judge(state, &scene) };
    let stands = symptom.class.is_judged_alone() || is_plain(&scene, &judged);
    if judged.verdict.accuses() && !symptom.verdict.accuses() && !(stands && stands_beside(state, symptom, &judged)) {
        judged = Judgement { verdict: Verdict::InsufficientEvidence, named: None, ..judged };
    }
    if symptom.verdict == Verdict::Cause && judged.verdict == Verdict::Suspect && extends(symptom, &judged) {
        judged.verdict = Verdict::Cause;
    }
    let several = symptom.most > ONE_HOST_MOST;
    if several
        && judged.verdict == Verdict::External
        && judged.named.as_ref().map(|of| of.kind) == Some(CauseKind::Host)
    {
        judged = Judgement { verdict: Verdict::InsufficientEvidence, named: None, ..judged };
    }
    let of_host = symptom.named.as_ref().map(|named| named.kind) == Some(CauseKind::Host);
    let keeps = match symptom.verdict {
        // An old version has no load near the onset that could contradict an external reason.
        Verdict::External if is_stale(&judged) => true,
        Verdict::External if several && of_host => false,
        Verdict::External => judged.verdict == Verdict::InsufficientEvidence && !judged.suspects_a_change(),
        verdict => verdict.accuses() && (!stands || keep(state, symptom, &judged, &scene)),
    };
    let before = symptom.named.clone();
    if keeps {
        go_on(state, symptom, &judged);
    } else {
        take_over(state, symptom, &judged, &scene);
    }
    if symptom.suspects.is_empty() {
        symptom.suspects.push(unknown());
    }
    complete_property(state, symptom, &scene);
    tell_producer(state, symptom, before.as_ref(), &scene);
    symptom.pattern = pattern(state, symptom, &judged);
    tell_facts(state, symptom, &scene, &judged);
}

/// Maximum number of hosts that failed at once for which one host may be the reason.
const ONE_HOST_MOST: u64 = 2;

/// Whether a version is suspected because it is too old.
fn is_stale(judged: &Judgement) -> bool {
    let is = |named: &Hypothesis| named.properties.iter().any(|found| found.property == Property::Stale);
    judged.verdict == Verdict::Suspect && judged.named.as_ref().is_some_and(is)
}

/// The counters of its class by which units fail: that requests panic is told only where one did.
fn seen(state: &State, symptom: &Symptom) -> Vec<Counter> {
    let units = || state.census.sick.iter().filter_map(|id| state.units.get(*id));
    let shown = |counter: &&Counter| {
        units().flat_map(|unit| &unit.runs).any(|run| run.counter == **counter && run.end >= symptom.onset)
    };
    let all = symptom.class.counters();
    let seen: Vec<Counter> = all.iter().filter(shown).copied().collect();
    if seen.is_empty() { all.to_vec() } else { seen }
}

/// Of what failed, and of those exposed, the share from which what is graded accuses.
const PLAIN_EXPLAINED: f64 = 0.8;
const PLAIN_SHARE: f64 = 0.5;
/// Part of their share from which those who were not exposed speak against it.
const PLAIN_CONTROL: f64 = 0.2;
/// One in so many hosts at least must be compared: where another symptom explains most hosts, the rest are no fair sample.
const PLAIN_COMPARED: u64 = 2;
/// Log likelihood ratio of beginning at each host's own load from which it accuses, and with the contrast together.
const PLAIN_ALIGNED: f64 = LN_100;
const PLAIN_WEIGHT: f64 = 10.0;

/// Whether what is graded, such as latency, load or memory, accuses: it moves with traffic and with every restart, so
/// most of those exposed must show it at their own load, and few of the others. A new binary always comes with a restart.
fn is_plain(scene: &Scene<'_>, judged: &Judgement) -> bool {
    judged.named.as_ref().is_some_and(|named| {
        let compared = named.tally.exposed.seen + named.tally.control.seen;
        named.tally.exposed.failing >= 5
            && compared * PLAIN_COMPARED >= scene.patients.len() as u64
            && named.ages.is_none()
            && named.kind != CauseKind::Binary
            && (named.levels.len() < 2 || !named.properties.is_empty())
            && named.explained() >= PLAIN_EXPLAINED
            && named.share() >= PLAIN_SHARE
            && named.control_share() < PLAIN_CONTROL * named.share()
            && named.aligned() >= PLAIN_ALIGNED
            && named.aligned() + named.tally.risk.ln_e >= PLAIN_WEIGHT
    })
}

/// Log likelihood ratio of failing at each host's own load from which a second version is accused beside another.
const BESIDE_AT: f64 = LN_1000;

/// Whether an accusation stands though another version explains most of what fails at that time: what is left may be its
/// spill-over, and only hosts that fail each at its own load tell of a second cause.
fn stands_beside(state: &State, symptom: &Symptom, judged: &Judgement) -> bool {
    let judged_as = judged.named.as_ref().map(|hypothesis| named(state, hypothesis));
    // Flags have no factor, so two flags are compared by kind, id and target.
    let by_another =
        |other: &Named| judged_as.as_ref().is_none_or(|own| own.factor != other.factor || own.change != other.change);
    let explained = state.symptoms.iter().any(|other| {
        other.id != symptom.id
            && other.class.is_felt()
            && other.class != Class::Refused
            && other.verdict.accuses()
            && other.named.as_ref().is_none_or(by_another)
            && other.onset <= symptom.onset + state.interval
            && (other.resolved.is_none() || other.last_bad + COMES_BACK >= symptom.onset)
    });
    // A build or a flag that comes during an incident is a remedy that was tried, as far as its hosts failed before.
    // What was there before the accused version is what hosts went back to, or never left.
    let since = |level: &LevelId| state.tables.level_at(*level).map_or(Instant::MAX, |level| level.first_seen);
    // A version that hosts refused was never taken: what they kept is not what they went back to.
    let taken = |other: &&Symptom| other.class != Class::Refused && other.verdict.accuses();
    let older = state.symptoms.iter().filter(|other| other.id != symptom.id).filter(taken).any(|other| {
        let first = other.accused().iter().map(since).min();
        let named = judged.named.as_ref().filter(|named| named.factor == other.factor() && named.factor.is_some());
        named.zip(first).is_some_and(|(named, first)| named.levels.iter().any(|level| since(level) < first))
    });
    if older && symptom.class != Class::Refused {
        return false;
    }
    let own = |named: &Hypothesis| {
        named.kind == CauseKind::Config
            && (named.aligned() >= BESIDE_AT || named.tally.deaths >= 2 || named.mechanism >= LIMIT_AT)
    };
    !explained || symptom.class == Class::Refused || judged.named.as_ref().is_some_and(own)
}

/// The new judgement replaces what was said.
fn take_over(state: &State, symptom: &mut Symptom, judged: &Judgement, scene: &Scene<'_>) {
    let first = !symptom.verdict.accuses();
    let said = judged.named.as_ref().filter(|_| judged.verdict != Verdict::InsufficientEvidence);
    symptom.verdict = judged.verdict;
    symptom.cause = said.map(|named| cause_of(state, named));
    let scope =
        symptom.named.as_ref().filter(|known| !first && known.factor.is_some()).map(|known| known.scope.clone());
    symptom.named = said.map(|said| named(state, said));
    // Where it was seen to do no harm, what fails there since is of something else, or will be accused by itself.
    if let (Some(named), Some(scope)) = (&mut symptom.named, scope)
        && named.kind == CauseKind::Config
        && named.scope.is_empty()
    {
        named.scope.clone_from(&scope);
        if let Some(cause) = &mut symptom.cause {
            cause.scope = scope;
        }
    }
    symptom.suspects = suspects(state, judged);
    if judged.verdict.accuses() {
        let weight = judged.named.as_ref().map_or(0.0, |named| named.weight);
        symptom.weight = if first { weight } else { weight.max(symptom.weight) };
        if first {
            symptom.begin_anew();
        }
        if let Some(begun) = begins_with(judged, scene).filter(|begun| first && *begun > symptom.onset) {
            symptom.onset = begun;
        }
    }
}

/// What versions that were accused one after another have in common, also by earlier symptoms of the same incident.
fn complete_property(state: &State, symptom: &mut Symptom, scene: &Scene<'_>) {
    let case = symptom.case;
    let Some(named) = symptom.named.as_mut().filter(|named| named.kind == CauseKind::Config) else { return };
    let Some(factor) = named.factor.filter(|_| named.property.is_none()) else { return };
    let earlier = state.symptoms.iter().filter(|other| other.case == case && other.factor() == Some(factor));
    let mut levels: Vec<LevelId> = named.levels.iter().chain(earlier.flat_map(Symptom::accused)).copied().collect();
    levels.sort_unstable();
    levels.dedup();
    if levels.len() < 2 {
        return;
    }
    let shares = AllShares::new(scene).of_factor(state, factor);
    let clean = clean(state, scene, Family { factor, levels: &levels }, &shares);
    let mut found = properties(&of_levels(state, &levels), &clean).into_iter().map(|found| found.property);
    named.property = found.next();
    if let Some(cause) = &mut symptom.cause {
        cause.property.clone_from(&named.property);
        cause.also_separates = found.collect();
    }
}

/// What a hypothesis names.
fn named(state: &State, hypothesis: &Hypothesis) -> Named {
    Named {
        kind: hypothesis.kind,
        factor: hypothesis.factor,
        levels: hypothesis.levels.clone(),
        scope: if hypothesis.kind == CauseKind::Config { hypothesis.scope.clone() } else { BTreeMap::new() },
        property: hypothesis.properties.first().map(|found| found.property.clone()),
        producer: None,
        change: words::change(state, hypothesis).filter(|_| hypothesis.factor.is_none()),
        dimensions: hypothesis.dimensions.clone(),
    }
}

/// A cause that stays gains the versions of its kind under which hosts began to fail since.
fn go_on(state: &State, symptom: &mut Symptom, judged: &Judgement) {
    let Some(named) = &mut symptom.named else { return };
    let Some(property) = named.property.clone() else { return };
    let of = |hypothesis: &Hypothesis| hypothesis.properties.first().map(|found| found.property.clone());
    let same = judged.ranked.iter().find(|other| {
        other.factor == named.factor && other.kind == CauseKind::Config && of(other).as_ref() == Some(&property)
    });
    let Some(same) = same else { return };
    let more: Vec<LevelId> = same.levels.iter().copied().filter(|level| !named.levels.contains(level)).collect();
    if more.is_empty() {
        return;
    }
    named.levels.extend(more);
    named
        .levels
        .sort_by_key(|level| (state.tables.level_at(*level).map(|level| level.first_seen).unwrap_or_default(), *level));
    let hashes = words::hashes(state, &named.levels);
    if let Some(suspect) = symptom.suspects.first_mut() {
        suspect.hashes.clone_from(&hashes);
    }
    if let Some(cause) = &mut symptom.cause {
        cause.hashes = hashes;
    }
}

/// A named cause stays when fewer hosts are left to compare: it falls only to another accusation, or when what was
/// named is contradicted by hosts that began to fail without it.
fn keep(state: &State, symptom: &Symptom, judged: &Judgement, scene: &Scene<'_>) -> bool {
    if is_withdrawn(symptom, judged) || costs_as_any_load(state, symptom, scene) {
        return false;
    }
    let factor = symptom.factor();
    if !judged.verdict.accuses() {
        return !is_contradicted(symptom, judged);
    }
    let named = judged.named.as_ref();
    let other = named.is_some_and(|named| named.factor != factor || named.factor.is_none() && factor.is_none());
    if other {
        let later =
            symptom.verdict == Verdict::Cause && named.is_some_and(|named| is_later(symptom.onset, scene, named));
        let weaker = named.is_some_and(|named| named.weight < symptom.weight + 4.0 && named.factor.is_some());
        return later || weaker || is_shared(state, symptom) && !is_contradicted(symptom, judged);
    }
    // The same factor: what the content said is not given up for versions of which it says nothing.
    let told = symptom.named.as_ref().is_some_and(|named| named.property.is_some());
    let loses = named.is_some_and(|named| named.properties.is_empty());
    if told && loses {
        return true;
    }
    // Never shrink from cause to suspect, never lose a version that was named.
    symptom.verdict == Verdict::Cause
        && judged.verdict == Verdict::Suspect
        && named.is_some_and(|named| named.levels == symptom.accused())
}

/// Whether loads of other versions, mostly later ones, show that what a symptom accuses is only the cost of a load.
fn costs_as_any_load(state: &State, symptom: &Symptom, scene: &Scene<'_>) -> bool {
    let plain = |named: &&Named| named.kind == CauseKind::Config && named.property.is_none();
    symptom.named.as_ref().filter(plain).is_some_and(|named| {
        let (factor, levels) = (named.factor, named.levels.clone());
        is_load_cost(state, scene, &Hypothesis { factor, levels, ..Hypothesis::new(named.kind, Tally::default()) })
    })
}

/// Whether hosts began to fail alike without what a symptom accuses.
fn is_contradicted(symptom: &Symptom, judged: &Judgement) -> bool {
    let factor = symptom.factor();
    let same = judged.ranked.iter().find(|other| other.factor == factor && factor.is_some());
    same.is_some_and(|same| {
        let risk = &same.tally.risk;
        let own = same.tally.deaths + same.tally.refusals;
        own < 5 && risk.variance >= 4.0 && risk.z() < 2.0 && risk.ln_e < 0.0
    })
}

/// Whether another symptom of the same incident is explained by the same versions: two effects seldom share one by chance.
fn is_shared(state: &State, symptom: &Symptom) -> bool {
    let named = symptom.named.as_ref().filter(|_| symptom.verdict == Verdict::Cause);
    let alike = |other: &Symptom| {
        other.id != symptom.id
            && other.case == symptom.case
            && other.class.is_felt()
            && other.verdict == Verdict::Cause
            && other.named.as_ref().zip(named).is_some_and(|(one, two)| one.is_same(two))
    };
    named.is_some() && state.symptoms.iter().any(alike)
}

/// Whether what a symptom shows is over.
fn close_if_over(state: &State, symptom: &mut Symptom) {
    let now = state.last_event.unwrap_or(symptom.onset);
    let exceeded = sums_exceed(state, symptom);
    let sums = exceeded.is_some();
    symptom.last_bad = symptom.last_bad.max(exceeded.unwrap_or(symptom.last_bad).min(now));
    let quiet = (QUIET * state.interval).max(QUIET_MIN);
    symptom.stage = if symptom.now == 0 && now - symptom.last_bad > quiet {
        symptom.resolved = Some(now);
        Stage::Resolved
    } else if !sums && symptom.now * RECOVERING <= symptom.most && now > symptom.onset + 2 * state.interval {
        Stage::Recovering
    } else {
        Stage::Open
    };
}

/// Until when the fleet as a whole failed more than expected, if it did of late: a small effect shows on no host. Where no
/// change is accused this holds a symptom open for a while only; what stays so is the new normal.
fn sums_exceed(state: &State, symptom: &Symptom) -> Option<Instant> {
    let end = index_of(state.last_event?, state.interval);
    if !symptom.verdict.accuses() && start_of(end, state.interval) - symptom.onset > STATIC_AFTER * state.interval {
        return None;
    }
    let sums = |counter: Counter, index: i64| state.ring.get(index)?.fleet.get(counter as usize).copied();
    let beyond = |sums: &Sums| sums.observed > 1.5 * sums.expected;
    let until = |counter: &Counter| {
        let mut all = Sums::default();
        (end - 3..end).filter_map(|index| sums(*counter, index)).for_each(|sums| all.add(sums));
        let last = (end - 3..end).rev().find(|index| sums(*counter, *index).is_some_and(|sums| beyond(&sums)))?;
        (beyond(&all) && all.observed - all.expected > 10.0).then_some(start_of(last + 1, state.interval))
    };
    symptom.class.counters().iter().filter(|counter| counter.is_additive()).filter_map(until).max()
}

/// Whether what is named is what was named before, with more versions: the later ones are not less the cause.
fn extends(symptom: &Symptom, judged: &Judgement) -> bool {
    judged.named.as_ref().is_some_and(|named| {
        let before = symptom.accused();
        named.factor == symptom.factor()
            && named.factor.is_some()
            && !before.is_empty()
            && before.iter().all(|level| named.levels.contains(level))
    })
}
