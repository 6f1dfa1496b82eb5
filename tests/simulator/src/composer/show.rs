//! Describes a draw in words: fleet, truth, the oracle's view, nuisances, pushes.

use super::judge::Judge;
use super::nuisance::About;
use super::world::World;
use std::fmt::Write as _;

/// Describes `world` and its judge's view of it.
pub(crate) fn text(world: &World, judge: &Judge<'_>, dropped: &[usize]) -> String {
    let mut out = String::new();
    let fleet = &world.fleet;
    let name = |version: usize| {
        let of = world.versions.get(version);
        let config = of.and_then(|of| world.configs.get(of.config)).map_or("", |config| config.name);
        of.map_or_else(String::new, |of| format!("{config} {} {:?} rows {}", of.hash.short(), of.oddity, of.rows))
    };
    let mut line = |text: String| {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    line(format!(
        "seed {}: {} hosts, {} regions, builds {:?}, a report each {} s for {:.0} s, warm {}, {:.1e} errors in peace",
        world.seed,
        fleet.hosts.len(),
        fleet.regions.len(),
        fleet.binaries,
        fleet.interval_s,
        fleet.length_s,
        fleet.warm,
        fleet.base_error
    ));
    let rps: f64 = fleet.hosts.iter().map(|host| host.rps * host.slots as f64).sum();
    line(format!("  {rps:.1} requests a second in all, {} hosts at the end", fleet.alive(fleet.length_s)));
    fleet.styles.iter().for_each(|style| line(format!("  {style:?}")));
    for (guilt, sight) in world.guilts.iter().zip(judge.sights()) {
        line(format!(
            "truth {:.0} to {:.0} s: {} ({:?}): {sight:?}",
            guilt.from, guilt.until, guilt.words, guilt.culprit
        ));
    }
    if world.guilts.is_empty() {
        line("truth: nothing is guilty".into());
    }
    for (number, planned) in world.nuisances.iter().enumerate() {
        let About { origin, words } = planned.kind.about();
        let left_out = if dropped.contains(&number) { " (left out)" } else { "" };
        line(format!("nuisance {number}: {:?} {:.2}: {words} [{origin:?}]{left_out}", planned.kind, planned.strength));
    }
    for harm in &world.harms {
        line(format!("harm {:.0} to {:.0} s: {:?}", harm.from, harm.until, harm.who));
    }
    let mut pushes: Vec<_> = world.pushes.iter().collect();
    pushes.sort_by(|a, b| a.at.total_cmp(&b.at));
    for push in pushes {
        let refusal = push
            .refusal
            .map_or_else(String::new, |refusal| format!(" refused {:.2} {}", refusal.share, refusal.reason));
        line(format!("push {:>6.0} s {} {:?} {:?}{refusal}", push.at, name(push.version), push.shape, push.who));
    }
    for change in &world.changes {
        line(format!(
            "change {:>6.0} s {} {} told {} fleet-wide {}",
            change.at, change.kind, change.id, change.announced, change.fleet_wide
        ));
    }
    world.waves.iter().for_each(|wave| line(format!("restarts {wave:?}")));
    out
}
