//! Incidents: symptoms that one explanation covers. Each has one explanation; what it does not cover is another incident.
//! Which symptoms there are is decided in `review`.

use crate::detect::TOGETHER;
use crate::detect::risen::WORTH_WAKING;
use crate::numerics::math::rounded;
use crate::numerics::time::{Instant, Span};
use crate::state::State;
use crate::state::case::Case;
use crate::state::class::Class;
use crate::state::ids::{LevelId, UnitId};
use crate::state::model::Counter;
use crate::state::silence::heard;
use crate::state::symptom::{Cost, Named, Symptom};
use crate::verdict::course::hosts_of;
use crate::verdict::producers::{are_siblings, siblings, tell_property};
use crate::wording::facts::{blind_spots, first_error};
use firstbad_protocol::Property;
use firstbad_protocol::limits::INCIDENTS_MAX;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{
    Cause, HistoryEntry, Impact, Incident, Pattern, Signal, State as Stage, Verdict, by_urgency,
};
use std::collections::BTreeSet;

/// Time after which what comes back is another symptom.
pub(crate) const COMES_BACK: Span = Span(1800 * SECOND_NS);
/// Verdicts remembered.
const HISTORY_MAX: usize = 32;
/// Report intervals within which symptoms that nothing explains began together.
const AT_ONCE: i64 = 6;
/// Time, ns, after an accused version's last failing within which others may fail of it.
const SPILLS_FOR: Span = Span(300_000_000_000);

/// What is told, in the contract's order: open ones first, then by what was felt, then hosts, onset, identity.
pub(crate) fn incidents(state: &State) -> Vec<Incident> {
    let mut told: Vec<Incident> =
        state.cases.iter().filter(|case| case.published).map(|case| case.incident.clone()).collect();
    told.sort_by(by_urgency);
    told
}

/// Gives each symptom its incident, and tells the incidents anew.
pub(crate) fn group(state: &mut State) {
    // Explained symptoms get their incident first. Unexplained ones on the same hosts at the same time can then join it, and do not
    // open an incident of their own.
    let (explained, others): (Vec<&Symptom>, Vec<&Symptom>) =
        state.symptoms.iter().partition(|symptom| symptom.verdict.accuses());
    let ids: Vec<u32> = explained.into_iter().chain(others).map(|symptom| symptom.id).collect();
    for id in ids {
        let Some(symptom) = state.symptoms.iter().find(|symptom| symptom.id == id) else { continue };
        let case = case_for(state, symptom);
        let case = case.unwrap_or_else(|| new_case(state));
        let Some(symptom) = state.symptoms.iter_mut().find(|symptom| symptom.id == id) else { continue };
        let named = symptom.named.clone().filter(|_| symptom.verdict.accuses());
        symptom.case = case;
        let Some(named) = named else { continue };
        let Some(case) = state.cases.iter_mut().find(|of| of.id == case) else { continue };
        match &mut case.named {
            Some(known) if known.is_same(&named) => {
                let more: Vec<LevelId> =
                    named.levels.iter().copied().filter(|level| !known.levels.contains(level)).collect();
                known.levels.extend(more);
            }
            Some(known) if known.shares_producer(&named) => {}
            known => *known = Some(named),
        }
    }
    absorb(state);
    tell_cases(state);
    forget_cases(state);
}

/// Two symptoms of one class that one explanation covers are one: the older takes over what the younger accuses.
fn absorb(state: &mut State) {
    let is_twin = |one: &Symptom, two: &Symptom| {
        one.id < two.id
            && one.class == two.class
            && one.case == two.case
            && one.factor() == two.factor()
            && one.resolved.is_none()
            && one.verdict.accuses()
            && two.verdict.accuses()
    };
    let twin = |two: &Symptom| state.symptoms.iter().find(|one| is_twin(one, two)).map(|one| (one.id, two.id));
    let Some((kept, gone)) = state.symptoms.iter().find_map(twin) else { return };
    let Some(index) = state.symptoms.iter().position(|symptom| symptom.id == gone) else { return };
    let younger = state.symptoms.remove(index);
    for unit in &mut state.units {
        for run in unit.runs.iter_mut().filter(|run| run.claim == gone) {
            run.claim = kept;
        }
    }
    if let Some(older) = state.symptoms.iter_mut().find(|symptom| symptom.id == kept) {
        older.take_in(younger);
    }
}

