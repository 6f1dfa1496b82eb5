//! The running binary and process on Linux and the BSDs, as the dynamic loader and `/proc` describe them.

use super::Binary;
use std::ffi::c_void;

extern "C" fn first_object(info: *mut libc::dl_phdr_info, _size: usize, argument: *mut c_void) -> i32 {
    // SAFETY: both pointers are valid during this call: the loader's structure, and the `Binary` that `binary` passed in.
    let (info, binary) = unsafe { (&*info, &mut *argument.cast::<Binary>()) };
    binary.load_bias = info.dlpi_addr;
    for index in 0..usize::from(info.dlpi_phnum) {
        // SAFETY: the loader gives `dlpi_phnum` headers from `dlpi_phdr` on.
        let header = unsafe { &*info.dlpi_phdr.add(index) };
        if header.p_type == libc::PT_NOTE {
            let (start, length) = (info.dlpi_addr + header.p_vaddr, header.p_memsz);
            // SAFETY: a note segment is mapped readable for the life of the object, which is the program itself.
            let notes = unsafe { std::slice::from_raw_parts(start as *const u8, usize::try_from(length).unwrap_or(0)) };
            if let Some(id) = build_id(notes) {
                binary.build_id = id.to_vec();
            }
        }
    }
    1 // The first object is the program; no other is asked for.
}

/// The GNU build id among ELF notes: name size, descriptor size, type 3, `GNU\0`, descriptor.
fn build_id(mut notes: &[u8]) -> Option<&[u8]> {
    let word = |notes: &[u8], at: usize| {
        let bytes = notes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_ne_bytes(bytes)).ok()
    };
    loop {
        let (name, descriptor, kind) = (word(notes, 0)?, word(notes, 4)?, word(notes, 8)?);
        let start = 12 + name.next_multiple_of(4);
        let found = notes.get(start..start.checked_add(descriptor)?)?;
        if kind == 3 && notes.get(12..16) == Some(b"GNU\0") {
            return Some(found);
        }
        notes = notes.get(start + descriptor.next_multiple_of(4)..)?;
    }
}

/// The running binary, for symbolising outside.
pub(crate) fn binary() -> Binary {
    let mut binary = Binary::default();
    // SAFETY: the callback has the asked-for signature, and `binary` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(first_object), (&raw mut binary).cast::<c_void>()) };
    binary
}

/// When this process began, in ticks after boot: the 22nd word of `/proc/self/stat`. None without such a file.
pub(crate) fn process_start() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
