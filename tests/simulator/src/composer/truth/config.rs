//! Guilty config versions: the oddity of their content, their effect, their rollout, and their repair.

use super::{end, share};
use crate::composer::background;
use crate::composer::chance::{log_uniform, pick};
use crate::composer::content::Oddity;
use crate::composer::effect::{Death, Effect, On, SecondsRange, What};
use crate::composer::guilt::{Culprit, Guilt, Hurts};
use crate::composer::push::{Push, Refusal, Shape, Who};
use crate::composer::world::World;
use crate::random::Random;

/// Greatest delay from a load to its effect, seconds, for an effect that needs only the next request. Chosen.
const AT_ONCE_S: f64 = 0.5;

/// The effect of a guilty version.
#[derive(Clone, Copy, Debug)]
struct Deed {
    what: What,
    hurts: Hurts,
    delay_s: SecondsRange,
}

/// The config that carries a guilty version, and the binary that the version needs to fail, if it fails with one only.
#[derive(Clone, Copy, Debug)]
struct Target {
    config: usize,
    binary: Option<usize>,
}

/// The guilty versions of one config, and the time in which they can harm.
struct Wrong {
    target: Target,
    versions: Vec<usize>,
    deed: Deed,
    from: f64,
    until: f64,
}

/// The end of a guilty version.
struct Repair {
    config: usize,
    /// The version before the guilty one.
    before: Option<usize>,
    /// The earliest second of the repair.
    since: f64,
}

/// Adds a guilty version, or a family of guilty versions, at `at`.
pub(super) fn add(world: &mut World, at: f64, r: &mut Random) {
    let innocent: Vec<usize> = (0..world.configs.len()).filter(|config| !world.is_suspected(*config)).collect();
    let Some(config) = innocent.get(r.below(innocent.len())).copied() else { return };
    match r.unit() {
        drawn if drawn < 0.06 => stale(world, config, at, r),
        drawn if drawn < 0.20 => family(world, config, at, r),
        _ => single(world, Target { config, binary: None }, at, r),
    }
}

/// Adds a version that fails with one of two binaries only.
pub(super) fn with_binary(world: &mut World, at: f64, r: &mut Random) {
    if world.fleet.binaries.len() < 2 {
        world.fleet.binaries.push("3.0.0".into());
        let hosts = world.fleet.hosts.iter_mut();
        hosts.for_each(|host| host.binary = usize::from(r.chance(0.4)));
    }
    let binary = r.below(2);
    single(world, Target { config: 0, binary: Some(binary) }, at, r);
}

fn deed(world: &mut World, config: usize, r: &mut Random) -> Deed {
    let now = |what, hurts| Deed { what, hurts, delay_s: SecondsRange { least: 0.0, most: AT_ONCE_S } };
    match r.unit() {
        drawn if drawn < 0.20 => now(What::Errors(share(r)), Hurts::Requests),
        drawn if drawn < 0.40 => now(What::Panics(share(r)), Hurts::Requests),
        drawn if drawn < 0.52 => now(What::ErrorsTimes(3.0), Hurts::Requests),
        drawn if drawn < 0.62 => {
            world.configs.iter_mut().skip(config).take(1).for_each(|config| config.scores = true);
            let zero = What::ZeroScores(r.between(0.5, 1.0));
            now(if r.chance(0.7) { zero } else { What::ScoreShift(-r.between(15.0, 40.0)) }, Hurts::Scores)
        }
        drawn if drawn < 0.69 => now(What::Hangs(r.between(0.0, 0.6)), Hurts::Hangs),
        drawn if drawn < 0.79 => {
            let (least, most) = if r.chance(0.7) { (0.2, 3.0) } else { (20.0, 90.0) };
            let after_s = SecondsRange { least, most };
            let death =
                Death { after_s, backoff_s: log_uniform(r, 1.0, 15.0), signal: pick(r, Some(6), &[Some(11), None]) };
            now(What::Dies(death), Hurts::Deaths)
        }
        drawn if drawn < 0.87 => now(What::Denied(share(r)), Hurts::Denials),
        drawn if drawn < 0.92 => now(What::Slow(log_uniform(r, 4.0, 40.0)), Hurts::Latency),
        _ => {
            let least = world.fleet.length_s * r.between(0.01, 0.06);
            let what = What::Errors(share(r));
            let delay_s = SecondsRange { least, most: least * r.between(1.0, 2.0) };
            Deed { what, hurts: Hurts::Requests, delay_s }
        }
    }
}

fn oddity(r: &mut Random) -> Oddity {
    use Oddity::{Backwards, Blanks, Columns, Corrupt, Duplicates, Empty, None, Oversize, Source, Undeclared};
    pick(
        r,
        Oversize,
        &[
            Oversize, Oversize, None, None, None, Duplicates, Blanks, Empty, Columns, Source, Backwards, Undeclared,
            Corrupt,
        ],
    )
}

fn shape(world: &World, r: &mut Random) -> Shape {
    match r.unit() {
        drawn if drawn < 0.15 => Shape::Spread(r.between(0.3, 2.0)),
        drawn if drawn < 0.30 => Shape::Canary(r.between(0.02, 0.5)),
        _ => background::shape(r, world.fleet.length_s),
    }
}

