//! What earlier processes of this service left behind: a death that no agent is there to tell is told by the next process,
//! once. Whoever renames the file first tells it; the file stays, so that an agent that comes late still ships its counts.

use crate::directory::file_stem;
use crate::events;
use crate::files;
use crate::raw::{self, Words};
use firstbad_protocol::Hash;
use firstbad_protocol::names::attribute;
use firstbad_protocol::recorder::layout::{WORDS_READ_MAX, header, state};
use firstbad_protocol::recorder::{
    AGENT_LOCK, DeathImage, FILE_SUFFIX, HEAD_BYTES, Head, RecorderImage, State, TOLD_SUFFIX, decode,
};
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Recorders that are looked at for the version before. Each costs the reading of four kilobytes.
const LOOKED_AT_MAX: usize = 64;
/// How long, nanoseconds, before the start of a process the one that it replaces may have ended, where two versions run side by
/// side. Chosen: a supervisor restarts within a minute.
const REPLACED_WITHIN_NS: u64 = 60_000_000_000;
/// Deaths told by one process; there are no more dead files than this, see `directory`.
const DEATHS_MAX: usize = 8;

/// The death of an earlier process of this service.
///
/// ```
/// fn page(recorder: &firstbad_instrument::Recorder) {
///     for death in recorder.deaths() {
///         // "process 4711 ended without a word on signal 11 while loading features sha256:..": the version that kills is named.
///         eprintln!("the last time: {death}; see `firstbad recorder dump {}`", death.recorder.display());
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Death {
    /// Its `service.instance.id`.
    pub instance: String,
    /// Its process id, in its own namespace.
    pub pid: u32,
    /// Last sign of its life.
    pub last_sign: SystemTime,
    /// Fatal signal that it saw itself; none after SIGKILL, an out-of-memory kill or `exit`.
    pub signal: Option<u8>,
    /// Status with which it exited, never 0; none if a signal ended it.
    pub status: Option<i32>,
    /// Config and version that it was loading.
    pub loading: Option<(String, Hash)>,
    /// What was active, `name=sha256:..`.
    pub active: Vec<String>,
    /// Panics that it counted.
    pub panics: u64,
    /// Text of the last of them.
    pub last_panic: Option<String>,
    /// Its recorder, for `firstbad recorder dump`.
    pub recorder: PathBuf,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ended ", self.pid)?;
        match self.status {
            Some(status) => write!(f, "with status {status}")?,
            None => f.write_str("without a word")?,
        }
        if let Some(signal) = self.signal {
            write!(f, " on signal {signal}")?;
        }
        if let Some((config, hash)) = &self.loading {
            write!(f, " while loading {config} {hash}")?;
        }
        if self.panics > 0 {
            write!(f, " after {} panics", self.panics)?;
        }
        if let Some(text) = &self.last_panic {
            write!(f, ", the last: {text:?}")?;
        }
        if self.active.is_empty() { Ok(()) } else { write!(f, "; active: {}", self.active.join(", ")) }
    }
}

/// Claims and tells the deaths of this service in the directory of `own`, the recorder of this process, unless an agent
/// is there to do so.
pub(crate) fn tell(words: Words, own: &Path, service: &str) -> Vec<Death> {
    let Some(directory) = own.parent() else { return Vec::new() };
    if agent_lives(directory) {
        return Vec::new();
    }
    let mut told = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path == own || !is_unclaimed(&name, service) || told.len() == DEATHS_MAX {
            continue;
        }
        let Some((death, image)) = claim(&path) else { continue };
        events::write_death(words, &image);
        told.push(death);
    }
    told.sort_by_key(|death| death.last_sign);
    told
}

/// Writes down that this process runs another version of the binary, if the process of this service and host that ended last ran
/// another one: a restart into another version is a change.
pub(crate) fn tell_of_new_binary(words: Words, own: &Path, attributes: &[(String, String)]) {
    let said = |wanted: &str| attributes.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    let (Some(version), Some(directory)) = (said(attribute::SERVICE_VERSION), own.parent()) else { return };
    let service = file_stem(said(attribute::SERVICE_NAME).unwrap_or_default());
    let names = fs::read_dir(directory).into_iter().flatten().flatten();
    let others = names.filter(|entry| entry.path() != own && is_of(&entry.file_name().to_string_lossy(), &service));
    let others = others.take(LOOKED_AT_MAX).filter_map(|entry| Other::at(&entry.path()));
    let others: Vec<Other> = others.filter(|other| other.host.as_deref() == said(attribute::HOST_NAME)).collect();
    if let Some(before) = replaced(&others, version, crate::cells::now_ns()) {
        events::write_new_binary(words, before);
    }
}

/// Another process of this service.
struct Other {
    version: String,
    host: Option<String>,
    started_ns: u64,
    /// None while it lives.
    ended_ns: Option<u64>,
}

