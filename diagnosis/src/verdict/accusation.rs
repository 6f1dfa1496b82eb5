//! Whether one hypothesis may be accused, and how far: only when an innocent explanation has been tested and excluded. Which
//! of several is named, and what ties, is decided in `judge`.

use crate::evidence::blip::{blips, lasts};
use crate::evidence::cold::{Uncontrolled, is_cold};
use crate::evidence::load_cost::two_cost_alike;
use crate::evidence::other_loads::OtherLoads;
use crate::evidence::place::is_surge;
use crate::evidence::sides::precedes;
use crate::hypothesis::findings::Tally;
use crate::hypothesis::judgement::{CAUSE_AT, CAUSE_HOSTS, CONTROLS_MIN, LIMIT_AT, SUSPECT_AT};
use crate::hypothesis::{Hypothesis, spans};
use crate::numerics::odds::{LN_1_000_000, LN_10, LN_100, LN_1000};
use crate::scene::Scene;
use crate::scene::patient::Patient;
use crate::state::State;
use crate::state::ids::DimsId;
use crate::state::model::Counter;
use crate::verdict::one_to_one::is_one_to_one;
use crate::verdict::small_fleet;
use firstbad_protocol::names::attribute;
use firstbad_protocol::verdict::{CauseKind, Verdict};

/// Minimum number of failing hosts with the accused version. In a fleet of at most `TINY_FLEET` hosts one is enough if its
/// recovery or the content agrees.
const EXPOSED_MIN: u64 = 2;
const TINY_FLEET: usize = 3;
/// Minimum share of all failures that began with the accused version, and minimum share of its hosts that fail.
const EXPLAINED_MIN: f64 = 0.5;
const SHARE_MIN: f64 = 0.1;
/// Minimum number of deaths while loading and refusals that accuse a version without other evidence, and that make a cause.
const OWN_MIN: u64 = 2;
const OWN_CAUSE: u64 = 5;
/// Minimum ln of the e-value of a contrast that accuses alone, and that accuses if failures follow each host's own load.
const CONTRAST_AT: f64 = 4.0;
const CONTRAST_BESIDE: f64 = 1.0;
/// Minimum ln of the likelihood ratio of "failures follow each host's own load", and the minimum share of all failures that
/// it must explain where there is no contrast.
const FOLLOWS_AT: f64 = 4.0;
const FOLLOWS_EXPLAINED: f64 = 0.75;
/// Maximum of that ratio at which all hosts fail at one moment, whatever they loaded.
const MOMENT_OF_ALL: f64 = -3.0;
/// Minimum variance of a contrast that can show chance, and the standard deviations below which it does: for an accusation,
/// and for what is refuted.
const VARIANCE_MIN: f64 = 2.0;
const CHANCE_Z: f64 = 2.5;
const REFUTED_Z: f64 = 2.0;
/// Share of all failures below which a hypothesis explains nothing.
const EXPLAINS_NOTHING: f64 = 0.3;
/// Maximum of failures on unexposed hosts, divided by their number by chance, at which own loads need no other proof.
const ELSEWHERE_MOST: f64 = 0.3;
/// Minimum share of all failures at which nearly all are explained.
const EXPLAINS_ALL: f64 = 0.9;
/// Share of the exposed hosts that must fail where they do not fail promptly, or are only not heard.
const LATE_SHARE: f64 = 0.5;
/// Part of the failing share of the exposed hosts from which the others fail alike.
const ALIKE: f64 = 0.5;
/// ln of the likelihood ratio of what failed before and after loads from which contrasts need not confirm it.
const SIDES_AT: f64 = LN_1000;
/// Failing hosts with it for one without it that may be misplaced.
const STRAYS: u64 = 8;
/// Hosts that left it from which it tells that nearly all of them got well then.
const STOPS_MIN: u64 = 12;
/// Minimum number of hosts that fail after one delay, and minimum ratio of the spread of their beginnings to that of their delays,
/// for the delay to show that each follows its own load. Source: [`STOPS_MIN`]; a fourth is one chance in hundreds for twelve.
const DELAYED_MIN: u64 = 12;
const DELAY_PARTS: f64 = 4.0;
/// Minimum ln of the e-value of a contrast, and minimum standard deviations, at which a small share of the exposed that fails is
/// no sign of another reason: the effect is rare on each host.
const OVERWHELMING_AT: f64 = 2.0 * LN_1_000_000;
const OVERWHELMING_Z: f64 = 10.0;
/// Hosts from which the delay after their loads is known.
const LAG_HOSTS: u64 = 3;
/// Standard deviations below chance at which those exposed fail so seldom that it is no chance.
const SELDOM: f64 = -3.0;
/// One in so many hosts may go on failing for a while after the way back.
const STOPPED_PART: u64 = 5;
/// ln of the likelihood ratio of "each stops at its own way back" over "all at one moment" from which it is believed.
pub(crate) const LEAVING_AT: f64 = LN_100;
/// ln of how seldom a version is as new, when hosts fail, as one whose own requests alone fail.
const MOMENT_AT: f64 = LN_10;