fn new_case(state: &mut State) -> u32 {
    state.cases_ever = state.cases_ever.wrapping_add(1);
    state.cases.push(Case {
        id: state.cases_ever,
        named: None,
        last_bad: Instant::LONG_AGO,
        resolved: None,
        said: None,
        published: false,
        merged: false,
        incident: Incident::new(String::new(), Timestamp(0)),
    });
    state.cases_ever
}

/// The incident that a symptom belongs to, if there is one.
fn case_for(state: &State, symptom: &Symptom) -> Option<u32> {
    let named = symptom.named.as_ref().filter(|_| symptom.verdict.accuses());
    let Some(named) = named else {
        // What was found beside an explanation only later is a part of it all the same.
        let alone = state.symptoms.iter().all(|other| other.id == symptom.id || other.case != symptom.case);
        let beside = || if alone { case_beside(state, symptom) } else { None };
        return beside().or((symptom.case != 0).then_some(symptom.case));
    };
    let alive = |case: &&Case| case.resolved.is_none() || symptom.onset - case.last_bad <= COMES_BACK;
    // The same version may be refused here and do harm there: these are two incidents.
    let refused =
        |case: &Case| state.symptoms.iter().any(|other| other.case == case.id && other.class == Class::Refused);
    let same = |case: &&Case| {
        case.named.as_ref().is_some_and(|known| known.is_same(named))
            && refused(case) == (symptom.class == Class::Refused)
    };
    let of_producer = |other: &Symptom| other.class != Class::Refused && are_siblings(symptom, other);
    let sibling = |case: &Case| {
        let any = || state.symptoms.iter().any(|other| other.case == case.id && of_producer(other));
        symptom.class != Class::Refused && any()
    };
    if let Some(case) = state.cases.iter().filter(alive).find(|case| same(case) || sibling(case)) {
        return Some(case.id);
    }
    // Its own incident, unless another of its symptoms is explained otherwise.
    let otherwise = |other: &Symptom| {
        other.id != symptom.id
            && other.case == symptom.case
            && other.named.as_ref().is_some_and(|known| other.verdict.accuses() && !known.is_same(named))
    };
    let own = symptom.case != 0 && !state.symptoms.iter().any(otherwise);
    own.then_some(symptom.case)
}

/// The open incident that a symptom without an explanation is a part of: it hits the same hosts, or began at the same
/// time as another that nothing explains.
fn case_beside(state: &State, symptom: &Symptom) -> Option<u32> {
    // What was told keeps its name: it does not become a part of what was not.
    let told = state.cases.iter().any(|case| case.id == symptom.case && case.published);
    let open = |case: &&Case| case.resolved.is_none() && !case.merged && (case.published || !told);
    let part_of = |case: &&Case| {
        state.symptoms.iter().filter(|other| other.case == case.id && other.id != symptom.id).any(|other| {
            if is_spill_over(state, symptom, other) || is_covered(symptom, other) {
                return true;
            }
            if other.class == symptom.class {
                return false;
            }
            // A refusal harms nobody: it is a part of nothing, and nothing is a part of it.
            if symptom.class == Class::Refused || other.class == Class::Refused {
                return false;
            }
            let near = (other.onset - symptom.onset).abs() <= TOGETHER * state.interval;
            let both = symptom.hosts.iter().filter(|id| other.hosts.binary_search(id).is_ok()).count();
            let unexplained = !other.verdict.accuses() && other.class.is_felt() && symptom.class.is_felt();
            let at_once = (other.onset - symptom.onset).abs() <= AT_ONCE * state.interval;
            near && both > 0 && both * 2 >= symptom.hosts.len() || unexplained && at_once
        })
    };
    state.cases.iter().filter(open).find(part_of).map(|case| case.id)
}

