//! The lines of a capture in time order. A line's time is the latest time in it; lines of equal time keep the order of files
//! and lines. What cannot be read is kept as a broken line with its place.

use super::CaptureError;
use super::source::Source;
use crate::otlp::model::{Data, Logs, Metrics};
use crate::otlp::{self, Limits, Request};
use firstbad_protocol::limits::CAPTURE_LINE_BYTES_MAX;
use firstbad_protocol::time::Timestamp;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

/// Broken lines named one by one; more are counted.
const NAMED_MAX: usize = 8;

/// A line that is no OTLP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenLine {
    /// File, as given.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Byte offset of the line in the (decompressed) file.
    pub offset: u64,
    /// What is wrong.
    pub fault: String,
}

impl std::fmt::Display for BrokenLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: line {} (byte {}) cannot be read: {}", self.file, self.line, self.offset, self.fault)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time: i64,
    file: u32,
    offset: u64,
    length: u64,
}

/// The lines of one or several files, by time.
#[derive(Debug)]
pub struct Capture {
    sources: Vec<Source>,
    places: Vec<Place>,
    broken: Vec<BrokenLine>,
    broken_count: u64,
}

impl Capture {
    /// Finds every line's time.
    ///
    /// # Errors
    /// If a file cannot be read, or not one line of any is an OTLP request.
    pub fn open(paths: &[PathBuf]) -> Result<Self, CaptureError> {
        let mut capture = Self { sources: Vec::new(), places: Vec::new(), broken: Vec::new(), broken_count: 0 };
        for path in paths {
            let source = Source::open(path)?;
            let file = u32::try_from(capture.sources.len()).unwrap_or(u32::MAX);
            capture.index(&source, file).map_err(|source| CaptureError::Io { path: path.clone(), source })?;
            capture.sources.push(source);
        }
        if capture.places.is_empty() {
            let files: Vec<&str> = capture.sources.iter().map(|source| source.name.as_str()).collect();
            let first =
                capture.broken.first().map_or_else(|| "there is no line at all".to_owned(), ToString::to_string);
            return Err(CaptureError::NothingReadable { files: files.join(", "), first });
        }
        capture.places.sort_unstable();
        Ok(capture)
    }

    /// Sentences about what could not be read, with how many lines each stands for.
    #[must_use]
    pub fn broken(&self) -> Vec<(String, u64)> {
        let mut sentences: Vec<(String, u64)> = self.broken.iter().map(|line| (line.to_string(), 1)).collect();
        let more = self.broken_count - sentences.len() as u64;
        if more > 0 {
            sentences.push((format!("{more} more lines cannot be read"), more));
        }
        sentences
    }

    /// Calls `visit` for each request in time order, until it returns false.
    ///
    /// # Errors
    /// If a file cannot be read any more.
    pub fn replay(&self, mut visit: impl FnMut(Timestamp, &Request<'_>) -> bool) -> Result<(), CaptureError> {
        let mut line = Vec::new();
        for place in &self.places {
            let Some(source) = usize::try_from(place.file).ok().and_then(|index| self.sources.get(index)) else {
                continue;
            };
            let length = usize::try_from(place.length).unwrap_or(usize::MAX);
            source
                .read_at(place.offset, length, &mut line)
                .map_err(|error| CaptureError::Io { path: PathBuf::from(&source.name), source: error })?;
            // It was read once; a file that changed since gives other lines, and those are left out.
            if let Ok(request) = otlp::decode_line(&line, Limits::CAPTURE)
                && !visit(Timestamp(place.time), &request)
            {
                break;
            }
        }
        Ok(())
    }

    fn index(&mut self, source: &Source, file: u32) -> std::io::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 20, source.reader()?);
        let (mut line, mut number, mut offset) = (Vec::new(), 0_u64, 0_u64);
        loop {
            line.clear();
            let read = reader.by_ref().take(CAPTURE_LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)? as u64;
            if read == 0 {
                return Ok(());
            }
            number += 1;
            let text = line.trim_ascii();
            if !text.is_empty() {
                match otlp::decode_line(text, Limits::CAPTURE) {
                    Ok(request) => self.places.push(Place { time: time_of(&request), file, offset, length: read }),
                    Err(error) => {
                        self.broken_count += 1;
                        if self.broken.len() < NAMED_MAX {
                            let file = source.name.clone();
                            self.broken.push(BrokenLine { file, line: number, offset, fault: error.to_string() });
                        }
                    }
                }
            }
            offset += read;
        }
    }
}

/// The latest time in a request; 0 if it has none.
fn time_of(request: &Request<'_>) -> i64 {
    let latest = match request {
        Request::Metrics(metrics) => latest_point(metrics),
        Request::Logs(logs) => latest_record(logs),
        Request::Other => 0,
    };
    i64::try_from(latest).unwrap_or(0)
}

fn latest_point(request: &Metrics<'_>) -> u64 {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let of = |data: &Data<'_>| match data {
        Data::Gauge(points) | Data::Sum { points, .. } => points.iter().map(|point| point.time).max(),
        Data::Histogram { points, .. } => points.iter().map(|point| point.time).max(),
        Data::Exponential { points, .. } => points.iter().map(|point| point.time).max(),
        Data::Summary(_) | Data::None => None,
    };
    scopes.flat_map(|scope| &scope.metrics).filter_map(|metric| of(&metric.data)).max().unwrap_or(0)
}

fn latest_record(request: &Logs<'_>) -> u64 {
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    let records = scopes.flat_map(|scope| &scope.log_records);
    records.map(|record| if record.time > 0 { record.time } else { record.observed }).max().unwrap_or(0)
}
