//! A storm in which every request panics: throughput under our hook beside an empty one, the default hook, sentry and
//! color-eyre; what the hook adds in time and allocations; and what a stalled reader of stderr or a full disk does.
//! `cargo run --release --manifest-path bench/Cargo.toml --bin panic_storm` writes `target/bench/panic_storm.json`. Each hook
//! runs in a process of its own (this program with arguments), since a process has one hook.

use firstbad_bench::{Comparison, Table, cpu_ns};
use firstbad_instrument::{Live, Origin, PreviousHook};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: hands everything to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A transport for Sentry that sends nothing: the cheapest there can be.
struct Nowhere;

impl sentry::Transport for Nowhere {
    fn send_envelope(&self, _envelope: sentry::Envelope) {}
}

static FEATURES: Live<u8> = Live::new("bot-features");

/// Requests of one storm, by how dear the hook is.
fn requests(hook: &str) -> u64 {
    match hook {
        "empty" | "ours" | "ours-limited" | "default-0" => 20_000,
        "default-1" => 1_500,
        _ => 200,
    }
}

/// 50 us of CPU, by a count that is measured once.
fn work(turns: u64) {
    let mut sum = 0_u64;
    for number in 0..turns {
        sum = black_box(sum.wrapping_mul(31).wrapping_add(number));
    }
    black_box(sum);
}

fn calibrate() -> u64 {
    const TURNS: u64 = 20_000_000;
    let time = |_| {
        let before = cpu_ns();
        work(TURNS);
        (cpu_ns() - before).max(1)
    };
    TURNS * 50_000 / (0..5).map(time).min().unwrap_or(1)
}

#[inline(never)]
fn request(depth: u32, turns: u64) -> u64 {
    if depth > 0 {
        return black_box(request(depth - 1, turns)) + 1;
    }
    work(turns);
    let missing: Result<u64, String> = Err("feature 241 does not fit".to_owned());
    black_box(missing).unwrap()
}

fn panicking(turns: u64) {
    let _ = std::panic::catch_unwind(|| request(20, turns));
}

fn install(hook: &str) -> Option<firstbad_instrument::Recorder> {
    match hook {
        "empty" => std::panic::set_hook(Box::new(|_| {})),
        "default-0" | "default-1" => {}
        "sentry" => {
            let options = sentry::ClientOptions::default().transport(Arc::new(Nowhere));
            std::mem::forget(sentry::init(("http://public@127.0.0.1:9/1", options)));
        }
        "color-eyre" => color_eyre::install().expect("installs"),
        _ => {
            let policy = if hook == "ours" { PreviousHook::Never } else { PreviousHook::Limited };
            let directory = std::env::temp_dir().join(format!("firstbad-bench-{}", std::process::id()));
            let init = firstbad_instrument::init().service("storm").recorder_dir(directory).previous_hook(policy);
            let recorder = init.install().expect("installs");
            FEATURES.load_bytes(b"x", &Origin::new(), |_| Ok::<u8, String>(1)).applied().expect("applied");
            return Some(recorder);
        }
    }
    None
}

/// Storms under one hook; prints CPU ns per request of 50 us, per bare panic, allocations per panic, and the longest panic.
fn child(hook: &str) {
    let recorder = install(hook);
    let turns = calibrate();
    let count = requests(hook);
    // First, so that a stalled reader of stderr is met here.
    let longest = (0..2000.min(count)).map(|_| {
        let begun = Instant::now();
        panicking(0);
        begun.elapsed()
    });
    let longest = longest.max().unwrap_or_default().as_micros();
    let storm = |turns: u64, count: u64| {
        let before = cpu_ns();
        (0..count).for_each(|_| panicking(turns));
        (cpu_ns() - before) as f64 / count as f64
    };
    let best = |turns: u64, count: u64| (0..5).map(|_| storm(turns, count / 5)).fold(f64::INFINITY, f64::min);
    let (busy, bare) = (best(turns, count), best(0, count));
    let before = ALLOCATIONS.get();
    panicking(0);
    let allocations = ALLOCATIONS.get() - before;
    println!("{busy} {bare} {allocations} {longest}");
    if let Some(path) = recorder.as_ref().and_then(|recorder| recorder.path()?.parent()) {
        let _ = std::fs::remove_dir_all(path);
    }
}

