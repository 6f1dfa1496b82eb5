//! What is published and changed when, and when it reaches each host. What it does there is `effect`'s business.

use crate::content::Producer;
use crate::number::Number;
use crate::plan::{ChangePlan, Config, Happening, Plan};
use crate::random::Random;
use crate::scenario::{Alternation, ConfigSpec, PublishSpec, Scenario};
use firstbad_diagnosis::observation::{Change, Name};
use firstbad_protocol::time::Timestamp;
use std::sync::Arc;

/// When each host is reached by a rollout, seconds after it began; none if never.
fn reach(stages: &[[Number; 2]], by_region: bool, plan: &Plan, r: &mut Random) -> Vec<Option<f64>> {
    let stages: Vec<(f64, f64)> = stages.iter().map(|[after, share]| (after.draw(r), share.draw(r))).collect();
    let count = plan.hosts.len() as f64;
    let mut ranks: Vec<usize> = (0..plan.hosts.len()).collect();
    r.shuffle(&mut ranks);
    if by_region {
        let mut regions: Vec<usize> = (0..plan.fleet.regions.len()).collect();
        r.shuffle(&mut regions);
        let place = |host: usize| {
            let region = plan.hosts.get(host).map_or(0, |host| host.region);
            regions.get(region).copied().unwrap_or(0)
        };
        ranks.sort_by_key(|host| place(*host));
        let first = ranks.iter().map(|host| place(*host)).collect::<Vec<_>>();
        let total = regions.len() as f64;
        return order_back(&ranks, |index| first.get(index).map_or(0.0, |region| *region as f64 / total), &stages);
    }
    order_back(&ranks, |index| index as f64 / count, &stages)
}

fn order_back(ranks: &[usize], place: impl Fn(usize) -> f64, stages: &[(f64, f64)]) -> Vec<Option<f64>> {
    let mut reached: Vec<Option<f64>> = vec![None; ranks.len()];
    for (index, host) in ranks.iter().enumerate() {
        let stage = stages.iter().find(|(_, share)| place(index) < *share);
        if let Some(slot) = reached.get_mut(*host) {
            *slot = if stages.is_empty() { Some(0.0) } else { stage.map(|(after, _)| *after) };
        }
    }
    reached
}

/// A publish with its drawn instants.
struct Special<'a> {
    spec: &'a PublishSpec,
    at: f64,
    until: f64,
    jitter: Option<f64>,
    reached: Vec<Option<f64>>,
}

/// How long after a publish a host loads it.
struct Jitter {
    greatest: f64,
    gamma: bool,
}

impl Jitter {
    fn draw(&self, greatest: Option<f64>, r: &mut Random) -> f64 {
        let greatest = greatest.unwrap_or(self.greatest);
        let late = if self.gamma { (r.gamma(2.0) / 4.0).min(1.5) } else { r.unit() };
        0.2 + late * greatest
    }
}

/// When the publish with `tag` happens, seconds.
#[must_use]
pub fn publish_second(plan_seed: u64, tag: &str, at_min: &Number) -> f64 {
    at_min.draw(&mut Random::fork(plan_seed, &format!("publish:{tag}"))) * 60.0
}

/// Draws configs, versions and deliveries.
pub fn publish(plan: &mut Plan, scenario: &Scenario, specs: &[ConfigSpec]) {
    for (index, spec) in specs.iter().enumerate() {
        let mut r = Random::fork(plan.seed, &format!("schedule:{}", spec.name));
        let mut producer = Producer::new(index, spec, plan.seed);
        let initial = plan.versions.len();
        plan.versions.push(producer.ordinary());
        plan.configs.push(Config {
            name: spec.name.as_str().into(),
            use_share: spec.use_share.draw(&mut r).min(1.0),
            scores: spec.scores,
            initial,
        });
        let specials = specials(plan, scenario, spec, index);
        let alternation = scenario.alternation.as_ref().filter(|_| index == 0);
        let jitter = Jitter { greatest: spec.jitter_s.draw(&mut r), gamma: r.chance(0.5) };
        let turns = alternation.map(|spec| Turns::draw(spec, plan.seed));
        let declared = spec.declared;
        Line { index, spec, producer, initial, bad: None, declared, jitter, specials, turns, random: r }
            .publish_all(plan);
    }
}

