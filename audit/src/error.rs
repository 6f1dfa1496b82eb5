//! Why a binary cannot be audited. Each variant names the file and what was found in it; hints are the command line's.

use std::path::PathBuf;

/// Why there is no list of panic sites.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no ELF file, or its tables contradict each other.
    #[error("{} is not an ELF binary that can be read: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An ELF file of a kind that is not understood.
    #[error("{} is {what}; an audit reads linked ELF binaries of x86-64 and aarch64", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// The names of its functions were removed, so calls into the panic functions cannot be recognised.
    #[error(
        "{} has no symbol table, and no debug file of its build id was found: calls into the panic functions have no names",
        path.display()
    )]
    NoSymbols {
        /// The file.
        path: PathBuf,
    },
    /// The given debug file was made of another build.
    #[error("{} is not the debug file of {}: their build ids differ", debug.display(), path.display())]
    OtherBuild {
        /// The binary.
        path: PathBuf,
        /// The debug file.
        debug: PathBuf,
    },
    /// There is no Rust code in it.
    #[error("{} holds no Rust code: neither a mangled name nor the compiler's mark was found", path.display())]
    NotRust {
        /// The file.
        path: PathBuf,
    },
}
