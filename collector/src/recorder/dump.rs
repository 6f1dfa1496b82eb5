//! What `firstbad recorder dump` prints: everything that a recorder holds, as lines for a person, and whether the contents of its
//! versions are kept beside it. Texts are untrusted; the command line escapes them.

use super::RecorderError;
use super::attributes::boot;
use super::file::{self, Stage};
use super::listing::{RecorderEntry, read, time};
use super::symbols::{Symbols, hex};
use firstbad_protocol::Hash;
use firstbad_protocol::names::attribute;
use firstbad_protocol::recorder::told::new_binary_text;
use firstbad_protocol::recorder::{
    ConfigImage, DeathImage, EventKind, Facts, LoadImage, Outcomes, PanicImage, RecorderImage, SiteImage, VersionImage,
    defaulted_scores, score_histogram,
};
use serde::Serialize;
use std::path::Path;

/// The content of one recorder, for `firstbad recorder dump`.
#[derive(Clone, Debug, Serialize)]
pub struct RecorderDump {
    /// As in the list.
    pub entry: RecorderEntry,
    /// Resource attributes; untrusted text.
    pub resource: Vec<(String, String)>,
    /// Lines of text for a person, untrusted: counts, facts, loads and scores by version, panics, events.
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
    let contents = path.parent().map(|directory| directory.join("content"));
    let lines = lines(&image, contents.as_deref());
    Ok(RecorderDump { entry, resource: image.resource, lines })
}

fn lines(image: &RecorderImage, contents: Option<&Path>) -> Vec<String> {
    let mut lines = head_lines(image);
    for config in &image.configs {
        lines.extend(config_lines(config));
        for version in image.versions.iter().filter(|version| version.config == config.place) {
            lines.extend(version_lines(config, version));
            lines.extend(version.hash.zip(contents).and_then(|(hash, contents)| kept(contents, hash)));
        }
    }
    lines.extend(site_lines(image));
    lines.extend(image.panic_texts.iter().map(|panic| panic_line(image, panic)));
    let event = |number, at_ns, said| format!("event {number} at {}: {said}", time(at_ns));
    lines.extend(image.events.iter().map(|found| event(found.number, found.at_ns, said(image, &found.kind))));
    lines.extend(image.dropped.iter().map(|dropped| format!("dropped: {} {}", dropped.count, dropped.reason)));
    if image.hook_held_back > 0 {
        lines.push(format!("calls of the previous panic hook that were held back: {}", image.hook_held_back));
    }
    if image.torn + image.damaged > 0 {
        lines.push(format!("left out: {} torn cells, {} damaged entries", image.torn, image.damaged));
    }
    lines
}

fn head_lines(image: &RecorderImage) -> Vec<String> {
    let mut lines = vec![
        format!("boot {}, {} events, {} panics", boot(image), image.event_head, image.panics),
        format!("requests: {}", outcomes(image.totals)),
    ];
    lines.extend(image.signal.map(|signal| format!("ended on signal {signal}")));
    lines.extend(image.asked.map(|signal| format!("asked to end by signal {signal}")));
    lines.extend(image.exit_status.map(|status| format!("exited with status {status}")));
    lines.extend(image.exited_ns.map(|at_ns| format!("end noted at {}", time(at_ns))));
    lines
}

fn config_lines(config: &ConfigImage) -> Vec<String> {
    let limits: Vec<String> = config.limits.iter().map(|(name, value)| format!(", {name} <= {value}")).collect();
    let refused = if config.last_load_refused { ", last load refused" } else { "" };
    let mut lines = vec![format!("config {}{}{refused}", config.name, limits.concat())];
    lines.extend(config.loading.map(|hash| format!("  loading {hash}")));
    let (kept, rejected) = config.unreadable;
    if kept + rejected > 0 {
        lines.push(format!("  loads of which nothing could be read: {kept} kept_last_good, {rejected} rejected"));
    }
    lines
}

