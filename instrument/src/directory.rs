//! Where the recorder's file goes, how it is made, and which old ones are removed. Files of other processes are only
//! ever looked at or removed; a file that this process holds the lock on is never opened a second time, since closing
//! any descriptor of it would release the lock.

use crate::files;
use crate::raw::{self, Words};
use crate::recorder::{self, Cold, Home};
use firstbad_protocol::recorder::layout::{self, dropped, header};
use firstbad_protocol::recorder::{FILE_SUFFIX, search_list};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Dead recorders of one service that are kept for an agent that comes late.
const DEAD_MAX: usize = 8;
/// Bytes that they may have together.
const DEAD_BYTES_MAX: u64 = 64 << 20;
/// A file that was begun and not finished for this long belongs to nobody.
const UNFINISHED_AGE: Duration = Duration::from_secs(60);
/// Bytes of the service's name in the file's name.
const SERVICE_BYTES_MAX: usize = 64;

/// What it takes to open a recorder, again in a forked child.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Only this directory, if the proxy names one; else the search list.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) service: String,
    pub(crate) content: crate::init::Content,
}

/// 128 random bits.
pub(crate) fn random() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    use std::io::Read;
    let mut bytes = [0; 16];
    if File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).is_ok() {
        return u128::from_ne_bytes(bytes);
    }
    let half = |salt: u64| u128::from(RandomState::new().hash_one((salt, std::process::id(), SystemTime::now())));
    half(1) << 64 | half(2)
}

/// Opens a recorder in the first directory that takes it. Tells why there is none, directory by directory.
pub(crate) fn open(words: Words, cold: &mut Cold, settings: &Settings) -> Result<PathBuf, String> {
    if let Some(why) = files::NONE_BECAUSE {
        return Err(why.to_owned());
    }
    let directories = settings
        .directory
        .as_ref()
        .map_or_else(|| search_list(|name| std::env::var(name).ok(), raw::euid()), |directory| vec![directory.clone()]);
    let mut problems = Vec::new();
    for directory in directories {
        match prepare(&directory).and_then(|()| create(words, cold, &directory, settings)) {
            Ok(path) => return Ok(path),
            Err(error) => problems.push(format!("{}: {error}", directory.display())),
        }
    }
    Err(problems.join("; "))
}

/// Opens a recorder for a forked child; without one it goes on in memory.
pub(crate) fn reopen(words: Words, cold: &mut Cold, settings: Settings) {
    if open(words, cold, &settings).is_ok() {
        crate::events::write_start(words);
    }
}

/// Makes the directory if need be, and refuses one that others could put files into at will.
fn prepare(directory: &Path) -> io::Result<()> {
    files::make_directory(directory)?;
    match files::refusal(&fs::metadata(directory)?) {
        Some(why) => Err(io::Error::new(io::ErrorKind::PermissionDenied, why)),
        None => Ok(()),
    }
}

/// The service's name as it stands in file names.
pub(crate) fn file_stem(service: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    service.chars().map(plain).take(SERVICE_BYTES_MAX).collect()
}

/// Makes, allocates, locks, fills and only then names the file, so that no reader finds a recorder without its lock.
fn create(words: Words, cold: &mut Cold, directory: &Path, settings: &Settings) -> io::Result<PathBuf> {
    let service = file_stem(&settings.service);
    let removed = remove_old(directory, &service);
    crate::cells::add(words, header::DROPPED + dropped::DEAD_RECORDERS, removed);
    let name = format!("{service}.{:032x}", random());
    let (unfinished, path) = (directory.join(format!(".{name}.new")), directory.join(format!("{name}{FILE_SUFFIX}")));
    let file = files::create(&unfinished)?;
    let made = raw::lock(&file)
        .and_then(|()| {
            let home = Home { file, path: path.clone(), settings: settings.clone() };
            recorder::move_into(words, cold, home)
        })
        .map_err(io::Error::from_raw_os_error)
        .and_then(|()| fs::rename(&unfinished, &path));
    if made.is_err() {
        // The memory may be the file's already; without its name nobody will find it.
        let _ = fs::remove_file(&unfinished);
    }
    made.map(|()| path)
}

/// Removes the oldest dead recorders of the service beyond the bounds. Gives how many of them nobody had reported.
fn remove_old(directory: &Path, service: &str) -> u64 {
    let mut dead: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(found) = entry.metadata() else { continue };
        let changed = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let unfinished = name.starts_with(&format!(".{service}.")) && name.ends_with(".new");
        let finished = name.starts_with(&format!("{service}.")) && name.contains(FILE_SUFFIX);
        let old = changed.elapsed().is_ok_and(|age| age > UNFINISHED_AGE);
        if !found.is_file() || !(finished || unfinished && old) || lives(&entry.path()) {
            continue;
        }
        if unfinished {
            let _ = fs::remove_file(entry.path());
        } else {
            dead.push((changed, found.len(), entry.path()));
        }
    }
    dead.sort();
    let mut bytes: u64 = dead.iter().map(|(_, bytes, _)| bytes).sum();
    let mut count = dead.len();
    let mut unreported = 0;
    for (_, size, path) in dead {
        if count < DEAD_MAX && bytes + (layout::CHUNK_WORDS as u64 * 8) <= DEAD_BYTES_MAX {
            break;
        }
        if fs::remove_file(&path).is_ok() {
            unreported += u64::from(path.extension().is_some_and(|extension| extension == "rec"));
        }
        count -= 1;
        bytes -= size;
    }
    unreported
}

fn lives(path: &Path) -> bool {
    files::open(path).map_or(true, |file| raw::is_locked(&file))
}
