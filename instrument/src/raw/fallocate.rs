//! Room in a file where the file system can promise it: Linux.

use std::fs::File;
use std::os::fd::AsRawFd;

/// Makes the first `bytes` of the file real. What is in them stays.
pub(super) fn allocate(file: &File, bytes: usize) -> Result<(), i32> {
    let Ok(length) = libc::off_t::try_from(bytes) else { return Err(libc::EFBIG) };
    // SAFETY: a system call on a descriptor; it touches no memory of ours.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) } {
        0 => Ok(()),
        error => Err(error),
    }
}
