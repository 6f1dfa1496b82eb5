//! What the engine costs must grow with the number of hosts and not with its square. Allocations and bytes are counted,
//! not times: a count is the same on every machine. What it costs in time is measured by `cost` and stands in
//! `docs/engine-bench.md`.
#![expect(unsafe_code, reason = "an allocator that counts")]
#![expect(clippy::expect_used, reason = "a test may fail loudly")]

use firstbad_diagnosis::{Engine, Settings};
use firstbad_simulator::cost::{CostFleet, INTERVAL};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what its thread asks for.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator with what came in; a number beside it changes nothing there.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: usize) {
    let _ = ASKED.try_with(|asked| asked.set(asked.get() + bytes as u64));
}

fn bytes_of<T>(what: impl FnOnce() -> T) -> u64 {
    let before = ASKED.get();
    let _kept = what();
    ASKED.get() - before
}

/// Bytes asked for by quiet ticks and by diagnosing ones, and bytes of the state.
#[derive(Debug)]
struct Cost {
    quiet: u64,
    diagnosing: u64,
    state: u64,
}

fn cost_at(hosts: usize) -> Cost {
    const AT_ONCE: usize = 500;
    let mut engine = Engine::new(Settings { report_interval_ns: Some(INTERVAL), ..Settings::default() });
    let mut fleet = CostFleet::new(hosts);
    let chunks = || (0..hosts).step_by(AT_ONCE).map(|from| from..(from + AT_ONCE).min(hosts));
    chunks().for_each(|chunk| engine.apply(&fleet.history(chunk)));
    let tick = |engine: &mut Engine, fleet: &mut CostFleet| {
        chunks().for_each(|chunk| engine.apply(&fleet.report(chunk)));
        fleet.round += 1;
        bytes_of(|| engine.tick(fleet.now()))
    };
    for _ in 0..30 {
        tick(&mut engine, &mut fleet);
    }
    let quiet = (0..4).map(|_| tick(&mut engine, &mut fleet)).sum();
    let state = engine.checkpoint().expect("plain data").len() as u64;
    fleet.publish_bad();
    let diagnosing = (0..8).map(|_| tick(&mut engine, &mut fleet)).sum();
    assert!(!engine.diagnosis().incidents.is_empty(), "nothing was diagnosed at {hosts} hosts");
    Cost { quiet, diagnosing, state }
}

/// Ten times as many hosts may cost so many times as much: lists grow in powers of two.
const LINEAR: f64 = 12.0;

fn growth(few: u64, many: u64) -> f64 {
    many as f64 / few.max(1) as f64
}

#[test]
fn ten_times_the_hosts_cost_ten_times_as_much() {
    let (few, many) = (cost_at(1_000), cost_at(10_000));
    assert!(few.diagnosing > 10_000, "the allocator counts nothing: {few:?}");
    assert!(growth(few.quiet, many.quiet) < LINEAR, "a quiet tick: {few:?} {many:?}");
    assert!(growth(few.diagnosing, many.diagnosing) < LINEAR, "a diagnosing tick: {few:?} {many:?}");
    let each = (many.state - few.state) / 9_000;
    assert!(each < STATE_BYTES, "{each} bytes of state for a host with fifty versions behind it");
}

/// Bytes of a checkpoint for each host: about 1,200 were seen.
const STATE_BYTES: u64 = 1_500;

/// The control of the test above: what compares every host with every other is told from what looks at each once.
#[test]
fn a_comparison_of_all_pairs_is_seen_to_be_one() {
    let pairs = |hosts: usize| {
        bytes_of(|| {
            let all: Vec<(usize, usize)> = (0..hosts).flat_map(|a| (0..hosts).map(move |b| (a, b))).collect();
            all.len()
        })
    };
    assert!(growth(pairs(100), pairs(1_000)) > LINEAR);
    let once = |hosts: usize| bytes_of(|| (0..hosts).collect::<Vec<usize>>().len());
    assert!(growth(once(1_000), once(10_000)) < LINEAR);
}