/// Whether, and how far, a hypothesis may be accused.
pub(crate) fn accusation(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<Verdict> {
    let few = small_fleet::accused(state, scene, hypothesis);
    if few.is_some() {
        // No other host shows whether the load or the additional requests are the reason.
        return few.filter(|_| !is_surge(state, scene));
    }
    let tally = &hypothesis.tally;
    let everywhere =
        hypothesis.change.and_then(|index| state.changes.get(index)).is_some_and(|change| change.is_everywhere());
    let enough = tally.exposed.failing >= EXPOSED_MIN
        || scene.patients.len() <= TINY_FLEET
            && tally.exposed.failing >= 1
            && (hypothesis.reversal >= LN_10 || hypothesis.mechanism >= LIMIT_AT);
    let weighs = hypothesis.weight >= SUSPECT_AT || is_one_to_one(hypothesis);
    let explains = hypothesis.explained() >= EXPLAINED_MIN && hypothesis.share() >= SHARE_MIN && weighs;
    if everywhere || !enough || !explains || !hypothesis.recent {
        return None;
    }
    let grounds = Grounds { state, scene, hypothesis };
    if !grounds.are_direct() || grounds.are_innocent() || grounds.are_hearsay() || grounds.are_weak() {
        return None;
    }
    // A version that served well for long and is loaded again may coincide with the real reason.
    if hypothesis.history.speaks_for() {
        return grounds.are_more_than_timing().then_some(Verdict::Suspect);
    }
    Some(if grounds.are_certain() { Verdict::Cause } else { Verdict::Suspect })
}

/// What speaks for and against one accusation.
#[derive(Clone, Copy)]
struct Grounds<'a> {
    state: &'a State,
    scene: &'a Scene<'a>,
    hypothesis: &'a Hypothesis,
}

