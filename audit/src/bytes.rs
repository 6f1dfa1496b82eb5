//! Little-endian numbers at offsets of untrusted bytes. What lies outside is `None`; nothing here can panic.

/// Returns the `u32` at `offset`.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let found = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(found.try_into().ok()?))
}

/// Returns the `u64` at `offset`.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let found = bytes.get(offset..offset.checked_add(8)?)?;
    Some(u64::from_le_bytes(found.try_into().ok()?))
}

/// Returns the text at `offset` up to the next NUL byte, without it.
pub(crate) fn text_at(bytes: &[u8], offset: usize) -> Option<&str> {
    let rest = bytes.get(offset..)?;
    let length = rest.iter().take(NAME_BYTES_MAX).position(|byte| *byte == 0)?;
    std::str::from_utf8(rest.get(..length)?).ok()
}

/// Greatest length of a symbol's name that is read, bytes. Chosen: mangled names of deeply nested iterator types reach
/// tens of kilobytes; a longer name is taken as damage.
const NAME_BYTES_MAX: usize = 1 << 18;
