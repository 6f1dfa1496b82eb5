//! Decompression of request bodies and captures, counting the DECOMPRESSED bytes: 32 kB of zstd can mean 1 GiB
//! (reliability.md D1). Every codec passes through the one counting reader here.

use firstbad_protocol::limits::ZSTD_WINDOW_LOG_MAX;
use std::io::{self, Read};

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Identity,
    /// gzip, of one member or several.
    Gzip,
    /// zlib, which HTTP calls deflate.
    Deflate,
    /// Zstandard, of one frame or several.
    Zstd,
}

impl Compression {
    /// What a `Content-Encoding` or `grpc-encoding` names; none for one that isn't spoken here.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// A reader of the decompressed bytes.
    ///
    /// # Errors
    /// If the decompressor can't be set up.
    pub fn reader<'a>(self, compressed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Identity => Box::new(compressed),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(compressed)),
            Self::Deflate => Box::new(flate2::read::ZlibDecoder::new(compressed)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(compressed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
        })
    }
}

/// A body that could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than it may be.
    #[error("the body is longer than {most} bytes after decompression; send smaller batches")]
    TooLong {
        /// Greatest length.
        most: usize,
    },
    /// It is damaged.
    #[error("the {compression:?} body is damaged after {after} decompressed bytes: {source}")]
    Damaged {
        /// How it was said to be compressed.
        compression: Compression,
        /// Bytes that could be read.
        after: usize,
        /// What the decompressor says.
        source: io::Error,
    },
}

/// The decompressed body, at most `most` bytes.
///
/// # Errors
/// If it is damaged or longer.
pub fn decompress(body: &[u8], compression: Compression, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut read = Vec::with_capacity(most.min(body.len().saturating_mul(4)));
    let mut reader = match compression.reader(body) {
        Ok(reader) => reader.take(most as u64 + 1),
        Err(source) => return Err(BodyError::Damaged { compression, after: 0, source }),
    };
    match reader.read_to_end(&mut read) {
        Ok(_) if read.len() > most => Err(BodyError::TooLong { most }),
        Ok(_) => Ok(read),
        Err(source) => Err(BodyError::Damaged { compression, after: read.len(), source }),
    }
}
