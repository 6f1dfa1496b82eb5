//! From weighed hypotheses to a verdict: an accusation only when an innocent explanation has been tested and excluded;
//! ties and gaps are printed (invariant 10).

use crate::evidence::delayed::ages;
use crate::evidence::place::{is_of_requests, place};
use crate::evidence::pooled::{Foremost, pooled};
use crate::evidence::tally::tally;
use crate::hypothesis::judgement::{CAUSE_HOSTS, CONTROLS_MIN, Judgement, SUSPECT_AT};
use crate::hypothesis::{Hypothesis, spans};
use crate::numerics::math::float;
use crate::numerics::odds::{LN_1_000_000, LN_1000};
use crate::scene::Scene;
use crate::scene::patient::{Bout, Patient};
use crate::scene::spans::Spans;
use crate::state::State;
use crate::state::ids::{DimsId, LevelId};
use crate::state::model::{Counter, Family};
use crate::state::reload_window::BLIP;
use crate::verdict::accusation::{accusation, refuted, soon, starts_explain};
use crate::verdict::feeds;
use crate::verdict::hypotheses::{distances, hypotheses};
use crate::verdict::ties::{Contest, contest, is_outdone, is_parted_by_content, ties};
use firstbad_protocol::names::attribute;
use firstbad_protocol::verdict::{CauseKind, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Weight below which a hypothesis has nothing for it.
const LIVE_AT: f64 = 2.0;
/// ln of the e-value on sums that makes a suspect: one in a thousand. Sums alone make no cause.
const SUMS_AT: f64 = LN_1000;
/// How much more often the exposed fail than the others, at least, for sums to accuse: quiet fleets differ by less.
const SUMS_RATIO: f64 = 2.0;
/// ln of the e-value of ages that makes a suspect.
const AGE_AT: f64 = LN_1000;
/// The same bound where processes fail but do not die: a later change may be the reason.
const AGE_OF_ALIVE_AT: f64 = LN_1_000_000;
/// Other configs that are asked on each binary.
const RIVALS_MAX: usize = 4;
/// Share of the failing that a rival of sums and ages must explain.
const EXPLAINS_MOST: f64 = 0.5;
/// Versions of one config of which one may be the one that kills by age.
const AGED_MAX: usize = 4;
/// Standard errors by which processes may be older at death after a restart than after the load.
const AGES_OFF: f64 = 2.5;

/// Judges a scene.
pub(crate) fn judge(state: &State, scene: &Scene<'_>) -> Judgement {
    let mut ranked = hypotheses(state, scene);
    order(scene, &mut ranked);
    let outdone = |one: &Hypothesis| ranked.iter().any(|rival| is_outdone(one, rival));
    let accused = |one: &Hypothesis| match one.feed {
        Some(feed) => feeds::accusation(scene, one, feed),
        None => accusation(state, scene, one),
    };
    let verdict = |one: &Hypothesis| accused(one).filter(|_| !outdone(one));
    let verdicts: Vec<Option<Verdict>> = ranked.iter().map(verdict).collect();
    // What may be called the cause comes before what may only be suspected, however the weights compare.
    let first = |wanted: Verdict| verdicts.iter().position(|verdict| *verdict == Some(wanted));
    let best = first(Verdict::Cause).or_else(|| first(Verdict::Suspect));
    if let Some(best) = best
        && let Some(Some(verdict)) = verdicts.get(best).copied()
    {
        return named(state, scene, ranked, Accused { best, verdict });
    }
    by_sums(state, scene, &ranked)
        .or_else(|| by_age(state, scene, &ranked))
        .unwrap_or_else(|| outside(state, scene, ranked))
}

/// Which of the ranked hypotheses may be accused, and how far.
#[derive(Clone, Copy)]
struct Accused {
    best: usize,
    verdict: Verdict,
}

/// Names the hypothesis that may be accused, unless others tie with it: these follow it in rank.
fn named(
    state: &State,
    scene: &Scene<'_>,
    mut ranked: Vec<Hypothesis>,
    Accused { best, verdict }: Accused,
) -> Judgement {
    let hypothesis = ranked.remove(best);
    let (tied, others): (Vec<Hypothesis>, Vec<Hypothesis>) =
        ranked.into_iter().partition(|rival| ties(scene, &hypothesis, rival));
    let count = tied.len();
    if count > 0 {
        let ranked = std::iter::once(hypothesis).chain(tied).chain(others).collect();
        return Judgement { verdict: Verdict::InsufficientEvidence, named: None, ranked, tied: count };
    }
    let hypothesis = scoped(state, scene, hypothesis, &others);
    // If only the content distinguishes it from its twin, it is a suspicion.
    let twin = others.iter().any(|rival| is_parted_by_content(scene, &hypothesis, rival));
    let verdict = if twin && verdict == Verdict::Cause { Verdict::Suspect } else { verdict };
    let ranked = std::iter::once(hypothesis.clone()).chain(others).collect();
    Judgement { verdict, named: Some(hypothesis), ranked, tied: 0 }
}

/// Log likelihood ratio by which, on one binary, another config must follow its own loads better, so that what fails there
/// is its own.
const ELSEWHERE: f64 = LN_1000;
/// Hosts that must fail on a binary for it to be asked alone.
const ON_BINARY_MIN: usize = 3;

/// Two inputs may be guilty at once, each on one binary: what is named is narrowed to the binary on which no other config
/// explains the failing better.
fn scoped(state: &State, scene: &Scene<'_>, named: Hypothesis, ranked: &[Hypothesis]) -> Hypothesis {
    if named.kind != CauseKind::Config || !named.scope.is_empty() {
        return named;
    }
    let Some(exposed) = spans(scene, &named) else { return named };
    let rivals = |other: &&Hypothesis| {
        other.kind == CauseKind::Config && other.factor != named.factor && other.recent && other.tally.bouts.hits > 0
    };
    let rivals: Vec<&Hypothesis> = ranked.iter().filter(rivals).take(RIVALS_MAX).collect();
    let mut failing: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, patient) in scene.that_fail() {
        let binary = state.tables.value(patient.dims, attribute::SERVICE_VERSION);
        *failing.entry(binary.unwrap_or_default()).or_default() += 1;
    }
    if rivals.is_empty() || failing.len() < 2 {
        return named;
    }
    let is_of =
        |dims: DimsId, binary: &str| state.tables.value(dims, attribute::SERVICE_VERSION).unwrap_or_default() == binary;
    let on = |hypothesis: &Hypothesis, exposed: &Spans, binary: &str| {
        tally(scene, &hypothesis.levels, false, &exposed.within(scene, |dims| is_of(dims, binary)))
    };
    let elsewhere = |binary: &str| {
        let own = on(&named, &exposed, binary);
        rivals.iter().any(|rival| {
            let Some(exposed) = spans(scene, rival) else { return false };
            let of = on(rival, &exposed, binary);
            of.bouts.hits * 10 >= of.bouts.all * 6 && of.aligned >= ELSEWHERE && of.aligned >= own.aligned + ELSEWHERE
        })
    };
    let asked = failing.iter().filter(|(_, count)| **count >= ON_BINARY_MIN).map(|(binary, _)| *binary);
    let (others, kept): (Vec<&str>, Vec<&str>) = asked.partition(|binary| elsewhere(binary));
    let [binary] = kept.as_slice() else { return named };
    if others.is_empty() {
        return named;
    }
    let tally = on(&named, &exposed, binary);
    let scope = BTreeMap::from([(attribute::SERVICE_VERSION.to_owned(), (*binary).to_owned())]);
    Hypothesis { scope, tally, ..named }
}

