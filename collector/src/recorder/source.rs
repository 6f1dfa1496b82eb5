//! Polls the recorders of this host. It remembers what was shipped, so that each event, death and content is told once;
//! until `commit`, everything is told again.

use super::containers::{Containers, open_within};
use super::file::{self, Mark, RecorderFile, Stage};
use super::places::{Place, places};
use super::stacks::Stacks;
use super::{Export, RecorderError, logs, points};
use firstbad_protocol::Hash;
use firstbad_protocol::content::Format;
use firstbad_protocol::limits::{CONTENT_BYTES_MAX, CONTENT_BYTES_PER_REPORT_MAX};
use firstbad_protocol::names::attribute;
use firstbad_protocol::recorder::{Dropped, EventKind, Outcomes, PanicImage, RecorderImage, layout};
use firstbad_protocol::time::Timestamp;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use rustix::fs::OFlags;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The recorders of this host as a source of telemetry.
#[derive(Debug, Default)]
pub struct RecorderSource {
    directories: Vec<PathBuf>,
    /// The same directories within containers; none: they are not looked for.
    containers: Option<Containers>,
    points_to_others: bool,
    /// Names of stacks; none: they are told as addresses.
    stacks: Option<Stacks>,
    known: BTreeMap<PathBuf, Known>,
    /// Contents that are safe at the receiver, and those of the last poll.
    contents: BTreeSet<Hash>,
    contents_pending: BTreeSet<Hash>,
    problems: BTreeMap<PathBuf, RecorderError>,
    /// Directories that this source has marked as looked after: the next process of a service leaves deaths to it.
    marks: BTreeMap<PathBuf, File>,
}

/// A recorder that was seen before.
#[derive(Debug)]
struct Known {
    file: RecorderFile,
    shipped: Shipped,
    pending: Shipped,
    /// Counts as told last: a copy taken in the middle of a move can be short for a moment, and must not fall.
    counts: Counts,
    /// Time when the process was last seen alive, nanoseconds since the Unix epoch.
    lived_ns: Option<u64>,
    dead: bool,
    torn: bool,
}

/// Which events were told.
#[derive(Clone, Debug, Default)]
struct Shipped {
    /// Number of the next event; none before the first poll.
    event: Option<u64>,
    /// Numbers of panics that are still in the ring and were told.
    panics: BTreeSet<u64>,
    panic_head: u64,
    /// Events that were overwritten before they could be told.
    lost: u64,
}

#[derive(Debug, Default)]
struct Counts {
    totals: Outcomes,
    versions: BTreeMap<u64, Vec<u64>>,
}

