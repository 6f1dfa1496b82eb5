//! Instructions of one recorded value and of a request under way, counted by callgrind: the difference of two runs of `hot_path`, so
//! that start and end do not count. `cargo run --release --manifest-path bench/Cargo.toml --bin instructions` (needs valgrind)
//! writes `target/bench/instructions.json`. Unlike times, instructions are the same on a busy machine.

use firstbad_bench::Table;
use std::process::Command;

const REQUESTS: u64 = 1_000_000;
/// Values that one request of `hot_path` records.
const VALUES: f64 = 4.0;

/// Instructions of a run of `hot_path` with so many requests of a kind.
fn instructions(kind: &str, requests: u64) -> u64 {
    let path = std::env::current_exe().expect("own path").with_file_name("hot_path");
    assert!(path.exists(), "{} is missing: build all of the bench crate", path.display());
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(path)
        .args([&requests.to_string(), kind])
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let counted = text.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    counted.unwrap_or_else(|| panic!("callgrind told no count: {text}"))
}

fn per_request(kind: &str) -> f64 {
    let (once, twice) = (instructions(kind, REQUESTS), instructions(kind, 2 * REQUESTS));
    (twice - once) as f64 / REQUESTS as f64
}

fn main() {
    let mut table = Table::new("instructions");
    for (name, count) in [
        ("a request of two configs, per recorded value", per_request("counted") / VALUES),
        ("a Request with two pins, from its start to its end", per_request("under-way")),
        ("the same in Pingora's context", per_request("pingora")),
    ] {
        table.alone(name, count, "instructions");
    }
    table.write();
}