/// Whether an explanation that was found or widened later covers the hosts of a symptom.
fn is_covered(symptom: &Symptom, other: &Symptom) -> bool {
    let both = symptom.hosts.iter().filter(|id| other.hosts.binary_search(id).is_ok()).count();
    let at_once = symptom.onset <= other.last_bad && other.onset <= symptom.last_bad;
    other.class == symptom.class && other.verdict.accuses() && at_once && both * 10 >= symptom.hosts.len() * 9
}

/// Whether a symptom may be what another does elsewhere: retries, a service behind it, hosts that take over. It began
/// later, while the other failed, no version explains it, and it is weaker.
fn is_spill_over(state: &State, symptom: &Symptom, other: &Symptom) -> bool {
    let felt = symptom.class.is_felt() && other.class.is_felt();
    let apart = symptom.class == Class::Refused || other.class == Class::Refused;
    let during = other.onset - state.interval..=other.last_bad.max(other.onset) + SPILLS_FOR;
    let own = symptom.class == other.class && symptom.is_as_bad_as(other);
    other.verdict.accuses() && felt && !apart && !own && during.contains(&symptom.onset)
}

fn tell_cases(state: &mut State) {
    let mut cases = std::mem::take(&mut state.cases);
    let names: Vec<Name> = cases.iter().map(Name::of).collect();
    for case in &mut cases {
        let symptoms: Vec<&Symptom> = state.symptoms.iter().filter(|symptom| symptom.case == case.id).collect();
        if symptoms.is_empty() {
            // Its symptoms went to another: what was never told is forgotten, what was is over.
            if case.published && !case.merged && case.resolved.is_none() {
                case.merged = true;
                case.incident.merged_into = merged_into(state, case, &names);
                case.resolved = state.last_event;
                case.incident.state = Stage::Resolved;
                case.incident.resolved_at = state.last_event.map(Timestamp::from);
            }
            continue;
        }
        let over = symptoms.iter().all(|symptom| symptom.resolved.is_some());
        if over && case.resolved.is_some() {
            continue;
        }
        tell_case(state, case, &symptoms);
    }
    let mut names: Vec<Name> = cases.iter().map(Name::of).collect();
    for case in cases.iter_mut().filter(|case| case.published && case.incident.id.is_empty()) {
        case.incident.id = fresh_id(&case.incident, &names);
        names.push(Name::of(case));
    }
    state.cases = cases;
}

/// The number of an incident, and its identity.
struct Name {
    case: u32,
    id: String,
}

impl Name {
    fn of(case: &Case) -> Self {
        Self { case: case.id, id: case.incident.id.clone() }
    }
}

/// The incident that took over what another accused, because both come from one producer.
fn merged_into(state: &State, case: &Case, names: &[Name]) -> Option<String> {
    let accused = case.named.as_ref()?;
    let takes = |named: &Named| named.producer.is_some() && named.is_same(accused);
    let symptom = state.symptoms.iter().find(|symptom| symptom.named.as_ref().is_some_and(takes))?;
    names.iter().find(|name| name.case == symptom.case).map(|name| name.id.clone())
}

