//! Whether another explanation covers the same failing as well, so that neither may be named. What is done with a tie is
//! decided in `judge`.

use crate::evidence::clock::follows;
use crate::evidence::riskset::contrast;
use crate::hypothesis::judgement::{CONTROLS_MIN, SUSPECT_AT};
use crate::hypothesis::{Hypothesis, spans};
use crate::numerics::math::{float, ratio};
use crate::numerics::odds::LN_1000;
use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::hosts::Hosts;
use crate::scene::patient::{Bout, Patient};
use crate::scene::spans::Spans;
use crate::verdict::accusation::{LEAVING_AT, refuted, soon};
use firstbad_protocol::verdict::CauseKind;

/// One in this many failing hosts must separate two explanations for them not to tie.
const TELLING: usize = 20;
/// Lead in weight, log odds, up to which a rival is nearly as likely, and above which it is none.
const NEARLY: f64 = 2.0;
const LEADS: f64 = 6.0;
/// Greatest difference of median delays, seconds, of two loads that count as simultaneous.
const TOGETHER: f64 = 1.0;

/// ln of the e-value of each of two hypotheses with the other held equal. One that adds nothing is explained by the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contest {
    pub one: f64,
    pub two: f64,
}

/// Holds two explanations against each other.
pub(crate) fn contest(scene: &Scene<'_>, one: &Hypothesis, two: &Hypothesis) -> Contest {
    let (Some(of_one), Some(of_two)) = (spans(scene, one), spans(scene, two)) else { return Contest::default() };
    let given = |this: &Hypothesis, spans: &Spans, other: &Spans| {
        contrast(scene, this.kind == CauseKind::Binary, spans, Some(other)).ln_e
    };
    Contest { one: given(one, &of_one, &of_two), two: given(two, &of_two, &of_one) }
}

/// Whether a rival explains the same hosts at the same time as well.
pub(crate) fn ties(scene: &Scene<'_>, best: &Hypothesis, rival: &Hypothesis) -> bool {
    // The same versions by another mechanism are no rival.
    if best.factor.is_some() && best.factor == rival.factor && best.levels == rival.levels {
        return false;
    }
    // Time is the only evidence for two feeds that stopped, unless hosts with a newer version of one of them are well.
    let stands = |of: &Hypothesis| of.feed.is_some_and(|feed| feed.rival.is_none());
    if stands(best) && stands(rival) && best.factor != rival.factor {
        return true;
    }
    if rival.explained() >= 0.9 * best.explained() && are_twins(scene, best, rival) {
        return true;
    }
    // What was there long before can be where it fails, but not what set it off.
    if !rival.recent
        || best.kind == CauseKind::Change && rival.kind == CauseKind::Binary
        || rival.kind == CauseKind::Change && best.kind == CauseKind::Binary
    {
        return false;
    }
    if is_as_late(scene, best, rival) {
        return true;
    }
    // Requests before and after a load tell it from a moment, not from what rode with it on every host.
    let together = (rival.tally.lag.delay_s - best.tally.lag.delay_s).abs() <= TOGETHER && rival.tally.is_prompt();
    let rode = together && rival.aligned() > -3.0;
    let by_sides = best.weight - best.by_sides() < SUSPECT_AT && best.factor.is_some() && rival.factor.is_some();
    if by_sides && rode && rival.explained() >= 0.8 * best.explained() && !told_apart(scene, best, rival) {
        return true;
    }
    // Without request counts under the rival, the counts under the other are no evidence against the rival.
    let lead = best.weight - rival.weight - if rival.sides.is_none() { best.by_sides() } else { 0.0 };
    // What is nearly as likely is a rival on whichever side of the bound it falls.
    let weak = rival.weight < SUSPECT_AT && (lead > NEARLY || best.weight < SUSPECT_AT);
    if weak || lead > LEADS || rival.explained() < 0.8 * best.explained() {
        return false;
    }
    if best.mechanism >= rival.mechanism + 2.0 || best.used.is_some() && rival.unused.is_some() {
        return false;
    }
    if best.factor.is_some() && rival.factor.is_some() {
        if !told_apart(scene, best, rival) {
            return true;
        }
        let Contest { one: for_best, two: for_rival } = contest(scene, best, rival);
        let aligned = if rival.sides.is_none() { best.tally.aligned } else { best.aligned() };
        return for_best < for_rival + 3.0 && aligned < rival.aligned() + 4.0;
    }
    best.tally.exposed == rival.tally.exposed && best.weight - rival.weight < 3.0
}

