//! The only unsafe code on Unix: memory mappings, the lock that shows life, fork handlers, stack addresses. Each function is
//! safe to call; what to map and when is decided by `recorder`. What differs between Unix systems is in `raw/elf.rs` and
//! `raw/apple.rs`; systems that are no Unix have `raw_elsewhere.rs` instead of this file.
#![expect(unsafe_code, reason = "mmap, fcntl, pthread_atfork and the unwinder have no safe form without more crates")]

#[cfg_attr(target_vendor = "apple", path = "raw/apple.rs")]
#[cfg_attr(not(target_vendor = "apple"), path = "raw/elf.rs")]
mod object;
#[cfg_attr(target_os = "linux", path = "raw/fallocate.rs")]
#[cfg_attr(not(target_os = "linux"), path = "raw/zeros.rs")]
mod space;
#[cfg(all(test, target_os = "linux"))]
#[path = "raw/zeros.rs"]
mod zeros;

pub(crate) use object::{binary, process_start};

use std::ffi::{CStr, c_void};
use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicPtr, AtomicU64};

/// The recorder's memory, for the life of the process. Its address never changes; what backs it does.
pub(crate) type Words = &'static [AtomicU64];

/// Address space that is not charged before it is touched. FreeBSD does so for every mapping and has no flag for it.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
const NO_RESERVE: i32 = libc::MAP_NORESERVE;
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
const NO_RESERVE: i32 = 0;

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Address space of `bytes`, zero, backed by memory only where it is touched. It is never unmapped.
pub(crate) fn reserve(bytes: usize) -> Result<Words, i32> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | NO_RESERVE;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no existing memory.
    let address = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(errno());
    }
    // SAFETY: the mapping is page-aligned, zeroed, `bytes` long, and stays for the life of the process; all access is
    // through atomics, so other threads, processes and later mappings over it cannot break aliasing rules.
    Ok(unsafe { std::slice::from_raw_parts(address.cast::<AtomicU64>(), bytes / 8) })
}

/// Puts `file` under the memory, shared with its readers. The caller has allocated what it will touch: beyond the end of
/// the file there is no memory (SIGBUS).
pub(crate) fn share(words: Words, file: &File) -> Result<(), i32> {
    map_over(words, file.as_raw_fd(), libc::MAP_SHARED)
}

/// In a forked child: keeps the content and cuts the tie to the parent's file.
pub(crate) fn privatise(words: Words, file: &File) -> Result<(), i32> {
    map_over(words, file.as_raw_fd(), libc::MAP_PRIVATE)
}

fn map_over(words: Words, file: RawFd, sharing: i32) -> Result<(), i32> {
    let (address, bytes) = (words.as_ptr().cast::<c_void>().cast_mut(), size_of_val(words));
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: `words` is a mapping made by `reserve`, replaced as a whole by another of the same size and access; every
    // bit pattern is a valid AtomicU64.
    let mapped = unsafe { libc::mmap(address, bytes, protection, sharing | libc::MAP_FIXED, file, 0) };
    if mapped == libc::MAP_FAILED { Err(errno()) } else { Ok(()) }
}

/// Makes `bytes` of the file real, so that touching them cannot fail later (a full tmpfs would be SIGBUS).
pub(crate) fn allocate(file: &File, bytes: usize) -> Result<(), i32> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } == 0;
    // Beyond this limit the kernel would send SIGXFSZ, which ends the process.
    if known
        && limit.rlim_cur != libc::RLIM_INFINITY
        && libc::rlim_t::try_from(bytes).is_ok_and(|it| it > limit.rlim_cur)
    {
        return Err(libc::EFBIG);
    }
    space::allocate(file, bytes)
}

/// A write lock on the whole file: it shows to other processes, also in other PID namespaces, that this one lives.
pub(crate) fn lock(file: &File) -> Result<(), i32> {
    let range = whole_file();
    // SAFETY: `range` is a valid flock structure.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const range) } == 0 { Ok(()) } else { Err(errno()) }
}

