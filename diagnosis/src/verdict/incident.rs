//! The life of an incident: opened by alarms, judged at each tick, joined by further effects of the same cause, recovering,
//! resolved, and opened again when the same cause comes back.

use crate::detect::{alarms, anchor};
use crate::hypothesis::judgement::Judgement;
use crate::hypothesis::{Hypothesis, spans};
use crate::numerics::time::Ns;
use crate::scene::Scene;
use crate::scene::spans::Spans;
use crate::state::State;
use crate::state::case::Case;
use crate::state::model::Counter;
use crate::verdict::course::facts_of;
use crate::verdict::judge::judge;
use crate::wording::words;
use firstbad_protocol::limits::{INCIDENTS_MAX, SUSPECTS_MAX};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Cause, CauseKind, HistoryEntry, Incident, Pattern, Suspect, Verdict};

/// Verdicts remembered.
const HISTORY_MAX: usize = 32;

/// Opens, judges and closes incidents.
pub(crate) fn review(state: &mut State) {
    let from = state.cases.iter().filter_map(|case| case.resolved).max().unwrap_or(Ns::MIN / 8);
    let alarms = alarms(state, from.saturating_add(1));
    let current = state.cases.iter().position(|case| case.resolved.is_none());
    if current.is_none() {
        let Some(onset) = alarms.iter().map(|alarm| alarm.onset).min() else { return };
        if !resume(state, onset, &alarms) {
            open(state, onset, &alarms);
        }
    }
    let Some(index) = state.cases.iter().position(|case| case.resolved.is_none()) else { return };
    let Some(mut case) = state.cases.get(index).cloned() else { return };
    for alarm in &alarms {
        if !case.counters.iter().any(|(counter, _)| *counter == alarm.counter) {
            case.counters.push((alarm.counter, alarm.onset));
        }
    }
    if !is_due(state, &case) {
        return;
    }
    update(state, &mut case);
    if let Some(slot) = state.cases.get_mut(index) {
        *slot = case;
    }
    reopen(state, index);
}

/// Whether an incident is to be judged at this tick: twice a report interval at first, more rarely as it grows old, for
/// what is known of it then changes as slowly.
fn is_due(state: &State, case: &Case) -> bool {
    let Some(judged) = case.judged else { return true };
    let now = state.now.unwrap_or(0);
    now - judged >= ((now - case.onset) / 64).clamp(state.interval / 2, 3 * state.interval)
}

/// What accuses nobody and comes again soon by the same signal is one incident that flaps, not many.
fn resume(state: &mut State, onset: Ns, alarms: &[crate::detect::Alarm]) -> bool {
    let soon = 180 * state.interval;
    let Some(case) = state.cases.last_mut() else { return false };
    let same = alarms.iter().any(|alarm| case.counters.first().is_some_and(|first| first.0 == alarm.counter));
    if case.incident.verdict.accuses() || !same || onset - case.last_bad > soon {
        return false;
    }
    case.resolved = None;
    case.incident.resolved_at = None;
    case.incident.pattern = Pattern::Flapping;
    case.onset = onset;
    true
}

fn open(state: &mut State, onset: Ns, alarms: &[crate::detect::Alarm]) {
    for base in &mut state.prior {
        base.forget_recent();
    }
    for unit in &mut state.units {
        unit.forget_recent(state.rotations);
    }
    let mut counters: Vec<(Counter, Ns)> = alarms.iter().map(|alarm| (alarm.counter, alarm.onset)).collect();
    counters.sort_by_key(|(counter, at)| (*at > onset + state.interval, *counter));
    let first = counters.first().map_or(Counter::Errors, |(counter, _)| *counter);
    if state.cases.len() >= INCIDENTS_MAX {
        state.cases.remove(0);
    }
    state.cases.push(Case { counters, ..Case::fresh(onset, first) });
}

