//! Files that are damaged, cut off, made up or no binaries at all: an error or a list, never a panic, and in bounded time.
use crate::support::compile;
use firstbad_audit::{Audit, AuditError, Options};
use proptest::prelude::*;
use proptest::sample::Index;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Longest time that one damaged file may take. Chosen: the undamaged one takes a tenth of a second.
const LONGEST: Duration = Duration::from_secs(20);

fn of_bytes(bytes: &[u8]) -> Result<Audit, AuditError> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("binary");
    std::fs::write(&path, bytes).expect("written");
    let begun = Instant::now();
    let found = firstbad_audit::audit(&path, &Options::default());
    assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
    found
}

/// A small program, so that many changes of it fit into one run.
fn small() -> &'static [u8] {
    static SMALL: OnceLock<Vec<u8>> = OnceLock::new();
    SMALL.get_or_init(|| {
        let source = "fn main() { assert!(std::env::args_os().len() < 9); }";
        std::fs::read(compile(source, &["-O", "-Cdebuginfo=2", "-Clto=fat", "-Cpanic=abort"]).binary).expect("read")
    })
}

#[test]
fn what_is_no_binary_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = firstbad_audit::audit(&directory.path().join("missing"), &Options::default());
    assert!(matches!(missing, Err(AuditError::Read { .. })), "{missing:?}");
    let of_directory = firstbad_audit::audit(directory.path(), &Options::default());
    assert!(of_directory.is_err_and(|error| error.to_string().contains("no regular file")));
    let device = firstbad_audit::audit(Path::new("/dev/zero"), &Options::default());
    assert!(device.is_err_and(|error| error.to_string().contains("no regular file")));
    for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", &[0; 4096]] {
        let refused = of_bytes(bytes);
        assert!(matches!(refused, Err(AuditError::Damaged { .. })), "{refused:?}");
    }
    let mut other = small().to_vec();
    other.splice(18..20, [0xf3, 0]);
    let refused = of_bytes(&other).expect_err("RISC-V");
    assert!(refused.to_string().contains("Riscv64"), "{refused}");
    let mut object = small().to_vec();
    object.splice(16..18, [1, 0]);
    let refused = of_bytes(&object).expect_err("an object file");
    assert!(refused.to_string().contains("not linked"), "{refused}");
}

#[test]
fn a_program_of_another_language_is_no_clean_rust_program() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("c.c"), "int main(void) { return 0; }").expect("written");
    crate::support::run("cc", &["c.c", "-o", "c"], directory.path());
    let refused = firstbad_audit::audit(&directory.path().join("c"), &Options::default());
    assert!(matches!(refused, Err(AuditError::NotRust { .. })), "{refused:?}");
}

/// One change of a file.
#[derive(Clone, Debug)]
enum Damage {
    /// These bytes are written at a place.
    Written(Index, Vec<u8>),
    /// The same within the first bytes, where the tables of the file begin.
    InHeader(u16, u64),
    /// The same within the section headers, the last bytes.
    InSections(u16, u64),
    /// The rest is missing.
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let wild = prop_oneof![any::<u64>(), Just(u64::MAX), Just(0), Just(1 << 40), Just(8), Just(u64::MAX - 7)];
    prop_oneof![
        (any::<Index>(), proptest::collection::vec(any::<u8>(), 1..64))
            .prop_map(|(at, bytes)| Damage::Written(at, bytes)),
        (0_u16..0x400, wild.clone()).prop_map(|(at, value)| Damage::InHeader(at, value)),
        (0_u16..0xa00, wild).prop_map(|(at, value)| Damage::InSections(at, value)),
        any::<Index>().prop_map(Damage::Cut),
    ]
}

fn damaged(damages: &[Damage]) -> Vec<u8> {
    let mut bytes = small().to_vec();
    for damage in damages {
        let length = bytes.len();
        let mut write = |at: usize, new: &[u8]| {
            for (place, byte) in bytes.iter_mut().skip(at).zip(new) {
                *place = *byte;
            }
        };
        match damage {
            _ if length == 0 => {}
            Damage::Written(at, new) => write(at.index(length), new),
            Damage::InHeader(at, value) => write(usize::from(*at), &value.to_le_bytes()),
            Damage::InSections(from_end, value) => {
                write(length.saturating_sub(usize::from(*from_end)), &value.to_le_bytes())
            }
            Damage::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_it_panic(damages in proptest::collection::vec(damage(), 1..6)) {
        // Either is right; that it returns is the statement.
        drop(of_bytes(&damaged(&damages)));
    }

    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        prop_assert!(of_bytes(&bytes).is_err());
    }
}

#[test]
fn a_file_of_sections_that_overlap_is_refused() {
    // Every section header points to the whole file: little to store, much to read.
    let mut bytes = small().to_vec();
    let number = |at: usize, size: usize| {
        bytes[at..at + size].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (table, count, length) = (number(0x28, 8), number(0x3c, 2), bytes.len() as u64);
    for header in (0..count).map(|index| table + index * 64) {
        if bytes[header + 8] & 2 == 0 {
            continue;
        }
        bytes[header + 4..header + 8].copy_from_slice(&1_u32.to_le_bytes());
        bytes[header + 24..header + 32].copy_from_slice(&0_u64.to_le_bytes());
        bytes[header + 32..header + 40].copy_from_slice(&length.to_le_bytes());
    }
    let refused = of_bytes(&bytes).expect_err("refused");
    assert!(refused.to_string().contains("overlap"), "{refused}");
}
