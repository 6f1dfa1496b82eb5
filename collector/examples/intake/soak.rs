//! A collector over an hour: memory, descriptors and threads have to stay where they are.

use crate::batches;
use crate::load::Sender;
use crate::servers::{Held, Kind, Programs};
use crate::settings::{Proto, Shape, Signal, Soak};
use std::io;
use std::sync::Arc;

const SHAPES: [Shape; 2] = [
    Shape { proto: Proto::Http, signal: Signal::Logs, items: 100, rate: 50 },
    Shape { proto: Proto::Grpc, signal: Signal::Metrics, items: 100, rate: 50 },
];
/// Number of measurements during the soak.
const LOOKS: u32 = 60;
/// Growth from the second quarter to the last that is none: an allocator keeps what it once took.
const GROWTH_MAX: f64 = 1.1;

/// Sends for the given time. Returns false if a request was refused, or if memory, descriptors or threads have grown.
pub(crate) fn run(soak: &Soak) -> io::Result<bool> {
    let programs = Programs::of_collector(&soak.programs)?;
    let server = programs.start(Kind::Collector)?;
    let senders = SHAPES.map(|shape| {
        Sender::new(server.address(shape.proto), shape, Arc::new(batches::batches(shape.signal, shape.items)))
    });
    let (mut looks, mut failed, mut unsent) = (Vec::new(), 0, 0);
    println!("minute,batches,failed,unsent,rss_mib,descriptors,threads");
    for look in 1..=LOOKS {
        let mut batches = 0;
        let part = soak.minutes * 60.0 / f64::from(LOOKS);
        let sent = std::thread::scope(|scope| {
            let running = senders.each_ref().map(|sender| scope.spawn(move || sender.run(part)));
            running.map(|sender| sender.join().map_err(|_| io::Error::other("a sender panicked")))
        });
        for sent in sent {
            let sent = sent??;
            batches += sent.batches;
            failed += sent.failed;
            unsent += sent.unsent;
        }
        let held = server.held()?;
        let minute = soak.minutes * f64::from(look) / f64::from(LOOKS);
        println!("{minute:.1},{batches},{failed},{unsent},{:.1},{},{}", held.rss_mib, held.descriptors, held.threads);
        looks.push(held);
    }
    let quarter = looks.len() / 4;
    let greatest = |part: &[Held], of: fn(&Held) -> f64| part.iter().map(of).fold(0.0, f64::max);
    let early = looks.get(quarter..2 * quarter).unwrap_or_default();
    let late = looks.get(3 * quarter..).unwrap_or_default();
    let of: [fn(&Held) -> f64; 3] = [|held| held.rss_mib, |held| held.descriptors as f64, |held| held.threads as f64];
    let is_flat = of.into_iter().all(|of| greatest(late, of) <= greatest(early, of) * GROWTH_MAX);
    println!("{{\"flat\":{is_flat},\"failed\":{failed}}}");
    Ok(is_flat && failed == 0)
}