fn version_lines(config: &ConfigImage, version: &VersionImage) -> Vec<String> {
    let name = version.hash.map_or_else(|| "versions without a place of their own".to_owned(), |hash| hash.to_string());
    let active = if config.active == Some(version.uid) { " (active)" } else { "" };
    let failed = version.first_failed_ns;
    let failed = failed.map_or_else(String::new, |failed| format!(", first failed {}", time(failed)));
    let mut lines = vec![format!("  {name}{active}: {}{failed}", outcomes(version.outcomes))];
    let content = content_of(version);
    if !content.is_empty() {
        lines.push(format!("    content: {}", content.join(", ")));
    }
    let over = config.limits.iter().zip(&version.observed);
    lines.extend(over.filter_map(|((name, limit), value)| Some(format!("    limit {name}: {} of {limit}", (*value)?))));
    lines.extend(loads_of(version));
    for (declared, counts) in config.scores.iter().zip(&version.scores) {
        let found = score_histogram(declared, counts);
        let defaulted: Vec<String> = defaulted_scores(declared, counts)
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!(", {count} {reason}"))
            .collect();
        let defaulted = defaulted.concat();
        lines.push(format!("    score {}: {} scores, sum {}{defaulted}", declared.name, found.count, found.sum));
    }
    lines
}

/// What is known of a version's content.
fn content_of(version: &VersionImage) -> Vec<String> {
    let mut told = facts(&version.facts);
    told.extend(version.format.map(|format| format!("format {}", format.as_str())));
    told.extend(version.label.iter().map(|label| format!("label {label}")));
    told.extend(version.source.iter().map(|source| format!("source {source}")));
    told
}

fn facts(facts: &Facts) -> Vec<String> {
    let numbers = [
        (facts.size, "bytes"),
        (facts.rows, "rows"),
        (facts.duplicate_rows, "duplicate rows"),
        (facts.blank_fields, "blank fields"),
        (facts.columns, "columns"),
    ];
    let mut told: Vec<String> =
        numbers.into_iter().filter_map(|(number, word)| Some(format!("{} {word}", number?))).collect();
    told.extend(facts.generation.map(|generation| format!("generation {generation}")));
    told.extend(facts.rowset.map(|rowset| format!("row set {rowset}")));
    told
}

fn loads_of(version: &VersionImage) -> Option<String> {
    let loads = version.loads.iter().map(|load| {
        let reason = load.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        format!("{} {}{reason}", load.count, load.result.as_str())
    });
    let mut told: Vec<String> = loads.collect();
    told.extend(version.first_applied_ns.map(|at_ns| format!("first applied {}", time(at_ns))));
    let again = version.last_applied_ns.filter(|last| Some(*last) != version.first_applied_ns);
    told.extend(again.map(|at_ns| format!("last applied {}", time(at_ns))));
    (!told.is_empty()).then(|| format!("    loads: {}", told.join(", ")))
}

/// Whether the content of a version is kept beside the recorder, and how.
fn kept(contents: &Path, hash: Hash) -> Option<String> {
    let is_there = |name: String| contents.join(name).is_file();
    if is_there(hash.hex()) {
        return Some("    kept: the whole content".to_owned());
    }
    is_there(format!("{}.masked", hash.hex())).then(|| "    kept: the content with secrets hidden".to_owned())
}

