//! What a load costs beside the proxy's own parser: reading is left out, hashing and inspecting are in, by size.
//! `cargo run --release --manifest-path bench/Cargo.toml --bin load` writes `target/bench/load.json`; ours is the whole load,
//! peer is SHA-256 alone.

use firstbad_bench::{Comparison, Table, cpu_ns};
use firstbad_instrument::{Hash, Live, Origin};
use std::hint::black_box;

static RULES: Live<usize> = Live::new("rules").limit("rows", 1_000_000);

fn file(bytes: usize, salt: usize) -> Vec<u8> {
    let rows = (0..bytes / 32).map(|row| format!("rule_{row:012},{:013}\n", (row + salt) % 7));
    std::iter::once("rule,weight\n".to_owned()).chain(rows).collect::<String>().into_bytes()
}

/// Least CPU milliseconds of several calls.
fn best_ms(mut call: impl FnMut(usize)) -> f64 {
    let time = |turn| {
        let before = cpu_ns();
        call(turn);
        (cpu_ns() - before) as f64 / 1e6
    };
    (0..5).map(time).fold(f64::INFINITY, f64::min)
}

fn main() {
    let init = firstbad_instrument::init().service("load").capture_content(false);
    let directory = std::env::temp_dir().join(format!("firstbad-bench-{}", std::process::id()));
    let recorder = init.recorder_dir(&directory).install().expect("installs");
    let mut table = Table::new("load");
    for (name, bytes) in [("10 kB", 10_000), ("1 MB", 1_000_000), ("32 MB", 32_000_000)] {
        let files: Vec<Vec<u8>> = (0..2).map(|salt| file(bytes, salt)).collect();
        let load = best_ms(|turn| {
            let outcome = RULES.load_bytes(&files[turn % 2], &Origin::new().name("rules.csv"), |bytes| Ok::<_, String>(bytes.len()));
            black_box(outcome.applied()).expect("applied");
        });
        let hash = best_ms(|turn| {
            black_box(Hash::of(&files[turn % 2]));
        });
        table.row(
            &format!("a load of {name} (ratio: to SHA-256 alone)"),
            Comparison { ours: load, peer: hash, ratio: load / hash },
            "ms",
        );
    }
    table.write();
    drop(recorder);
    let _ = std::fs::remove_dir_all(directory);
}