impl Other {
    /// From its recorder, which is not the one of this process: closing a descriptor of that would release its lock.
    fn at(path: &Path) -> Option<Self> {
        let file = files::open(path).ok()?;
        let found = file.metadata().ok().filter(fs::Metadata::is_file)?;
        let mut bytes = [0; HEAD_BYTES];
        files::read_at(&file, &mut bytes, 0).ok()?;
        let head = Head::of(&bytes)?;
        let modified = || found.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok();
        let modified = || modified().map_or(head.started_ns, |since| u64::try_from(since.as_nanos()).unwrap_or(0));
        Some(Self {
            version: head.attribute(attribute::SERVICE_VERSION)?.to_owned(),
            host: head.attribute(attribute::HOST_NAME).map(str::to_owned),
            started_ns: head.started_ns,
            ended_ns: (!raw::is_locked(&file)).then(|| head.exited_ns.unwrap_or_else(modified)),
        })
    }
}

/// The version that a process of `version` replaces, if that is another one: the version of the process that was started last.
/// Where two versions run side by side, a process that ended a moment ago with `version` is the one that is replaced.
fn replaced<'a>(others: &'a [Other], version: &str, now_ns: u64) -> Option<&'a str> {
    let latest = others.iter().max_by_key(|other| other.started_ns)?;
    let since = now_ns.saturating_sub(REPLACED_WITHIN_NS);
    let same = |other: &Other| other.version == version && other.ended_ns.is_some_and(|ended| ended >= since);
    (latest.version != version && !others.iter().any(same)).then_some(latest.version.as_str())
}

/// Whether `name` is a recorder of exactly this service, whatever its state.
fn is_of(name: &str, service: &str) -> bool {
    let id = name.strip_prefix(service).and_then(|rest| rest.strip_prefix('.'));
    id.and_then(|rest| rest.split_once('.')).is_some_and(|(id, _)| id.len() == 32) && name.contains(FILE_SUFFIX)
}

/// Whether `name` is a recorder of exactly this service that nobody has told of.
fn is_unclaimed(name: &str, service: &str) -> bool {
    let id = name.strip_prefix(service).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(FILE_SUFFIX));
    id.is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(crate) fn agent_lives(directory: &Path) -> bool {
    files::open(&directory.join(AGENT_LOCK)).is_ok_and(|file| raw::is_locked(&file))
}

/// The death in the file at `path`, if its process is dead, did not end on purpose, and is not claimed by another reader.
fn claim(path: &Path) -> Option<(Death, DeathImage)> {
    let file = files::open(path).ok()?;
    let found = file.metadata().ok()?;
    if !found.is_file() || raw::is_locked(&file) {
        return None;
    }
    let image = read(&file)?;
    if image.state == State::Starting || image.ending().clean {
        return None;
    }
    if was_this_process(&image) {
        say_goodbye(path);
        return None;
    }
    let told = path.with_extension(TOLD_SUFFIX.trim_start_matches('.'));
    fs::rename(path, &told).ok()?;
    let modified = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Some(describe(&image, modified, told))
}

/// The recorder in an open file.
pub(crate) fn read(file: &File) -> Option<RecorderImage> {
    let mut bytes = Vec::new();
    file.take(WORDS_READ_MAX as u64 * 8).read_to_end(&mut bytes).ok()?;
    decode(&bytes, &bytes).ok()
}

/// Whether the recorder is of this very process before it called `exec`: the same process id, begun at the same tick,
/// and no fatal signal, which no process outlives. (Containers all have process id 1, and one that dies at once can be
/// begun again within the ten milliseconds of a tick.)
fn was_this_process(image: &RecorderImage) -> bool {
    image.pid == std::process::id()
        && image.state == State::Running
        && image.signal.is_none()
        && image.exit_status.is_none()
        && image.process_start != 0
        && raw::process_start() == Some(image.process_start)
}

/// Marks what this process left before `exec` as ended on purpose.
fn say_goodbye(path: &Path) {
    let Ok(file) = files::open_to_write(path) else { return };
    let put = |word: usize, value: u64| files::write_at(&file, &value.to_ne_bytes(), word as u64 * 8);
    if put(header::EXITED, crate::cells::now_ns()).is_ok() {
        let _ = put(header::STATE, state::CLEAN);
    }
}

fn describe(image: &RecorderImage, modified: SystemTime, recorder: PathBuf) -> (Death, DeathImage) {
    let modified_ns = modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let known_ns = image.last_sign_ns().max(u64::try_from(modified_ns).unwrap_or(0));
    let last_sign_ns = image.exited_ns.unwrap_or(known_ns);
    let ending = image.ending();
    let instance = image.attribute(attribute::SERVICE_INSTANCE_ID).unwrap_or_default().to_owned();
    let loading = image.loading().map(|(config, hash)| (config.to_owned(), hash));
    let death = Death {
        instance: instance.clone(),
        pid: image.pid,
        last_sign: SystemTime::UNIX_EPOCH + Duration::from_nanos(last_sign_ns),
        signal: ending.signal,
        status: ending.status,
        loading: loading.clone(),
        active: image.active_names(),
        panics: image.panics,
        last_panic: image.panic_texts.last().map(|panic| panic.message.clone()),
        recorder,
    };
    let told = DeathImage {
        boot: image.boot,
        event_head: image.event_head,
        last_sign_ns,
        pid: image.pid,
        panics: image.panics,
        signal: ending.signal,
        status: ending.status,
        instance,
        loading,
        active: image.active_names(),
    };
    (death, told)
}
