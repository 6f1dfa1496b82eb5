//! The points of each kind of metric. A `oneof` that comes twice as the same kind is merged, as another kind replaced.

use super::super::budget::Budget;
use super::super::digest::{Digest, Form};
use super::super::error::DecodeError;
use super::super::model::{
    Attribute, Buckets, Data, ExponentialPoint, HistogramPoint, Number, NumberPoint, Temporality,
};
use super::super::wire::{Field, Reader};
use super::values;

pub(super) fn gauge<'a>(mut reader: Reader<'a>, data: &mut Data<'a>, budget: &mut Budget) -> Result<(), DecodeError> {
    let mut points = if let Data::Gauge(points) = data { std::mem::take(points) } else { Vec::new() };
    while let Some((number, field)) = reader.next()? {
        if number == 1 {
            let point = field.reader(&reader, "NumberDataPoint")?;
            make_room(&mut points, &point, &reader);
            points.push(number_point(point, budget)?);
        }
    }
    *data = Data::Gauge(points);
    Ok(())
}

pub(super) fn sum<'a>(mut reader: Reader<'a>, data: &mut Data<'a>, budget: &mut Budget) -> Result<(), DecodeError> {
    let (mut temporality, mut monotonic, mut points) = match std::mem::take(data) {
        Data::Sum { temporality, monotonic, points } => (temporality, monotonic, points),
        _ => Default::default(),
    };
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => {
                let point = field.reader(&reader, "NumberDataPoint")?;
                make_room(&mut points, &point, &reader);
                points.push(number_point(point, budget)?);
            }
            2 => temporality = read_temporality(field, &reader)?,
            3 => monotonic = field.varint(&reader)? != 0,
            _ => {}
        }
    }
    *data = Data::Sum { temporality, monotonic, points };
    Ok(())
}

pub(super) fn histogram<'a>(
    mut reader: Reader<'a>,
    data: &mut Data<'a>,
    budget: &mut Budget,
) -> Result<(), DecodeError> {
    let (mut temporality, mut points) = match std::mem::take(data) {
        Data::Histogram { temporality, points } => (temporality, points),
        _ => Default::default(),
    };
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => {
                let point = field.reader(&reader, "HistogramDataPoint")?;
                make_room(&mut points, &point, &reader);
                points.push(histogram_point(point, budget)?);
            }
            2 => temporality = read_temporality(field, &reader)?,
            _ => {}
        }
    }
    *data = Data::Histogram { temporality, points };
    Ok(())
}

pub(super) fn exponential<'a>(
    mut reader: Reader<'a>,
    data: &mut Data<'a>,
    budget: &mut Budget,
) -> Result<(), DecodeError> {
    let (mut temporality, mut points) = match std::mem::take(data) {
        Data::Exponential { temporality, points } => (temporality, points),
        _ => Default::default(),
    };
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => points.push(exponential_point(field.reader(&reader, "ExponentialHistogramDataPoint")?, budget)?),
            2 => temporality = read_temporality(field, &reader)?,
            _ => {}
        }
    }
    *data = Data::Exponential { temporality, points };
    Ok(())
}

pub(super) fn summary<'a>(mut reader: Reader<'a>, data: &mut Data<'a>, budget: &mut Budget) -> Result<(), DecodeError> {
    let mut points = if let Data::Summary(points) = data { *points } else { 0 };
    while let Some((number, field)) = reader.next()? {
        if number == 1 {
            field.reader(&reader, "SummaryDataPoint")?;
            budget.item()?;
            points += 1;
        }
    }
    *data = Data::Summary(points);
    Ok(())
}

/// Makes room for a first point and those after it, if they are as long; never for more than [`ROOM_MAX`].
pub(super) fn make_room<T>(points: &mut Vec<T>, first: &Reader<'_>, rest: &Reader<'_>) {
    if points.is_empty() {
        points.reserve((1 + rest.bytes().len() / first.bytes().len().max(16)).min(ROOM_MAX));
    }
}

/// Points for which room is made at once.
const ROOM_MAX: usize = 1024;

/// The field of a point that holds its attributes.
#[derive(Clone, Copy)]
struct AttributeField {
    number: u32,
    name: &'static str,
    digest: Digest,
}

/// The attributes of a point, as they were read.
struct Taken<'a> {
    read: Vec<Attribute<'a>>,
    form: Form,
}

impl AttributeField {
    fn new(number: u32, name: &'static str) -> Self {
        Self { number, name, digest: Digest::new() }
    }

    /// Adds a field to the digest.
    fn add<'a>(&mut self, field: Field<'a>, at: &Reader<'a>) -> Result<(), DecodeError> {
        self.digest.add(field.reader(at, self.name)?.bytes());
        Ok(())
    }

    /// Reads the attributes of `point`, all of whose fields were added, unless they are known.
    fn take<'a>(self, mut point: Reader<'a>, budget: &mut Budget) -> Result<Taken<'a>, DecodeError> {
        let mut form = Form::Read;
        if let Some(memory) = budget.memory() {
            if memory.knows_attributes(self.digest) {
                return Ok(Taken { read: Vec::new(), form: Form::Known(self.digest) });
            }
            form = Form::New(self.digest);
        }
        let mut read = Vec::new();
        while let Some((number, field)) = point.next()? {
            if number == self.number {
                values::attribute(field.reader(&point, self.name)?, &mut read, budget)?;
            }
        }
        Ok(Taken { read, form })
    }
}