struct Measured {
    busy: f64,
    bare: f64,
    allocations: f64,
    longest_us: f64,
}

fn command(hook: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command.arg(hook).env("RUST_BACKTRACE", if hook == "default-1" || hook == "color-eyre" { "1" } else { "0" });
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn finish(command: &mut Command) -> Measured {
    let output = command.output().expect("child runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [busy, bare, allocations, longest_us] => {
            Measured { busy: *busy, bare: *bare, allocations: *allocations, longest_us: *longest_us }
        }
        _ => panic!("{command:?}: {output:?}"),
    }
}

/// A child whose stderr is a pipe that nobody reads for three seconds.
fn with_stalled_stderr(hook: &str) -> Measured {
    let mut child = command(hook).stderr(Stdio::piped()).spawn().expect("child runs");
    let mut stderr = child.stderr.take().expect("piped");
    let reader = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(3));
        let _ = stderr.read_to_end(&mut Vec::new());
    });
    let output = child.wait_with_output().expect("ends");
    reader.join().expect("reads");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    Measured { busy: numbers[0], bare: numbers[1], allocations: numbers[2], longest_us: numbers[3] }
}

fn main() {
    if let Some(hook) = std::env::args().nth(1) {
        return child(&hook);
    }
    let mut table = Table::new("panic_storm");
    // Interleaved, and the best of three: other programs share the machine.
    let best = |hook: &str| {
        (0..3).map(|_| finish(&mut command(hook))).reduce(|left, right| Measured {
            busy: left.busy.min(right.busy),
            bare: left.bare.min(right.bare),
            ..right
        })
    };
    let (empty, ours) = (best("empty").expect("ran"), best("ours").expect("ran"));
    let throughput = empty.busy / ours.busy;
    table.row(
        "throughput of a storm, empty hook (ratio: ours to it)",
        Comparison { ours: 1e9 / ours.busy, peer: 1e9 / empty.busy, ratio: throughput },
        "requests/s",
    );
    let added = (ours.bare - empty.bare) / 1000.0;
    table.row(
        "time that the hook adds",
        Comparison { ours: added, peer: 0.0, ratio: ours.bare / empty.bare },
        "us/panic",
    );
    let allocated = ours.allocations - empty.allocations;
    table.row(
        "allocations that the hook adds",
        Comparison { ours: allocated, peer: 0.0, ratio: ours.allocations / empty.allocations },
        "count",
    );
    for hook in ["ours-limited", "default-0", "default-1", "sentry", "color-eyre"] {
        let peer = finish(&mut command(hook));
        table.row(
            &format!("throughput of a storm, {hook}"),
            Comparison { ours: 1e9 / ours.busy, peer: 1e9 / peer.busy, ratio: peer.busy / ours.busy },
            "requests/s",
        );
        table.row(
            &format!("a panic, {hook}"),
            Comparison { ours: ours.bare / 1000.0, peer: peer.bare / 1000.0, ratio: peer.bare / ours.bare },
            "us/panic",
        );
    }
    let (ours_stalled, default_stalled) = (with_stalled_stderr("ours"), with_stalled_stderr("default-0"));
    let ratio = default_stalled.longest_us / ours_stalled.longest_us.max(1.0);
    table.row(
        "longest panic, stderr stalled 3 s, default hook",
        Comparison { ours: ours_stalled.longest_us, peer: default_stalled.longest_us, ratio },
        "us",
    );
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let ours_full = finish(command("ours").stderr(full()));
    table.row(
        "a panic, stderr on a full disk (ratio: to without)",
        Comparison { ours: ours_full.bare / 1000.0, peer: ours.bare / 1000.0, ratio: ours_full.bare / ours.bare },
        "us/panic",
    );
    table.write();
    for (mark, reached) in [("0.97 of an empty hook", throughput >= 0.97), ("0.3 us", added <= 0.3), ("no allocation", allocated == 0.0)] {
        println!("{}: {mark}", if reached { "reached" } else { "MISSED" });
    }
}
