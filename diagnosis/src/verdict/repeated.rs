//! Whether a version was the cause of an earlier incident, did the same harm, and came back. What is remembered of that is
//! the incident itself.

use crate::hypothesis::Hypothesis;
use crate::hypothesis::history::Repeated;
use crate::numerics::time::Instant;
use crate::scene::Scene;
use crate::state::State;
use crate::state::case::Case;
use crate::verdict::cases::COMES_BACK;
use firstbad_protocol::verdict::{CauseKind, Verdict};

/// The latest earlier incident of the same signals that one of a hypothesis' versions was the cause of, if hosts fail soon
/// after they load it. What comes back sooner is the same incident still. An accusation that an engineer disputes accuses no more.
pub(crate) fn repeated(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<Repeated> {
    let lag = hypothesis.tally.lag;
    if lag.hosts == 0 || lag.delay_s > scene.soon().seconds() {
        return None;
    }
    let disputed = state.disputed_levels();
    let signals = || scene.counters.iter().map(|counter| counter.signal());
    let alike = |case: &&Case| {
        let told = &case.incident;
        let caused = told.verdict == Verdict::Cause && case.published && !case.merged;
        let over = case.resolved.is_some() && scene.onset - case.last_bad > COMES_BACK;
        let config = told.cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::Config);
        let accused = case
            .named
            .iter()
            .flat_map(|named| &named.levels)
            .any(|level| hypothesis.levels.contains(level) && !disputed.contains(level));
        caused && over && config && accused && signals().any(|signal| told.signals.contains(&signal))
    };
    let case = state.cases.iter().filter(alike).max_by_key(|case| case.last_bad)?;
    let back = back(scene, hypothesis, case.last_bad)?;
    Some(Repeated { incident: case.incident.id.clone(), onset: case.incident.onset.into(), back })
}

/// When a host first loaded one of the versions after a time.
fn back(scene: &Scene<'_>, hypothesis: &Hypothesis, after: Instant) -> Option<Instant> {
    let moves = scene.patients.iter().flat_map(|patient| scene.moves(patient));
    let again = moves.filter(|entry| entry.at > after && hypothesis.levels.contains(&entry.level));
    again.map(|entry| entry.at).min()
}
