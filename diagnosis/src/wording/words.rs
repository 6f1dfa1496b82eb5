//! Sentences: what speaks for and against an explanation, and what was ruled out, each with its numbers.

use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::{Ages, By, Contrast, Counted, Sides};
use crate::scene::hosts::Hosts;
use crate::state::State;
use crate::state::ids::LevelId;
use crate::state::model::Key;
use crate::state::ring::Sums;
use firstbad_protocol::verdict::{Arm, CauseKind, Suspect};
use firstbad_protocol::{Hash, Untrusted, verdict};

/// Half of the last digit that [`span`] prints, seconds.
const ROUNDS_TO_ZERO_S: f64 = 0.05;

/// A seconds value as people read it. What rounds to zero has no sign.
fn span(seconds: f64) -> String {
    let seconds = if seconds.abs() < ROUNDS_TO_ZERO_S { 0.0 } else { seconds };
    if seconds.abs() >= 10.0 { format!("{seconds:.0} s") } else { format!("{seconds:.1} s") }
}

/// How long after a load something starts. A start before the load is an error of clocks or of the report's length.
fn after(delay_s: f64, spread_s: f64) -> String {
    if delay_s <= -ROUNDS_TO_ZERO_S {
        return "within clock error of".to_owned();
    }
    if delay_s + spread_s <= 1.0 {
        return "within 1 s of".to_owned();
    }
    format!("{} (spread {}) after", span(delay_s), span(spread_s))
}

/// How many of the starts of failing were on exposed hosts, against chance.
fn beyond_chance(risk: &Contrast) -> String {
    // Observed is a sum over strata, printed whole: as many as there are means each.
    let observed = format!("{:.0}", risk.observed);
    let of = if observed == risk.events.to_string() {
        format!("all {observed}")
    } else {
        format!("{observed} of {}", risk.events)
    };
    format!(
        "{of} times that a host started failing it was exposed to it; by chance {:.1} would have been (within region and binary; e-value {:.1e})",
        risk.expected,
        libm::exp(risk.ln_e.min(600.0))
    )
}

/// What is meant, in words.
pub(crate) fn name(state: &State, hypothesis: &Hypothesis) -> String {
    match hypothesis.kind {
        CauseKind::Config | CauseKind::Binary => {
            let factor = hypothesis.factor.and_then(|factor| state.tables.config_name(factor)).unwrap_or("binary");
            let first = hypothesis.levels.first().and_then(|level| state.tables.level_at(*level));
            let value = first.map_or_else(String::new, |level| match &level.key {
                Key::Version(hash) => hash.short(),
                Key::Text(text) => Untrusted(text).to_string(),
            });
            let more = hypothesis.levels.len().saturating_sub(1);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{} {value}{more}", Untrusted(factor))
        }
        CauseKind::Change => {
            let change = hypothesis.change.and_then(|index| state.changes.get(index));
            change.map_or_else(String::new, |change| {
                format!("{} {} ({})", Untrusted(&change.kind), Untrusted(&change.target), Untrusted(&change.id))
            })
        }
        _ => {
            let pairs: Vec<String> = hypothesis
                .dimensions
                .iter()
                .map(|(key, value)| format!("{}={}", Untrusted(key), Untrusted(value)))
                .collect();
            pairs.join(", ")
        }
    }
}

/// What the reports say that hold a load.
fn of_sides(sides: &Sides) -> String {
    let (hosts, ratio) = (sides.hosts, libm::exp(sides.ratio));
    let Counted { count: before, all: of_before } = sides.before;
    let Counted { count: after, all: of_after } = sides.after;
    match sides.by {
        By::Scores => format!(
            "on {hosts} hosts scores change with the first request that used it, and not before, within the report that holds the load (likelihood ratio {ratio:.1e})"
        ),
        By::Failed => format!(
            "within the reports of {hosts} hosts that hold the load, {after:.0} of {of_after:.0} requests that used it failed, and {before:.0} of {of_before:.0} that used the version before (likelihood ratio {ratio:.1e})"
        ),
        By::Finished => format!(
            "within the reports of {hosts} hosts that hold the load, {before:.0} requests finished before it, where {of_before:.0} are usual, and {after:.0} with it, where {of_after:.0} are (likelihood ratio {ratio:.1e})"
        ),
    }
}

