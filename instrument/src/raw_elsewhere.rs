//! What stands in for `raw.rs` where the system is no Unix: memory of the process's own instead of a mapped file. There are no
//! recorder files (`files::NONE_BECAUSE` says so), no locks, no forks, no signals and no addresses of the stack.
#![expect(unsafe_code, reason = "zeroed memory as atomics has no safe form that leaves untouched pages to the system")]

use std::alloc::{Layout, alloc_zeroed};
use std::fs::File;
use std::sync::atomic::AtomicU64;

/// The recorder's memory, for the life of the process.
pub(crate) type Words = &'static [AtomicU64];

/// `errno` of what does not exist here: `ENOSYS` in most C libraries.
const UNSUPPORTED: i32 = 38;
/// `errno` where there is no memory: `ENOMEM` in every C library.
const NO_MEMORY: i32 = 12;

/// `bytes` of zeros. They are never freed.
pub(crate) fn reserve(bytes: usize) -> Result<Words, i32> {
    let count = bytes / size_of::<AtomicU64>();
    let layout = Layout::array::<AtomicU64>(count).map_err(|_| NO_MEMORY)?;
    if layout.size() == 0 {
        return Ok(&[]);
    }
    // SAFETY: the layout has a size.
    let address = unsafe { alloc_zeroed(layout) }.cast::<AtomicU64>();
    if address.is_null() {
        return Err(NO_MEMORY);
    }
    // SAFETY: the memory is aligned for and as long as `count` words, zero is a valid AtomicU64, and it is never freed.
    Ok(unsafe { std::slice::from_raw_parts(address, count) })
}

pub(crate) fn share(_words: Words, _file: &File) -> Result<(), i32> {
    Err(UNSUPPORTED)
}

pub(crate) fn privatise(_words: Words, _file: &File) -> Result<(), i32> {
    Err(UNSUPPORTED)
}

pub(crate) fn allocate(_file: &File, _bytes: usize) -> Result<(), i32> {
    Err(UNSUPPORTED)
}

pub(crate) fn lock(_file: &File) -> Result<(), i32> {
    Err(UNSUPPORTED)
}

#[cfg(feature = "export")]
pub(crate) fn lock_shared(_file: &File) -> Result<(), i32> {
    Err(UNSUPPORTED)
}

/// A file that cannot be asked counts as locked, so nobody takes or removes it.
pub(crate) fn is_locked(_file: &File) -> bool {
    true
}

pub(crate) fn at_fork(_prepare: extern "C" fn(), _parent: extern "C" fn(), _child: extern "C" fn()) {}

pub(crate) fn note_signals() {}

pub(crate) fn note_exit_status() {}

pub(crate) fn stderr_takes() -> bool {
    true
}

/// The name of this machine, as Windows tells every process.
pub(crate) fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

pub(crate) fn euid() -> u32 {
    0
}

pub(crate) fn frames(_frames: &mut [u64]) -> usize {
    0
}

/// Where the binary was loaded, and its build id: not known here.
#[derive(Default)]
pub(crate) struct Binary {
    pub(crate) load_bias: u64,
    pub(crate) build_id: Vec<u8>,
}

pub(crate) fn binary() -> Binary {
    Binary::default()
}

pub(crate) fn process_start() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn memory_is_zeroed_shared_by_threads_and_may_be_empty() {
        let words = reserve(8 << 20).unwrap();
        assert_eq!(words.len(), 1 << 20);
        assert!(words.iter().all(|word| word.load(Relaxed) == 0));
        std::thread::scope(|scope| {
            scope.spawn(|| words[7].store(3, Relaxed));
        });
        assert_eq!(words[7].load(Relaxed), 3);
        assert!(reserve(0).unwrap().is_empty());
        assert_eq!(reserve(usize::MAX).unwrap_err(), NO_MEMORY);
    }
}
