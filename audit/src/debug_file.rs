//! Finds the separate debug file of a binary where debuggers look for it: by build id below `/usr/lib/debug`, and by the
//! name in `.gnu_debuglink` beside the binary (GDB manual, "Debugging Information in Separate Files").

use crate::binary::Binary;
use flate2::Crc;
use object::{Object, ReadCache};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Where distributions install debug files.
pub(crate) const DEBUG_DIRECTORY: &str = "/usr/lib/debug";

/// The content of `.gnu_debuglink`.
#[derive(Clone, Debug)]
pub(crate) struct DebugLink {
    /// Name of the file, without directories.
    pub(crate) name: PathBuf,
    /// CRC-32 of its content.
    pub(crate) checksum: u32,
}

/// Returns the first debug file in `directories` or beside `path` that belongs to `binary`.
pub(crate) fn find(binary: &Binary<'_>, path: &Path, directories: &[PathBuf]) -> Option<PathBuf> {
    let by_build_id = binary.build_id.as_deref().and_then(relative_path).into_iter();
    let mut candidates: Vec<PathBuf> =
        by_build_id.flat_map(|relative| directories.iter().map(move |directory| directory.join(&relative))).collect();
    if let (Some(link), Some(beside)) = (&binary.debug_link, path.parent()) {
        candidates.push(beside.join(&link.name));
        candidates.push(beside.join(".debug").join(&link.name));
        let whole = beside.canonicalize().unwrap_or_else(|_| beside.to_owned());
        let below_root = whole.strip_prefix("/").unwrap_or(&whole);
        candidates.extend(directories.iter().map(|directory| directory.join(below_root).join(&link.name)));
    }
    candidates.into_iter().find(|candidate| candidate.is_file() && candidate != path && belongs(binary, candidate))
}

/// `.build-id/ab/cdef.debug`.
fn relative_path(build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first().filter(|(_, rest)| !rest.is_empty())?;
    Some(PathBuf::from(format!(".build-id/{first:02x}/{}.debug", hex(rest))))
}

/// Whether the file is of the same build: by build id, else by the checksum in the link.
fn belongs(binary: &Binary<'_>, candidate: &Path) -> bool {
    match (&binary.build_id, &binary.debug_link) {
        (Some(build_id), _) => build_id_of(candidate).as_ref() == Some(build_id),
        (None, Some(link)) => checksum(candidate) == Some(link.checksum),
        (None, None) => false,
    }
}

fn build_id_of(path: &Path) -> Option<Vec<u8>> {
    let cache = ReadCache::new(File::open(path).ok()?);
    object::File::parse(&cache).ok()?.build_id().ok().flatten().map(<[u8]>::to_vec)
}

fn checksum(path: &Path) -> Option<u32> {
    let (mut reader, mut checksum) = (BufReader::new(File::open(path).ok()?), Crc::new());
    loop {
        let bytes = reader.fill_buf().ok()?;
        if bytes.is_empty() {
            return Some(checksum.sum());
        }
        checksum.update(bytes);
        let read = bytes.len();
        reader.consume(read);
    }
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
