//! What an audit finds, as data for a list or a comparison. Texts come from the binary and are untrusted.

use std::fmt;

/// How the program would panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `unwrap` of `None` or `Err`.
    Unwrap,
    /// `expect` of `None` or `Err`.
    Expect,
    /// An index beyond the end.
    Index,
    /// A range beyond the end, backwards, or inside of a character.
    Range,
    /// Arithmetic that overflows, with overflow checks.
    Overflow,
    /// Division or remainder by zero.
    Division,
    /// `panic!` and `panic_any`.
    Panic,
    /// `assert!` and its kind.
    Assertion,
    /// `unreachable!`.
    Unreachable,
    /// `todo!` and `unimplemented!`.
    Unimplemented,
    /// A `RefCell` that is borrowed already.
    Borrow,
    /// Memory that cannot be allocated, or a capacity that overflows.
    Allocation,
    /// A precondition of unsafe code, checked in debug builds; the process aborts.
    Precondition,
    /// Another function of a library that panics at its caller's place, such as `Vec::remove`.
    Library,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        Self::Unwrap,
        Self::Expect,
        Self::Index,
        Self::Range,
        Self::Overflow,
        Self::Division,
        Self::Panic,
        Self::Assertion,
        Self::Unreachable,
        Self::Unimplemented,
        Self::Borrow,
        Self::Allocation,
        Self::Precondition,
        Self::Library,
    ];

    /// The word for it in lists and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unwrap => "unwrap",
            Self::Expect => "expect",
            Self::Index => "index",
            Self::Range => "range",
            Self::Overflow => "overflow",
            Self::Division => "division",
            Self::Panic => "panic",
            Self::Assertion => "assertion",
            Self::Unreachable => "unreachable",
            Self::Unimplemented => "unimplemented",
            Self::Borrow => "borrow",
            Self::Allocation => "allocation",
            Self::Precondition => "precondition",
            Self::Library => "library",
        }
    }

    /// Returns what two builds are compared by: which of two related kinds it is can depend on whether the optimiser
    /// left the message in sight.
    pub(crate) fn family(self) -> Self {
        match self {
            Self::Expect => Self::Unwrap,
            Self::Assertion | Self::Unreachable | Self::Unimplemented => Self::Panic,
            other => other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Whose code a site is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Packages of the workspace, and others that are found by their path.
    Own,
    /// Packages from a registry, a Git repository or a vendor directory.
    Dependency,
    /// The standard library and what it is built from.
    Std,
}

impl Origin {
    /// The word for it in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Dependency => "dependency",
            Self::Std => "std",
        }
    }
}

/// One place that may panic. Copies of it by inlining and by types are one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Source file of the line below.
    pub file: String,
    /// Line of the nearest code outside the standard library, from 1; 0 if it is not known.
    pub line: u32,
    /// Its column, from 1.
    pub column: Option<u32>,
    /// The function that holds that line, without generic arguments.
    pub function: String,
    /// Whose code it is.
    pub origin: Origin,
    /// The crate of that line.
    pub crate_name: String,
    /// Version of the crate, where its path tells.
    pub version: Option<String>,
    /// How it would panic.
    pub kind: Kind,
    /// Beginning of the message, where it is a constant in sight.
    pub message: Option<String>,
    /// `file:line:column` that the panic would report, as in `firstbad.panic.site`; none where the binary does not hold it.
    pub reports: Option<String>,
    /// Functions that call `function` directly, sorted.
    pub callers: Vec<String>,
    /// Number of callers beyond those listed.
    pub callers_left_out: usize,
    /// Number of places in the machine code.
    pub copies: usize,
}