/// What speaks for it.
pub(crate) fn evidence(hypothesis: &Hypothesis) -> Vec<String> {
    let tally = &hypothesis.tally;
    let mut said = Vec::new();
    said.extend(hypothesis.growth.map(|growth| format!("requests are {growth:.1} times those before the onset")));
    if let Some(sums) = &hypothesis.pooled {
        said.push(format!(
            "over {} report intervals {:.0} failed on hosts exposed to it where their own past gives {:.0}, and {:.0} where it gives {:.0} on the others of their region and binary: {:.1} times as often (e-value {:.1e}); hardly any host shows it alone",
            sums.intervals, sums.exposed.observed, sums.exposed.expected, sums.control.observed, sums.control.expected, sums.ratio(), libm::exp(sums.ln_e.min(600.0))
        ));
        return said;
    }
    said.extend(hypothesis.ages.as_ref().map(of_ages));
    if tally.exposed.seen > 0 {
        let (exposed, control) = (tally.exposed, tally.control);
        let others = match control.seen {
            0 => String::new(),
            _ => format!(", {} of {} others seen while the fleet failed", control.failing, control.seen),
        };
        said.push(format!("{} of {} hosts exposed to it fail{others}", exposed.failing, exposed.seen));
    }
    if tally.risk.ln_e > 2.0 {
        said.push(beyond_chance(&tally.risk));
    }
    if tally.aligned > 1.0 && tally.lag.hosts >= 3 {
        let lag = tally.lag;
        said.push(format!(
            "on {} hosts failures start {} that host's own load, while the starts are spread over {}",
            lag.hosts,
            after(lag.delay_s, lag.delay_spread_s),
            span(lag.onset_spread_s)
        ));
    }
    said.extend(hypothesis.sides.as_ref().map(of_sides));
    if tally.stops.hits > 0 {
        said.push(format!("{} of {} times a host left it, failing stopped", tally.stops.hits, tally.stops.all));
    }
    if tally.flips.agreeing > 1 {
        let (agreeing, all) = (tally.flips.agreeing, tally.flips.agreeing + tally.flips.contrary);
        said.push(match (agreeing, tally.flips.contrary) {
            (2, 0) => "failures followed both the rollout and the rollback".to_owned(),
            _ => format!("failures followed {agreeing} of {all} rollouts and rollbacks of it"),
        });
    }
    if tally.deaths > 0 {
        said.push(format!("{} processes died while loading it", tally.deaths));
    }
    if tally.refusals > 0 {
        said.push(format!("{} hosts refused to load it", tally.refusals));
    }
    if let Some(of) = &hypothesis.used {
        said.push(format!(
            "used by {:.1} % of all requests, and by {:.0} of the {:.0} that failed beyond what is usual; if it did not matter, {:.0} others would have failed as well",
            100.0 * of.share, of.inside, of.inside + of.outside, of.others
        ));
    }
    said.extend(hypothesis.history.repeated.as_ref().map(ToString::to_string));
    if let Some(feed) = &hypothesis.feed {
        said.push(feed.to_string());
    } else if let Some(found) = hypothesis.properties.first() {
        let what = if found.limit { "exceeds a declared limit" } else { "separates it from every clean version" };
        said.push(format!("its content {what}: {}", found.property));
    }
    said
}

/// What ages at death say.
fn of_ages(ages: &Ages) -> String {
    let again = match ages.later_deaths {
        0 => String::new(),
        again => format!(", and {again} again {} after their restart", span(ages.later_mean_s)),
    };
    format!(
        "processes die of age: {} died {} after they loaded it on average{again}, while younger ones beside them lived (from {} on; e-value {:.1e})",
        ages.first_deaths,
        span(ages.first_mean_s),
        span(ages.least),
        libm::exp(ages.ln_e.min(600.0))
    )
}

/// What excludes it, if anything does: that nothing can be compared excludes nothing.
pub(crate) fn refutation(hypothesis: &Hypothesis) -> Option<String> {
    let tally = &hypothesis.tally;
    let chance = tally.risk.variance >= 1.0 && tally.risk.z() < 2.0;
    let moment = tally.aligned < -1.0 && tally.lag.hosts >= 3;
    let without = tally.control.failing > 1
        && tally.control.failing * 10 >= tally.exposed.failing
        && hypothesis.control_share() >= 0.3 * hypothesis.share();
    let well = hypothesis.share() < 0.2;
    let unused = hypothesis.unused.is_some();
    (chance || moment || without || well || unused).then(|| against(hypothesis).into_iter().next()).flatten()
}