impl RecorderSource {
    /// Reads the recorders in `directories`; see [`super::search_list`].
    #[must_use]
    pub fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories, ..Self::default() }
    }

    /// Reads them also where processes in other mount namespaces see them, as far as this process may.
    #[must_use]
    pub fn with_containers(self) -> Self {
        Self { containers: Some(Containers::default()), ..self }
    }

    /// Tells of recorders of other users on this host that it does not read: for directories that nobody chose.
    #[must_use]
    pub fn pointing_to_others(self) -> Self {
        Self { points_to_others: true, ..self }
    }

    /// Tells stacks in names where the binary is at hand. It takes a copy of the binary (at most 256 MiB) in memory, for a moment.
    #[must_use]
    pub fn with_names_of_stacks(self) -> Self {
        Self { stacks: Some(Stacks::default()), ..self }
    }

    /// Reads every recorder once: one export for each instance that lives, and a last one for each that died. Log events
    /// are repeated by the next poll unless [`Self::commit`] says that the exports are safe; `firstbad.boot` and
    /// `firstbad.seq` make a repetition harmless.
    pub fn poll(&mut self, now: Timestamp) -> Vec<Export> {
        self.poll_for(now, &mut |_| false)
    }

    /// As [`Self::poll`], without the contents of which `receiver_has` says that they need not be sent. It is asked once for
    /// each content.
    pub fn poll_for(&mut self, now: Timestamp, receiver_has: &mut dyn FnMut(Hash) -> bool) -> Vec<Export> {
        let now_ns = u64::try_from(now.0).unwrap_or(0);
        self.contents_pending.clear();
        self.problems.clear();
        if let Some(stacks) = &mut self.stacks {
            stacks.begin();
        }
        let mut directories = self.all_directories();
        self.mark(&directories);
        directories.retain(|directory| !self.problems.contains_key(directory));
        let found = file::find(&directories);
        self.known.retain(|path, known| known.dead || found.iter().any(|(there, _)| there == path));
        for (path, stage) in found {
            let claimed_by_us = self.known.values().any(|known| known.file.path == path);
            if stage == Stage::Done || claimed_by_us || self.known.contains_key(&path) {
                continue;
            }
            match RecorderFile::open(&path) {
                // Whoever holds the lock of a claimed one is telling its death.
                Ok(file) if stage == Stage::Claimed && file.lives() => {}
                Ok(file) => {
                    self.known.insert(path, Known::new(file));
                }
                Err(error) => {
                    self.problems.insert(path, error);
                }
            }
        }
        let paths: Vec<PathBuf> = self.known.keys().cloned().collect();
        paths.iter().filter_map(|path| self.poll_one(path, now_ns, receiver_has)).collect()
    }

    /// Those that were given, and those of containers.
    fn all_directories(&mut self) -> Vec<PathBuf> {
        let mut all = self.directories.clone();
        if let Some(containers) = &mut self.containers {
            let known = &self.known;
            let in_use = |directory: &Path| known.values().any(|known| known.file.path.parent() == Some(directory));
            all.extend(containers.look(&self.directories, in_use));
        }
        all
    }

    /// Holds a lock in every directory that is there and where that is possible. One that another process holds is a problem.
    fn mark(&mut self, directories: &[PathBuf]) {
        self.marks.retain(|directory, _| directories.contains(directory));
        for directory in directories {
            if self.marks.contains_key(directory) {
                continue;
            }
            match file::mark(directory) {
                Mark::Ours(mark) => drop(self.marks.insert(directory.clone(), mark)),
                Mark::Another(process) => {
                    let problem = RecorderError::ReadByAnother { directory: directory.clone(), process };
                    self.problems.insert(directory.clone(), problem);
                }
                Mark::Unknown => {}
            }
        }
    }

    /// The directories that it was given, and those of other users if it points to them.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let all = places(&self.directories);
        all.into_iter().filter(|place| place.is_read || self.points_to_others).collect()
    }

    /// The exports of the last poll are on disk at the receiver.
    pub fn commit(&mut self) {
        self.contents.append(&mut self.contents_pending);
        for known in self.known.values_mut() {
            known.shipped = known.pending.clone();
        }
        let dead: Vec<PathBuf> =
            self.known.iter().filter(|(_, known)| known.dead).map(|(path, _)| path.clone()).collect();
        for path in dead {
            if let Some(known) = self.known.remove(&path) {
                known.file.finish();
            }
        }
    }

    /// Recorders that the last poll found and could not read, and directories that it left to another reader.
    pub fn problems(&self) -> impl Iterator<Item = &RecorderError> {
        self.problems.values()
    }

    fn poll_one(&mut self, path: &Path, now_ns: u64, receiver_has: &mut dyn FnMut(Hash) -> bool) -> Option<Export> {
        let known = self.known.get_mut(path)?;
        // Asked before the copy: what the process wrote until its death is then in it.
        let lives = known.file.lives();
        if !lives && !known.dead {
            if let Some(error) = known.file.foreign() {
                // Claimed here, its death would be told by nobody: it waits for an agent that reads it.
                self.problems.insert(path.to_owned(), error);
                return None;
            }
            if !known.file.claim() {
                self.known.remove(path);
                return None;
            }
            known.dead = true;
        }
        let with_rings = known.wants_rings();
        let mut image = match known.file.read(with_rings) {
            Ok(image) => image,
            Err(error) => {
                self.problems.insert(path.to_owned(), error);
                if !lives {
                    // Nothing in it can be believed; it stays on disk for people.
                    if let Some(known) = self.known.remove(path) {
                        known.file.finish();
                    }
                }
                return None;
            }
        };
        known.counts.keep_from_falling(&mut image);
        let at_ns = if lives { now_ns } else { known.end_of_life(&image, now_ns) };
        // A process can start between the reader's look at the clock and its copy. No point ends before it begins.
        let at_ns = at_ns.max(image.started_ns);
        if lives {
            known.lived_ns = Some(now_ns);
        }
        if let Some(stacks) = &mut self.stacks {
            let sites = known.panics_to_tell(&image).filter_map(|panic| image.site_of(panic));
            stacks.name(&image, sites, || binary_of(&image, path, self.containers.as_ref()));
        }
        // The heads of a copy without rings may count events that were written after the look at the heads. The next
        // poll sends them.
        let (mut records, deaths) =
            if with_rings { known.new_records(&image, self.stacks.as_ref()) } else { known.no_records() };
        if known.dead {
            records.extend(logs::death(&image, at_ns));
        }
        let lost = [Dropped { reason: "events_overwritten", count: known.pending.lost }];
        records.extend(self.new_contents(path.parent(), &image, receiver_has));
        let metrics = Some(points::request(&image, at_ns, &lost));
        let mut logs = logs::request(&image, records);
        if !deaths.is_empty() {
            logs.get_or_insert_default().resource_logs.extend(deaths);
        }
        Some(Export { metrics, logs })
    }

    /// Contents of the image's versions that this source has not shipped yet.
    fn new_contents(
        &mut self,
        directory: Option<&Path>,
        image: &RecorderImage,
        receiver_has: &mut dyn FnMut(Hash) -> bool,
    ) -> Vec<LogRecord> {
        let mut records = Vec::new();
        let mut budget = CONTENT_BYTES_PER_REPORT_MAX;
        for version in &image.versions {
            let Some((hash, config)) = version.hash.zip(image.config(version.config)) else { continue };
            if self.contents.contains(&hash) || self.contents_pending.contains(&hash) {
                continue;
            }
            let Some(bytes) = directory.and_then(|directory| read_content(directory, hash)) else { continue };
            if bytes.len() > budget {
                break;
            }
            if receiver_has(hash) {
                self.contents.insert(hash);
                continue;
            }
            budget -= bytes.len();
            self.contents_pending.insert(hash);
            let at_ns = version.first_applied_ns.unwrap_or(image.started_ns);
            let format = version.format.unwrap_or(Format::Lines);
            records.push(logs::content(image, logs::Content { config: &config.name, hash, bytes, format, at_ns }));
        }
        records
    }
}

