//! Names for the addresses of a panic's stack, from the binary with the same build id, here and not in the proxy: the first
//! look-up takes as long as reading the binary's debug information.

use addr2line::{Loader, demangle_auto};
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

    /// One line for each function of a stack, inlined ones included; the address where nothing is known. What every panic calls
    /// before and after the proxy's own functions is left out.
    pub(super) fn lines(&self, addresses: &[u64]) -> Vec<String> {
        own_frames(addresses.iter().flat_map(|address| self.frame(*address)).collect())
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
            let symbol = self.0.find_symbol(address).map(|name| demangle_auto(name.into(), None).into_owned());
            lines.push(symbol.unwrap_or_else(|| format!("{address:#x}")));
        }
        lines
    }
}

/// Marks of the standard library: the innermost function of a panic's handling, and the outermost of a thread's own functions.
const PANIC_BEGINS: &str = "__rust_end_short_backtrace";
const THREAD_BEGINS: &str = "__rust_begin_short_backtrace";
/// Beginnings of the names of functions through which a panic begins.
const OF_PANICS: [&str; 12] = [
    "firstbad_instrument::hook::",
    "firstbad_instrument::raw::",
    "<alloc::boxed::Box<F,A> as core::ops::function::Fn",
    "core::ops::function::Fn::call",
    "std::panicking::",
    "std::sys::backtrace::",
    "core::panicking::",
    "core::result::unwrap_failed",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "rust_begin_unwind",
    "__rustc::rust_begin_unwind",
];

/// The lines without those of the panic's own machinery before them and of the thread's start after them; all lines, if nothing
/// else were left.
fn own_frames(lines: Vec<String>) -> Vec<String> {
    let is_of_panic = |line: &&String| OF_PANICS.iter().any(|start| line.starts_with(start));
    let marked = lines.iter().position(|line| line.contains(PANIC_BEGINS)).map_or(0, |place| place + 1);
    let machinery = lines.iter().skip(marked).take_while(is_of_panic).count();
    let own = lines.iter().skip(marked + machinery).take_while(|line| !line.contains(THREAD_BEGINS));
    let own: Vec<String> = own.cloned().collect();
    if own.is_empty() { lines } else { own }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn own(lines: &[&str]) -> Vec<String> {
        own_frames(lines.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn a_stack_begins_with_the_proxys_own_function_and_ends_with_its_last() {
        let whole = [
            "firstbad_instrument::raw::frames at raw.rs:230",
            "firstbad_instrument::hook::record at hook.rs:80",
            "std::panicking::panic_with_hook at panicking.rs:1",
            "std::sys::backtrace::__rust_end_short_backtrace::<..> at backtrace.rs:2",
            "__rustc::rust_begin_unwind at panicking.rs:3",
            "core::panicking::panic_bounds_check at panicking.rs:4",
            "proxy::features::row at features.rs:5",
            "core::ops::function::FnOnce::call_once at function.rs:6",
            "std::sys::backtrace::__rust_begin_short_backtrace at backtrace.rs:7",
            "std::rt::lang_start at rt.rs:8",
        ];
        assert_eq!(own(&whole), whole[6..8]);
        // Without debug information the mark may be gone.
        assert_eq!(own(&[whole[0], whole[1], whole[2], whole[6]]), whole[6..7]);
        assert_eq!(own(&whole[..6]), whole[..6], "nothing else would be left");
        assert_eq!(own(&["0x1234", whole[6]]), ["0x1234", whole[6]]);
        assert_eq!(own(&[]), Vec::<String>::new());
    }

    #[test]
    fn names_of_the_symbol_table_are_demangled() {
        let name = demangle_auto("_ZN5proxy8features3row17h0123456789abcdefE".into(), None);
        assert_eq!(name, "proxy::features::row");
    }
}