/// Panic sites with the versions that were used there and their stacks, in names where the binary is at hand.
fn site_lines(image: &RecorderImage) -> Vec<String> {
    let mut lines = Vec::new();
    let path = image.attribute(attribute::PROCESS_EXECUTABLE_PATH).unwrap_or_default();
    let symbols = if image.sites.is_empty() { None } else { Some(Symbols::of(&image.build_id, Path::new(path))) };
    for site in &image.sites {
        lines.push(format!("panic site {}:{}:{}: {} panics", site.file, site.line, site.column, site.count));
        lines.extend(pair_lines(image, site));
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

fn pair_lines(image: &RecorderImage, site: &SiteImage) -> Vec<String> {
    let pairs = image.panic_pairs.iter().filter(|pair| pair.site == site.place);
    pairs.map(|pair| format!("  under {}: {} panics", version_name(image, pair.uid), pair.count)).collect()
}

/// Config and hash of a version.
fn version_name(image: &RecorderImage, uid: u64) -> String {
    let version = image.version(uid);
    let config = version.and_then(|version| image.config(version.config)).map_or("?", |config| config.name.as_str());
    let hash = version.and_then(|version| version.hash);
    hash.map_or_else(|| format!("{config}, a version without a place of its own"), |hash| format!("{config}={hash}"))
}

fn panic_line(image: &RecorderImage, panic: &PanicImage) -> String {
    let thread = panic.thread.as_ref().map_or_else(String::new, |thread| format!(" on thread {thread}"));
    let active: Vec<String> = panic.active.iter().map(|uid| version_name(image, *uid)).collect();
    let active = if active.is_empty() { String::new() } else { format!("; active: {}", active.join(", ")) };
    let cut = if panic.message_bytes > panic.message.len() as u64 {
        format!(" (of {} bytes)", panic.message_bytes)
    } else {
        String::new()
    };
    let (number, at, file, line) = (panic.number, time(panic.at_ns), &panic.file, panic.line);
    format!("panic {number} at {at} in {file}:{line}:{}{thread}: {}{cut}{active}", panic.column, panic.message)
}

fn outcomes(of: Outcomes) -> String {
    of.by_word().map(|outcome| format!("{} {}", outcome.count, outcome.word)).join(", ")
}

fn said(image: &RecorderImage, kind: &EventKind) -> String {
    match kind {
        EventKind::Start => "process started".to_owned(),
        EventKind::Exit => "process ended on purpose".to_owned(),
        EventKind::NewBinary { before } => {
            new_binary_text(before, image.attribute(attribute::SERVICE_VERSION).unwrap_or_default())
        }
        EventKind::Death(death) => death_text(death),
        EventKind::Load(load) => load_text(image, load),
    }
}

fn death_text(told: &DeathImage) -> String {
    let signal = told.signal.map_or_else(String::new, |signal| format!(" on signal {signal}"));
    let status = told.status.map_or_else(String::new, |status| format!(" with status {status}"));
    let mut more = vec![format!("last sign of life {}", time(told.last_sign_ns)), format!("{} panics", told.panics)];
    more.extend(told.loading.iter().map(|(config, hash)| format!("while loading {config}={hash}")));
    more.extend((!told.active.is_empty()).then(|| format!("active: {}", told.active.join(", "))));
    let (instance, pid, more) = (&told.instance, told.pid, more.join(", "));
    format!("reported the death of {instance} (process {pid}){signal}{status}: {more}")
}

fn load_text(image: &RecorderImage, load: &LoadImage) -> String {
    let config = image.config(load.config).map_or("?", |config| config.name.as_str());
    let hash = load.hash.map_or_else(|| "nothing readable".to_owned(), |hash| hash.to_string());
    let result = load.result.map_or("loading", |result| result.as_str());
    let reason = load.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let error = load.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
    if load.result.is_none() {
        return format!("{config} {hash} {result}");
    }
    // What is counted in it stands at the version.
    let mut more: Vec<String> =
        load.facts.generation.iter().map(|generation| format!("generation {generation}")).collect();
    more.extend(load.label.iter().map(|label| format!("label {label}")));
    more.extend(load.source.iter().map(|source| format!("source {source}")));
    more.extend(load.revision.iter().map(|revision| format!("revision {revision}")));
    more.extend(load.previous.map(|previous| format!("previous {previous}")));
    let more = if more.is_empty() { String::new() } else { format!(" [{}]", more.join(", ")) };
    format!("{config} {hash} {result}{reason}{error}{more}")
}