/// Judges one incident anew and carries over what must last.
fn update(state: &State, case: &mut Case) {
    case.judged = state.now;
    let all: Vec<Counter> = case.counters.iter().map(|(counter, _)| *counter).collect();
    // Silence may be the collector's blindness: it is asked only where nothing else tells who fails.
    let telling: Vec<Counter> = all.iter().copied().filter(|counter| *counter != Counter::Silent).collect();
    let counters = if telling.is_empty() { all.clone() } else { telling };
    let anchored = anchor(state, case.onset, &counters);
    if !case.incident.verdict.accuses() || (anchored - case.onset).abs() <= 3 * state.interval {
        case.onset = anchored;
        case.incident.onset = Timestamp(case.onset);
    }
    let mut scene = Scene::new(state, case.onset, &counters);
    let mut judged = judge(state, &scene, &counters);
    if !judged.verdict.accuses() && counters.len() < all.len() {
        let with_silence = Scene::new(state, case.onset, &all);
        let other = judge(state, &with_silence, &all);
        if other.verdict.accuses() {
            (scene, judged) = (with_silence, other);
        }
    }
    // Two things at once: what one counter alone tells may be hidden behind the hosts that fail by another.
    if !judged.verdict.accuses() && all.len() > 1 {
        for counter in all.iter().filter(|counter| counter.is_telling() || **counter == Counter::Silent) {
            let alone = [*counter];
            let onset = anchor(state, case.onset, &alone);
            let own = Scene::new(state, onset, &alone);
            let other = judge(state, &own, &alone);
            // Hosts that are only not heard prove nothing; that they die of age does.
            let aged = other.named.as_ref().is_some_and(|named| named.ages.is_some());
            // A part of what fails does not overrule what was named for all of it.
            let same = other.named.as_ref().is_some_and(|named| named.factor == case.factor);
            let may = same || case.incident.verdict != Verdict::Cause;
            if other.verdict.accuses() && may && (aged || counter.is_telling()) {
                (scene, judged) = (own, other);
                break;
            }
        }
    }
    let now = Timestamp(state.last_event.unwrap_or(case.onset));
    let cause = judged
        .named
        .as_ref()
        .filter(|_| judged.verdict != Verdict::InsufficientEvidence)
        .map(|named| cause_of(state, named));
    if case.incident.verdict == Verdict::Cause && judged.verdict == Verdict::Suspect && extends(case, &judged) {
        judged.verdict = Verdict::Cause;
    }
    let weight = judged.named.as_ref().map_or(0.0, |named| named.weight);
    let keeps = match case.incident.verdict {
        Verdict::External => judged.verdict == Verdict::InsufficientEvidence && !judged.suspects_a_change(),
        verdict => verdict.accuses() && keep(case, (&judged, &scene)),
    };
    if keeps {
        go_on(state, case, &judged);
    } else {
        note_change(case, judged.verdict, cause.clone(), now);
        let first = !case.incident.verdict.accuses();
        case.incident.verdict = judged.verdict;
        case.incident.cause = cause;
        if judged.verdict.accuses() {
            if first {
                begin_with_cause(state, case, &judged, &scene);
            }
            case.named_weight = weight.max(case.named_weight);
            case.factor = judged.named.as_ref().and_then(|named| named.factor);
            case.levels = judged.named.as_ref().map(|named| named.levels.clone()).unwrap_or_default();
        }
        case.incident.suspects = suspects(state, &judged);
    }
    if case.incident.suspects.is_empty() {
        case.incident.suspects.push(unknown());
    }
    facts_of(state, case, &scene, &judged);
}

/// A cause that stays gains the versions of its kind under which the failing only went on since.
fn go_on(state: &State, case: &mut Case, judged: &Judgement) {
    let property = |of: &Hypothesis| of.properties.first().map(|found| found.property.clone());
    let told = case.incident.cause.as_ref().and_then(|cause| cause.property.clone());
    let same = judged.ranked.iter().find(|other| other.factor == case.factor && property(other) == told);
    let Some(same) = same.filter(|same| told.is_some() && same.kind == CauseKind::Config) else { return };
    let more: Vec<u32> = same.levels.iter().copied().filter(|level| !case.levels.contains(level)).collect();
    if more.is_empty() {
        return;
    }
    case.levels.extend(more);
    case.levels.sort_by_key(|level| (state.tables.level_at(*level).map_or(0, |level| level.first_seen), *level));
    let hashes = cause_of(state, &Hypothesis { levels: case.levels.clone(), ..same.clone() }).hashes;
    if let Some(suspect) = case.incident.suspects.first_mut() {
        suspect.hashes.clone_from(&hashes);
    }
    if let Some(cause) = &mut case.incident.cause {
        cause.hashes = hashes;
    }
}

