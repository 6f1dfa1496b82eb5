//! Reads a kept recorder of every layout that is supported. Each was written by the crate of its time
//! (`instrument/examples/story.rs` explains how), and its content must still be read as it was written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]
// A recorder has the byte order of the machine that wrote it.
#![cfg(target_endian = "little")]

use firstbad_collector::recorder::{RecorderSource, dump};
use firstbad_protocol::recorder::layout;
use firstbad_protocol::time::Timestamp;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

fn recorders() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorders")
}

/// Copies the kept recorder of a layout to a directory that an agent reads.
fn lay(version: u32, directory: &Path) -> PathBuf {
    let kept = std::fs::read(recorders().join(format!("v{version}.rec.zst"))).unwrap();
    let bytes = zstd::decode_all(&kept[..]).unwrap();
    let word = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
    assert_eq!(word & u64::from(u32::MAX), u64::from(version), "the file is of its layout");
    let path = directory.join("edge.00112233445566778899aabbccddeeff.rec");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&bytes).unwrap();
    // If a process did not note its end, the file's modification time stands for it, so this copy gets a fixed one.
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    path
}

/// The reading of a recorder: the lines of `firstbad recorder dump`, then the telemetry of an agent.
fn reading(version: u32) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = lay(version, directory.path());
    let dumped = dump(&path).unwrap();
    let mut lines = vec![format!("clean: {:?}", dumped.entry.clean)];
    lines.extend(dumped.resource.iter().map(|(key, value)| format!("{key}={value}")));
    lines.extend(dumped.lines);
    let mut source = RecorderSource::new(vec![directory.path().to_owned()]);
    let exports = source.poll(Timestamp(i64::MAX / 2));
    assert_eq!((exports.len(), source.problems().count()), (1, 0));
    for of_resource in &exports[0].metrics.as_ref().unwrap().resource_metrics {
        for metric in of_resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            lines.push(serde_json::to_string(metric).unwrap());
        }
    }
    for of_resource in &exports[0].logs.as_ref().unwrap().resource_logs {
        for record in of_resource.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            lines.push(serde_json::to_string(record).unwrap());
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_recorder_of_each_supported_layout_is_read_as_it_was_written() {
    for version in layout::VERSIONS_READ {
        let golden = recorders().join(format!("v{version}.txt"));
        let told = reading(version);
        if std::env::var_os("FIRSTBAD_WRITE_GOLDEN").is_some() {
            std::fs::write(&golden, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap();
        assert_eq!(told, expected, "layout {version}: FIRSTBAD_WRITE_GOLDEN=1 writes {}", golden.display());
    }
}

#[test]
fn a_recorder_of_an_unsupported_layout_is_foreign_and_stays_for_a_reader_that_supports_it() {
    for version in [layout::VERSIONS_READ.start() - 1, layout::VERSIONS_READ.end() + 1] {
        let directory = tempfile::tempdir().unwrap();
        let path = lay(layout::VERSION, directory.path());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        let problem = dump(&path).unwrap_err().to_string();
        assert!(problem.contains("is not layout 1 or 2"), "{problem}");
        let mut source = RecorderSource::new(vec![directory.path().to_owned()]);
        assert!(source.poll(Timestamp(i64::MAX / 2)).is_empty() && path.exists());
    }
}
