//! The lines of a capture in time order: by the earliest time in each that may be read, less what its sender's clock is
//! off; lines of equal time keep the order of files and lines. What a later line tells is then never earlier than what an
//! earlier one begins with. What cannot be read is kept as a broken line with its place.

use super::CaptureError;
use super::clocks::{self, Correction, Line};
use super::source::Source;
use super::times::{self, Stretch, Times};
use crate::otlp::model::{Data, Logs, Metrics, Traces};
use crate::otlp::{self, DecodeError, Limits, Request};
use firstbad_protocol::limits::CAPTURE_LINE_BYTES_MAX;
use firstbad_protocol::time::Timestamp;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Broken lines named one by one; more are counted.
const NAMED_MAX: usize = 8;
/// What some editors write before the first line, and before the first line of each of several files that were joined.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line that is no OTLP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenLine {
    /// File, as given.
    pub file: String,
    /// Line, from 1; 0 where it is the file itself.
    pub line: u64,
    /// Byte offset of the line in the (decompressed) file.
    pub offset: u64,
    /// What is wrong.
    pub fault: String,
}

impl BrokenLine {
    /// A file of which nothing can be read.
    fn of_file(path: &Path, fault: &CaptureError) -> Self {
        Self { file: path.display().to_string(), line: 0, offset: 0, fault: fault.to_string() }
    }
}

impl std::fmt::Display for BrokenLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.fault);
        }
        write!(f, "{}: line {} (byte {}) cannot be read: {}", self.file, self.line, self.offset, self.fault)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    when: Stretch,
    file: u32,
    line: u64,
    offset: u64,
    length: u64,
}

/// The lines of one or several files, by time.
#[derive(Debug)]
pub struct Capture {
    sources: Vec<Source>,
    places: Vec<Place>,
    horizon: i64,
    /// Lines that lie wholly beyond the horizon: they are not looked at.
    beyond: u64,
    read: u64,
    broken: Vec<BrokenLine>,
    broken_count: u64,
}

impl Capture {
    /// Finds every line's time. Nothing later than `at` is read.
    ///
    /// A file that cannot be read is a broken line among the others.
    ///
    /// # Errors
    /// If no file can be read.
    pub fn open(paths: &[PathBuf], at: Option<Timestamp>) -> Result<Self, CaptureError> {
        let mut capture = Self {
            sources: Vec::new(),
            places: Vec::new(),
            horizon: at.map_or(i64::MAX, |at| at.0),
            beyond: 0,
            read: 0,
            broken: Vec::new(),
            broken_count: 0,
        };
        let mut first = None;
        for path in paths {
            if let Err(fault) = capture.add(path) {
                capture.note_broken(BrokenLine::of_file(path, &fault));
                first = first.or(Some(fault));
            }
        }
        if let Some(fault) = first.filter(|_| capture.sources.is_empty()) {
            return Err(fault);
        }
        if !capture.places.is_sorted() {
            capture.places.sort_unstable();
        }
        Ok(capture)
    }

    /// The number of lines that [`Capture::replay`] reads.
    #[must_use]
    pub const fn lines(&self) -> usize {
        self.places.len()
    }