/// Minimum ln of the likelihood ratio at which a rival predicts better which hosts fail.
const OUTDONE_AT: f64 = LN_1000;

/// Whether a rival explains as many failures and predicts better which hosts fail and which are well. Example: hosts restart
/// into a new binary and load a guilty config as they start. The binary is new on all of them, but the hosts that had the
/// config before failed without it.
pub(crate) fn is_outdone(best: &Hypothesis, rival: &Hypothesis) -> bool {
    let other = rival.factor.is_some() && best.factor.is_some() && rival.factor != best.factor;
    // If all hosts were exposed, none could be well without it, which is no better prediction.
    let others = rival.tally.control.seen;
    let controlled = others >= CONTROLS_MIN && others * 2 >= best.tally.control.seen;
    let covers = controlled && rival.explained() >= best.explained();
    other && rival.recent && covers && !refuted(rival) && predicted(rival) >= predicted(best) + OUTDONE_AT
}

/// ln of the greatest likelihood of who fails and who is well, given who was exposed.
fn predicted(hypothesis: &Hypothesis) -> f64 {
    let side = |hosts: Hosts| {
        let (failing, well) = (hosts.failing, hosts.seen.saturating_sub(hosts.failing));
        let part =
            |count: u64| if count == 0 { 0.0 } else { float(count as usize) * libm::log(ratio(count, hosts.seen)) };
        part(failing) + part(well)
    };
    side(hypothesis.tally.exposed) + side(hypothesis.tally.control)
}

/// Log likelihood ratio from which the age of one load, and not that of another, is the clock of the failing.
const CLOCK_AT: f64 = LN_1000;

/// Whether both explain the failing only some time after their loads, and the ages do not tell which of the two delays is
/// the right one.
fn is_as_late(scene: &Scene<'_>, best: &Hypothesis, rival: &Hypothesis) -> bool {
    let late = |of: &Hypothesis| !of.tally.is_prompt() && of.tally.lag.delay_s > soon(scene);
    let as_much = rival.factor.is_some() && !refuted(rival) && rival.explained() >= 0.9 * best.explained();
    let told = || {
        let (of_best, of_rival) = (spans(scene, best)?, spans(scene, rival)?);
        Some(follows(scene, &of_best, &of_rival) >= CLOCK_AT)
    };
    // Where the failing ends on each host as it leaves the one, and not as it leaves the other, the ends tell.
    let parted = best.tally.leaving >= rival.tally.leaving.max(0.0) + LEAVING_AT;
    late(best) && as_much && !parted && told() != Some(true)
}

/// Error of the time of a new binary, in report intervals: a report shows a binary, an event shows a load.
const BINARY_SEEN: i64 = 2;
/// Error of the time between two loads of one host, that events show.
const LOADS_APART: Span = Span(1_500_000_000);
/// Greatest lead in mechanism weight at which two simultaneous explanations still tie.
const PARTS: f64 = 2.0;
/// Of so many hosts that fail, or had either, one may tell twins apart by chance.
const TWINS_TELLING: usize = 20;

/// Whether a binary and a config were deployed together: every host, failing or healthy, had both or neither.
/// Then nothing but the content itself tells one from the other, whatever each weighs.
fn are_twins(scene: &Scene<'_>, best: &Hypothesis, rival: &Hypothesis) -> bool {
    let kinds = (best.kind, rival.kind);
    let both = matches!(kinds, (CauseKind::Binary, CauseKind::Config) | (CauseKind::Config, CauseKind::Binary));
    both && rival.recent && best.mechanism < rival.mechanism + PARTS && go_together(scene, best, rival)
}