/// A read lock on the whole file: it shows to other processes that this one is telling what is in it.
#[cfg(feature = "export")]
pub(crate) fn lock_shared(file: &File) -> Result<(), i32> {
    let mut range = whole_file();
    range.l_type = libc::c_short::try_from(libc::F_RDLCK).unwrap_or(0);
    // SAFETY: `range` is a valid flock structure.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const range) } == 0 { Ok(()) } else { Err(errno()) }
}

/// Whether another process holds the lock.
pub(crate) fn is_locked(file: &File) -> bool {
    let mut range = whole_file();
    // SAFETY: `range` is a valid flock structure, which the call fills in.
    let told = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut range) } == 0;
    !told || libc::c_short::try_from(libc::F_UNLCK).ok() != Some(range.l_type)
}

fn whole_file() -> libc::flock {
    // SAFETY: all fields are integers, for which zero is a value.
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    range.l_type = libc::c_short::try_from(libc::F_WRLCK).unwrap_or(1);
    range
}

/// Calls the three functions around every fork of this process.
pub(crate) fn at_fork(prepare: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    // SAFETY: the functions are 'static and touch only atomics, a lock and the recorder's mapping.
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
}

/// Codes of a signal from here on say that a process sent it, where such codes are positive (macOS and the BSDs); on Linux they are
/// 0 and below. Codes of faults are between the two on all of them.
const SENT_FROM: i32 = 0x1_0001;
/// Signals that end a process by its own fault.
const FATAL: [i32; 6] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, libc::SIGSYS];
/// Bytes of a machine's name with its final zero: the greatest length in POSIX is 255.
const HOST_NAME_BYTES_MAX: usize = 256;
/// Signals that ask a process to end.
const ASKING: [i32; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP];
/// The previous action of each signal in [`FATAL`], then of each signal in [`ASKING`].
static BEFORE: [AtomicPtr<libc::sigaction>; FATAL.len() + ASKING.len()] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; FATAL.len() + ASKING.len()];

type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void);

/// Installs handlers that note the signals that end this process and then restore the previous action.
pub(crate) fn note_signals() {
    for (place, signal) in FATAL.into_iter().chain(ASKING).enumerate() {
        let handler: Handler = if place < FATAL.len() { on_fatal_signal } else { on_asking_signal };
        // SAFETY: all fields of the structure are integers and an optional pointer, for which zero is a value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        let mut old = Box::new(action);
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        // SAFETY: the pointer for the old action is valid.
        let known = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut *old) } == 0;
        // A signal that the process ignores stays ignored.
        if let (true, Some(before)) = (known && old.sa_sigaction != libc::SIG_IGN, BEFORE.get(place)) {
            // The old action is leaked and stored before the new handler can run and need it.
            before.store(Box::into_raw(old), Release);
            // SAFETY: the structure is valid, and the handler calls only what may be called in a signal handler.
            unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
        }
    }
}

fn before(signal: i32) -> *mut libc::sigaction {
    let place = FATAL.into_iter().chain(ASKING).position(|known| known == signal);
    place.and_then(|place| BEFORE.get(place)).map_or(std::ptr::null_mut(), |before| before.load(Acquire))
}

extern "C" fn on_fatal_signal(signal: i32, info: *mut libc::siginfo_t, _context: *mut c_void) {
    crate::recorder::note_signal(signal);
    let old = before(signal);
    // SAFETY: `old` is null or an action that `note_signals` leaked; `info` is from the kernel. A fault happens again when
    // this returns and meets the old action; a signal that a process sent is raised again.
    unsafe {
        libc::sigaction(signal, old, std::ptr::null_mut());
        if old.is_null() || info.is_null() || !(1..SENT_FROM).contains(&(*info).si_code) {
            libc::raise(signal);
        }
    }
}