/// An incident that was open for another reason begins, for what is said of the cause, where the cause's own began.
fn begin_with_cause(state: &State, case: &mut Case, judged: &Judgement, scene: &Scene<'_>) {
    let Some((factor, levels)) = judged.named.as_ref().and_then(|named| Some((named.factor?, &named.levels))) else {
        return;
    };
    let tolerance = scene.tolerance();
    let exposed = Spans::on_levels(scene, (factor, levels));
    let mut begun: Vec<Ns> = scene
        .patients
        .iter()
        .enumerate()
        .filter_map(|(index, patient)| {
            let spans = exposed.of(index)?;
            let within = |start: Ns| spans.iter().any(|(from, to)| start >= from - tolerance && start < *to);
            patient.bouts.iter().map(|bout| bout.start).find(|start| within(*start))
        })
        .collect();
    begun.sort_unstable();
    if let Some(first) = begun.get(begun.len() / 50).filter(|first| **first > case.onset + 6 * state.interval) {
        case.onset = *first;
        case.incident.onset = Timestamp(*first);
    }
}

/// A named cause stays when fewer hosts are left to compare: it falls only to another accusation, or when what was
/// named is contradicted by hosts that began to fail without it.
fn keep(case: &Case, (judged, scene): (&Judgement, &Scene<'_>)) -> bool {
    if !judged.verdict.accuses() {
        let contradicted = judged.ranked.iter().find(|other| other.factor == case.factor && case.factor.is_some());
        return contradicted.is_none_or(|same| {
            let risk = &same.tally.risk;
            let own = same.tally.deaths + same.tally.refusals;
            own >= 5 || risk.variance < 4.0 || risk.z() >= 2.0 || risk.ln_e >= 0.0
        });
    }
    let named = judged.named.as_ref();
    let other =
        named.is_some_and(|named| named.factor != case.factor || named.factor.is_none() && case.factor.is_none());
    if other {
        let later =
            case.incident.verdict == Verdict::Cause && named.is_some_and(|named| is_later(case.onset, scene, named));
        return later || named.is_some_and(|named| named.weight < case.named_weight + 4.0 && named.factor.is_some());
    }
    // The same factor: what the content said is not given up for versions of which it says nothing.
    let told = case.incident.cause.as_ref().is_some_and(|cause| cause.property.is_some());
    let loses = named.is_some_and(|named| named.properties.is_empty());
    if told && loses {
        return true;
    }
    // Never shrink from cause to suspect, never lose a version that was named.
    case.incident.verdict == Verdict::Cause
        && judged.verdict == Verdict::Suspect
        && named.is_some_and(|named| named.levels == case.levels)
}

/// An incident whose cause accuses what an earlier one accused is the earlier one, come back.
fn reopen(state: &mut State, index: usize) {
    let Some(case) = state.cases.get(index).cloned() else { return };
    if !case.incident.verdict.accuses() || case.factor.is_none() {
        return;
    }
    let same = |earlier: &Case| {
        earlier.resolved.is_some()
            && earlier.factor == case.factor
            && case.onset - earlier.last_bad < 720 * state.interval
            && (earlier.levels.iter().any(|level| case.levels.contains(level))
                || earlier.incident.cause.as_ref().and_then(|cause| cause.property.as_ref())
                    == case.incident.cause.as_ref().and_then(|cause| cause.property.as_ref()))
    };
    let Some(earlier) = state.cases.iter().take(index).rposition(same) else { return };
    if let Some(old) = state.cases.get_mut(earlier) {
        old.resolved = None;
        old.incident.resolved_at = None;
        old.last_bad = case.last_bad;
        for counter in &case.counters {
            if !old.counters.iter().any(|known| known.0 == counter.0) {
                old.counters.push(*counter);
            }
        }
    }
    state.cases.remove(index);
}

impl Case {
    /// An incident of which only the onset and the first signal are known.
    pub(crate) fn fresh(onset: Ns, first: Counter) -> Self {
        Self {
            onset,
            counters: vec![(first, onset)],
            last_bad: onset,
            most: 0,
            resolved: None,
            named_weight: 0.0,
            factor: None,
            levels: Vec::new(),
            judged: None,
            said: None,
            incident: Incident::new(incident_id(onset, first), Timestamp(onset)),
        }
    }
}

fn incident_id(onset: Ns, first: Counter) -> String {
    let text = Timestamp(onset).to_string();
    let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
    let (day, time) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("{day}-{time}-{}", first.signal().as_str())
}

/// Whether a hypothesis says nothing of how the incident began: what reached hosts when others had failed for long, a
/// mitigation say, is not what set it off.
fn is_later(onset: Ns, scene: &Scene<'_>, named: &Hypothesis) -> bool {
    let Some(exposed) = spans(scene, named) else { return false };
    let begins = onset - scene.interval..onset + 6 * scene.interval;
    let (mut first, mut explained) = (0, 0);
    for (index, patient) in scene.that_fail() {
        for bout in patient.bouts.iter().filter(|bout| begins.contains(&bout.start)) {
            first += 1;
            explained += usize::from(scene.began_in(bout, exposed.of(index).unwrap_or_default()));
        }
    }
    explained * 2 < first || first == 0
}

/// Whether what is named is what was named before, with more versions: the later ones are not less the cause.
fn extends(case: &Case, judged: &Judgement) -> bool {
    judged.named.as_ref().is_some_and(|named| {
        named.factor == case.factor
            && named.factor.is_some()
            && !case.levels.is_empty()
            && case.levels.iter().all(|level| named.levels.contains(level))
    })
}

/// Remembers the verdict that is given up; the first time a cause is named is kept with it.
fn note_change(case: &mut Case, verdict: Verdict, cause: Option<Cause>, now: Timestamp) {
    let key = |cause: &Option<Cause>| {
        cause.as_ref().map(|cause| (cause.kind, cause.config.clone(), cause.change.clone(), cause.dimensions.clone()))
    };
    let same_cause = key(&case.incident.cause) == key(&cause);
    if case.incident.verdict == verdict && case.incident.cause == cause && !case.incident.suspects.is_empty() {
        return;
    }
    let names = verdict.accuses();
    let other = !same_cause || case.incident.verdict != verdict;
    if !case.incident.suspects.is_empty() && other && case.incident.history.len() < HISTORY_MAX {
        case.incident.history.push(HistoryEntry {
            at: case.said.map_or(now, Timestamp),
            verdict: case.incident.verdict,
            cause: case.incident.cause.clone(),
        });
    }
    if !(names && same_cause && case.incident.named_at.is_some()) {
        case.incident.named_at = names.then_some(now);
    }
    if other || case.said.is_none() {
        case.said = Some(now.0);
    }
}

fn cause_of(state: &State, named: &Hypothesis) -> Cause {
    Cause {
        kind: named.kind,
        config: named.factor.and_then(|factor| state.tables.config_name(factor)).map(ToOwned::to_owned),
        hashes: words::hashes(state, &named.levels),
        property: named.properties.first().map(|found| found.property.clone()),
        also_separates: named.properties.iter().skip(1).map(|found| found.property.clone()).collect(),
        scope: named.scope.clone(),
        change: words::change(state, named),
        dimensions: named.dimensions.clone(),
    }
}

/// Suspects by rank; those that tie share it and say so.
pub(crate) fn suspects(state: &State, judged: &Judgement) -> Vec<Suspect> {
    let mut list: Vec<Suspect> = Vec::new();
    for (index, hypothesis) in judged.ranked.iter().take(SUSPECTS_MAX).enumerate() {
        let rank = if index <= judged.tied { 1 } else { index + 1 };
        let mut suspect = words::suspect(state, hypothesis, u32::try_from(rank).unwrap_or(u32::MAX));
        if judged.tied > 0 && index <= judged.tied {
            let others: Vec<String> = judged
                .ranked
                .iter()
                .take(judged.tied + 1)
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, other)| words::name(state, other))
                .collect();
            suspect.against.push(format!(
                "cannot be told apart from {}: the same hosts had both at the same time; give one of them alone to a few hosts to separate them",
                others.join(", ")
            ));
            suspect.confidence = suspect.confidence.min(0.5);
        }
        if !judged.verdict.accuses() {
            suspect.confidence = suspect.confidence.min(0.5);
        }
        if judged.verdict == Verdict::Cause && index == 0 {
            suspect.confidence = suspect.confidence.max(0.9);
        }
        list.push(suspect);
    }
    list
}

/// Where nothing is known the contract still wants an answer: the failing itself.
pub(crate) fn unknown() -> Suspect {
    Suspect {
        rank: 1,
        kind: CauseKind::Time,
        config: None,
        hashes: Vec::new(),
        property: None,
        scope: std::collections::BTreeMap::new(),
        change: None,
        dimensions: std::collections::BTreeMap::new(),
        confidence: 0.0,
        exposed: Default::default(),
        control: Default::default(),
        rate_ratio: 0.0,
        explained_share: 0.0,
        evidence: Vec::new(),
        against: vec!["no load, deploy or change that was reported explains which hosts fail and when".to_owned()],
    }
}