fn specials<'a>(plan: &Plan, scenario: &'a Scenario, spec: &ConfigSpec, index: usize) -> Vec<Special<'a>> {
    let main = scenario.config.name.as_str();
    let own = scenario.publish.iter().filter(|publish| publish.config.as_deref().unwrap_or(main) == spec.name);
    let mut specials: Vec<Special<'a>> = own
        .map(|publish| {
            let mut r = Random::fork(plan.seed, &format!("rollout:{}:{index}", publish.tag));
            let at = publish_second(plan.seed, &publish.tag, &publish.at_min);
            Special {
                spec: publish,
                at,
                until: publish.for_min.as_ref().map_or(f64::INFINITY, |n| at + n.draw(&mut r) * 60.0),
                jitter: publish.jitter_s.as_ref().map(|n| n.draw(&mut r)),
                reached: reach(&publish.stages, publish.by_region, plan, &mut r),
            }
        })
        .collect();
    specials.sort_by(|a, b| a.at.total_cmp(&b.at));
    specials
}

/// One config's line of versions.
struct Line<'a> {
    index: usize,
    spec: &'a ConfigSpec,
    producer: Producer,
    initial: usize,
    bad: Option<usize>,
    declared: bool,
    jitter: Jitter,
    specials: Vec<Special<'a>>,
    turns: Option<Turns>,
    random: Random,
}

/// What is published at one instant.
enum Issue {
    Ordinary,
    Special(usize),
    Resume,
}

/// A publish of a special's content.
#[derive(Clone, Copy)]
struct Release {
    /// Index of the special.
    special: usize,
    /// Whether it is the one that begins the special; the later ones only keep to it.
    first: bool,
}

/// How a version reaches the hosts.
#[derive(Clone, Copy)]
struct Rollout<'a> {
    /// Second at which it begins.
    at: f64,
    /// Seconds from then until each host is reached; none if never.
    reached: &'a [Option<f64>],
    /// Greatest delay of a load, seconds, in place of the config's own.
    jitter: Option<f64>,
}