/// Notes a signal that asks the process to end. A handler that the process installed later may call this one. Then that handler
/// decides whether the process ends, and a [`libc::SIGHUP`] is not noted, because it usually means "load again".
extern "C" fn on_asking_signal(signal: i32, _info: *mut libc::siginfo_t, _context: *mut c_void) {
    let old = before(signal);
    // SAFETY: the structure may be all zeros and can hold the action; `old` is null or an action that `note_signals` leaked.
    unsafe {
        let mut current: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut current);
        let is_first = current.sa_sigaction == on_asking_signal as Handler as usize;
        let ends_at_once = is_first && !old.is_null() && (*old).sa_sigaction == libc::SIG_DFL;
        if ends_at_once || signal != libc::SIGHUP {
            crate::recorder::note_asked(signal, ends_at_once);
        }
        if is_first {
            libc::sigaction(signal, old, std::ptr::null_mut());
            libc::raise(signal);
        }
    }
}

#[cfg(target_env = "gnu")]
unsafe extern "C" {
    fn on_exit(function: extern "C" fn(i32, *mut c_void), argument: *mut c_void) -> i32;
}

#[cfg(target_env = "gnu")]
extern "C" fn exits(status: i32, _argument: *mut c_void) {
    // A parent process sees only the lowest eight bits.
    crate::recorder::note_exit_status(status & 0xff);
}

/// Notes the status with which `main` returns or `exit` is called, where the C library reports it (glibc does).
pub(crate) fn note_exit_status() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function has the required signature, is 'static, and touches only atomics.
    unsafe {
        on_exit(exits, std::ptr::null_mut());
    }
}

/// Whether a write of a few lines to stderr would not wait: a pipe whose reader stalls is full sooner or later.
pub(crate) fn stderr_takes() -> bool {
    let mut asked = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one valid structure, and no waiting.
    unsafe { libc::poll(&raw mut asked, 1, 0) != 0 }
}

/// The name of this machine; empty if the system has none.
pub(crate) fn host_name() -> String {
    let mut name = [0_u8; HOST_NAME_BYTES_MAX];
    // SAFETY: the buffer is valid for the given length, and one byte shorter for the call, so it ends with a zero.
    let told = unsafe { libc::gethostname(name.as_mut_ptr().cast(), HOST_NAME_BYTES_MAX - 1) } == 0;
    let name = CStr::from_bytes_until_nul(&name).ok().filter(|_| told);
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Effective user.
pub(crate) fn euid() -> u32 {
    // SAFETY: cannot fail and touches nothing.
    unsafe { libc::geteuid() }
}

#[repr(C)]
struct UnwindContext {
    _opaque: [u8; 0],
}

// The unwinder that every Rust program with std is linked with (Itanium C++ ABI, level 1).
unsafe extern "C" {
    fn _Unwind_Backtrace(step: extern "C" fn(*mut UnwindContext, *mut c_void) -> i32, argument: *mut c_void) -> i32;
    fn _Unwind_GetIP(context: *mut UnwindContext) -> usize;
}

struct Walk<'a> {
    frames: &'a mut [u64],
    count: usize,
}

extern "C" fn step(context: *mut UnwindContext, argument: *mut c_void) -> i32 {
    const NO_REASON: i32 = 0;
    const END_OF_STACK: i32 = 5;
    // SAFETY: `argument` is the `Walk` that `frames` passed in and that nobody else uses meanwhile.
    let walk = unsafe { &mut *argument.cast::<Walk<'_>>() };
    let Some(frame) = walk.frames.get_mut(walk.count) else { return END_OF_STACK };
    // SAFETY: `context` is the unwinder's, valid during this call.
    *frame = unsafe { _Unwind_GetIP(context) } as u64;
    walk.count += 1;
    NO_REASON
}

/// Stack addresses of the caller, unresolved, without allocation. Gives how many.
pub(crate) fn frames(frames: &mut [u64]) -> usize {
    let mut walk = Walk { frames, count: 0 };
    // SAFETY: `step` has the signature that the unwinder asks for, and `walk` outlives the call.
    unsafe { _Unwind_Backtrace(step, (&raw mut walk).cast::<c_void>()) };
    walk.count
}

/// Where the binary was loaded, and its build id.
#[derive(Default)]
pub(crate) struct Binary {
    pub(crate) load_bias: u64,
    pub(crate) build_id: Vec<u8>,
}
