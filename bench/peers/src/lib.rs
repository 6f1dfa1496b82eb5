//! What the benches share: CPU time of threads, and tables that are printed and written to `target/bench/<name>.json` as rows
//! of `name`, `ours`, `peer`, `ratio`, `unit`. What is measured is decided by each bench.

use std::path::Path;

/// Nanoseconds of CPU that this thread has used.
#[must_use]
pub fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Least CPU time of one round; the best of [`ROUNDS`] counts.
const NS_PER_ROUND: u64 = 150_000_000;
/// Rounds per thread.
const ROUNDS: usize = 5;

/// CPU nanoseconds per call of what `worker` makes, on `threads` threads at once: the best round of each thread, the worst of
/// the threads.
pub fn ns_per_call<C: FnMut(u64)>(threads: usize, worker: impl Fn() -> C + Sync) -> f64 {
    let round = || {
        let mut call = worker();
        let mut calls: u64 = 1000;
        loop {
            let before = cpu_ns();
            (0..calls).for_each(&mut call);
            if cpu_ns() - before > NS_PER_ROUND / 8 {
                break;
            }
            calls *= 2;
        }
        calls *= 4;
        let time = |_| {
            let before = cpu_ns();
            (0..calls).for_each(&mut call);
            (cpu_ns() - before) as f64 / calls as f64
        };
        (0..ROUNDS).map(time).fold(f64::INFINITY, f64::min)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(round)).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).fold(0.0, f64::max)
    })
}

/// One measurement of ours and of a peer, in the unit of its row.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// Our figure.
    pub ours: f64,
    /// The peer's figure.
    pub peer: f64,
    /// Peer to ours, so more is better, unless the row's name says otherwise.
    pub ratio: f64,
}

/// A table under construction.
pub struct Table {
    name: &'static str,
    rows: Vec<String>,
}

impl Table {
    /// A table that will be `target/bench/<name>.json`.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        println!("{:58} {:>12} {:>12} {:>9}  unit", name, "ours", "peer", "ratio");
        Self { name, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, name: &str, measured: Comparison, unit: &str) {
        let Comparison { ours, peer, ratio } = measured;
        println!("{name:58} {ours:12.3} {peer:12.3} {ratio:9.2}  {unit}");
        let json = |value: f64| if value.is_finite() { format!("{value:.4}") } else { "null".to_owned() };
        let (ours, peer, ratio) = (json(ours), json(peer), json(ratio));
        self.rows.push(format!(
            r#"{{"name":"{name}","ours":{ours},"peer":{peer},"ratio":{ratio},"unit":"{unit}"}}"#
        ));
    }

    /// Adds a row that has no peer.
    pub fn alone(&mut self, name: &str, ours: f64, unit: &str) {
        println!("{name:58} {ours:12.3} {:>12} {:>9}  {unit}", "-", "-");
        self.rows.push(format!(r#"{{"name":"{name}","ours":{ours:.4},"peer":null,"ratio":null,"unit":"{unit}"}}"#));
    }

    /// Writes the file, below the working directory.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write(self) {
        let directory = Path::new("target/bench");
        std::fs::create_dir_all(directory).expect("target/bench");
        let path = directory.join(format!("{}.json", self.name));
        std::fs::write(&path, format!("[\n{}\n]\n", self.rows.join(",\n"))).expect("written");
        println!("written to {}", path.display());
    }
}
