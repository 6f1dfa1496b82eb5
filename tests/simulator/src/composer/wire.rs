//! The draw as OTLP/JSON lines (contract.md sections 2 and 4). Points are written as text one by one, since a draw has
//! millions of them. `crate::capture` cannot serve here: it writes observations, which have no pods, no missing identities
//! and no older spellings.

pub(crate) mod events;
pub(crate) mod json;
pub(crate) mod metrics;

use super::fleet::Fleet;
use super::push::Who;
use super::style::{Identity, Style};
use super::timeline::Life;
use super::world::World;
use firstbad_protocol::names::attribute;

/// Unix time of second 0 of a draw, seconds: 2026-11-18 11:06:40 UTC.
pub(crate) const EPOCH_S: f64 = 1_795_000_000.0;

/// Collects lines, each with the second of its arrival.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    text: String,
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    arrival: f64,
    start: usize,
    end: usize,
}

impl Sink {
    /// Adds a line that arrives at `arrival` and is written by `write`.
    pub(crate) fn line(&mut self, arrival: f64, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        write(&mut self.text);
        self.lines.push(Line { arrival, start, end: self.text.len() });
    }

    /// Adds the last line once more.
    pub(crate) fn repeat(&mut self, arrival: f64) {
        if let Some(last) = self.lines.last().copied() {
            self.lines.push(Line { arrival, ..last });
        }
    }

    /// Returns all lines in the order of their arrival.
    pub(crate) fn in_order(mut self) -> Vec<u8> {
        self.lines.sort_by(|a, b| a.arrival.total_cmp(&b.arrival));
        let mut out = Vec::with_capacity(self.text.len() + self.lines.len());
        for line in &self.lines {
            out.extend_from_slice(self.text.as_bytes().get(line.start..line.end).unwrap_or_default());
            out.push(b'\n');
        }
        out
    }
}

/// One life of a process that sends telemetry.
#[derive(Clone, Copy)]
pub(crate) struct Process<'p> {
    pub(crate) host: usize,
    pub(crate) slot: usize,
    pub(crate) life: &'p Life,
    pub(crate) style: &'p Style,
}

/// Returns the resource attributes of `process`.
pub(crate) fn resource(world: &World, process: Process<'_>) -> String {
    let fleet: &Fleet = &world.fleet;
    let Process { host, life, .. } = process;
    let mut text = String::from("{\"attributes\":[");
    json::text(&mut text, attribute::SERVICE_NAME, "proxy");
    text.push(',');
    json::text(&mut text, attribute::SERVICE_VERSION, fleet.binaries.get(life.binary).map_or("0", String::as_str));
    if let Some(of) = fleet.hosts.get(host) {
        text.push(',');
        json::text(&mut text, attribute::CLOUD_REGION, fleet.regions.get(of.region).map_or("none", String::as_str));
        let means = |who: &Option<Who>| who.is_some_and(|who| who.holds(fleet, host));
        if means(&world.telemetry.shared) {
            text.push(',');
            json::text(&mut text, attribute::SERVICE_INSTANCE_ID, "proxy-1");
        } else if !means(&world.telemetry.anonymous) {
            identity(&mut text, &of.name, process);
        }
    }
    text.push_str("]}");
    text
}

fn identity(text: &mut String, name: &str, process: Process<'_>) {
    let (slot, life, style) = (process.host * 16 + process.slot, process.life.number, process.style);
    let fresh = format!("{:08x}-{slot:x}-{life:x}", slot.wrapping_mul(2_654_435_761).wrapping_add(life * 97) as u32);
    text.push(',');
    match style.identity {
        Identity::HostAndInstance => {
            json::text(text, attribute::HOST_NAME, name);
            text.push(',');
            json::text(text, attribute::SERVICE_INSTANCE_ID, &format!("{name}/{slot}"));
        }
        Identity::HostAndFreshInstance => {
            json::text(text, attribute::HOST_NAME, name);
            text.push(',');
            json::text(text, attribute::SERVICE_INSTANCE_ID, &fresh);
        }
        Identity::HostAndPid => {
            json::text(text, attribute::HOST_NAME, name);
            text.push(',');
            json::whole(text, style, attribute::PROCESS_PID, (1_000 + slot % 16 * 7 + life * 131) as i64);
        }
        Identity::Pod => json::text(text, "k8s.pod.name", &format!("{name}-{slot:x}-{life:x}")),
        Identity::FreshInstance => json::text(text, attribute::SERVICE_INSTANCE_ID, &fresh),
    }
}

/// Returns the Unix time of a second of the draw, nanoseconds.
pub(crate) fn unix_ns(at: f64) -> i64 {
    (EPOCH_S as i64) * 1_000_000_000 + (at * 1e9) as i64
}
