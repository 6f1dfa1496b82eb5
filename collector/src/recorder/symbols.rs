//! Names for the addresses of a panic's stack, from the binary with the same build id, here and not in the proxy: the first
//! look-up takes as long as reading the binary's debug information.

use addr2line::Loader;
use object::{Object, ReadCache};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fmt::{Display, Write};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::Path;

/// Greatest binary that is read, bytes.
const BINARY_BYTES_MAX: u64 = 4 << 30;
/// Greatest binary that is copied to memory, bytes.
const BINARY_BYTES_COPIED_MAX: u64 = 256 << 20;

/// The debug information of one recorder's binary.
pub(super) struct Symbols(Loader);

impl Symbols {
    /// From the binary at `path`, if it is the one with this build id.
    pub(super) fn of(build_id: &[u8], path: &Path) -> Result<Self, String> {
        let fail = |why: &dyn Display| format!("{}: {why}", path.display());
        let found = std::fs::metadata(path).map_err(|error| fail(&error))?;
        if !found.is_file() || found.len() > BINARY_BYTES_MAX {
            return Err(fail(&"it is no binary"));
        }
        let file = File::open(path).map_err(|error| fail(&error))?;
        check(build_id, file).map_err(|why| fail(&why))?;
        Loader::new(path).map(Self).map_err(|error| fail(&error))
    }

    /// From a copy of `binary`, which somebody else may cut off while it is read: a mapping of it would then end this process.
    pub(super) fn of_file(build_id: &[u8], binary: File) -> Result<Self, String> {
        let fail = |error: io::Error| error.to_string();
        if !binary.metadata().map_err(fail)?.is_file() {
            return Err("it is no binary".to_owned());
        }
        check(build_id, binary.try_clone().map_err(fail)?)?;
        let mut copy =
            File::from(memfd_create("firstbad-binary", MemfdFlags::CLOEXEC).map_err(|error| fail(error.into()))?);
        io::Seek::rewind(&mut &binary).map_err(fail)?;
        let length = io::copy(&mut binary.take(BINARY_BYTES_COPIED_MAX + 1), &mut copy).map_err(fail)?;
        if length > BINARY_BYTES_COPIED_MAX {
            return Err(format!("it has more than {BINARY_BYTES_COPIED_MAX} bytes"));
        }
        Loader::new(format!("/proc/self/fd/{}", copy.as_raw_fd())).map(Self).map_err(|error| error.to_string())
    }

    /// One line for each function of a stack, inlined ones included; the address where nothing is known.
    pub(super) fn lines(&self, addresses: &[u64]) -> Vec<String> {
        addresses.iter().flat_map(|address| self.frame(*address)).collect()
    }

    fn frame(&self, address: u64) -> Vec<String> {
        // A return address: the call is the instruction before it.
        let Ok(mut frames) = self.0.find_frames(address.wrapping_sub(1)) else { return vec![format!("{address:#x}")] };
        let mut lines = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            let name = frame.function.as_ref().and_then(|name| Some(name.demangle().ok()?.into_owned()));
            let mut line = name.unwrap_or_else(|| format!("{address:#x}"));
            if let Some((file, number)) = frame.location.and_then(|found| Some((found.file?, found.line?))) {
                let _ = write!(line, " at {file}:{number}");
            }
            lines.push(line);
        }
        if lines.is_empty() {
            lines.push(self.0.find_symbol(address).map_or_else(|| format!("{address:#x}"), str::to_owned));
        }
        lines
    }
}

fn check(build_id: &[u8], file: File) -> Result<(), String> {
    if build_id.is_empty() {
        return Err("the recorder names no build id".to_owned());
    }
    let cache = ReadCache::new(file);
    let binary = object::File::parse(&cache).map_err(|error| error.to_string())?;
    let same = binary.build_id().ok().flatten() == Some(build_id);
    if same { Ok(()) } else { Err(format!("its build id is not {}", hex(build_id))) }
}

/// Bytes as hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