impl Line<'_> {
    fn publish_all(mut self, plan: &mut Plan) {
        // A version is undeclared only if its config's pipeline never named it: the one in use at the start was named.
        self.declare(plan, 0.0, self.initial);
        let cadence = self.spec.cadence_s.draw(&mut self.random);
        let mut issues: Vec<(f64, Issue)> = Vec::new();
        let mut at = self.random.between(0.0, cadence.max(1.0));
        while cadence > 0.0 && at < plan.length_s {
            issues.push((at, Issue::Ordinary));
            at += cadence;
        }
        for (index, special) in self.specials.iter().enumerate() {
            issues.push((special.at, Issue::Special(index)));
            issues.push((special.until, Issue::Resume));
        }
        issues.extend(self.turns.as_ref().map(|turns| (turns.restore, Issue::Resume)));
        issues.retain(|(at, _)| *at < plan.length_s);
        issues.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (at, issue) in issues {
            self.issue(plan, at, &issue);
        }
    }

    fn issue(&mut self, plan: &mut Plan, at: f64, issue: &Issue) {
        let lasts = |special: &Special| special.at <= at && at < special.until && special.spec.then != "resume";
        let regime = self.specials.iter().rposition(lasts);
        let held = |index: usize| self.specials.get(index).is_some_and(|special| special.spec.then == "hold");
        match (issue, regime) {
            (Issue::Ordinary, Some(index)) if held(index) => {}
            (Issue::Special(index), _) => self.issue_special(plan, at, Release { special: *index, first: true }),
            (Issue::Ordinary, Some(index)) => self.issue_special(plan, at, Release { special: index, first: false }),
            (Issue::Ordinary | Issue::Resume, _) => {
                let everywhere = vec![Some(0.0); plan.hosts.len()];
                let bad = self.turns.as_mut().is_some_and(|turns| turns.is_bad(at));
                let version = if bad { self.bad_turn(plan) } else { self.good(plan) };
                self.declare(plan, at, version);
                self.deliver(plan, version, Rollout { at, reached: &everywhere, jitter: None });
            }
        }
    }

    fn issue_special(&mut self, plan: &mut Plan, at: f64, release: Release) {
        let first = release.first;
        let Some(special) = self.specials.get(release.special) else { return };
        let (spec, since, jitter) = (special.spec, at - special.at, special.jitter);
        let reached = special.reached.clone();
        if let Some(other) = &spec.with {
            let version = self.push(plan, |p| p.special(&spec.content, &spec.tag, false));
            return follow(plan, version, other);
        }
        if spec.same_generation && first {
            let ordinary = self.good(plan);
            let others: Vec<Option<f64>> = reached.iter().map(|reached| reached.xor(Some(0.0))).collect();
            self.deliver(plan, ordinary, Rollout { at, reached: &others, jitter: None });
        }
        let version = self.push(plan, |p| p.special(&spec.content, &spec.tag, spec.same_generation));
        if !spec.undeclared {
            self.declare(plan, at, version);
        }
        let by_now = |reached: Option<f64>| reached.filter(|s| first || *s <= since).map(|s| (s - since).max(0.0));
        let reached: Vec<Option<f64>> = reached.into_iter().map(by_now).collect();
        self.deliver(plan, version, Rollout { at, reached: &reached, jitter });
    }

    /// Delivers a version to the hosts reached.
    fn deliver(&mut self, plan: &mut Plan, version: usize, rollout: Rollout) {
        let Rollout { at, reached, jitter } = rollout;
        for (host, reached) in plan.hosts.iter_mut().zip(reached) {
            let late = self.jitter.draw(jitter, &mut self.random);
            if let Some(after) = reached.filter(|_| !host.downstream) {
                host.agenda.push((at + after + late, Happening::Deliver(version)));
            }
        }
    }

    fn push(&mut self, plan: &mut Plan, make: impl FnOnce(&mut Producer) -> crate::content::Version) -> usize {
        plan.versions.push(make(&mut self.producer));
        plan.versions.len() - 1
    }

    fn good(&mut self, plan: &mut Plan) -> usize {
        if self.spec.constant { self.initial } else { self.push(plan, Producer::ordinary) }
    }

    fn bad_turn(&mut self, plan: &mut Plan) -> usize {
        let Some(turns) = &self.turns else { return self.initial };
        if let Some(bad) = self.bad.filter(|_| !turns.fresh) {
            return bad;
        }
        let (content, tag) = (turns.content.clone(), turns.tag.clone());
        let bad = self.push(plan, |p| p.special(&content, &tag, false));
        self.bad = Some(bad);
        bad
    }

    fn declare(&self, plan: &mut Plan, at: f64, version: usize) {
        let Some((config, hash)) = plan
            .versions
            .get(version)
            .filter(|_| self.declared)
            .zip(plan.configs.get(self.index))
            .map(|(version, config)| (config.name.clone(), version.hash))
        else {
            return;
        };
        let change = Change {
            at: plan.at(at),
            source: None,
            dimensions: Arc::default(),
            kind: "publish".into(),
            id: hash.short().into(),
            target: config.clone(),
            description: "published by the pipeline".into(),
            version: Some((config, hash)),
        };
        plan.announcements.push((at, change));
    }
}

/// Delivers `version` in the very instants in which the versions with tag `other` arrive.
fn follow(plan: &mut Plan, version: usize, other: &str) {
    let versions = &plan.versions;
    let is_other = |index: usize| versions.get(index).is_some_and(|version| version.tag.as_deref() == Some(other));
    for host in &mut plan.hosts {
        let mut instants = host.agenda.iter().filter_map(|(at, happening)| match happening {
            Happening::Deliver(index) if is_other(*index) => Some(*at),
            _ => None,
        });
        if let Some(at) = instants.next() {
            host.agenda.push((at, Happening::Deliver(version)));
        }
    }
}

