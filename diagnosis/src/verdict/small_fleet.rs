//! Accusations where four hosts or fewer have the version: no contrast tells there, but the times do, together with what
//! happens on the way back, or on the other hosts.

use crate::evidence::blip::blips;
use crate::evidence::sides::failed_before;
use crate::evidence::timing::timing;
use crate::hypothesis::judgement::LIMIT_AT;
use crate::hypothesis::{Hypothesis, spans};
use crate::numerics::math::ratio;
use crate::numerics::odds::{LN_10_000, LN_1000};
use crate::scene::Scene;
use crate::state::State;
use firstbad_protocol::verdict::{CauseKind, Verdict};

/// Hosts that have the version up to which it is judged by timing.
const HOSTS_MAX: u64 = 4;
/// Maximum number of hosts of a small fleet. In a larger fleet the push goes on, and more hosts will show its effect.
const FLEET_MAX: u64 = 12;
/// -ln of one in a thousand, from which timing names a suspect; and of one in ten thousand, from which with more it names
/// a cause.
const SUSPECT_AT: f64 = LN_1000;
const CAUSE_AT: f64 = LN_10_000;
/// Hosts that must each begin to fail at their own load, beside one that has not the version and is well, for a cause
/// without a way back.
const REPEATED_ON: u64 = 3;

/// Whether, and how far, a version of few hosts may be accused.
pub(crate) fn accused(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<Verdict> {
    // A few hosts picked from many by what they are have others to compare with.
    let hosts = scene.patients.iter().filter(|patient| patient.unit.rows > 0).count() as u64;
    let few = hosts <= FLEET_MAX && hypothesis.tally.exposed.seen <= HOSTS_MAX && hypothesis.scope.is_empty();
    if hypothesis.kind != CauseKind::Config || !few || !hypothesis.recent {
        return None;
    }
    let exposed = spans(scene, hypothesis)?;
    let said = timing(scene, hypothesis, &exposed);
    let all = said.well == 0 && said.elsewhere == 0 && said.go_on == 0 && said.exposed > 0;
    // The host was not chosen in advance: in a larger fleet it is more likely that some host fails near a load by chance.
    let chosen = libm::log(ratio(hosts, said.exposed.max(1)).max(1.0));
    let surprise = said.surprise - chosen + hypothesis.mechanism;
    // Timing cannot separate simultaneous loads; only the content can.
    let tied = said.tied > 0 && hypothesis.mechanism < LIMIT_AT;
    // If most begin at some other time, they have a moment in common that only lies near the load of one.
    let close = said.close * 2 > said.exposed;
    // A process that fails already fails at once under whatever it loads.
    let followed = failed_before(state, scene, hypothesis) > 0;
    if !all || tied || !close || followed || surprise < SUSPECT_AT || blips(scene, hypothesis) {
        return None;
    }
    let controls = hosts > said.exposed;
    // A way back proves what the beginnings alone make a suspect; else both together must be seldom enough.
    let alone = said.begun - chosen + hypothesis.mechanism >= SUSPECT_AT;
    let back = said.left == said.exposed && (alone || surprise >= CAUSE_AT);
    let repeated = said.close >= REPEATED_ON && said.close == said.exposed && controls;
    // A version that served well for long is not named by timing alone when it is loaded again.
    if hypothesis.history.speaks_for() {
        return back.then_some(Verdict::Suspect);
    }
    Some(if back || repeated { Verdict::Cause } else { Verdict::Suspect })
}