/// Tells an incident from its symptoms.
fn tell_case(state: &State, case: &mut Case, symptoms: &[&Symptom]) {
    let Some(lead) = lead(symptoms, case.incident.cause.as_ref()) else { return };
    let siblings = siblings(state, symptoms, lead);
    let mut cause = cause_of_all(symptoms, lead);
    if let Some((cause, siblings)) = cause.as_mut().zip(siblings.as_ref()) {
        tell_property(cause, &siblings.producer);
    }
    case.last_bad = symptoms.iter().map(|symptom| symptom.last_bad).max().unwrap_or(case.last_bad);
    case.published |= is_told(state, symptoms);
    let now = state.last_event.unwrap_or(lead.onset);
    note_change(case, lead.verdict, cause, now);
    let told = &mut case.incident;
    let onset = symptoms.iter().filter(|one| counts(one, lead)).map(|one| one.onset).min().unwrap_or_default();
    let onset = Timestamp::from(onset);
    told.onset = if told.id.is_empty() { onset } else { told.onset.min(onset) };
    told.verdict = lead.verdict;
    told.suspects.clone_from(&lead.suspects);
    if let Some((first, siblings)) = told.suspects.first_mut().zip(siblings.as_ref()) {
        first.property = told.cause.as_ref().and_then(|cause| cause.property.clone());
        first.evidence.push(siblings.to_string());
    }
    told.ruled_out.clone_from(&lead.ruled_out);
    if lead.input.is_some() {
        told.input.clone_from(&lead.input);
    }
    if lead.good.is_some() {
        told.last_known_good.clone_from(&lead.good);
    }
    let counted: Vec<&Symptom> = symptoms.iter().filter(|one| counts(one, lead)).copied().collect();
    let back = |one: &&Symptom| counted.iter().any(|later| later.class == one.class && later.onset > one.last_bad);
    let flaps = counted.iter().any(|one| one.pattern == Pattern::Flapping || back(one));
    told.pattern = if flaps { Pattern::Flapping } else { lead.pattern };
    told.signals = signals(symptoms);
    tell_impact(state, told, &counted);
    tell_state(case, symptoms);
    let error = first_error(state, case, symptoms);
    if case.incident.first_error.as_ref().is_none_or(|known| {
        error.as_ref().is_some_and(|error| error.first_seen <= known.first_seen || error.message == known.message)
    }) {
        case.incident.first_error = error;
    }
    case.incident.blind_spots = blind_spots(state);
}

/// Whether symptoms are worth an incident: what is felt, or what is explained.
fn is_told(state: &State, symptoms: &[&Symptom]) -> bool {
    symptoms.iter().any(|symptom| {
        // What hosts refuse is what makes them stale: that is told with the harm it does.
        let factor = symptom.suspects_factor();
        let stale = |case: &Case| {
            case.named.as_ref().is_some_and(|named| {
                named.property == Some(Property::Stale) && named.factor.is_some() && named.factor == factor
            })
        };
        if symptom.class == Class::Refused && state.cases.iter().any(stale) {
            return false;
        }
        symptom.verdict.accuses()
            || (symptom.class == Class::Refused || symptom.class.is_felt())
                && symptom.worth
                && (!symptom.hosts.is_empty() || symptom.cost.felt() >= WORTH_WAKING)
    })
}

fn tell_impact(state: &State, told: &mut Incident, symptoms: &[&Symptom]) {
    let cost = symptoms.iter().fold(Cost::default(), |all, symptom| all.and(symptom.cost));
    let hosts: BTreeSet<UnitId> = symptoms.iter().flat_map(|symptom| symptom.hosts.iter().copied()).collect();
    let reporting = heard(state);
    let felt = cost.failed + cost.denied + cost.unscored;
    let share = if cost.requests > 0.0 { rounded((cost.failed / cost.requests).min(1.0), 6) } else { 0.0 };
    let before = told.impact;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests")]
    let count = |value: f64, known: u64| (libm::round(value.max(0.0)) as u64).max(known);
    // Where only the sums of all hosts show it, it is on all that have what is accused, or on all that report.
    let exposed = told.suspects.first().filter(|_| told.verdict.accuses()).map(|first| first.exposed.hosts);
    let of_sums = hosts.is_empty() && felt >= WORTH_WAKING;
    let own = if of_sums { exposed.unwrap_or(reporting) } else { hosts_of(state, &hosts) };
    let affected = own.max(before.hosts_affected);
    told.impact = Impact {
        requests_failed: count(cost.failed, before.requests_failed),
        requests_denied: count(cost.denied, before.requests_denied),
        requests_unscored: count(cost.unscored, before.requests_unscored),
        requests_missing: count(cost.missing, before.requests_missing),
        failed_share: if felt > 0.0 { share } else { 0.0 },
        hosts_affected: affected,
        // Those that fell silent were there.
        hosts_reporting: reporting.max(before.hosts_reporting).max(affected),
    };
}