/// A generator that is bad by turns.
struct Turns {
    tag: String,
    content: crate::scenario::ContentSpec,
    fresh: bool,
    from: f64,
    settle: f64,
    restore: f64,
    random: Random,
    /// Whether one was bad: a run without any would have nothing to be named.
    was_bad: bool,
}

impl Turns {
    fn draw(spec: &Alternation, seed: u64) -> Self {
        let mut random = Random::fork(seed, "alternation");
        let from = spec.from_min.draw(&mut random) * 60.0;
        Self {
            tag: spec.tag.clone(),
            content: spec.content.clone(),
            fresh: spec.fresh,
            from,
            settle: spec.settle_min.draw(&mut random) * 60.0,
            restore: spec.restore_min.as_ref().map_or(f64::INFINITY, |n| n.draw(&mut random) * 60.0),
            random,
            was_bad: false,
        }
    }

    /// The node that runs the query is drawn anew each time; it is bad once it is updated. Half-way at the latest one is.
    fn is_bad(&mut self, at: f64) -> bool {
        let part = ((at - self.from) / self.settle).clamp(0.0, 1.0);
        let bad = at < self.restore && (self.random.chance(part) || part >= 0.5 && !self.was_bad);
        self.was_bad |= bad;
        bad
    }
}

/// Draws changes and when they reach each host.
pub fn changes(plan: &mut Plan, scenario: &Scenario) {
    for (index, spec) in scenario.change.iter().enumerate() {
        let mut r = Random::fork(plan.seed, &format!("change:{}", spec.tag));
        let at = spec.at_min.draw(&mut r) * 60.0;
        let undo = spec.for_min.as_ref().map(|n| n.draw(&mut r) * 60.0);
        let spread = spec.spread_s.draw(&mut r);
        let reached = reach(&spec.stages, spec.by_region, plan, &mut r);
        let fleet_wide = spec.stages.is_empty() && spec.kind != "restart" && spec.kind != "deploy";
        let binary = spec.on_binary.as_deref();
        for (host, reached) in plan.hosts.iter_mut().zip(reached) {
            let late = if fleet_wide { 0.0 } else { r.between(0.0, spread) };
            let Some(after) =
                reached.filter(|_| !host.downstream && binary.is_none_or(|binary| &*host.binary == binary))
            else {
                continue;
            };
            host.agenda.push((at + after + late, Happening::Change(index)));
            if let Some(undo) = undo {
                host.agenda.push((at + after + late + undo, Happening::Undo(index)));
            }
        }
        let per_host = !fleet_wide && !spec.silent && spec.kind != "restart";
        plan.changes.push(ChangePlan {
            tag: spec.tag.clone(),
            kind: spec.kind.clone(),
            target: spec.target.clone(),
            per_host,
        });
        if fleet_wide && !spec.silent {
            let change = announcement(plan.at(at), &spec.kind, &spec.tag, &spec.target);
            plan.announcements.push((at, change));
        }
    }
}

fn announcement(at: Timestamp, kind: &str, id: &str, target: &str) -> Change {
    Change {
        at,
        source: None,
        dimensions: Arc::default(),
        kind: Name::from(kind),
        id: Name::from(id),
        target: Name::from(target),
        description: format!("{kind} of {target}").into(),
        version: None,
    }
}

/// Innocent change events.
pub fn noise(plan: &mut Plan, scenario: &Scenario) {
    const KINDS: [(&str, &str); 5] = [
        ("flag", "new-cache"),
        ("dns", "origin.example"),
        ("capacity", "pool-3"),
        ("schema", "http_requests"),
        ("flag", "h3"),
    ];
    let mut r = Random::fork(plan.seed, "noise");
    let rate = scenario.fleet.changes_per_min.draw(&mut r) / 60.0;
    let mut at = 0.0;
    for number in 0.. {
        at -= (1.0 - r.unit()).ln() / rate.max(1e-9);
        if at >= plan.length_s {
            return;
        }
        let Some((kind, target)) = KINDS.get(r.below(KINDS.len())) else { return };
        let change = announcement(plan.at(at), kind, &format!("chg-{number}"), target);
        plan.announcements.push((at, change));
    }
}