fn read_temporality(field: Field<'_>, at: &Reader<'_>) -> Result<Temporality, DecodeError> {
    if let Field::Varint(number) = field {
        Ok(Temporality::from_wire(number.cast_signed()))
    } else {
        Err(at.error("another type where a varint belongs"))
    }
}

fn number_point<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<NumberPoint<'a>, DecodeError> {
    budget.item()?;
    let (all, mut attribute_field) = (reader, AttributeField::new(7, "NumberDataPoint.attributes"));
    let mut read = NumberPoint::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            7 => attribute_field.add(field, &reader)?,
            2 => read.start = field.fixed64(&reader)?,
            3 => read.time = field.fixed64(&reader)?,
            4 => read.value = Number::Double(field.double(&reader)?),
            6 => read.value = Number::Int(field.fixed64(&reader)?.cast_signed()),
            8 => read.flags = field.uint32(&reader)?,
            _ => {}
        }
    }
    let Taken { read: attributes, form } = attribute_field.take(all, budget)?;
    (read.attributes, read.form) = (attributes, form);
    Ok(read)
}

fn histogram_point<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<HistogramPoint<'a>, DecodeError> {
    budget.item()?;
    let (all, mut attribute_field) = (reader, AttributeField::new(9, "HistogramDataPoint.attributes"));
    let mut read = HistogramPoint::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            9 => attribute_field.add(field, &reader)?,
            2 => read.start = field.fixed64(&reader)?,
            3 => read.time = field.fixed64(&reader)?,
            4 => read.count = field.fixed64(&reader)?,
            5 => read.sum = Some(field.double(&reader)?),
            6 => {
                fixed64s(field, &reader, &mut read.bucket_counts, |bits| bits)?;
                budget.buckets(read.bucket_counts.len())?;
            }
            7 => {
                fixed64s(field, &reader, &mut read.bounds, f64::from_bits)?;
                budget.buckets(read.bounds.len())?;
            }
            10 => read.flags = field.uint32(&reader)?,
            _ => {}
        }
    }
    let Taken { read: attributes, form } = attribute_field.take(all, budget)?;
    (read.attributes, read.form) = (attributes, form);
    Ok(read)
}

fn exponential_point<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<ExponentialPoint<'a>, DecodeError> {
    budget.item()?;
    let (all, mut attribute_field) = (reader, AttributeField::new(1, "ExponentialHistogramDataPoint.attributes"));
    let mut read = ExponentialPoint::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => attribute_field.add(field, &reader)?,
            2 => read.start = field.fixed64(&reader)?,
            3 => read.time = field.fixed64(&reader)?,
            4 => read.count = field.fixed64(&reader)?,
            5 => read.sum = Some(field.double(&reader)?),
            6 => read.scale = field.sint32(&reader)?,
            7 => read.zero_count = field.fixed64(&reader)?,
            8 => buckets(field.reader(&reader, "Buckets")?, &mut read.positive, budget)?,
            9 => buckets(field.reader(&reader, "Buckets")?, &mut read.negative, budget)?,
            10 => read.flags = field.uint32(&reader)?,
            _ => {}
        }
    }
    let Taken { read: attributes, form } = attribute_field.take(all, budget)?;
    (read.attributes, read.form) = (attributes, form);
    Ok(read)
}

fn buckets(mut reader: Reader<'_>, into: &mut Buckets, budget: &mut Budget) -> Result<(), DecodeError> {
    budget.message()?;
    while let Some((number, field)) = reader.next()? {
        match (number, field) {
            (1, field) => into.offset = field.sint32(&reader)?,
            (2, Field::Varint(count)) => into.counts.push(count),
            (2, field) => {
                let mut packed = field.reader(&reader, "Buckets.bucket_counts")?;
                while !packed.is_empty() {
                    into.counts.push(packed.varint()?);
                    budget.buckets(into.counts.len())?;
                }
            }
            _ => {}
        }
        budget.buckets(into.counts.len())?;
    }
    Ok(())
}

/// A repeated field of 8 bytes each, packed or not.
fn fixed64s<T>(field: Field<'_>, at: &Reader<'_>, into: &mut Vec<T>, read: fn(u64) -> T) -> Result<(), DecodeError> {
    match field {
        Field::Fixed64(bits) => into.push(read(bits)),
        Field::Bytes(mut packed) => {
            into.reserve((packed.bytes().len() / 8).min(ROOM_MAX));
            while !packed.is_empty() {
                into.push(read(u64::from_le_bytes(packed.fixed()?)));
            }
        }
        _ => return Err(at.error("another type where 8 bytes belong")),
    }
    Ok(())
}