fn single(world: &mut World, target: Target, at: f64, r: &mut Random) {
    let config = target.config;
    let oddity = oddity(r);
    let deed = deed(world, config, r);
    let before = world.version_before(config, at);
    let Some(version) = world.make(config, oddity, r) else { return };
    let shape = shape(world, r);
    let mut push = Push { version, at, shape, who: Who::All, refusal: None, salt: r.bits() };
    if oddity == Oddity::Corrupt {
        let share = r.between(0.1, 0.6);
        let good = world.make(config, Oddity::None, r);
        if let Some(good) = good {
            world.pushes.push(Push { version: good, who: Who::Rest { share, salt: push.salt }, ..push });
            let generation = world.versions.get(good).map_or(0, |good| good.generation);
            world.versions.iter_mut().skip(version).take(1).for_each(|bad| bad.generation = generation);
        }
        push.who = Who::Share { share, salt: push.salt };
    }
    world.pushes.push(push);
    let since = at + push.takes_s() + deed.delay_s.most;
    let until = repair(world, &Repair { config, before, since }, r);
    guilty(world, Wrong { target, versions: vec![version], deed, from: at, until });
}

/// Adds good and bad generations in turn, each with its own hash. The bad ones share one oddity.
fn family(world: &mut World, config: usize, at: f64, r: &mut Random) {
    let oddity = pick(r, Oddity::Oversize, &[Oddity::Duplicates, Oddity::Source, Oddity::Blanks]);
    let deed = deed(world, config, r);
    let before = world.version_before(config, at);
    let cadence = world.fleet.length_s * r.between(0.05, 0.1);
    let spread = r.between(0.1, 0.4) * cadence;
    let mut bad = Vec::new();
    for turn in 0..2 + r.below(4) {
        let is_bad = turn == 0 || r.chance(0.6);
        let Some(version) = world.make(config, if is_bad { oddity } else { Oddity::None }, r) else { return };
        if is_bad {
            bad.push(version);
        }
        world.push(version, at + turn as f64 * cadence, Shape::Spread(spread), r);
    }
    let since = world.pushes.last().map_or(at, |push| push.at + cadence);
    let until = repair(world, &Repair { config, before, since }, r);
    guilty(world, Wrong { target: Target { config, binary: None }, versions: bad, deed, from: at, until });
}

/// Adds a version that some hosts refuse. They keep the previous version until it is too old, and then fail.
fn stale(world: &mut World, config: usize, at: f64, r: &mut Random) {
    let Some(before) = world.version_before(config, at) else { return };
    let Some(version) = world.make(config, Oddity::None, r) else { return };
    let refusal =
        Refusal { share: r.between(0.2, 0.8), reason: "io", error: "read: unexpected end of file", rejected: false };
    let shape = background::shape(r, world.fleet.length_s);
    world.pushes.push(Push { version, at, shape, who: Who::All, refusal: Some(refusal), salt: r.bits() });
    let from = at + world.fleet.length_s * 0.15;
    let until = (from + world.fleet.length_s * r.between(0.1, 0.3)).min(world.fleet.length_s);
    if let Some(good) = world.make(config, Oddity::None, r).filter(|_| until < world.fleet.length_s) {
        world.push(good, until, Shape::Spread(10.0), r);
    }
    let deed = Deed { what: What::Errors(share(r)), hurts: Hurts::Requests, delay_s: SecondsRange::default() };
    let target = Target { config, binary: None };
    guilty(world, Wrong { target, versions: vec![before], deed, from, until });
}

/// Pushes a good version, unless the draw ends before. Returns the second at which the harm ends.
fn repair(world: &mut World, repair: &Repair, r: &mut Random) -> f64 {
    let at = end(world, repair.since, r);
    let fresh = r.chance(0.5);
    let good = if fresh { world.make(repair.config, Oddity::None, r) } else { repair.before };
    let Some(good) = good.filter(|_| at < world.fleet.length_s) else { return world.fleet.length_s };
    let seconds = r.between(2.0, 60.0);
    world.push(good, at, Shape::Spread(seconds), r);
    (at + seconds).min(world.fleet.length_s)
}

/// Adds the effects and the guilt of `wrong`.
fn guilty(world: &mut World, wrong: Wrong) {
    let Wrong { target: Target { config, binary }, versions, deed, from, until } = wrong;
    for version in &versions {
        let effect = Effect::new(On::Version { version: *version, binary }, deed.what).during(from, f64::INFINITY);
        world.effects.push(Effect { guilt: Some(world.guilts.len()), delay_s: deed.delay_s, ..effect });
    }
    let odd: Vec<_> = versions.iter().filter_map(|version| world.versions.get(*version)).map(|v| v.oddity).collect();
    let name = world.configs.get(config).map_or("", |config| config.name);
    let words = format!(
        "{name} {odd:?} {:?} after {:.0} to {:.0} s, binary {binary:?}",
        deed.what, deed.delay_s.least, deed.delay_s.most
    );
    world.guilts.push(Guilt {
        culprit: Culprit::Config { config, versions, binary },
        hurts: deed.hurts,
        from,
        until,
        words,
    });
}
