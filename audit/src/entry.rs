//! The functions that begin a panic, by name: the one list of what an audit looks for. They are those of `core`, `alloc`
//! and `std` from Rust 1.70 to 1.95; a rule by the form of a name covers their smaller relatives.

use crate::name::{crate_of, last_segment, plain};
use crate::site::Kind;

/// What a call of a function means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The program panics, or aborts for want of memory. `formats`: its first argument is a `fmt::Arguments`, else it may
    /// be a text and its length.
    Panics { kind: Kind, formats: bool },
    /// The process aborts because a panic is under way. What began that panic is the site.
    EndsAPanic,
}

/// Parts of the raw names of all that [`entry`] knows: most functions need not be demangled.
const MARKS: [&str; 9] = [
    "panic",
    "fail",
    "handle_alloc_error",
    "handle_error",
    "handle_reserve",
    "capacity_overflow",
    "begin_unwind",
    "short_backtrace",
    "rust_oom",
];

/// Returns what a call of the function with this mangled name means; none if it does not begin a panic.
pub(crate) fn entry(mangled: &str) -> Option<Entry> {
    if !MARKS.iter().any(|mark| mangled.contains(mark)) {
        return None;
    }
    by_name(&plain(mangled))
}

fn by_name(name: &str) -> Option<Entry> {
    let last = last_segment(name);
    if name.starts_with("core::panicking::") {
        return Some(of_panicking(last));
    }
    let kind = match name {
        "core::option::unwrap_failed" | "core::result::unwrap_failed" => Kind::Unwrap,
        "core::option::expect_failed" => Kind::Expect,
        "alloc::raw_vec::handle_error"
        | "alloc::raw_vec::handle_reserve"
        | "alloc::raw_vec::capacity_overflow"
        | "alloc::alloc::handle_alloc_error"
        | "std::alloc::rust_oom" => Kind::Allocation,
        "std::panicking::begin_panic"
        | "std::panicking::panic_fmt"
        | "std::panicking::begin_panic_fmt"
        | "std::panicking::begin_panic_handler"
        | "std::panicking::rust_panic_with_hook"
        | "std::panic::panic_any"
        | "std::rt::begin_panic"
        | "std::rt::panic_fmt"
        | "std::sys::backtrace::__rust_end_short_backtrace"
        | "std::sys_common::backtrace::__rust_end_short_backtrace"
        | "rust_begin_unwind"
        | "__rustc::rust_begin_unwind" => Kind::Panic,
        _ => of_library(name, last)?,
    };
    Some(panics(kind, last))
}

fn panics(kind: Kind, last: &str) -> Entry {
    Entry::Panics { kind, formats: last.ends_with("_fmt") }
}

fn of_panicking(last: &str) -> Entry {
    let kind = match last {
        "panic_cannot_unwind" | "panic_in_cleanup" => return Entry::EndsAPanic,
        "panic_bounds_check" => Kind::Index,
        last if last.starts_with("assert_") => Kind::Assertion,
        last if last.ends_with("_overflow") => Kind::Overflow,
        last if last.ends_with("_by_zero") => Kind::Division,
        "unreachable_display" => Kind::Unreachable,
        last if last.starts_with("panic_nounwind") => Kind::Precondition,
        "panic_misaligned_pointer_dereference"
        | "panic_null_pointer_dereference"
        | "panic_invalid_enum_construction" => Kind::Precondition,
        _ => Kind::Panic,
    };
    panics(kind, last)
}

/// The smaller relatives: `slice_end_index_len_fail`, `panic_already_borrowed`, `Vec::remove::assert_failed`.
fn of_library(name: &str, last: &str) -> Option<Kind> {
    if !["core", "alloc", "std"].contains(&crate_of(name)) {
        return None;
    }
    let fails = last.ends_with("_fail") || last.ends_with("_failed") || last.ends_with("_fail_rt");
    if last.starts_with("panic_already") {
        Some(Kind::Borrow)
    } else if fails && (last.starts_with("slice_") || name.starts_with("core::str::")) {
        Some(Kind::Range)
    } else if fails || (last.starts_with("panic_") && !name.contains("panicking::")) {
        Some(Kind::Library)
    } else {
        None
    }
}

/// Returns the kind by a message that is in sight, if it says more than the function that is called.
pub(crate) fn by_message(kind: Kind, message: &str) -> Kind {
    let begins = |with: &str| message.starts_with(with);
    match kind {
        Kind::Unwrap if !begins("called `") => Kind::Expect,
        Kind::Panic if begins("assertion ") => Kind::Assertion,
        Kind::Panic if begins("internal error: entered unreachable code") => Kind::Unreachable,
        Kind::Panic if begins("not implemented") || begins("not yet implemented") => Kind::Unimplemented,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_manglings_are_known() {
        let panics = |name| match entry(name) {
            Some(Entry::Panics { kind, .. }) => Some(kind),
            _ => None,
        };
        for (name, kind) in [
            ("_ZN4core6option13unwrap_failed17h0123456789abcdefE", Kind::Unwrap),
            ("_RNvNtCs1234_4core6option13unwrap_failed", Kind::Unwrap),
            ("_ZN4core9panicking18panic_bounds_check17h0123456789abcdefE", Kind::Index),
            ("_ZN4core9panicking11panic_const24panic_const_add_overflow17h0123456789abcdefE", Kind::Overflow),
            ("_RNvNtNtCs1234_4core9panicking11panic_const23panic_const_div_by_zero", Kind::Division),
            ("_ZN4core5slice5index24slice_end_index_len_fail17h0123456789abcdefE", Kind::Range),
            ("_ZN5alloc3vec16Vec$LT$T$C$A$GT$6remove13assert_failed17h0123456789abcdefE", Kind::Library),
            ("_ZN4core4cell22panic_already_borrowed17h0123456789abcdefE", Kind::Borrow),
            ("_RNvNtCs1234_5alloc5alloc18handle_alloc_error", Kind::Allocation),
        ] {
            assert_eq!(panics(name), Some(kind), "{name}");
        }
        assert_eq!(entry("_ZN4core9panicking16panic_in_cleanup17h0123456789abcdefE"), Some(Entry::EndsAPanic));
        for other in ["_ZN3own10panic_fail17h0123456789abcdefE", "_ZN3own4main17h0123456789abcdefE", "panic", ""] {
            assert_eq!(entry(other), None, "{other}");
        }
    }

    #[test]
    fn a_message_says_which_macro_it_was() {
        assert_eq!(by_message(Kind::Panic, "assertion failed: x"), Kind::Assertion);
        assert_eq!(by_message(Kind::Panic, "internal error: entered unreachable code: x"), Kind::Unreachable);
        assert_eq!(by_message(Kind::Unwrap, "called `Result::unwrap()` on an `Err` value"), Kind::Unwrap);
        assert_eq!(by_message(Kind::Unwrap, "the port"), Kind::Expect);
        assert_eq!(by_message(Kind::Index, "assertion failed"), Kind::Index);
    }
}
