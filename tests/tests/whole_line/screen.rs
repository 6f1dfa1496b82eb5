//! The first screen of a fleet's collector at 80x24, and the part of it that is the same in every run: what is said, without
//! times, counts of requests, charts, the line of signals, and the signal `throughput`, which a busy machine adds.

use crate::fault::{Fault, GOOD};
use crate::fleet::{Fleet, Shape};
use firstbad_protocol::Hash;
use regex::Regex;
use std::path::PathBuf;
use std::process::Command;

/// Beginnings of the paragraphs that are compared, beside header and sentence; the last is the row of the versions' table.
const LABELS: [&str; 7] = ["ERROR", "WHY", "NOT IT", "DO NOW", "GOOD", "BLIND", "edge-rules  "];

/// Replaced patterns: numbers that grow with the run or depend on which hosts were well between two pushes, and the directory of
/// the server's sources.
const PATTERNS: [(&str, &str); 12] = [
    // Whether a version is named or suspected depends on the moments of reports; which version does not.
    ("(NAMED|SUSPECT):", "ACCUSED:"),
    // Which evidence there is depends on the moments of reports; an exceeded limit is always there.
    (r"(?m)^WHY +(rows 14 > limit 10)?.*$", "WHY $1"),
    (r"\b0 of \d while on", "0 of N while on"),
    (r"\b0 of \d others", "0 of N others"),
    (r"\b3 of \d hosts\. Nearest", "3 of N hosts. Nearest"),
    (", throughput", ""),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"\b[\d,]+x\b", "COUNTx"),
    (r"\b\d+%", "SHARE%"),
    (r"are \d+\.\d\d times", "are RATIO times"),
    (r"served .* without", "served TIME without"),
    (r"at \S*line_server/rules\.rs:\d+:\d+", "at rules.rs:LINE"),
];

/// Draws the screen.
pub(crate) fn drawn(fleet: &Fleet) -> String {
    let url = format!("http://{}/api/v1/snapshot", fleet.api);
    let snapshot = ureq::get(&url).call().expect("an answer").body_mut().read_to_string().expect("a text");
    let file = fleet.directory.path().join("snapshot.json");
    std::fs::write(&file, snapshot).expect("write");
    let output = Command::new(firstbad_tests::firstbad()).args(["gen", "picture"]).arg(file).output();
    let output = output.expect("firstbad is built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Returns the part of a drawn screen that is the same in every run, one paragraph in a line.
pub(crate) fn same_in_every_run(drawn: &str, fault: Fault, shape: Shape) -> String {
    let mut lines = drawn.lines();
    let header = lines.next().and_then(|line| line.split(" | ").nth(1)).unwrap_or_default().to_owned();
    let ends_the_sentence = |line: &str| line.is_empty() || line.contains(" | ") || line.starts_with("NOW");
    let sentence: Vec<&str> = lines.by_ref().take_while(|line| !ends_the_sentence(line)).collect();
    let mut paragraphs = vec![header, sentence.join(" ")];
    let mut is_kept = false;
    for line in lines {
        match LABELS.iter().find(|label| line.starts_with(**label)) {
            Some(_) => paragraphs.push(line.to_owned()),
            // Lines after the first of a paragraph are indented.
            None if is_kept && line.starts_with("      ") => {
                if let Some(last) = paragraphs.last_mut() {
                    *last += &format!(" {}", line.trim());
                }
                continue;
            }
            None => {}
        }
        is_kept = LABELS.iter().any(|label| line.starts_with(label));
    }
    let mut text = paragraphs.join("\n") + "\n";
    for (name, content) in [("GOOD-FILE", GOOD.to_owned()), ("PUSHED", fault.pushed())] {
        let hash = Hash::of(content.as_bytes());
        text = text.replace(&hash.to_string(), name).replace(&hash.short(), name);
    }
    for (pattern, name) in PATTERNS {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, name).into_owned();
    }
    let text = Regex::new(" +").expect("a pattern").replace_all(&text, " ").into_owned();
    match text.split_once(". Nearest") {
        Some((symptom, _)) if fault.is_concluded_wrongly(shape) => symptom.to_owned() + "\n",
        _ => text,
    }
}

/// The file that holds what a screen should say.
pub(crate) fn expected(fault: Fault, shape: Shape) -> PathBuf {
    let screens = firstbad_tests::repository().join("tests/tests/whole_line/screens");
    screens.join(format!("{}-{}.txt", fault.name(), shape.name))
}
