//! Captures as files: order, merging, compression, broken lines, the horizon.

use super::{Capture, CaptureError};
use crate::otlp::Request;
use firstbad_protocol::time::Timestamp;
use std::io::Write as _;
use std::path::PathBuf;

fn line(time: i64) -> String {
    format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m","gauge":{{"dataPoints":[{{"timeUnixNano":"{time}","asInt":1}}]}}}}]}}]}}]}}"#
    )
}

fn file(directory: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn lines(times: &[i64]) -> String {
    times.iter().map(|time| line(*time) + "\n").collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

type Replayed = (Vec<i64>, Vec<(String, u64)>);

/// The times in the order of the replay, and what was said of broken lines.
fn replay(paths: &[PathBuf], at: Option<i64>) -> Result<Replayed, CaptureError> {
    let mut capture = Capture::open(paths, at.map(Timestamp))?;
    let mut times = Vec::new();
    capture.replay(|when, request| {
        assert!(matches!(request, Request::Metrics(_)));
        times.push(when.last);
        true
    })?;
    Ok((times, capture.broken()))
}

#[test]
fn files_of_every_kind_are_merged_by_time() {
    let directory = tempfile::tempdir().unwrap();
    let paths = [
        file(&directory, "plain.jsonl", lines(&[30, 10, 60]).as_bytes()),
        file(&directory, "packed.gz", &gzip(&lines(&[20, 50]))),
        file(&directory, "packed.zst", &zstd::encode_all(lines(&[40]).as_bytes(), 1).unwrap()),
    ];
    assert_eq!(replay(&paths, None).unwrap(), (vec![10, 20, 30, 40, 50, 60], vec![]));
}

fn framed(text: &str) -> Vec<u8> {
    let frame = |line: &str| {
        let packed = zstd::encode_all(line.as_bytes(), 1).unwrap();
        [&u32::try_from(packed.len()).unwrap().to_be_bytes(), packed.as_slice()].concat()
    };
    text.lines().flat_map(frame).collect()
}

fn pretty(text: &str) -> String {
    let value = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
    text.lines().map(|line| format!("{:#}\n", value(line))).collect()
}

#[test]
fn requests_in_frames_or_over_several_lines_are_read_as_lines_are() {
    let directory = tempfile::tempdir().unwrap();
    let list = format!("[{}]", lines(&[35, 45]).trim_end().replace('\n', ",\n"));
    let paths = [
        file(&directory, "framed.zst", &framed(&lines(&[30, 10]))),
        file(&directory, "pretty.json", pretty(&lines(&[20, 40])).as_bytes()),
        file(&directory, "pretty.json.gz", &gzip(&pretty(&lines(&[50])))),
        file(
            &directory,
            "list.json",
            format!("{:#}", serde_json::from_str::<serde_json::Value>(&list).unwrap()).as_bytes(),
        ),
    ];
    assert_eq!(replay(&paths, None).unwrap(), (vec![10, 20, 30, 35, 40, 45, 50], vec![]));
}

#[test]
fn a_cut_frame_or_value_is_named_and_those_before_it_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let (frames, values) = (framed(&lines(&[10, 20, 30])), pretty(&lines(&[10, 20, 30])));
    for (name, bytes) in [("a.zst", &frames[..frames.len() - 9]), ("a.json", &values.as_bytes()[..values.len() - 40])] {
        let (times, broken) = replay(&[file(&directory, name, bytes)], None).unwrap();
        assert_eq!((times, broken.len()), (vec![10, 20], 1), "{name}: {broken:?}");
    }
}

#[test]
fn a_file_of_another_kind_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = replay(&[file(&directory, "a.jsonl", b"PK\x03\x04rest")], None).unwrap_err().to_string();
    assert!(error.contains("zip"), "{error}");
}