    /// Calls `visit` for each request in time order, until it returns false. A broken line is passed over and noted.
    ///
    /// # Errors
    /// If a file cannot be read any more, or if not one line was an OTLP request.
    pub fn replay(&mut self, mut visit: impl FnMut(Stretch, &Request<'_>) -> bool) -> Result<(), CaptureError> {
        let mut line = Vec::new();
        for place in std::mem::take(&mut self.places) {
            let Some(source) = usize::try_from(place.file).ok().and_then(|index| self.sources.get(index)) else {
                continue;
            };
            let length = usize::try_from(place.length).unwrap_or(usize::MAX);
            source
                .read_at(place.offset, length, &mut line)
                .map_err(|error| CaptureError::Io { path: PathBuf::from(&source.name), source: error })?;
            match otlp::decode_line(trimmed(&line), Limits::CAPTURE) {
                Ok(request) => {
                    self.read += 1;
                    if !visit(place.when, &request) {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let file = source.name.clone();
                    self.note_broken(BrokenLine {
                        file,
                        line: place.line,
                        offset: place.offset,
                        fault: error.to_string(),
                    });
                }
            }
        }
        if self.read == 0 && self.beyond == 0 { Err(self.nothing_readable()) } else { Ok(()) }
    }

    /// Sentences about what could not be read, with how many lines each stands for. Complete after the replay.
    #[must_use]
    pub fn broken(&self) -> Vec<(String, u64)> {
        let mut named = self.broken.clone();
        named.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        let mut sentences: Vec<(String, u64)> = named.iter().map(|line| (line.to_string(), 1)).collect();
        let more = self.broken_count - sentences.len() as u64;
        if more > 0 {
            sentences.push(("further lines cannot be read".to_owned(), more));
        }
        sentences
    }

    fn nothing_readable(&self) -> CaptureError {
        let files: Vec<&str> = self.sources.iter().map(|source| source.name.as_str()).collect();
        let files = files.join(", ");
        let first =
            self.broken().first().map_or_else(|| "there is no line at all".to_owned(), |(line, _)| line.clone());
        // One file is named once.
        let place = first.strip_prefix(&format!("{files}: ")).unwrap_or(&first).to_owned();
        CaptureError::NothingReadable { files, first: place }
    }

    /// Keeps the first few lines of the first file, whatever the order in which they are met.
    fn note_broken(&mut self, line: BrokenLine) {
        self.broken_count += 1;
        self.broken.push(line);
        if self.broken.len() > NAMED_MAX {
            self.broken.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
            self.broken.truncate(NAMED_MAX);
        }
    }

    fn add(&mut self, path: &Path) -> Result<(), CaptureError> {
        let source = Source::open(path)?;
        let file = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        self.index(&source, file).map_err(|source| CaptureError::Io { path: path.to_owned(), source })?;
        self.sources.push(source);
        Ok(())
    }

    fn index(&mut self, source: &Source, file: u32) -> std::io::Result<()> {
        let first = self.places.len();
        let mut reader = BufReader::with_capacity(1 << 20, source.reader()?);
        let mut place = Place { when: Stretch::default(), file, line: 0, offset: 0, length: 0 };
        let (mut line, mut lines, mut told_short) = (Vec::new(), Vec::new(), false);
        loop {
            line.clear();
            let read = reader.by_ref().take(CAPTURE_LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)? as u64;
            if read == 0 {
                break;
            }
            place = Place { line: place.line + 1, offset: place.offset + place.length, length: read, ..place };
            let text = trimmed(&line);
            if text.is_empty() {
                continue;
            }
            if let Some(fault) = source.cut_short.as_ref().filter(|_| !line.ends_with(b"\n")) {
                let (file, fault) = (source.name.clone(), fault.clone());
                self.note_broken(BrokenLine { file, line: place.line, offset: place.offset, fault });
                told_short = true;
                continue;
            }
            // A request without a time is read where it stands: it may be empty, or all its points faulty.
            match times::scan(text, self.horizon).map_or_else(|| decoded(text, self.horizon), Ok) {
                Ok(times) if times.is_beyond() => self.beyond += 1,
                Ok(mut times) => {
                    place.when = times.stretch().unwrap_or(place.when);
                    self.places.push(place);
                    let (time, reports) = (place.when.last, times::tells_reports(text));
                    lines.push(Line { time, sender: times::sender(text), reports });
                }
                Err(error) => {
                    let (file, fault) = (source.name.clone(), error.to_string());
                    self.note_broken(BrokenLine { file, line: place.line, offset: place.offset, fault });
                }
            }
        }
        if let Some(fault) = source.cut_short.clone().filter(|_| !told_short) {
            let (file, offset) = (source.name.clone(), place.offset + place.length);
            self.note_broken(BrokenLine { file, line: place.line + 1, offset, fault });
        }
        let horizon = self.horizon;
        let places = self.places.get_mut(first..).unwrap_or_default();
        for Correction { index, by, exact } in clocks::corrections(&lines) {
            let Some(place) = places.get_mut(index) else { continue };
            let time = place.when.last.saturating_add(by);
            place.when = if exact { place.when.set_right(by) } else { place.when.moved_to(time.min(horizon)) };
        }
        // An event with an earlier time from a clock that is behind may have happened later.
        let known = self.places.len();
        self.places.retain(|place| place.when.clock == 0 || place.when.first <= horizon);
        self.beyond += (known - self.places.len()) as u64;
        let places = self.places.get_mut(first..).unwrap_or_default();
        let mut neighbour = clocks::middle(&lines);
        for place in places {
            if clocks::was_never_set(place.when.last, neighbour) {
                place.when = place.when.moved_to(neighbour);
            } else {
                neighbour = place.when.last;
            }
        }
        Ok(())
    }
}

/// A line without what surrounds it.
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    line.strip_prefix(BYTE_ORDER_MARK).map_or(line, <[u8]>::trim_ascii)
}

/// The times in a line that has to be decoded for them.
fn decoded(line: &[u8], horizon: i64) -> Result<Times, DecodeError> {
    let mut times = Times::default();
    let mut add = |time: u64| times.add(i64::try_from(time).unwrap_or(0), horizon);
    match otlp::decode_line(line, Limits::CAPTURE)? {
        Request::Metrics(metrics) => each_point(&metrics, &mut add),
        Request::Logs(logs) => each_record(&logs, &mut add),
        Request::Traces(traces) => each_span(&traces, &mut add),
        Request::Other => {}
    }
    Ok(times)
}

fn each_point(request: &Metrics<'_>, add: &mut impl FnMut(u64)) {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    for metric in scopes.flat_map(|scope| &scope.metrics) {
        match &metric.data {
            Data::Gauge(points) | Data::Sum { points, .. } => points.iter().for_each(|point| add(point.time)),
            Data::Histogram { points, .. } => points.iter().for_each(|point| add(point.time)),
            Data::Exponential { points, .. } => points.iter().for_each(|point| add(point.time)),
            Data::Summary(_) | Data::None => {}
        }
    }
}

fn each_span(request: &Traces<'_>, add: &mut impl FnMut(u64)) {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| &scope.spans).for_each(|span| add(span.end));
}

fn each_record(request: &Logs<'_>, add: &mut impl FnMut(u64)) {
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    for record in scopes.flat_map(|scope| &scope.log_records) {
        add(if record.time > 0 { record.time } else { record.observed });
    }
}