/// What speaks against it.
pub(crate) fn against(hypothesis: &Hypothesis) -> Vec<String> {
    let tally = &hypothesis.tally;
    let mut said = Vec::new();
    if hypothesis.pooled.is_some() {
        return said;
    }
    said.extend(hypothesis.history.returned.map(|returned| returned.to_string()));
    said.extend(hypothesis.feed.and_then(|feed| feed.rival).map(|rival| rival.to_string()));
    if tally.risk.variance >= 1.0 && tally.risk.z() < 2.0 {
        said.push(format!(
            "of {} beginnings to fail {:.0} were on hosts exposed to it, and chance alone would give {:.1}",
            tally.risk.events, tally.risk.observed, tally.risk.expected
        ));
    }
    if tally.control.failing > 0 {
        said.push(format!("{} of {} hosts began to fail without it", tally.control.failing, tally.control.seen));
    }
    if tally.exposed.failing < tally.exposed.seen {
        said.push(format!(
            "{} of {} hosts exposed to it are well",
            tally.exposed.seen - tally.exposed.failing,
            tally.exposed.seen
        ));
    }
    if tally.aligned < -1.0 && tally.lag.hosts >= 3 {
        let lag = tally.lag;
        said.push(format!(
            "{} hosts began to fail within {} of each other, whatever their own load's time (spread {})",
            lag.hosts,
            span(lag.onset_spread_s),
            span(lag.delay_spread_s)
        ));
    }
    if let Some(of) = &hypothesis.unused {
        said.push(format!(
            "{:.0} of {:.0} requests that failed beyond what is usual did not use it",
            of.outside,
            of.inside + of.outside
        ));
    }
    if tally.control.seen == 0 && tally.exposed.seen > 0 {
        said.push("no host without it was seen while the fleet failed".to_owned());
    }
    said
}

/// Hosts that fail, or what the sums say.
fn arm(hosts: Hosts, sums: Option<Sums>) -> Arm {
    let alone = || Sums { observed: crate::observation::counts::float(hosts.failing), ..Sums::default() };
    let sums = sums.unwrap_or_else(alone);
    let rounded = |value| crate::numerics::math::rounded(value, 3);
    Arm {
        hosts: hosts.seen,
        hosts_failing: hosts.failing,
        observed: rounded(sums.observed),
        expected: rounded(sums.expected),
    }
}

/// Confidence: what the evidence allows, capped by how many hosts it rests on.
pub(crate) fn confidence(hypothesis: &Hypothesis) -> f64 {
    let logit = (hypothesis.weight / 3.0 - 1.0).clamp(-4.0, 5.0);
    let raw = 1.0 / (1.0 + libm::exp(-logit));
    let hosts =
        if hypothesis.pooled.is_some() { hypothesis.tally.exposed.seen } else { hypothesis.tally.exposed.failing };
    // Age alone has no host to compare with: never more than a strong suspicion.
    let most = if hypothesis.ages.is_some() { 0.85 } else { 0.99 };
    let cap = match hosts {
        0 => 0.05,
        1 => 0.6,
        2..=4 => 0.85,
        5..=11 => 0.95,
        _ => 0.99,
    };
    let shown = raw.min(cap).min(most) * hypothesis.explained().clamp(0.2, 1.0);
    crate::numerics::math::rounded(shown, 3)
}

/// Hashes of levels.
pub(crate) fn hashes(state: &State, levels: &[LevelId]) -> Vec<Hash> {
    levels.iter().filter_map(|level| state.tables.level_at(*level)?.hash()).collect()
}

/// The change event that is the hypothesis or came with it.
pub(crate) fn change(state: &State, hypothesis: &Hypothesis) -> Option<verdict::Change> {
    let index = hypothesis.change.or_else(|| {
        let version = hypothesis.scope.get("service.version").filter(|_| hypothesis.kind == CauseKind::Binary)?;
        state.changes.iter().position(|change| *change.target == **version)
    })?;
    let change = state.changes.get(index)?;
    Some(verdict::Change {
        kind: change.kind.to_string(),
        id: change.id.to_string(),
        target: change.target.to_string(),
    })
}

/// As the contract shows it.
pub(crate) fn suspect(state: &State, hypothesis: &Hypothesis, rank: u32) -> Suspect {
    let config = hypothesis.factor.and_then(|factor| state.tables.config_name(factor)).map(ToOwned::to_owned);
    let (share, control) = (hypothesis.share(), hypothesis.control_share());
    Suspect {
        rank,
        kind: hypothesis.kind,
        config,
        hashes: hashes(state, &hypothesis.levels),
        property: hypothesis.properties.first().map(|found| found.property.clone()),
        scope: hypothesis.scope.clone(),
        change: change(state, hypothesis),
        dimensions: hypothesis.dimensions.clone(),
        confidence: confidence(hypothesis),
        exposed: arm(hypothesis.tally.exposed, hypothesis.pooled.map(|sums| sums.exposed)),
        control: arm(hypothesis.tally.control, hypothesis.pooled.map(|sums| sums.control)),
        rate_ratio: hypothesis.pooled.map_or(crate::numerics::math::rounded(share / control.max(0.001), 3), |sums| {
            crate::numerics::math::rounded(sums.ratio(), 3)
        }),
        explained_share: crate::numerics::math::rounded(hypothesis.explained(), 4),
        evidence: evidence(hypothesis),
        against: against(hypothesis),
    }
}
