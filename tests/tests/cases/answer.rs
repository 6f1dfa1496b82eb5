//! Runs `firstbad diagnose` on lines and reads what it prints.

use serde_json::Value;
use std::process::Command;

/// The JSON and the exit code of one run.
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) json: Value,
}

/// Returns the answer for a capture that holds `lines`.
pub(crate) fn diagnose(lines: &str) -> Answer {
    run(lines, &[])
}

/// Returns the answer for a capture that holds `lines`, as it was known at `time` (RFC 3339).
pub(crate) fn diagnose_at(lines: &str, time: &str) -> Answer {
    run(lines, &["--at", time])
}

fn run(lines: &str, more: &[&str]) -> Answer {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("capture.jsonl");
    std::fs::write(&path, lines).expect("write");
    let mut command = Command::new(firstbad_tests::firstbad());
    let output = command.args(["diagnose", "--format", "json"]).args(more).arg(&path).output().expect("it is built");
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    Answer { code: output.status.code(), json }
}

impl Answer {
    pub(crate) fn incidents(&self) -> &[Value] {
        self.json["incidents"].as_array().expect("incidents")
    }

    /// Returns the only incident.
    pub(crate) fn incident(&self) -> &Value {
        assert_eq!((self.code, self.incidents().len()), (Some(1), 1), "{:#}", self.json);
        &self.incidents()[0]
    }

    /// Returns the incidents that accuse a change.
    pub(crate) fn accusing(&self) -> Vec<&Value> {
        self.incidents().iter().filter(|it| it["verdict"] == "cause" || it["verdict"] == "suspect").collect()
    }
}

/// Asserts that `incident` accuses exactly the version of `config` with this hash.
pub(crate) fn assert_accuses(incident: &Value, config: &str, hash: &str) {
    let cause = &incident["cause"];
    assert_eq!((&cause["kind"], &cause["config"]), (&"config".into(), &config.into()), "{incident:#}");
    assert_eq!(cause["hashes"], serde_json::json!([hash]), "{incident:#}");
}

/// Asserts that the onset of `incident` lies within two times of day, such as `10:20:00`.
pub(crate) fn assert_onset(incident: &Value, from: &str, to: &str) {
    let onset = incident["onset"].as_str().and_then(|onset| onset.split('T').nth(1)).expect("a time");
    assert!(onset >= from && onset <= to, "onset {onset}: {incident:#}");
}

/// Returns whether `signal` is a signal of `incident`.
pub(crate) fn has_signal(incident: &Value, signal: &str) -> bool {
    incident["signals"].as_array().expect("signals").iter().any(|it| it == signal)
}
