//! `core::panic::Location` constants: a pointer to the file's name, its length, line and column, 24 bytes (Rust 1.70 to
//! 1.95). They are what a panic reports, so they match `firstbad.panic.site` to the letter, whatever moved the call.

use crate::binary::{Binary, Pointed};
use crate::bytes::{u32_at, u64_at};

/// Greatest length of a file's name, bytes (`PATH_MAX` of Linux).
const FILE_BYTES_MAX: u64 = 4096;
/// Greatest line and column that are believed. Chosen: generated files of ten million lines do not compile.
const NUMBER_MAX: u32 = 10_000_000;

/// A place in the source as a panic reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Location<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// Returns the location constant at `address`; none if what lies there cannot be one.
pub(crate) fn location<'a>(binary: &Binary<'a>, address: u64) -> Option<Location<'a>> {
    if !address.is_multiple_of(8) || !binary.is_data(address) {
        return None;
    }
    let record = binary.bytes(address)?;
    let (length, line, column) = (u64_at(record, 8)?, u32_at(record, 16)?, u32_at(record, 20)?);
    let is_number = |number| (1..=NUMBER_MAX).contains(&number);
    if !(1..=FILE_BYTES_MAX).contains(&length) || !is_number(line) || !is_number(column) {
        return None;
    }
    let Pointed::Address(name) = binary.pointed(address)? else { return None };
    let file = text(binary, name, length)?;
    // From 1.91 on the name ends with a NUL byte, which the length counts in some versions.
    let file = file.strip_suffix('\0').unwrap_or(file);
    (!file.is_empty() && !file.chars().any(char::is_control)).then_some(Location { file, line, column })
}

/// Returns `length` bytes of constant data as text.
pub(crate) fn text<'a>(binary: &Binary<'a>, address: u64, length: u64) -> Option<&'a str> {
    let bytes = binary.bytes(address).filter(|_| binary.is_data(address))?;
    std::str::from_utf8(bytes.get(..usize::try_from(length).ok()?)?).ok()
}