#[test]
fn nothing_beyond_the_horizon_is_read_and_a_mixed_line_stands_at_its_latest_time_within() {
    let directory = tempfile::tempdir().unwrap();
    let mixed = line(15).replace(r#"{"timeUnixNano""#, r#"{"timeUnixNano":"99","asInt":1},{"timeUnixNano""#);
    let text = lines(&[20, 10]) + &mixed + "\n" + &line(40).replace("\"asInt\":1", "broken");
    let paths = [file(&directory, "a.jsonl", text.as_bytes())];
    assert_eq!(replay(&paths, Some(30)).unwrap(), (vec![10, 15, 20], vec![]));
    assert_eq!(replay(&paths, Some(5)).unwrap(), (vec![], vec![]), "readable, and all of it later");
}

#[test]
fn a_single_line_of_a_clock_that_was_never_set_stays_beside_its_neighbours() {
    let directory = tempfile::tempdir().unwrap();
    let at = |second: i64| (1_772_445_600 + second) * 1_000_000_000;
    let text = lines(&[7_000_000_000, at(10), at(20), 9_000_000_000, at(30)]);
    let (times, _) = replay(&[file(&directory, "a.jsonl", text.as_bytes())], None).unwrap();
    assert_eq!(times, [at(10), at(10), at(20), at(20), at(30)]);
}

#[test]
fn a_broken_line_is_named_and_the_others_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let text = line(10) + "\n\nnonsense\n" + &line(20) + "\r\n" + &line(30).replace("asInt", "as\"Int") + "\n[1]\n";
    let paths = [file(&directory, "a.jsonl", text.as_bytes())];
    let (times, broken) = replay(&paths, None).unwrap();
    assert_eq!((times, broken.len()), (vec![10, 20], 3));
    let offset = line(10).len() + 2;
    assert!(broken[0].0.contains(&format!("a.jsonl: line 3 (byte {offset})")), "{broken:?}");
    let many = lines(&[10]) + &"x\n".repeat(20);
    let (_, broken) = replay(&[file(&directory, "many.jsonl", many.as_bytes())], None).unwrap();
    assert_eq!(broken.iter().map(|(_, count)| count).sum::<u64>(), 20);
    assert_eq!(broken.last().unwrap().0, "further lines cannot be read");
}

#[test]
fn a_truncated_gzip_gives_the_lines_before_the_damage() {
    let directory = tempfile::tempdir().unwrap();
    // Stored, so that the cut falls into the last line.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(lines(&[10, 20, 30]).as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    let (times, broken) = replay(&[file(&directory, "a.gz", &bytes[..bytes.len() - 40])], None).unwrap();
    assert_eq!((times, broken.len()), (vec![10, 20], 1), "{broken:?}");
    let place = format!("line 3 (byte {}) cannot be read: it is damaged after", 2 * (line(10).len() + 1));
    assert!(broken[0].0.contains(&place), "{broken:?}");
    // A cut right after a line, which leaves no line that is cut.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(lines(&[10, 20]).as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    let (times, broken) = replay(&[file(&directory, "b.gz", &bytes[..bytes.len() - 8])], None).unwrap();
    assert_eq!(times, [10, 20]);
    assert!(matches!(&broken[..], [(told, 1)] if told.contains("line 3") && told.contains("damaged")), "{broken:?}");
}

#[test]
fn a_small_file_that_unpacks_without_end_does_not_fill_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(lines(&[10]).as_bytes()).unwrap();
    let zeros = vec![b' '; 1 << 20];
    (0..300).for_each(|_| encoder.write_all(&zeros).unwrap());
    let (times, broken) = replay(&[file(&directory, "bomb.gz", &encoder.finish().unwrap())], None).unwrap();
    assert_eq!(times, [10]);
    assert!(matches!(&broken[..], [(told, 1)] if told.contains("it is not read beyond 26")), "{broken:?}");
}

#[test]
fn nothing_readable_is_an_error_with_the_first_fault() {
    let directory = tempfile::tempdir().unwrap();
    for text in ["", "\n\n", "nonsense\n", "{\"a\":1}\n"] {
        let error = replay(&[file(&directory, "a.jsonl", text.as_bytes())], None).unwrap_err().to_string();
        assert!(error.contains("a.jsonl"), "{error}");
    }
    let error = replay(&[directory.path().join("absent")], None).unwrap_err().to_string();
    assert!(error.contains("cannot read") && error.contains("absent"), "{error}");
}
