//! What `firstbad recorder list` and `dump` print, as data. Texts are untrusted; the command line escapes them.

use super::RecorderError;
use super::attributes::{active, boot};
use super::file::{self, RecorderFile, Stage};
use super::symbols::{Symbols, hex};
use firstbad_protocol::names::attribute;
use firstbad_protocol::recorder::told::new_binary_text;
use firstbad_protocol::recorder::{
    DecodeError, EventKind, Outcomes, RecorderImage, SiteImage, VersionImage, defaulted_scores, score_histogram,
};
use firstbad_protocol::time::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The state of one recorder file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecorderState {
    /// Its process holds the lock.
    Live,
    /// Its process is gone.
    Dead,
    /// It cannot be opened or decoded.
    Unreadable,
    /// Written by a version of the crate whose layout this program does not know.
    ForeignLayout,
}

/// One line of `firstbad recorder list`.
#[derive(Clone, Debug, Serialize)]
pub struct RecorderEntry {
    /// The file.
    pub path: PathBuf,
    /// Its state.
    pub state: RecorderState,
    /// Whether its process ended on purpose; none while it lives.
    pub clean: Option<bool>,
    /// Whether its death was reported.
    pub reported: bool,
    /// `service.name`; untrusted text.
    pub service: Option<String>,
    /// `service.instance.id`; untrusted text.
    pub instance: Option<String>,
    /// `host.name`; untrusted text.
    pub host: Option<String>,
    /// Process id in the process's own namespace.
    pub pid: Option<u32>,
    /// Creation of the recorder.
    pub started: Option<Timestamp>,
    /// Size, bytes.
    pub size: u64,
    /// Active versions, `name=sha256:..`; untrusted text.
    pub active: Vec<String>,
    /// Why it is unreadable, with file and offset.
    pub problem: Option<String>,
}

/// Every recorder in `directories`, by path.
#[must_use]
pub fn list(directories: &[PathBuf]) -> Vec<RecorderEntry> {
    file::find(directories).into_iter().map(|(path, stage)| read(&path, stage).0).collect()
}

/// The panics of one recorder.
pub(crate) struct RecorderPanics {
    pub(crate) state: RecorderState,
    pub(crate) places: Vec<PanicPlace>,
}

/// Panics at one place.
pub(crate) struct PanicPlace {
    /// `file:line:column`; untrusted text.
    pub(crate) place: String,
    pub(crate) count: u64,
}

/// The panics of every recorder in `directory`, by path.
pub(crate) fn panic_places(directory: &Path) -> Vec<RecorderPanics> {
    file::find(&[directory.to_owned()]).into_iter().map(|(path, stage)| panics_of(&path, stage)).collect()
}

fn panics_of(path: &Path, stage: Stage) -> RecorderPanics {
    let (entry, image) = read(path, stage);
    let place = |site: SiteImage| PanicPlace {
        place: format!("{}:{}:{}", site.file, site.line, site.column),
        count: site.count,
    };
    let places = image.map(|image| image.sites.into_iter().map(place).collect()).unwrap_or_default();
    RecorderPanics { state: entry.state, places }
}

/// The content of one recorder, for `firstbad recorder dump`.
#[derive(Clone, Debug, Serialize)]
pub struct RecorderDump {
    /// As in the list.
    pub entry: RecorderEntry,
    /// Resource attributes; untrusted text.
    pub resource: Vec<(String, String)>,
    /// Lines of text for a person, untrusted: counts by version, scores, loads, panics.
    pub lines: Vec<String>,
}

/// Reads one recorder.
///
/// # Errors
/// When the file cannot be opened or decoded; names file and offset.
pub fn dump(path: &Path) -> Result<RecorderDump, RecorderError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (entry, image) = read(path, file::stage(&name).unwrap_or(Stage::Open));
    let image = image?;
    Ok(RecorderDump { entry, resource: image.resource.clone(), lines: lines(&image) })
}

fn read(path: &Path, stage: Stage) -> (RecorderEntry, Result<RecorderImage, RecorderError>) {
    let opened = RecorderFile::open(path);
    let lives = opened.as_ref().is_ok_and(|file| stage == Stage::Open && file.lives());
    let image = opened.and_then(|file| file.read(true));
    let mut entry = RecorderEntry {
        path: path.to_owned(),
        state: match &image {
            Ok(_) if lives => RecorderState::Live,
            Ok(_) => RecorderState::Dead,
            Err(RecorderError::Decode { error: DecodeError::ForeignLayout { .. }, .. }) => RecorderState::ForeignLayout,
            Err(_) => RecorderState::Unreadable,
        },
        clean: None,
        reported: stage == Stage::Done,
        service: None,
        instance: None,
        host: None,
        pid: None,
        started: None,
        size: std::fs::symlink_metadata(path).map_or(0, |found| found.len()),
        active: Vec::new(),
        problem: image.as_ref().err().map(ToString::to_string),
    };
    if let Ok(image) = &image {
        let attribute = |key| image.attribute(key).map(str::to_owned);
        entry.clean = (!lives).then_some(image.ending().clean);
        entry.service = attribute(attribute::SERVICE_NAME);
        entry.instance = attribute(attribute::SERVICE_INSTANCE_ID);
        entry.host = attribute(attribute::HOST_NAME);
        entry.pid = Some(image.pid);
        entry.started = Some(time(image.started_ns));
        entry.active = active(image);
    }
    (entry, image)
}