impl Grounds<'_> {
    /// Deaths while loading, and refusals.
    fn own(self) -> u64 {
        self.hypothesis.tally.deaths + self.hypothesis.tally.refusals
    }

    /// Whether the requests before and after the loads tell by themselves. Where the hosts begin at one moment, and other loads
    /// cost as much, they tell what a load costs.
    fn are_by_sides(self) -> bool {
        let told = self.hypothesis.sides.is_some_and(|sides| sides.ratio >= SIDES_AT);
        told && !(self.hypothesis.tally.aligned <= MOMENT_OF_ALL && two_cost_alike(self.state, self.hypothesis))
    }

    /// What the hosts' own loads say. They say nothing where the failing lies closer together than it follows the loads: then
    /// it is a moment of all.
    fn aligned(self) -> f64 {
        let lag = self.hypothesis.tally.lag;
        let strewn = lag.delay_spread_s >= lag.onset_spread_s && !self.are_by_sides();
        let aligned = self.hypothesis.aligned();
        match strewn {
            // The ends are evidence of their own: each host gets well as it leaves the version.
            true if goes_with_it(&self.hypothesis.tally) => aligned.min(self.hypothesis.tally.leaving),
            true => aligned.min(0.0),
            false => aligned,
        }
    }

    /// Whether something tells the version from chance: a contrast, the hosts' own loads, the way back, the content.
    fn are_direct(self) -> bool {
        let (hypothesis, contrast) = (self.hypothesis, self.hypothesis.tally.risk.ln_e);
        let tally = &hypothesis.tally;
        // Alignment alone is proof only of what explains nearly everything, and of what hosts without it are spared. A few
        // hosts began before their loads as far as reports tell, which the requests themselves may contradict.
        let spared = tally.control.seen < CONTROLS_MIN
            || hypothesis.control_share() < ALIKE * hypothesis.share()
            || self.are_by_sides() && tally.control.failing * STRAYS <= tally.exposed.failing;
        let follows = self.aligned() >= FOLLOWS_AT
            && (contrast >= CONTRAST_BESIDE || hypothesis.explained() >= FOLLOWS_EXPLAINED && spared);
        contrast >= CONTRAST_AT
            || follows
            || hypothesis.reversal >= LN_100
            || self.own() >= OWN_MIN
            || is_one_to_one(hypothesis)
            || hypothesis.mechanism >= LIMIT_AT
            || hypothesis.moment >= MOMENT_AT
            || hypothesis.history.repeated.is_some()
    }

    /// Whether hosts without the version are well, hosts that left it recovered, or the content itself is at fault.
    fn are_more_than_timing(self) -> bool {
        let hypothesis = self.hypothesis;
        hypothesis.tally.risk.ln_e >= CONTRAST_AT
            || hypothesis.reversal >= LN_100
            || hypothesis.mechanism >= LIMIT_AT
            || self.own() >= OWN_MIN
            || is_one_to_one(hypothesis)
    }

    /// Whether something else explains what follows the loads, or nothing but chance.
    fn are_innocent(self) -> bool {
        let Self { state, scene, hypothesis } = self;
        let tally = &hypothesis.tally;
        let contrast = tally.risk.ln_e;
        // Where all that could be on the exposed is, and each host follows its own load, few controls are no sign of chance.
        let left = tally.stops.all >= STOPS_MIN
            && tally.stops.hits * 10 >= tally.stops.all * 9
            && hypothesis.explained() >= EXPLAINS_ALL;
        let all =
            self.are_by_sides() || self.aligned() >= LN_1000 && (tally.risk.elsewhere() <= ELSEWHERE_MOST || left);
        let varies = tally.risk.variance >= VARIANCE_MIN;
        let chance = varies && tally.risk.z() < CHANCE_Z && contrast < CONTRAST_BESIDE && !all;
        // Hosts with it begin to fail less often than the others: whatever their requests say, it is not why.
        let seldom = varies && tally.risk.z() <= SELDOM;
        let moment = self.aligned() <= MOMENT_OF_ALL && !is_one_to_one(hypothesis);
        // Most begin to fail before they have it, by more than the place of a beginning within a report may be off.
        // Load events have exact times. A binary is first seen in a report, up to two reports after it started.
        let reports = if hypothesis.kind == CauseKind::Binary { 2.0 } else { 0.5 };
        let before = tally.lag.hosts >= LAG_HOSTS
            && tally.lag.delay_s < -reports * scene.interval.seconds()
            && !self.are_by_sides();
        starts_explain(state, scene, hypothesis)
            || precedes(state, scene, hypothesis)
            || (moment || chance || seldom || before) && self.own() < OWN_MIN
            || self.is_of_the_place()
            || blips(scene, hypothesis)
            || hypothesis.kind == CauseKind::Config && OtherLoads::of(state, scene, hypothesis).cost_alike(hypothesis)
            || !lasts(state, scene, hypothesis)
    }

    /// Whether it does harm in one place only, other than on one binary, and hosts of that place that have it hardly differ
    /// from hosts of that place that have it not: then the place is the reason.
    fn is_of_the_place(self) -> bool {
        let binary = [attribute::SERVICE_NAME, attribute::SERVICE_VERSION];
        let of_place = self.hypothesis.scope.keys().any(|key| !binary.contains(&key.as_str()));
        of_place && self.hypothesis.tally.risk.ln_e < LN_1_000_000 && !is_one_to_one(self.hypothesis)
    }

    /// Whether the loads are guesses, or silence alone tells of the failing.
    fn are_hearsay(self) -> bool {
        let tally = &self.hypothesis.tally;
        let unheard = is_unheard(self.scene);
        let guessed =
            self.own() < OWN_MIN && (2 * tally.hearsay > tally.exposed.failing || unheard && !tally.is_prompt());
        guessed || unheard && self.hypothesis.share() < LATE_SHARE
    }

    /// Whether too few of the exposed fail, or too many of the others, for what is not proved otherwise.
    fn are_weak(self) -> bool {
        let Self { state, hypothesis, .. } = self;
        let tally = &hypothesis.tally;
        let alike = tally.control.seen >= CONTROLS_MIN
            && hypothesis.control_share() > ALIKE * hypothesis.share()
            && !self.are_by_sides();
        // A version that is accused already needs no second proof.
        let accused = || state.symptoms.iter().flat_map(|symptom| symptom.accused());
        if self.own() >= OWN_MIN || tally.is_prompt() || accused().any(|level| hypothesis.levels.contains(level)) {
            return alike;
        }
        // A prompt effect may hit a few of the exposed hosts. A late one on a few hosts may have any reason, unless no other
        // host shows it and the way back or the content agrees.
        let late = hypothesis.kind == CauseKind::Config
            && hypothesis.share() < LATE_SHARE
            && !self.are_apart()
            && !self.are_overwhelming();
        alike || late || !self.is_prompt_or_proved() && !self.keeps_one_delay()
    }

    /// Whether the failing begins soon after the load, or there is evidence beside the times. After a long delay times alone are not
    /// enough: two pushes that reach the hosts in the same order, or hosts with wrong clocks, look the same.
    fn is_prompt_or_proved(self) -> bool {
        let tally = &self.hypothesis.tally;
        tally.lag.delay_s <= soon(self.scene)
            || tally.risk.ln_e >= CONTRAST_AT
            || self.hypothesis.reversal >= LN_100
            || self.hypothesis.mechanism >= LIMIT_AT
            || self.are_by_sides()
            || goes_with_it(tally)
    }

    /// Whether hardly any host fails without it, which chance would not give, and the way back or the content agrees.
    fn are_apart(self) -> bool {
        let tally = &self.hypothesis.tally;
        let spared = tally.control.seen >= CONTROLS_MIN && tally.control.failing * STRAYS <= tally.exposed.failing;
        let beside = self.hypothesis.reversal >= LN_100 || self.hypothesis.mechanism >= LIMIT_AT;
        spared && beside && tally.risk.ln_e >= LN_1_000_000
    }

    /// Whether many more of the exposed begin to fail than chance could give.
    fn are_overwhelming(self) -> bool {
        let risk = self.hypothesis.tally.risk;
        risk.ln_e >= OVERWHELMING_AT && risk.z() >= OVERWHELMING_Z
    }

    /// Whether enough hosts begin to fail after one delay, each from its own load, while the beginnings lie far apart.
    fn keeps_one_delay(self) -> bool {
        let lag = self.hypothesis.tally.lag;
        self.aligned() >= LN_1000 && lag.hosts >= DELAYED_MIN && lag.delay_spread_s * DELAY_PARTS <= lag.onset_spread_s
    }

    /// Whether it is a cause, and not only a suspicion.
    fn are_certain(self) -> bool {
        let hypothesis = self.hypothesis;
        let tally = &hypothesis.tally;
        let told = tally.risk.ln_e >= LN_1000 || self.aligned() >= LN_1000 || hypothesis.reversal >= LN_1000;
        let seen = hypothesis.weight >= CAUSE_AT && (told || self.own() >= OWN_CAUSE) || is_one_to_one(hypothesis);
        // The content breaks a limit and the failing begins with the load: no further proof against a common moment is needed.
        let broken = hypothesis.mechanism >= LIMIT_AT && tally.is_prompt();
        // With what it did before, fewer hosts are enough.
        let again = hypothesis.history.repeated.is_some();
        let timed = tally.is_prompt() || self.own() >= OWN_MIN || self.is_prompt_or_proved();
        (tally.exposed.failing >= CAUSE_HOSTS || again) && (seen || broken) && timed
    }
}