fn tell_state(case: &mut Case, symptoms: &[&Symptom]) {
    let stages = || symptoms.iter().filter(|symptom| symptom.resolved.is_none()).map(|symptom| symptom.stage);
    let open = stages().any(|stage| stage == Stage::Open);
    let (stage, resolved) = if open {
        (Stage::Open, None)
    } else if stages().next().is_some() {
        (Stage::Recovering, None)
    } else {
        (Stage::Resolved, symptoms.iter().filter_map(|symptom| symptom.resolved).max())
    };
    case.resolved = resolved;
    case.incident.state = stage;
    case.incident.resolved_at = resolved.map(|_| case.last_bad.into());
}

/// Lets the oldest incidents that are over go where there are too many, and those that were never told.
fn forget_cases(state: &mut State) {
    let held: BTreeSet<u32> = state.symptoms.iter().map(|symptom| symptom.case).collect();
    state.cases.retain(|case| case.published || held.contains(&case.id));
    while state.cases.len() > INCIDENTS_MAX {
        let oldest = state.cases.iter().position(|case| case.resolved.is_some()).unwrap_or(0);
        let gone = state.cases.remove(oldest);
        state.symptoms.retain(|symptom| symptom.case != gone.id);
    }
    let last = state.last_event.unwrap_or_default();
    let kept: BTreeSet<u32> = state.cases.iter().filter(|case| case.published).map(|case| case.id).collect();
    state.symptoms.retain(|symptom| {
        let over = symptom.resolved.is_some_and(|at| last - at > 2 * COMES_BACK);
        !over || kept.contains(&symptom.case)
    });
}

/// Whether a symptom's onset counts for its incident: what only happens beside what is accused does not date it.
fn counts(symptom: &Symptom, lead: &Symptom) -> bool {
    symptom.id == lead.id || symptom.verdict.accuses() || !lead.verdict.accuses() && symptom.class.is_felt()
}

/// Factor by which the versions of another config of the same producer must cost more to be named instead.
const COSTLIER: f64 = 1.5;

/// The symptom that speaks for an incident: the firmest verdict, then what is felt, then what is costliest. `known` is the
/// cause that was given before.
fn lead<'a>(symptoms: &[&'a Symptom], known: Option<&Cause>) -> Option<&'a Symptom> {
    let config = |cause: Option<&Cause>| cause.and_then(|cause| cause.config.clone());
    let cost = |symptom: &Symptom| {
        let same = known.is_some() && config(symptom.cause.as_ref()) == config(known);
        symptom.cost.felt() * if same { COSTLIER } else { 1.0 }
    };
    // Where nothing is accused, what is not felt says nothing for what is.
    let felt = symptoms.iter().any(|symptom| symptom.class.is_felt());
    let speaks = |symptom: &&&Symptom| symptom.verdict.accuses() || symptom.class.is_felt() || !felt;
    let rank = |symptom: &Symptom| match symptom.verdict {
        Verdict::Cause => 3,
        Verdict::Suspect => 2,
        Verdict::External => 1,
        Verdict::InsufficientEvidence => 0,
    };
    let key = |symptom: &Symptom| (rank(symptom), symptom.class.is_felt(), std::cmp::Reverse(symptom.class));
    symptoms
        .iter()
        .filter(speaks)
        .copied()
        .max_by(|a, b| key(a).cmp(&key(b)).then(cost(a).total_cmp(&cost(b))).then(b.id.cmp(&a.id)))
}