fn time(ns: u64) -> Timestamp {
    Timestamp(i64::try_from(ns).unwrap_or(i64::MAX))
}

fn lines(image: &RecorderImage) -> Vec<String> {
    let mut lines = vec![
        format!("boot {}, {} events, {} panics", boot(image), image.event_head, image.panics),
        format!("requests: {}", outcomes(image.totals)),
    ];
    lines.extend(image.signal.map(|signal| format!("ended on signal {signal}")));
    lines.extend(image.asked.map(|signal| format!("asked to end by signal {signal}")));
    lines.extend(image.exit_status.map(|status| format!("exited with status {status}")));
    for config in &image.configs {
        let limits: Vec<String> = config.limits.iter().map(|(name, value)| format!(", {name} <= {value}")).collect();
        lines.push(format!("config {}{}", config.name, limits.concat()));
        lines.extend(config.loading.map(|hash| format!("  loading {hash}")));
        for version in image.versions.iter().filter(|version| version.config == config.place) {
            lines.extend(version_lines(image, version));
        }
    }
    lines.extend(site_lines(image));
    lines.extend(image.panic_texts.iter().map(|panic| {
        format!("panic {} at {} in {}:{}: {}", panic.number, time(panic.at_ns), panic.file, panic.line, panic.message)
    }));
    lines.extend(
        image
            .events
            .iter()
            .map(|event| format!("event {} at {}: {}", event.number, time(event.at_ns), said(image, &event.kind))),
    );
    lines.extend(image.dropped.iter().map(|dropped| format!("dropped: {} {}", dropped.count, dropped.reason)));
    if image.torn + image.damaged > 0 {
        lines.push(format!("left out: {} torn cells, {} damaged entries", image.torn, image.damaged));
    }
    lines
}

/// Panic sites with their stacks, in names where the binary is at hand.
fn site_lines(image: &RecorderImage) -> Vec<String> {
    let mut lines = Vec::new();
    let path = image.attribute(attribute::PROCESS_EXECUTABLE_PATH).unwrap_or_default();
    let symbols = if image.sites.is_empty() { None } else { Some(Symbols::of(&image.build_id, Path::new(path))) };
    for site in &image.sites {
        lines.push(format!("panic site {}:{}:{}: {} panics", site.file, site.line, site.column, site.count));
        let addresses: Vec<u64> = site.frames.iter().map(|frame| frame.wrapping_sub(image.load_bias)).collect();
        match &symbols {
            Some(Ok(symbols)) => lines.extend(symbols.lines(&addresses).iter().map(|line| format!("    {line}"))),
            _ => lines.extend(addresses.iter().map(|address| format!("    {address:#x}"))),
        }
    }
    if let Some(Err(why)) = symbols {
        lines.push(format!("stacks are addresses of the binary with build id {}: {why}", hex(&image.build_id)));
    }
    lines
}

fn outcomes(of: Outcomes) -> String {
    of.by_word().map(|outcome| format!("{} {}", outcome.count, outcome.word)).join(", ")
}

fn version_lines(image: &RecorderImage, version: &VersionImage) -> Vec<String> {
    let name = version.hash.map_or_else(|| "versions without a place of their own".to_owned(), |hash| hash.to_string());
    let is_active = image.configs.iter().any(|config| config.active == Some(version.uid));
    let failed = version.first_failed_ns;
    let failed = failed.map_or_else(String::new, |failed| format!(", first failed {}", time(failed)));
    let rows = version.facts.rows.map_or_else(String::new, |rows| format!(", {rows} rows"));
    let mut lines = vec![format!(
        "  {name}{}{rows}: {}{failed}",
        if is_active { " (active)" } else { "" },
        outcomes(version.outcomes)
    )];
    let config = image.config(version.config);
    for (declared, counts) in config.into_iter().flat_map(|config| &config.scores).zip(&version.scores) {
        let found = score_histogram(declared, counts);
        let defaulted: Vec<String> = defaulted_scores(declared, counts)
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!(", {count} {reason}"))
            .collect();
        lines.push(format!(
            "    score {}: {} scores, sum {}{}",
            declared.name,
            found.count,
            found.sum,
            defaulted.concat()
        ));
    }
    lines
}

fn said(image: &RecorderImage, kind: &EventKind) -> String {
    match kind {
        EventKind::Start => "process started".to_owned(),
        EventKind::Exit => "process ended on purpose".to_owned(),
        EventKind::NewBinary { before } => {
            new_binary_text(before, image.attribute(attribute::SERVICE_VERSION).unwrap_or_default())
        }
        EventKind::Death(told) => {
            let signal = told.signal.map_or_else(String::new, |signal| format!(" on signal {signal}"));
            let status = told.status.map_or_else(String::new, |status| format!(" with status {status}"));
            format!("reported the death of {} (process {}){signal}{status}", told.instance, told.pid)
        }
        EventKind::Load(load) => {
            let config = image.config(load.config).map_or("?", |config| config.name.as_str());
            let hash = load.hash.map_or_else(|| "nothing readable".to_owned(), |hash| hash.to_string());
            let result = load.result.map_or("loading", |result| result.as_str());
            let reason = load.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
            let error = load.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
            format!("{config} {hash} {result}{reason}{error}")
        }
    }
}
