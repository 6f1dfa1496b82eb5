//! Whether a feed that stopped may be named. Time alone makes it a suspect, and only where nothing else explains the
//! failing; it is a cause where hosts with a newer version are well and hosts without one fail.

use crate::evidence::feed::stopped;
use crate::evidence::place::{is_surge, place};
use crate::hypothesis::feed::{Feed, Rival};
use crate::hypothesis::judgement::{CAUSE_AT, CAUSE_HOSTS, CONTROLS_MIN, Judgement};
use crate::hypothesis::{Hypothesis, parted_by_leaving};
use crate::numerics::math::ln_choose;
use crate::numerics::odds::LN_1000;
use crate::numerics::time::Span;
use crate::scene::Scene;
use crate::state::State;
use crate::state::ids::LevelId;
use crate::state::symptom::Symptom;
use crate::verdict::accusation::refuted;
use firstbad_protocol::Property;
use firstbad_protocol::time::SECOND_NS;
use firstbad_protocol::verdict::{CauseKind, Verdict};

/// Weight, log odds, of a feed that stopped by time alone, and where there is a rival. Chosen: a confidence of one half, and
/// less than whatever a rival has.
const BY_TIME: f64 = 3.0;
const RIVALLED: f64 = 0.5;
/// Minimum share of all failures that another recent change explains to be a rival, whatever its weight: a feed that stopped
/// is as unlikely as a change that does harm late.
const RIVAL_EXPLAINS: f64 = 0.5;
/// Time since half of the failing hosts began to fail after which the report of another change would have arrived: report
/// intervals, and at least so long. Source: T7, load events arrive 30 to 120 s late.
const WAIT_REPORTS: i64 = 6;
const WAIT_MIN: Span = Span(120 * SECOND_NS);
/// Of so many hosts with a newer version one may fail.
const STRAYS: u64 = 8;

/// Hypotheses of the stopped feeds that may explain a scene, weighed.
pub(crate) fn feeds(state: &State, scene: &Scene<'_>, others: &[Hypothesis]) -> Vec<Hypothesis> {
    let mut all = stopped(state, scene);
    if all.is_empty() {
        return all;
    }
    let place = place(state, scene).filter(|place| place.kind != CauseKind::Time);
    let outside = place.is_some() || is_surge(state, scene);
    for hypothesis in &mut all {
        let is_other = |other: &&Hypothesis| other.factor != hypothesis.factor && is_recent(state, other);
        let recent = others.iter().any(|other| is_other(&other)).then_some(Rival::Recent);
        let Some(feed) = &mut hypothesis.feed else { continue };
        feed.rival = feed.rival.or(recent).or(outside.then_some(Rival::Outside));
        let stands = feed.rival.is_none();
        hypothesis.recent = stands;
        hypothesis.weight = match stands {
            true if is_parted(hypothesis) => CAUSE_AT,
            true => BY_TIME,
            false => RIVALLED,
        };
    }
    all
}

/// Whether a change came before the failing, explains most of it and is not excluded. What hosts had when they were first
/// seen did not come then.
fn is_recent(state: &State, other: &Hypothesis) -> bool {
    let came = |level: &LevelId| state.tables.level_at(*level).is_some_and(|level| level.first_seen > state.warm());
    let new = other.levels.is_empty() || other.levels.iter().any(came);
    other.recent && new && !refuted(other) && other.explained() >= RIVAL_EXPLAINS
}

/// How far a stopped feed may be accused.
pub(crate) fn accusation(scene: &Scene<'_>, hypothesis: &Hypothesis, feed: Feed) -> Option<Verdict> {
    let waited = scene.now - scene.middle() >= (WAIT_REPORTS * scene.interval).max(WAIT_MIN);
    if feed.rival.is_some() || !waited {
        return None;
    }
    Some(if is_parted(hypothesis) { Verdict::Cause } else { Verdict::Suspect })
}

/// Whether hosts with a newer version are well, and hosts without one fail, at the same time.
fn is_parted(hypothesis: &Hypothesis) -> bool {
    let tally = &hypothesis.tally;
    let (exposed, control) = (tally.exposed, tally.control);
    let well = control.seen >= CONTROLS_MIN
        && control.failing * STRAYS <= control.seen
        && ln_choose(exposed.seen + control.seen, control.seen) >= LN_1000;
    exposed.failing >= CAUSE_HOSTS && (well || parted_by_leaving(tally) >= LN_1000)
}

/// Whether a judgement contradicts a symptom that names a stopped feed by time alone: it accuses another, or knows more
/// against that feed.
pub(crate) fn is_withdrawn(symptom: &Symptom, judged: &Judgement) -> bool {
    let named = symptom.named.as_ref().filter(|_| symptom.verdict == Verdict::Suspect);
    let Some(named) = named.filter(|named| named.property == Some(Property::Stale)) else { return false };
    let of_factor = |one: &&Hypothesis| one.factor == named.factor;
    let Some(feed) = judged.ranked.iter().filter(of_factor).find_map(|one| one.feed) else { return false };
    let other = judged.verdict.accuses() && !judged.named.iter().any(|named| of_factor(&named));
    other || feed.rival.is_some_and(Rival::contradicts)
}