/// The cause that all symptoms tell together: every version that any accuses, in the widest of their scopes.
fn cause_of_all(symptoms: &[&Symptom], lead: &Symptom) -> Option<Cause> {
    let mut cause = lead.cause.clone()?;
    // What is not felt adds no version to what is: it lasts longer, and runs over into the next.
    // Of several configs of one producer one is named.
    let alike = |other: &Symptom| other.factor() == lead.factor();
    let adds =
        |other: &&&Symptom| other.verdict.accuses() && other.id != lead.id && other.class.is_felt() && alike(other);
    for other in symptoms.iter().filter(adds) {
        let Some(of) = &other.cause else { continue };
        let more: Vec<_> = of.hashes.iter().copied().filter(|hash| !cause.hashes.contains(hash)).collect();
        cause.hashes.extend(more);
        // Another effect elsewhere widens the scope; another look at the same effect does not.
        if other.class != lead.class && other.class.is_felt() && cause.scope != of.scope {
            cause.scope.clear();
        }
        if cause.property.is_none() {
            cause.property.clone_from(&of.property);
            cause.also_separates.clone_from(&of.also_separates);
        }
    }
    Some(cause)
}

fn signals(symptoms: &[&Symptom]) -> Vec<Signal> {
    let mut found: BTreeSet<Signal> = BTreeSet::new();
    for symptom in symptoms {
        for counter in symptom.class.counters() {
            let signal = counter.signal();
            match signal {
                Signal::Panics => found.extend(symptom.panics.then_some(signal)),
                Signal::Errors => found.extend((symptom.errors || !symptom.panics).then_some(signal)),
                Signal::SilentHosts => {
                    found.extend(symptom.deaths.then_some(Signal::Deaths));
                    found.extend((symptom.silence || !symptom.deaths).then_some(signal));
                }
                other => {
                    found.insert(other);
                }
            }
        }
    }
    found.into_iter().collect()
}

/// Remembers the verdict that is given up; the first time a cause is named is kept with it.
fn note_change(case: &mut Case, verdict: Verdict, cause: Option<Cause>, now: Instant) {
    let told = &mut case.incident;
    let key = |cause: &Option<Cause>| {
        cause.as_ref().map(|cause| (cause.kind, cause.config.clone(), cause.change.clone(), cause.dimensions.clone()))
    };
    let same_cause = key(&told.cause) == key(&cause);
    let other = !same_cause || told.verdict != verdict;
    if other && !told.suspects.is_empty() && told.history.len() < HISTORY_MAX {
        told.history.push(HistoryEntry {
            at: case.said.unwrap_or(now).into(),
            verdict: told.verdict,
            cause: told.cause.clone(),
        });
    }
    if !(verdict.accuses() && same_cause && told.named_at.is_some()) {
        told.named_at = verdict.accuses().then_some(now.into());
    }
    if other || case.said.is_none() {
        case.said = Some(now);
    }
    (told.verdict, told.cause) = (verdict, cause);
}

/// An incident that was only asked for, of which onset and first signal are known.
pub(crate) fn blank(onset: Instant, first: Counter) -> Incident {
    let mut incident = Incident::new(String::new(), onset.into());
    incident.signals = vec![first.signal()];
    incident.id = fresh_id(&incident, &[]);
    incident
}

/// An identity from onset and first signal, with a number where two would have the same.
fn fresh_id(incident: &Incident, taken: &[Name]) -> String {
    let text = incident.onset.to_string();
    let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
    let (day, time) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    let first = incident.signals.first().map_or("errors", |signal| signal.as_str());
    let plain = format!("{day}-{time}-{first}");
    let is_taken = |id: &String| taken.iter().any(|known| known.id == *id);
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    std::iter::once(plain.clone()).chain(numbered).find(|id| !is_taken(id)).unwrap_or(plain)
}