/// Whether failing stops on each host at its own way back. A push that went through the fleet in the same order some time
/// before is left too early for that, however well its delay fits.
fn goes_with_it(tally: &Tally) -> bool {
    let stops = tally.stops;
    stops.hits >= STOPS_MIN
        && stops.hits * STOPPED_PART >= stops.all * (STOPPED_PART - 1)
        && tally.leaving >= LEAVING_AT
}

/// Whether of most that fail nothing is known but that they are not heard. Restarts go through a fleet in the order in
/// which pushes do, so that silence long after each host's own load is no sign of that load.
fn is_unheard(scene: &Scene<'_>) -> bool {
    let unheard = |patient: &Patient<'_>| patient.bouts.iter().all(|bout| bout.silent && !bout.precise);
    scene.that_fail().filter(|(_, patient)| unheard(patient)).count() * 2 > scene.failing()
}

/// Whether the starts of processes explain what follows them. A death is not explained by a start: it comes back with
/// every one. CPU, memory and latency rise with any start, whatever the binary.
pub(crate) fn starts_explain(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> bool {
    let uncontrolled = match hypothesis.kind {
        CauseKind::Config => Uncontrolled::IsCold,
        CauseKind::Binary if scene.is_graded() => Uncontrolled::IsCold,
        CauseKind::Binary => Uncontrolled::IsOpen,
        _ => return false,
    };
    let own = hypothesis.tally.deaths + hypothesis.tally.refusals;
    if own >= OWN_MIN || hypothesis.mechanism >= LIMIT_AT || scene.counters.contains(&Counter::Silent) {
        return false;
    }
    let in_scope = |dims: DimsId| {
        let is = |(key, value): (&String, &String)| state.tables.value(dims, key).is_some_and(|known| known == value);
        hypothesis.kind == CauseKind::Binary || hypothesis.scope.iter().all(is)
    };
    spans(scene, hypothesis).is_some_and(|exposed| is_cold(scene, &exposed.within(scene, in_scope), uncontrolled))
}

/// Seconds after a load in which what follows may well be its effect.
pub(crate) fn soon(scene: &Scene<'_>) -> f64 {
    scene.soon().seconds()
}

/// Whether the scene contradicts a hypothesis: hosts fail alike without it, or all at one moment whatever their own load.
pub(crate) fn refuted(hypothesis: &Hypothesis) -> bool {
    let tally = &hypothesis.tally;
    let chance = tally.risk.variance >= VARIANCE_MIN && tally.risk.z() < REFUTED_Z && tally.risk.ln_e < 0.0;
    chance || hypothesis.aligned() <= MOMENT_OF_ALL || hypothesis.explained() < EXPLAINS_NOTHING
}