/// A suspicion by age, if one version alone has it.
fn by_age(state: &State, scene: &Scene<'_>, ranked: &[Hypothesis]) -> Option<Judgement> {
    // That a host is not heard is no death, and tells of no age.
    let bouts = || scene.patients.iter().flat_map(|patient| patient.bouts.iter().map(move |bout| (patient, bout)));
    let only_silent = |(_, bout): &(&Patient<'_>, &Bout)| bout.silent && !bout.precise;
    if bouts().filter(only_silent).count() * 2 > bouts().count() {
        return None;
    }
    let told = |hypothesis: &Hypothesis| {
        let hypothesis = &of_one_age(scene, hypothesis)?;
        let ages = ages(scene, hypothesis)?;
        let weight = ages.ln_e + hypothesis.of_requests();
        let old = ages.off <= AGES_OFF && !starts_explain(state, scene, hypothesis);
        let least = if scene.counters.contains(&Counter::Silent) { AGE_AT } else { AGE_OF_ALIVE_AT };
        let said = weight >= least && old && !refuted(hypothesis) && !hypothesis.history.speaks_for();
        said.then(|| Hypothesis { ages: Some(ages), weight, ..hypothesis.clone() })
    };
    let mut found: Vec<Hypothesis> = ranked.iter().filter_map(told).collect();
    let named = found.pop().filter(|_| found.is_empty())?;
    if outruns(ranked, &named) {
        return None;
    }
    Some(ahead(Verdict::Suspect, named, ranked))
}

/// Versions that follow each other have no age in common, unless their content has something in common, and then only if one
/// alone does not explain it: of a few, the one under which most of the failing began stands for itself.
fn of_one_age(scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<Hypothesis> {
    let alike = !hypothesis.properties.is_empty();
    let Some(factor) = hypothesis.factor.filter(|_| (2..=AGED_MAX).contains(&hypothesis.levels.len())) else {
        return (alike || hypothesis.levels.len() == 1).then(|| hypothesis.clone());
    };
    let alone = |level: &LevelId| {
        let levels = vec![*level];
        let spans = Arc::new(Spans::on_levels(scene, Family { factor, levels: &levels }));
        let tally = tally(scene, &levels, false, &spans);
        Hypothesis { levels, tally, spans: Some(spans), choices: 0.0, ..hypothesis.clone() }
    };
    let most = hypothesis.levels.iter().map(alone).max_by_key(|hypothesis| hypothesis.tally.bouts.hits)?;
    // What one version explains as well, its neighbours have in common with it by chance; and any two have something.
    let enough = most.tally.bouts.hits * 10 >= hypothesis.tally.bouts.hits * 9;
    Some(if alike && !enough && hypothesis.levels.len() > 2 { hypothesis.clone() } else { most })
}

/// An accusation on sums, where hardly any host shows the effect by itself.
fn by_sums(state: &State, scene: &Scene<'_>, ranked: &[Hypothesis]) -> Option<Judgement> {
    if scene.failing() * 4 > scene.patients.len() {
        return None;
    }
    let Foremost { best, next } = pooled(state, scene)?;
    let said = best.pooled?;
    let seen = said.ln_e - libm::log(float(distances(state, scene).len().max(1)));
    let hosts = best.tally.exposed.seen.min(best.tally.control.seen);
    let persists = said.intervals >= BLIP.unsigned_abs() * if seen >= 2.0 * SUMS_AT { 1 } else { 2 };
    let told = seen >= SUMS_AT && said.ratio() >= SUMS_RATIO && said.explained >= 0.5;
    if !told || !persists || hosts < CAUSE_HOSTS || said.ln_e < next + 4.0 {
        return None;
    }
    if outruns(ranked, &best) {
        return None;
    }
    Some(ahead(Verdict::Suspect, best, ranked))
}

/// Whether hosts follow their own loads of something else at once. As long as it is only not known whether that lasts,
/// neither sums nor ages name another.
fn outruns(ranked: &[Hypothesis], named: &Hypothesis) -> bool {
    ranked.iter().any(|other| {
        let prompt = other.tally.is_prompt() && other.recent && other.factor != named.factor;
        prompt && !refuted(other) && other.weight >= SUSPECT_AT && other.explained() >= EXPLAINS_MOST
    })
}

/// An accusation of what stands ahead of all that is of another factor.
fn ahead(verdict: Verdict, named: Hypothesis, ranked: &[Hypothesis]) -> Judgement {
    let others = ranked.iter().filter(|other| other.factor != named.factor).cloned();
    let ranked = std::iter::once(named.clone()).chain(others).collect();
    Judgement { verdict, named: Some(named), ranked, tied: 0 }
}

/// Settles neighbours by where their exposures differ: weights alone do not compare like with like.
fn order(scene: &Scene<'_>, ranked: &mut [Hypothesis]) {
    for at in 1..ranked.len().min(4) {
        let mut index = at;
        while index > 0 {
            let Some([above, below]) =
                ranked.get(index - 1..=index).and_then(|pair| <&[Hypothesis; 2]>::try_from(pair).ok())
            else {
                break;
            };
            if below.weight < SUSPECT_AT {
                break;
            }
            let Contest { one: for_below, two: for_above } = contest(scene, below, above);
            if for_below < for_above + 4.0 || for_below < 3.0 {
                break;
            }
            ranked.swap(index - 1, index);
            index -= 1;
        }
    }
}

/// Whether a hypothesis could be the trigger at all. What reached the whole fleet at one instant leaves no contrast; it
/// stays possible only if the failing began with it.
fn possible(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> bool {
    let change = hypothesis.change.and_then(|index| state.changes.get(index)).filter(|change| change.is_everywhere());
    hypothesis.recent && change.is_none_or(|change| (scene.onset - change.at).abs() <= 2 * scene.interval)
}

/// Report intervals in which even a rare effect shows on most of the hosts that have its cause.
const SHOWN: i64 = 12;

/// What is no change that we see: one host, a place, a moment, traffic, request data, or unknown.
fn outside(state: &State, scene: &Scene<'_>, mut ranked: Vec<Hypothesis>) -> Judgement {
    let early = scene.now - scene.middle() < 3 * scene.interval;
    let open: Vec<&Hypothesis> =
        ranked.iter().filter(|hypothesis| possible(state, scene, hypothesis) && !refuted(hypothesis)).collect();
    let place = place(state, scene);
    // A place or a surge speaks for itself unless a change has something for it, or came just before.
    // One binary alone is no place: it fails together with something that it was given.
    let binary = |place: &Hypothesis| {
        place.kind == CauseKind::Dimension && place.dimensions.keys().all(|key| key == attribute::SERVICE_VERSION)
    };
    let strong = |place: &Hypothesis| !matches!(place.kind, CauseKind::Request | CauseKind::Time);
    // What one kind of request dies of spares the hosts that do not get it; a version would by now have shown on most.
    let settled = scene.now - scene.middle() >= SHOWN * scene.interval;
    let of_requests = |place: &Hypothesis| settled && is_of_requests(state, scene, &place.dimensions);
    let shielded = place.as_ref().is_some_and(of_requests);
    let live = |hypothesis: &&Hypothesis| {
        // What reached every host at once does not fail in one place, nor bring more requests. What only those have that
        // fail may need minutes to do harm.
        let spares =
            hypothesis.tally.control.seen >= CONTROLS_MIN && hypothesis.control_share() < 0.5 * hypothesis.share();
        let version = hypothesis.change.is_none() && (hypothesis.tally.lag.delay_s <= soon(scene) || spares);
        let hit = !shielded || hypothesis.share() >= 0.5;
        hypothesis.weight >= LIVE_AT || hit && (hypothesis.tally.is_prompt() || version)
    };
    let given = place.as_ref().is_some_and(binary);
    let unspoken = if place.as_ref().is_some_and(strong) { open.iter().any(live) } else { !open.is_empty() };
    let undecided = early || given || unspoken;
    let verdict = if undecided || place.is_none() { Verdict::InsufficientEvidence } else { Verdict::External };
    if let Some(place) = &place {
        let at = if undecided { ranked.len().min(1) } else { 0 };
        ranked.insert(at, place.clone());
    }
    let named = place.filter(|_| verdict == Verdict::External);
    Judgement { verdict, named, ranked, tied: 0 }
}
