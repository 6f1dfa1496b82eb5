//! What dead processes of this service left in the directory, where no agent takes it: claimed by rename under a lock, shipped
//! whole, and kept for people. A claim whose claimer died is taken over.

use crate::files;
use crate::predecessor;
use crate::raw;
use firstbad_protocol::recorder::{FILE_SUFFIX, RecorderImage};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A dead recorder that is ours to tell. The open file holds the lock that shows it.
pub(super) struct Dead {
    pub(super) image: RecorderImage,
    pub(super) died_ns: u64,
    path: PathBuf,
    _lock: File,
}

/// Claims one dead recorder of `service` beside `own`, if there is one and no agent.
pub(super) fn claim(own: &Path, service: &str) -> Option<Dead> {
    let directory = own.parent()?;
    if predecessor::agent_lives(directory) {
        return None;
    }
    let paths = fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = paths.filter(|path| path != own && is_unshipped(path, service)).collect();
    found.sort();
    found.iter().find_map(|path| claim_one(path))
}

/// `<service>.<32 hex digits>.rec`, `.told.rec`, or `.rec.claim.<whoever>`.
fn is_unshipped(path: &Path, service: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let rest = name.strip_prefix(service).and_then(|rest| rest.strip_prefix('.'));
    let Some((id, ending)) = rest.and_then(|rest| rest.split_at_checked(32)) else { return false };
    let known = ending == FILE_SUFFIX || ending == ".told.rec" || ending.starts_with(".rec.claim.");
    known && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn claim_one(path: &Path) -> Option<Dead> {
    let file = files::open(path).ok()?;
    let found = file.metadata().ok()?;
    if !found.is_file() || raw::is_locked(&file) || raw::lock_shared(&file).is_err() {
        return None;
    }
    let image = predecessor::read(&file)?;
    let name = path.file_name()?.to_str()?;
    let (stem, _) = name.split_once(FILE_SUFFIX)?;
    let stem = stem.strip_suffix(".told").unwrap_or(stem);
    let claim = format!("{stem}.rec.claim.{}.{:x}", std::process::id(), crate::directory::random());
    let claimed = path.with_file_name(claim);
    fs::rename(path, &claimed).ok()?;
    let modified = found.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let modified_ns = modified.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0));
    let last = image.last_sign_ns();
    let died_ns = image.exited_ns.unwrap_or_else(|| last.max(modified_ns));
    Some(Dead { image, died_ns, path: claimed, _lock: file })
}

impl Dead {
    /// Everything it had to tell is safe.
    pub(super) fn finish(self) {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((stem, _)) = name.split_once(FILE_SUFFIX) {
            let _ = fs::rename(&self.path, self.path.with_file_name(format!("{stem}.rec.done")));
        }
    }
}
