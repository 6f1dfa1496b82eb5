//! What anybody could tell of crashes that come 180 to 600 s after a load (`p14-delayed-crash`) two minutes after the first of
//! them: an oracle that knows these delays, and may say "at an age" or "all from one moment on". It shows that the mark of the
//! delayed kinds, 120 s after the first symptom, cannot be met for a push of seconds, whatever the engine.

use firstbad_simulator::random::Random;

const RUNS: u64 = 2_000;
const HOSTS: usize = 120;
/// Delay of a crash after its load, seconds.
const DELAY: (f64, f64) = (180.0, 600.0);
/// After the first crash, seconds.
const ASKED: f64 = 120.0;
/// Weight that makes a suspect (`diagnosis/src/verdict/judge.rs`).
const SUSPECT_AT: f64 = 5.0;

/// Log likelihood ratio of "each host from its own load on" over "all from the first crash on", both with the true delays. A
/// crash is as likely under either, so only those that are still to come tell.
fn ratio(seed: u64, jitter: f64) -> f64 {
    let mut random = Random::fork(seed, "oracle");
    let hosts: Vec<(f64, f64)> = (0..HOSTS)
        .map(|_| {
            let load = random.between(0.0, jitter);
            (load, load + random.between(DELAY.0, DELAY.1))
        })
        .collect();
    let first = hosts.iter().map(|(_, crash)| *crash).fold(f64::INFINITY, f64::min);
    let asked = first + ASKED;
    let span = DELAY.1 - DELAY.0;
    let alive = |since: f64| 1.0 - ((asked - since) / span).clamp(0.0, 1.0);
    let living = hosts.iter().filter(|(_, crash)| *crash > asked);
    living.map(|(load, _)| (alive(load + DELAY.0) / alive(first)).ln()).sum()
}

/// Median and 95th percentile over the runs.
fn told(jitter: f64) -> (f64, f64) {
    let mut all: Vec<f64> = (0..RUNS).map(|seed| ratio(seed, jitter)).collect();
    all.sort_by(f64::total_cmp);
    let at = |part: usize| all.get(all.len() * part / 100).copied().unwrap_or(f64::NAN);
    let told = (at(50), at(95));
    eprintln!(
        "loads within {jitter} s: log likelihood ratio {:.1} (median), {:.1} (95th percentile), {RUNS} runs, seeds from 0",
        told.0, told.1
    );
    told
}

#[test]
fn nobody_can_tell_a_delayed_crash_from_a_moment_within_two_minutes_of_the_first() {
    for jitter in [10.0, 25.0, 40.0] {
        let (median, most) = told(jitter);
        assert!(median < 2.5 && most < SUSPECT_AT + 1.0, "{jitter}: {median} {most}");
    }
    // The control: a rollout over ten minutes is told.
    let (median, _) = told(600.0);
    assert!(median > 2.0 * SUSPECT_AT, "{median}");
}
