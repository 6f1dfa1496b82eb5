//! Instructions of one recorded value, counted by callgrind: the difference of two runs of `hot_path`, so that start and end do
//! not count. `cargo run --release --manifest-path bench/Cargo.toml --bin instructions` (needs valgrind) writes
//! `target/bench/instructions.json`. Unlike times, instructions are the same on a busy machine.

use firstbad_bench::Table;
use std::process::Command;

const REQUESTS: u64 = 1_000_000;
/// Values that one request of `hot_path` records.
const VALUES: u64 = 4;

/// Instructions of a run of `hot_path` with so many requests.
fn instructions(requests: u64) -> u64 {
    let path = std::env::current_exe().expect("own path").with_file_name("hot_path");
    assert!(path.exists(), "{} is missing: build all of the bench crate", path.display());
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(path)
        .arg(requests.to_string())
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let counted = text.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    counted.unwrap_or_else(|| panic!("callgrind told no count: {text}"))
}

fn main() {
    let (once, twice) = (instructions(REQUESTS), instructions(2 * REQUESTS));
    let per_value = (twice - once) as f64 / (REQUESTS * VALUES) as f64;
    let mut table = Table::new("instructions");
    table.row("a request of two configs, per recorded value", (per_value, f64::NAN), (f64::NAN, "instructions"));
    table.write();
}
