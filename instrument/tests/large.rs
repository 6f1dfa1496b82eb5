//! A very large file: time and memory of its load stay within what is said. 32 MiB here; `FIRSTBAD_FILE_BYTES=1073741824 cargo
//! test --release -p firstbad-instrument --test large -- --nocapture` loads a gibibyte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_instrument::{Hash, Live, LoadOutcome};
use std::io::{BufWriter, Write};
use std::time::Instant;

static RULES: Live<usize> = Live::new("rules").limit("rows", 1_000_000);

/// Beside the file itself: four million rows that are compared with one another.
const INSPECTION_BYTES_MAX: usize = 768 << 20;

/// Greatest memory of this process so far, bytes.
fn memory_bytes_max() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
fn a_large_file_is_loaded_within_bounds() {
    let size = std::env::var("FIRSTBAD_FILE_BYTES").ok().and_then(|size| size.parse().ok()).unwrap_or(32_usize << 20);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.csv");
    let mut file = BufWriter::new(std::fs::File::create(&path).unwrap());
    file.write_all(b"rule,weight\n").unwrap();
    let (mut written, mut rows) = (12, 0_u64);
    while written + 32 <= size {
        let row = format!("rule_{rows:012},{:013}\n", rows % 7);
        file.write_all(row.as_bytes()).unwrap();
        written += row.len();
        rows += 1;
    }
    file.into_inner().unwrap();
    let begun = Instant::now();
    let outcome = RULES.load_file(&path, |bytes| Ok::<_, String>(bytes.len()));
    let elapsed = begun.elapsed();
    let LoadOutcome::Applied(evidence) = outcome else { panic!("it has less than a gibibyte: {outcome:?}") };
    let content = evidence.content.unwrap();
    assert_eq!((content.rows, content.size), (Some(rows), written as u64));
    assert_eq!(content.truncated, rows > 4_000_000, "beyond that, rows are counted and not compared");
    assert_eq!(evidence.hash, Hash::of(&std::fs::read(&path).unwrap()));
    let memory = memory_bytes_max();
    println!("{written} bytes, {rows} rows: {elapsed:?}, {} MiB at most", memory >> 20);
    // The test itself reads the file once more, to hash it.
    assert!(memory < 2 * written + INSPECTION_BYTES_MAX, "{memory} bytes");
}
