//! The audit log: a line of JSON for each call of an administrator or a publisher, for each purge and for each denied call, each with the SHA-256 of the
//! line before, so that a line that was taken out or changed is noticed. Of a flood of denied calls the first of each second
//! are kept, and the others counted.

use super::token::hex;
use firstbad_protocol::Untrusted;
use firstbad_protocol::limits::{AUDIT_BYTES_MAX, AUDIT_DENIED_PER_SECOND};
use firstbad_protocol::time::Timestamp;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Its name in the data directory.
const FILE_NAME: &str = "audit.log";
/// The hash before the first line.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// A line is a few hundred bytes; the last one is within so many.
const TAIL_BYTES: u64 = 64 << 10;

/// What was called.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) at: Timestamp,
    /// `admin`, `publish`, `purge` or `denied`.
    pub(crate) event: &'static str,
    /// The authenticated name; of a denied call, the name that the credential claims.
    pub(crate) caller: &'a str,
    pub(crate) from: String,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) reason: String,
}

/// The open log.
#[derive(Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    state: Mutex<State>,
    /// Apart from the file, which may be waiting for the disk.
    rate: Mutex<Rate>,
}

#[derive(Debug)]
struct State {
    file: File,
    bytes: u64,
    before: String,
}

/// Denied calls of the second that runs, and those that were left out since the last line.
#[derive(Debug, Default)]
struct Rate {
    second: i64,
    denied: u32,
    suppressed: u64,
}

impl Audit {
    /// Opens or makes the log in `directory`, readable by its owner alone.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE_NAME);
        let mut file = open(&path)?;
        let bytes = file.metadata()?.len();
        let before = last_hash(&mut file, bytes)?;
        Ok(Self { path, state: Mutex::new(State { file, bytes, before }), rate: Mutex::default() })
    }

    /// Whether a denied call of this time is written. It does not wait for the disk.
    pub(crate) fn admits(&self, at: Timestamp) -> bool {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).admits(at)
    }

    /// Writes a line, on disk when this returns. A failed write is an error in the process's own log. The call
    /// goes on, since a full disk must not lock out the administrator who could clear it.
    pub(crate) fn write(&self, call: &Call<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let suppressed = std::mem::take(&mut self.rate.lock().unwrap_or_else(PoisonError::into_inner).suppressed);
        if let Err(error) = state.append(&self.path, call, suppressed) {
            tracing::error!(%error, event = call.event, "the audit log cannot be written");
        }
    }
}

impl Rate {
    fn admits(&mut self, at: Timestamp) -> bool {
        let second = at.0.div_euclid(firstbad_protocol::time::SECOND_NS);
        if second != self.second {
            (self.second, self.denied) = (second, 0);
        }
        self.denied = self.denied.saturating_add(1);
        let admitted = self.denied <= AUDIT_DENIED_PER_SECOND;
        self.suppressed += u64::from(!admitted);
        admitted
    }
}

impl State {
    fn append(&mut self, path: &Path, call: &Call<'_>, suppressed: u64) -> io::Result<()> {
        if self.bytes >= AUDIT_BYTES_MAX {
            let mut old = path.as_os_str().to_owned();
            old.push(".1");
            std::fs::rename(path, old)?;
            self.file = open(path)?;
            self.bytes = 0;
        }
        let safe = |text: &str| Untrusted(text).cut(200);
        let line = serde_json::json!({
            "at": call.at, "event": call.event, "caller": safe(call.caller), "from": call.from,
            "method": safe(call.method), "path": safe(call.path), "status": call.status, "reason": safe(&call.reason),
            "suppressed": suppressed, "before": self.before,
        });
        let line = format!("{line}\n");
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        self.bytes += line.len() as u64;
        self.before = hash_of(line.trim_end());
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

fn hash_of(line: &str) -> String {
    hex(&Sha256::digest(line.as_bytes()))
}

fn last_hash(file: &mut File, bytes: u64) -> io::Result<String> {
    file.seek(SeekFrom::Start(bytes.saturating_sub(TAIL_BYTES)))?;
    let mut last = None;
    for line in BufReader::new(file).split(b'\n') {
        last = Some(line?);
    }
    Ok(last.map_or_else(|| BEGINNING.to_owned(), |line| hash_of(&String::from_utf8_lossy(&line))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn call(second: i64, path: &str) -> Call<'_> {
        let at = Timestamp::from_seconds(second);
        let from = "127.0.0.1:1".to_owned();
        Call { at, event: "denied", caller: "x", from, method: "GET", path, status: 401, reason: String::new() }
    }

    fn lines(directory: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(directory.join(FILE_NAME)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_line_names_the_one_before_also_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        Audit::open(directory.path()).unwrap().write(&call(1, "/a\u{1b}[2J"));
        Audit::open(directory.path()).unwrap().write(&call(2, "/b"));
        let text = std::fs::read_to_string(directory.path().join(FILE_NAME)).unwrap();
        let first = text.lines().next().unwrap();
        let lines = lines(directory.path());
        assert_eq!(lines[0]["before"], BEGINNING);
        assert_eq!(lines[1]["before"], hash_of(first));
        assert_ne!(lines[1]["before"], hash_of(&first.replace("/a", "/c")), "a changed line is noticed");
        assert!(!text.contains('\u{1b}') && !lines[0]["path"].as_str().unwrap().contains('\u{1b}'), "{text}");
        let mode = std::fs::metadata(directory.path().join(FILE_NAME)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_flood_of_denied_calls_is_counted_and_an_admin_call_is_always_written() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::open(directory.path()).unwrap();
        for _ in 0..100 {
            if audit.admits(Timestamp::from_seconds(1)) {
                audit.write(&call(1, "/a"));
            }
        }
        audit.write(&Call { event: "admin", ..call(1, "/admin") });
        let lines = lines(directory.path());
        assert_eq!(lines.len(), AUDIT_DENIED_PER_SECOND as usize + 1);
        assert_eq!(lines.last().unwrap()["suppressed"], 100 - u64::from(AUDIT_DENIED_PER_SECOND));
    }
}
