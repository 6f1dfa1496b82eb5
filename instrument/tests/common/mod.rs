//! Children by re-exec of the test binary, and recorder files read the way a stranger reads them.
#![allow(dead_code, reason = "each test binary uses its own part")]

use firstbad_protocol::recorder::{RecorderImage, decode};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Runs the test `name` of this binary in a child, with `mode` in `FIRSTBAD_TEST_CHILD`.
pub(crate) fn child(name: &str, mode: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env("FIRSTBAD_TEST_CHILD", mode)
        .env("FIRSTBAD_RECORDER_DIR", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The mode this process was started in, if it is a child.
pub(crate) fn mode() -> Option<String> {
    std::env::var("FIRSTBAD_TEST_CHILD").ok()
}

/// Reads the child's output up to a line that contains `word`.
pub(crate) fn wait_for(child: &mut Child, word: &str) {
    use std::io::{BufRead, BufReader};
    let stdout = child.stdout.as_mut().expect("piped");
    for line in BufReader::new(stdout).lines() {
        if line.expect("text").contains(word) {
            return;
        }
    }
    panic!("the child ended before it said {word}");
}

pub(crate) fn finish(mut command: Command) -> Output {
    command.output().expect("child runs")
}

/// Recorder files in `directory`.
pub(crate) fn recorders(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("readable")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rec"))
        .collect();
    found.sort();
    found
}

/// The only recorder in `directory`.
pub(crate) fn image(directory: &Path) -> RecorderImage {
    let found = recorders(directory);
    assert_eq!(found.len(), 1, "{found:?}");
    image_of(&found[0])
}

pub(crate) fn image_of(path: &Path) -> RecorderImage {
    let bytes = std::fs::read(path).expect("readable");
    decode(&bytes, &bytes).expect("a recorder")
}