/// The content with this hash, if the instrument kept it and nobody has changed it since; else the content with values hidden
/// by the proxy's rules, of which the hash can say nothing.
fn read_content(directory: &Path, hash: Hash) -> Option<Vec<u8>> {
    let content = directory.join("content");
    let whole = read_regular(&content.join(hash.hex())).filter(|bytes| Hash::of(bytes) == hash);
    whole.or_else(|| read_regular(&content.join(format!("{}.masked", hash.hex()))))
}

/// The binary that wrote the recorder at `path`, as its process sees it.
fn binary_of(image: &RecorderImage, path: &Path, containers: Option<&Containers>) -> Option<File> {
    let binary = Path::new(image.attribute(attribute::PROCESS_EXECUTABLE_PATH)?);
    match containers.zip(path.parent()).and_then(|(containers, directory)| containers.root_of(directory)) {
        Some(root) => open_within(root, binary, OFlags::NONBLOCK),
        None => {
            OpenOptions::new().read(true).custom_flags(i32::try_from(OFlags::NONBLOCK.bits()).ok()?).open(binary).ok()
        }
    }
}

fn read_regular(path: &Path) -> Option<Vec<u8>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(CONTENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= CONTENT_BYTES_MAX).then_some(bytes)
}

impl Known {
    fn new(file: RecorderFile) -> Self {
        Self {
            file,
            shipped: Shipped::default(),
            pending: Shipped::default(),
            counts: Counts::default(),
            lived_ns: None,
            dead: false,
            torn: false,
        }
    }

