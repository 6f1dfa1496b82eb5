//! What a recorded value costs: ours beside a bare thread-local array, one thread and two, by CPU time of the threads.
//! `cargo run --release -p firstbad-instrument --example hot_path` prints a table and writes `target/bench/hot_path.json`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a measurement may fail loudly")]

use firstbad_instrument::{Handle, Live, Origin, Outcome, Score, record_request};
use std::cell::Cell;
use std::hint::black_box;
use std::path::Path;

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static FEATURES: Live<u8> = Live::new("bot-features").score(&BOT);
static ROUTES: Live<u8> = Live::new("routes");

const ROUND: u64 = 20_000_000;
const ROUNDS: usize = 5;

thread_local! {
    static BARE: [Cell<u64>; 128] = const { [const { Cell::new(0) }; 128] };
}

fn bare(number: u64) {
    BARE.with(|cells| {
        if let Some(cell) = cells.get(black_box(number as usize & 63)) {
            cell.set(cell.get() + 1);
        }
    });
}

fn empty(number: u64) {
    black_box(number as usize & 63);
}

fn score(number: u64) {
    let tag = black_box(FEATURES.tag());
    tag.score(&BOT, black_box((number & 63) as u8));
}

fn score_and_outcome(number: u64) {
    let tag = black_box(FEATURES.tag());
    tag.score(&BOT, black_box((number & 63) as u8));
    tag.record(black_box(Outcome::Ok));
}

fn pinned(number: u64) {
    if let Some(pin) = FEATURES.pin() {
        pin.score(&BOT, black_box((number & 63) as u8));
    }
}

fn cached(number: u64, handle: &mut Handle<'_, u8>) {
    if let Some((_, tag)) = handle.pin() {
        tag.score(&BOT, black_box((number & 63) as u8));
    }
}

fn request_of_two_configs(number: u64) {
    let (features, routes) = (black_box(FEATURES.tag()), black_box(ROUTES.tag()));
    features.score(&BOT, black_box((number & 63) as u8));
    record_request(black_box(Outcome::Ok), &[features, routes]);
}

/// CPU time of this thread, ns.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a Linux kernel with schedstat");
    text.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

/// ns of CPU per call, the best of several rounds on each thread, the worse of the threads.
fn measure<C: FnMut(u64)>(threads: usize, worker: impl Fn() -> C + Sync) -> f64 {
    let round = || {
        let mut call = worker();
        (0..ROUNDS)
            .map(|_| {
                let before = cpu_ns();
                for number in 0..ROUND {
                    call(number);
                }
                (cpu_ns() - before) as f64 / ROUND as f64
            })
            .fold(f64::INFINITY, f64::min)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(round)).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).fold(0.0, f64::max)
    })
}

struct Table {
    peer: f64,
    rows: Vec<String>,
}

impl Table {
    fn add<C: FnMut(u64)>(&mut self, name: &str, worker: impl Fn() -> C + Sync, values: u32) {
        let (one, two) = (measure(1, &worker) / f64::from(values), measure(2, &worker) / f64::from(values));
        if name.starts_with("bare") {
            self.peer = one;
        }
        let (peer, ratio) = (self.peer, one / self.peer);
        println!("{name:36} {one:14.2} {two:14.2} {ratio:9.2}");
        self.rows.push(format!(
            r#"{{"name":"{name}","ours":{one:.3},"two_threads":{two:.3},"peer":{peer:.3},"ratio":{ratio:.3},"unit":"ns"}}"#
        ));
    }
}

fn main() {
    let directory = std::env::temp_dir().join(format!("firstbad-bench-{}", std::process::id()));
    let recorder = firstbad_instrument::init().service("bench").recorder_dir(&directory).install().expect("installs");
    for live in [&FEATURES, &ROUTES] {
        live.load_bytes(b"x\n", &Origin::new(), |_| Ok::<u8, String>(1)).applied().expect("applied");
    }
    println!("{:36} {:>14} {:>14} {:>9}", "ns of CPU per recorded value", "1 thread", "2 threads", "x bare");
    let mut table = Table { peer: f64::NAN, rows: Vec::new() };
    // The last figure is what one call records, so that the table is per recorded value.
    table.add("empty loop", || empty, 1);
    table.add("bare thread-local array", || bare, 1);
    table.add("active tag + score", || score, 1);
    table.add("active tag + score + outcome", || score_and_outcome, 2);
    table.add("pin() + score", || pinned, 1);
    let worker = || {
        let mut handle = FEATURES.handle();
        move |number| cached(number, &mut handle)
    };
    table.add("handle.pin() + score", worker, 1);
    table.add("2 configs: score, total, 2 outcomes", || request_of_two_configs, 4);
    let rows = table.rows;
    let target = Path::new("target/bench");
    std::fs::create_dir_all(target).expect("target/bench");
    let json = format!("[\n{}\n]\n", rows.join(",\n")).replace("NaN", "null");
    std::fs::write(target.join("hot_path.json"), json).expect("written");
    drop(recorder);
    std::fs::remove_dir_all(directory).expect("removed");
}
