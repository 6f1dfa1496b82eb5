//! The yardstick: a server that reads every request, adds up items by resource, labels and second in memory, and keeps nothing.
//! It has no limits, no checks, no disk and one thread: nothing that does the collector's work can be cheaper by much.

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use xxhash_rust::xxh3::xxh3_64;

/// Cells that are kept; then it forgets them all.
const CELLS_MAX: usize = 200_000;
/// Before a gRPC message.
const GRPC_HEAD_BYTES: usize = 5;

/// Serves OTLP/HTTP and OTLP/gRPC on one port until it is killed.
pub(crate) fn serve(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let service = hyper::service::service_fn(answer);
                // A peer that goes away is no error.
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

type Frames = StreamBody<tokio_stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

async fn answer(request: Request<Incoming>) -> Result<Response<Frames>, hyper::Error> {
    let is_grpc =
        request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let is_logs = request.uri().path().contains("ogs");
    let body = request.into_body().collect().await?.to_bytes();
    let message = if is_grpc { body.get(GRPC_HEAD_BYTES..).unwrap_or_default() } else { &body };
    COUNTS.with_borrow_mut(|counts| if is_logs { counts.logs(message) } else { counts.metrics(message) });
    let (kind, frames) = if is_grpc {
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
        let message = Frame::data(Bytes::from_static(&[0; GRPC_HEAD_BYTES]));
        ("application/grpc", vec![Ok(message), Ok(Frame::trailers(trailers))])
    } else {
        ("application/x-protobuf", Vec::new())
    };
    let mut response = Response::new(StreamBody::new(tokio_stream::iter(frames)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

thread_local! {
    static COUNTS: RefCell<Counts> = RefCell::default();
}

/// Keys are hashes.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Counts by resource, labels and second.
#[derive(Default)]
struct Counts(HashMap<u64, u64, BuildHasherDefault<AsIs>>);

/// A field's value.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Counts {
    fn add(&mut self, place: u64, time: u64, count: u64) {
        if self.0.len() >= CELLS_MAX {
            self.0.clear();
        }
        let cell = self.0.entry((place ^ (time / 1_000_000_000)).wrapping_mul(0x9e37_79b9_7f4a_7c15)).or_default();
        *cell = cell.wrapping_add(count);
    }

    fn logs(&mut self, request: &[u8]) {
        messages(request, 1, |resource_logs| {
            let mut resource = 0;
            messages(resource_logs, 1, |bytes| messages(bytes, 1, |attribute| resource ^= label(attribute)));
            messages(resource_logs, 2, |scope| {
                messages(scope, 2, |record| {
                    let (mut place, mut time) = (resource, 0);
                    fields(record, |number, value| match (number, value) {
                        (1, Value::Number(at)) => time = at,
                        (6, Value::Bytes(attribute)) => place ^= label(attribute),
                        _ => {}
                    });
                    self.add(place, time, 1);
                });
            });
        });
    }

    fn metrics(&mut self, request: &[u8]) {
        messages(request, 1, |resource_metrics| {
            let mut resource = 0;
            messages(resource_metrics, 1, |bytes| messages(bytes, 1, |attribute| resource ^= label(attribute)));
            messages(resource_metrics, 2, |scope| {
                messages(scope, 2, |metric| {
                    // Sums have the value in field 6 and attributes in field 7, histograms in 4 and 9.
                    messages(metric, 7, |sum| messages(sum, 1, |point| self.point(point, resource, [6, 7])));
                    messages(metric, 9, |histogram| {
                        messages(histogram, 1, |point| self.point(point, resource, [4, 9]))
                    });
                });
            });
        });
    }

    fn point(&mut self, point: &[u8], resource: u64, [count_field, attribute_field]: [u64; 2]) {
        let (mut place, mut time, mut count) = (resource, 0, 0);
        fields(point, |number, value| match value {
            Value::Number(at) if number == 3 => time = at,
            Value::Number(value) if number == count_field => count = value,
            Value::Bytes(attribute) if number == attribute_field => place ^= label(attribute),
            _ => {}
        });
        self.add(place, time, count);
    }
}

/// A hash of an attribute, if it is one that a correlating server reads.
fn label(attribute: &[u8]) -> u64 {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    messages(attribute, 1, |bytes| key = bytes);
    messages(attribute, 2, |any| messages(any, 1, |bytes| value = bytes));
    match key {
        b"service.name"
        | b"host.name"
        | b"cloud.region"
        | b"service.version"
        | b"firstbad.config.name"
        | b"firstbad.config.hash"
        | b"firstbad.outcome"
        | b"firstbad.score.name"
        | b"exception.type" => xxh3_64(value).rotate_left(u32::try_from(key.len()).unwrap_or(0)),
        _ => 0,
    }
}

/// Every message, text or bytes in field `wanted`.
fn messages<'a>(bytes: &'a [u8], wanted: u64, mut take: impl FnMut(&'a [u8])) {
    fields(bytes, |number, value| {
        if let Value::Bytes(bytes) = value
            && number == wanted
        {
            take(bytes);
        }
    });
}

/// Every field, until the end or the first that is malformed.
fn fields<'a>(mut bytes: &'a [u8], mut take: impl FnMut(u64, Value<'a>)) {
    while let Some(key) = varint(&mut bytes) {
        let value = match key & 7 {
            0 => varint(&mut bytes).map(Value::Number),
            1 => fixed::<8>(&mut bytes).map(|value| Value::Number(u64::from_le_bytes(value))),
            2 => varint(&mut bytes).and_then(|length| delimited(&mut bytes, length)),
            5 => fixed::<4>(&mut bytes).map(|value| Value::Number(u64::from(u32::from_le_bytes(value)))),
            _ => None,
        };
        let Some(value) = value else { return };
        take(key >> 3, value);
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (value, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*value)
}

fn delimited<'a>(bytes: &mut &'a [u8], length: u64) -> Option<Value<'a>> {
    let (value, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(Value::Bytes(value))
}
