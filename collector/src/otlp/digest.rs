//! Digests of the bytes of attributes and events, so that bytes that were read before are looked up and not read again: a
//! fleet sends the same few label sets, and a process that panics in every request the same few events. Bytes with the same
//! digest were valid before, within the limits.

use super::error::DecodeError;
use super::wire::{Field, Reader};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_128_with_secret;

/// Bytes of the secret: what XXH3 uses at most.
const SECRET_BYTES: usize = 192;

/// Differs in each process, so that nobody can choose bytes that pass for another sender's.
static SECRET: LazyLock<[u8; SECRET_BYTES]> = LazyLock::new(|| {
    let random = RandomState::new();
    let mut secret = [0; SECRET_BYTES];
    for (index, word) in secret.chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&random.hash_one(index).to_le_bytes());
    }
    secret
});

/// 32 bits of a keyed digest: of secrets that stay apart when they are hidden. After a restart they are others.
pub(crate) fn short(bytes: &[u8]) -> u32 {
    let [a, b, c, d, ..] = xxh3_128_with_secret(bytes, SECRET.as_slice()).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// A digest of bytes, for tables of this process alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(u128);

/// Attributes and events that a reader knows, so that it does not read them again.
pub trait Memory {
    /// Whether the attributes of a point with this digest are known.
    fn knows_attributes(&self, digest: Digest) -> bool;

    /// Whether an event with this digest, apart from its times and its trace, is known.
    fn knows_event(&self, digest: Digest) -> bool;
}

/// How attributes, or an event, were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Read, and not digested.
    #[default]
    Read,
    /// Read, since the digest was not known.
    New(Digest),
    /// Left empty, since the digest is known.
    Known(Digest),
}

impl Digest {
    /// The digest of nothing.
    pub(super) const fn new() -> Self {
        Self(0)
    }

    /// Adds bytes. Where they begin and end counts.
    #[inline]
    pub(super) fn add(&mut self, bytes: &[u8]) {
        // An odd factor, so that the order counts and nothing of what was added is lost.
        const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        self.0 = (self.0 ^ xxh3_128_with_secret(bytes, SECRET.as_slice())).wrapping_mul(FACTOR);
    }
}

/// A log record's times, and the digest of its other fields.
#[derive(Debug)]
pub(super) struct Apart {
    pub(super) time: u64,
    pub(super) observed: u64,
    pub(super) digest: Digest,
}

impl Apart {
    /// Reads the fields of a `LogRecord` without reading what is in them.
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let whole = reader.bytes();
        let mut read = Self { time: 0, observed: 0, digest: Digest::new() };
        let mut from = 0;
        loop {
            let before = whole.len() - reader.bytes().len();
            let Some((number, field)) = reader.next()? else { break };
            match (number, field) {
                (1, Field::Fixed64(time)) => read.time = time,
                (11, Field::Fixed64(observed)) => read.observed = observed,
                // Trace and span: nothing here reads them.
                (9 | 10, _) => {}
                _ => continue,
            }
            read.add(whole.get(from..before));
            from = whole.len() - reader.bytes().len();
        }
        read.add(whole.get(from..));
        Ok(read)
    }

    fn add(&mut self, bytes: Option<&[u8]>) {
        if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
            self.digest.add(bytes);
        }
    }
}