    /// Whether there may be events that were not told: if not, the rings need not be copied.
    fn wants_rings(&self) -> bool {
        let heads = self.shipped.event.map(|event| (event, self.shipped.panic_head));
        self.dead || self.torn || heads.is_none() || heads != self.file.heads()
    }

    /// The end of a process that is gone, nanoseconds since the Unix epoch: the time that the process noted, else `now_ns` if it
    /// was seen alive before, else its last sign of life.
    fn end_of_life(&self, image: &RecorderImage, now_ns: u64) -> u64 {
        // A process may survive a signal whose time it noted. It was then seen alive later.
        let told = image.exited_ns.filter(|told| self.lived_ns.is_none_or(|lived| lived <= *told));
        let last_sign = || match self.lived_ns {
            Some(_) => now_ns,
            None => image.last_sign_ns().max(self.file.modified_ns()),
        };
        told.unwrap_or_else(last_sign).min(now_ns)
    }

    fn panics_to_tell<'a>(&self, image: &'a RecorderImage) -> impl Iterator<Item = &'a PanicImage> {
        let told = &self.shipped.panics;
        image.panic_texts.iter().filter(move |panic| !told.contains(&panic.number))
    }

    /// Tells of nothing.
    fn no_records(&mut self) -> (Vec<LogRecord>, Vec<ResourceLogs>) {
        self.pending = self.shipped.clone();
        (Vec::new(), Vec::new())
    }

    /// What was not told yet, and deaths of earlier processes that this one tells.
    fn new_records(&mut self, image: &RecorderImage, stacks: Option<&Stacks>) -> (Vec<LogRecord>, Vec<ResourceLogs>) {
        self.torn = image.torn > 0;
        let mut pending = self.shipped.clone();
        let oldest = image.event_head.saturating_sub(layout::EVENTS_MAX as u64);
        let next = pending.event.unwrap_or(oldest);
        pending.lost += oldest.saturating_sub(next);
        let events = image.events.iter().filter(|event| event.number >= next && event.number < image.event_head);
        let mut records: Vec<LogRecord> = events.clone().filter_map(|event| logs::event(image, event)).collect();
        let deaths = events.filter_map(|event| match &event.kind {
            EventKind::Death(told) => Some(logs::earlier_death(image, told)),
            _ => None,
        });
        let deaths = deaths.collect();
        pending.event = Some(image.event_head);
        for panic in &image.panic_texts {
            if pending.panics.insert(panic.number) {
                records.push(logs::exception(image, panic, stacks));
            }
        }
        let kept = image.panic_head.saturating_sub(2 * layout::PANICS_MAX as u64);
        pending.panics = pending.panics.split_off(&kept);
        pending.panic_head = image.panic_head;
        self.pending = pending;
        (records, deaths)
    }
}

impl Counts {
    /// Raises what is less than it was when it was told last.
    fn keep_from_falling(&mut self, image: &mut RecorderImage) {
        raise(&mut self.totals.ok, &mut image.totals.ok);
        raise(&mut self.totals.denied, &mut image.totals.denied);
        raise(&mut self.totals.error, &mut image.totals.error);
        raise(&mut self.totals.panic, &mut image.totals.panic);
        self.versions.retain(|uid, _| image.versions.iter().any(|version| version.uid == *uid));
        for version in &mut image.versions {
            let told = self.versions.entry(version.uid).or_default();
            let outcomes = &mut version.outcomes;
            let scores = version.scores.iter_mut().flat_map(|counts| {
                counts.buckets.iter_mut().chain([&mut counts.above, &mut counts.below, &mut counts.nan])
            });
            let counted = [&mut outcomes.ok, &mut outcomes.denied, &mut outcomes.error, &mut outcomes.panic];
            let cells = counted.into_iter().chain(scores);
            for (place, cell) in cells.enumerate() {
                if told.len() <= place {
                    told.push(0);
                }
                if let Some(told) = told.get_mut(place) {
                    raise(told, cell);
                }
            }
        }
    }
}

fn raise(told: &mut u64, found: &mut u64) {
    *told = (*told).max(*found);
    *found = *told;
}
