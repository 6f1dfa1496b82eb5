//! Room in a file where no call promises it: macOS has no `posix_fallocate`, and ZFS on the BSDs refuses it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of zeros that are written at a time.
const ZEROS_BYTES: usize = 1 << 16;

/// Makes the first `bytes` of the file real by writing zeros from its end on. What is in it stays.
pub(super) fn allocate(file: &File, bytes: usize) -> Result<(), i32> {
    write(file, bytes as u64).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
}

fn write(file: &File, bytes: u64) -> io::Result<()> {
    let zeros = [0; ZEROS_BYTES];
    let mut end = file.metadata()?.len();
    while end < bytes {
        let wanted = usize::try_from(bytes - end).unwrap_or(ZEROS_BYTES).min(ZEROS_BYTES);
        file.write_all_at(zeros.get(..wanted).unwrap_or(&zeros), end)?;
        end += wanted as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_from_the_end_on_and_keeps_what_is_there() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"kept", 0).unwrap();
        allocate(&file, 3 * ZEROS_BYTES + 1).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3 * ZEROS_BYTES as u64 + 1);
        let mut start = [1; 6];
        file.read_exact_at(&mut start, 0).unwrap();
        assert_eq!(&start, b"kept\0\0");
        // Less than there is asks for nothing.
        allocate(&file, 1).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3 * ZEROS_BYTES as u64 + 1);
    }

    #[test]
    fn a_full_file_system_is_an_error_and_no_signal() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(allocate(&full, 1), Err(libc::ENOSPC));
    }
}
