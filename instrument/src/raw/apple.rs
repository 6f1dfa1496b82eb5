//! The running binary and process on macOS, as the dynamic loader `dyld` and `libproc` describe them.

use super::Binary;
use crate::mach_o;
use std::ffi::c_void;

unsafe extern "C" {
    // `mach-o/dyld.h`. Image 0 is the program.
    fn _dyld_get_image_header(image: u32) -> *const u8;
    fn _dyld_get_image_vmaddr_slide(image: u32) -> isize;
}

/// The running binary, for symbolising outside. Its build id is the `LC_UUID` that `dsymutil` and `atos` know.
pub(crate) fn binary() -> Binary {
    // SAFETY: the loader answers for image 0 in every process, with null if there is none.
    let (header, slide) = unsafe { (_dyld_get_image_header(0), _dyld_get_image_vmaddr_slide(0)) };
    let load_bias = u64::try_from(slide).unwrap_or(0);
    if header.is_null() {
        return Binary { load_bias, build_id: Vec::new() };
    }
    // SAFETY: the program's first segment begins with its header, and is mapped readable for the life of the process.
    let start = unsafe { std::slice::from_raw_parts(header, mach_o::HEADER_BYTES) };
    let length = mach_o::HEADER_BYTES.saturating_add(mach_o::command_bytes(start).unwrap_or(0));
    // SAFETY: the load commands follow the header in the same segment, as long as the header says.
    let commands = unsafe { std::slice::from_raw_parts(header, length) };
    Binary { load_bias, build_id: mach_o::uuid(commands).map_or_else(Vec::new, <[u8]>::to_vec) }
}

/// When this process began, in microseconds since 1970. It stays the same over `exec`.
pub(crate) fn process_start() -> Option<u64> {
    let size = i32::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
    let pid = i32::try_from(std::process::id()).ok()?;
    // SAFETY: all fields are integers and arrays of them, for which zero is a value.
    let mut found: libc::proc_bsdinfo = unsafe { std::mem::zeroed() };
    let place = (&raw mut found).cast::<c_void>();
    // SAFETY: `place` is valid for `size` bytes, which the call fills in.
    let filled = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, place, size) };
    (filled == size).then(|| found.pbi_start_tvsec.saturating_mul(1_000_000).saturating_add(found.pbi_start_tvusec))
}
