//! Plays a draw: writes every report and event of every process slot, and notes for the oracle what reaches the wire. What
//! happens to a slot is decided in `timeline` and `spells`; how it is spelled, in `wire`.

mod panicked;
mod slot;

use super::evidence::Evidence;
use super::noise::Weather;
use super::wire::{Process, Sink, events, resource};
use super::world::World;
use crate::composer::content::Oddity;
use crate::composer::timeline::{Ending, Life};
use crate::random::Random;
use slot::Slot;

/// A draw as lines, and the evidence that they hold.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) lines: Vec<u8>,
    pub(crate) evidence: Evidence,
}

/// Where slots write while they are played.
struct Output {
    sink: Sink,
    evidence: Evidence,
}

/// Plays `world`.
pub(crate) fn play(world: &World) -> Played {
    let weather = Weather::new(&world.noise, world.fleet.regions.len(), world.fleet.length_s);
    let mut output = Output { sink: Sink::default(), evidence: Evidence::new(world.guilts.len()) };
    for (host, of) in world.fleet.hosts.iter().enumerate() {
        for number in 0..of.slots {
            Slot::new(world, &weather, host, number).play(&mut output);
        }
    }
    let Output { mut sink, mut evidence } = output;
    pipeline(world, &mut sink);
    strangers(world, &mut sink);
    let lines = sink.in_order();
    evidence.bytes = lines.len() as u64;
    Played { lines, evidence }
}

/// Writes the events of the deployment pipeline: publish events, and changes of the whole fleet.
fn pipeline(world: &World, sink: &mut Sink) {
    let Some(style) = world.fleet.styles.first() else { return };
    let resource = "{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"pipeline\"}}]}";
    let writer = events::Writer { world, style, host: 0, resource, boot: "pipeline", clock_s: 0.0, nameless: false };
    for change in world.changes.iter().filter(|change| change.announced && change.fleet_wide) {
        sink.line(change.at, |out| writer.change(out, change, change.at));
    }
    if !world.publishes {
        return;
    }
    let declared = |number: &usize| world.versions.get(*number).is_some_and(|v| v.oddity != Oddity::Undeclared);
    for number in world.first.iter().copied().filter(declared) {
        sink.line(0.0, |out| writer.publish(out, number, 0.0));
    }
    for push in world.pushes.iter().filter(|push| declared(&push.version)) {
        let at = (push.at - 1.0).max(0.0);
        sink.line(at, |out| writer.publish(out, push.version, at));
    }
}

/// Writes the load events of foreign jobs, which are no proxies.
fn strangers(world: &World, sink: &mut Sink) {
    let Some((style, first)) = world.fleet.styles.first().zip(world.first.first()) else { return };
    let telemetry = &world.telemetry;
    let ends = world.fleet.length_s;
    let jobs = telemetry.cron_every_s.map_or(0, |every| (ends / every) as usize);
    let cron = (1..jobs).map(|number| number as f64 * telemetry.cron_every_s.unwrap_or(ends));
    for (number, at) in telemetry.one_off_at.iter().copied().chain(cron).enumerate() {
        let ending = Ending::None;
        let life = Life { number: 0, from: at, to: at, ending, binary: 0, killed_by: None, loading: None };
        let resource = resource(world, Process { host: 1_000_000 + number, slot: 0, life: &life, style });
        let resource = resource.replace("\"proxy\"", "\"job\"");
        let named = resource.replace(
            "]}",
            &format!(",{{\"key\":\"service.instance.id\",\"value\":{{\"stringValue\":\"job-{number}\"}}}}]}}"),
        );
        let writer =
            events::Writer { world, style, host: 0, resource: &named, boot: "job", clock_s: 0.0, nameless: false };
        let load = super::timeline::Load { at, life: 0, version: *first, previous: None, refusal: None };
        sink.line(at, |out| writer.load(out, &load, number));
    }
}

/// Returns the stream of random numbers of one slot.
fn stream(world: &World, host: usize, slot: usize) -> Random {
    Random::new(world.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ ((host as u64) << 8) ^ slot as u64)
}
