//! Prometheus remote write, 1.0 and 2.0, into the OTLP request that a sender of OTLP would have written: normaliser, journal and
//! store know one form. Which series mean what is decided by `normalise`; negotiation and answers by `server`.

mod histograms;
mod series;
mod translate;

pub(crate) use histograms::KnownBounds;
pub(crate) use series::Version;
pub(crate) use translate::{Translated, translate};

use crate::otlp::{DecodeError, TooMuch};
use firstbad_protocol::limits::BODY_BYTES_MAX;

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    #[error("the body is no snappy block: {0}")]
    Snappy(String),
    #[error("the body is longer than {BODY_BYTES_MAX} bytes after decompression; send smaller batches")]
    TooLong,
}

/// Length of a snappy block after decompression, bytes, as its head claims. Nothing is decompressed yet.
///
/// # Errors
/// If it has no such head, or claims more than a body may have.
pub(crate) fn decompressed_length(body: &[u8]) -> Result<usize, BodyFault> {
    let length = snap::raw::decompress_len(body).map_err(|error| BodyFault::Snappy(error.to_string()))?;
    if length > BODY_BYTES_MAX { Err(BodyFault::TooLong) } else { Ok(length) }
}

/// The decompressed body.
///
/// # Errors
/// If it is damaged, or longer than a body may be.
pub(crate) fn decompress(body: &[u8]) -> Result<Vec<u8>, BodyFault> {
    decompressed_length(body)?;
    snap::raw::Decoder::new().decompress_vec(body).map_err(|error| BodyFault::Snappy(error.to_string()))
}

/// A bound of one request.
fn within(count: usize, most: usize, what: fn(usize) -> TooMuch) -> Result<(), DecodeError> {
    if count > most { Err(DecodeError::TooMuch(what(most))) } else { Ok(()) }
}

#[cfg(test)]
pub(crate) mod tests;
