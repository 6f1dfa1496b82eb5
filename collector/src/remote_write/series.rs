//! The protobuf of remote write, walked series by series: `prometheus.WriteRequest` (1.0) and `io.prometheus.write.v2.Request`
//! (2.0, whose texts stand in a table). Nothing is allocated beyond what the limits of a request allow.

use super::within;
use crate::otlp::wire::{Field, Reader};
use crate::otlp::{DecodeError, TooMuch};
use firstbad_protocol::limits::{ATTRIBUTES_MAX, ITEMS_PER_REQUEST_MAX};

/// Which message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// `prometheus.WriteRequest`.
    One,
    /// `io.prometheus.write.v2.Request`.
    Two,
}

/// A label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// A value at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) value: f64,
    /// Milliseconds since the Unix epoch.
    pub(super) time_ms: i64,
    /// When the counter began, milliseconds since the Unix epoch; 0: not given.
    pub(super) start_ms: i64,
}

/// One series.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series<'a> {
    pub(super) labels: Vec<Label<'a>>,
    pub(super) samples: Vec<Sample>,
    /// Number of native histograms.
    pub(super) histograms: u64,
    /// Number of exemplars.
    pub(super) exemplars: u64,
    /// Of a request of 2.0: when all samples of the series began, milliseconds since the Unix epoch; 0: not given.
    start_ms: i64,
}

impl<'a> Series<'a> {
    /// The value of a label; empty if there is none.
    pub(super) fn label(&self, name: &str) -> &'a str {
        self.labels.iter().find(|label| label.name == name).map_or("", |label| label.value)
    }
}

/// Hands over each series of a request, in order.
///
/// # Errors
/// If the bytes are malformed or beyond a limit. Series before the fault were handed over.
pub(super) fn read<'a>(
    bytes: &'a [u8],
    version: Version,
    visit: &mut dyn FnMut(Series<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let symbols = if version == Version::Two { symbols(bytes)? } else { Vec::new() };
    let mut left = Left { series: 0, samples: 0 };
    let mut reader = Reader::new(bytes, "WriteRequest");
    while let Some((number, field)) = reader.next()? {
        let is_series = matches!((version, number), (Version::One, 1) | (Version::Two, 5));
        if is_series {
            left.series += 1;
            within(left.series, ITEMS_PER_REQUEST_MAX, TooMuch::Items)?;
            let message = field.reader(&reader, "TimeSeries")?;
            let series = match version {
                Version::One => series_of_one(message, &mut left)?,
                Version::Two => series_of_two(message, &symbols, &mut left)?,
            };
            visit(series)?;
        }
    }
    Ok(())
}

/// What was read of a request so far.
struct Left {
    series: usize,
    samples: usize,
}

/// The table of texts. It stands before the series, and may come in parts.
fn symbols(bytes: &[u8]) -> Result<Vec<&str>, DecodeError> {
    let mut symbols = Vec::new();
    let mut reader = Reader::new(bytes, "WriteRequest");
    while let Some((number, field)) = reader.next()? {
        if number == 4 {
            within(symbols.len() + 1, ITEMS_PER_REQUEST_MAX, TooMuch::Items)?;
            symbols.push(field.reader(&reader, "symbols")?.text()?);
        }
    }
    Ok(symbols)
}

fn series_of_one<'a>(mut reader: Reader<'a>, left: &mut Left) -> Result<Series<'a>, DecodeError> {
    let mut read = Series::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => {
                within(read.labels.len() + 1, ATTRIBUTES_MAX, TooMuch::Attributes)?;
                read.labels.push(label(field.reader(&reader, "Label")?)?);
            }
            2 => push_sample(&mut read, field.reader(&reader, "Sample")?, left)?,
            3 => read.exemplars += 1,
            4 => read.histograms += 1,
            _ => {}
        }
    }
    Ok(read)
}

fn series_of_two<'a>(mut reader: Reader<'a>, symbols: &[&'a str], left: &mut Left) -> Result<Series<'a>, DecodeError> {
    let mut read = Series::default();
    let mut references = Vec::new();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => read_references(field, &reader, &mut references)?,
            2 => push_sample(&mut read, field.reader(&reader, "Sample")?, left)?,
            3 => read.histograms += 1,
            4 => read.exemplars += 1,
            6 => read.start_ms = field.int64(&reader)?,
            _ => {}
        }
    }
    let text = |reference: Option<&u64>| {
        let index = reference.and_then(|reference| usize::try_from(*reference).ok());
        index.and_then(|index| symbols.get(index)).copied()
    };
    for pair in references.chunks(2) {
        let (Some(name), Some(value)) = (text(pair.first()), text(pair.get(1))) else {
            return Err(reader.error("a label that is not in the table of symbols"));
        };
        read.labels.push(Label { name, value });
    }
    let start_ms = read.start_ms;
    read.samples.iter_mut().filter(|sample| sample.start_ms == 0).for_each(|sample| sample.start_ms = start_ms);
    Ok(read)
}

/// References to symbols, packed or one by one.
fn read_references(field: Field<'_>, at: &Reader<'_>, into: &mut Vec<u64>) -> Result<(), DecodeError> {
    if let Field::Varint(reference) = field {
        into.push(reference);
    } else {
        let mut packed = field.reader(at, "labels_refs")?;
        while !packed.is_empty() {
            within(into.len() / 2, ATTRIBUTES_MAX, TooMuch::Attributes)?;
            into.push(packed.varint()?);
        }
    }
    within(into.len() / 2, ATTRIBUTES_MAX, TooMuch::Attributes)
}

fn label<'a>(mut reader: Reader<'a>) -> Result<Label<'a>, DecodeError> {
    let mut read = Label { name: "", value: "" };
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => read.name = field.reader(&reader, "Label.name")?.text()?,
            2 => read.value = field.reader(&reader, "Label.value")?.text()?,
            _ => {}
        }
    }
    Ok(read)
}

fn push_sample(into: &mut Series<'_>, mut reader: Reader<'_>, left: &mut Left) -> Result<(), DecodeError> {
    left.samples += 1;
    within(left.samples, ITEMS_PER_REQUEST_MAX, TooMuch::Items)?;
    let mut read = Sample::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => read.value = field.double(&reader)?,
            2 => read.time_ms = field.int64(&reader)?,
            3 => read.start_ms = field.int64(&reader)?,
            _ => {}
        }
    }
    into.samples.push(read);
    Ok(())
}