/// Whether a limit that the content breaks, and no error that names it, tells one from its twin.
pub(crate) fn is_parted_by_content(scene: &Scene<'_>, best: &Hypothesis, rival: &Hypothesis) -> bool {
    let kinds = best.kind == CauseKind::Config && rival.kind == CauseKind::Binary;
    let as_much = rival.explained() >= 0.9 * best.explained();
    kinds && rival.recent && as_much && best.tally.refusals == 0 && go_together(scene, best, rival)
}

/// Whether all who fail, and all who are well, had both or neither.
fn go_together(scene: &Scene<'_>, best: &Hypothesis, rival: &Hypothesis) -> bool {
    let (Some(of_best), Some(of_rival)) = (spans(scene, best), spans(scene, rival)) else { return false };
    let slack = apart(scene, best, rival);
    let (mut telling, mut all) = (0, 0);
    for (index, patient) in scene.patients.iter().enumerate() {
        let (Some(best), Some(rival)) = (of_best.of(index), of_rival.of(index)) else { continue };
        let had = |spans: &[Window], slack: Span| {
            spans.iter().any(|span| span.end.min(patient.seen) - span.start.max(scene.onset - slack) >= slack)
        };
        let (one, two, differ) = if patient.bouts.is_empty() {
            let (one, two) = (had(best, slack), had(rival, slack));
            (one, two, one != two)
        } else {
            let (one, two) = (entered(patient, best, |_| slack), entered(patient, rival, |_| slack));
            let differ = one.is_some() != two.is_some() || one.zip(two).is_some_and(|(a, b)| (a - b).abs() > slack);
            (one.is_some(), two.is_some(), differ)
        };
        all += usize::from(one || two);
        telling += usize::from(differ);
    }
    all > 0 && telling * TWINS_TELLING <= all
}

/// Greatest error of the time between two changes of one host.
fn apart(scene: &Scene<'_>, best: &Hypothesis, rival: &Hypothesis) -> Span {
    let binary = best.kind == CauseKind::Binary || rival.kind == CauseKind::Binary;
    if binary { BINARY_SEEN * scene.interval } else { LOADS_APART }
}

/// When a unit got what it had as it first began to fail, if it had it then, as far as both times are known.
fn entered(patient: &Patient<'_>, spans: &[Window], slack: impl Fn(&Bout) -> Span) -> Option<Instant> {
    let had = |bout: &Bout| spans.iter().find(|span| bout.start >= span.start - slack(bout) && bout.start < span.end);
    patient.bouts.iter().find_map(had).map(|span| span.start)
}

/// Whether enough hosts tell one from another that explains nearly the same: hosts that fail with the first alone, and hosts
/// that had the other alone and are well. What a few say is a load that was late or a clock that is off.
fn told_apart(scene: &Scene<'_>, best: &Hypothesis, rival: &Hypothesis) -> bool {
    let (Some(of_best), Some(of_rival)) = (spans(scene, best), spans(scene, rival)) else { return true };
    let slack = apart(scene, best, rival);
    let mut telling = 0;
    for (index, patient) in scene.patients.iter().enumerate() {
        let (Some(best), Some(rival)) = (of_best.of(index), of_rival.of(index)) else { continue };
        // It fails with this one, and it did not have the other, or had it earlier and was well.
        let alone = || {
            let this = entered(patient, best, |bout| scene.early(bout))?;
            let other = entered(patient, rival, |bout| scene.early(bout) + slack);
            Some(other.is_none_or(|other| this > other + slack))
        };
        let had = |spans: &[Window]| {
            let known = |span: &Window| span.end.min(patient.seen) - span.start.max(scene.onset - scene.interval);
            spans.iter().any(|span| known(span) >= scene.interval)
        };
        let fails = !patient.bouts.is_empty();
        telling += usize::from(if fails { alone() == Some(true) } else { had(rival) && !had(best) });
    }
    telling * TELLING >= scene.failing()
}
