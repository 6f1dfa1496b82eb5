//! Finds the places of a release binary where it may panic, from its machine code, symbols and debug information. This
//! crate reads files that are untrusted and runs nothing; printing, and what incidents have seen, are the caller's.
//!
//! What a site is, how it is found, and what is missed, is in `docs/audit.md`.

mod binary;
mod bytes;
mod collect;
mod debug_file;
mod difference;
mod entry;
mod error;
mod function;
mod lines;
mod location;
mod machine;
mod name;
mod origin;
mod scan;
mod site;
mod state;
mod walk;
mod whole;

pub use binary::Instructions;
pub use difference::{Difference, difference};
pub use error::AuditError;
pub use site::{Kind, Origin, Site};

use binary::{Binary, Symbol};
use debug_file::{DEBUG_DIRECTORY, hex};
use function::Functions;
use lines::Lines;
use object::ReadCache;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Where to look beside the binary itself.
#[derive(Clone, Debug)]
pub struct Options {
    /// The separate debug file, if the caller knows it.
    pub debug_file: Option<PathBuf>,
    /// Directories with debug files by build id (`.build-id/ab/cdef.debug`).
    pub debug_directories: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { debug_file: None, debug_directories: vec![PathBuf::from(DEBUG_DIRECTORY)] }
    }
}

/// What was found in one binary.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Its instruction set.
    pub instructions: Instructions,
    /// Its build id, hexadecimal.
    pub build_id: Option<String>,
    /// The file that holds its debug information; none if there is none.
    pub debug_information: Option<PathBuf>,
    /// Its sites: own code first, then by crate, file and line.
    pub sites: Vec<Site>,
    /// What could not be seen, as sentences.
    pub blind_spots: Vec<String>,
}

/// Lists the possible panic sites of the binary at `path`.
///
/// # Errors
/// If the file cannot be read, is no linked ELF binary of a known instruction set, holds no Rust code, or has no symbols
/// and no debug file with them.
pub fn audit(path: &Path, options: &Options) -> Result<Audit, AuditError> {
    let cache = open(path)?;
    let binary = Binary::read(&cache, path)?;
    let debug_path = debug_path(&binary, path, options)?;
    let debug_cache = debug_path.as_deref().map(open).transpose()?;
    let debug = match (&debug_cache, &debug_path) {
        (Some(cache), Some(path)) => Some(Binary::read(cache, path)?),
        _ => None,
    };
    let symbols = symbols(&binary, debug.as_ref(), path)?;
    let functions = Functions::of(&binary, symbols);
    let with_lines = match (binary.has_lines, debug.as_ref().is_some_and(|debug| debug.has_lines), debug_path) {
        (true, _, _) => Some(path.to_owned()),
        (false, true, debug_path) => debug_path,
        (false, false, _) => None,
    };
    let lines = with_lines.as_deref().map_or_else(Lines::none, Lines::of);
    let scan = scan::scan(&binary, &functions);
    let sites = collect::sites(&scan, &functions, &lines);
    let blind_spots = blind_spots(&lines, &sites, scan.unfollowed.len());
    Ok(Audit {
        instructions: binary.instructions,
        build_id: binary.build_id.as_deref().map(hex),
        debug_information: with_lines.filter(|_| lines.is_there()),
        sites,
        blind_spots,
    })
}

fn open(path: &Path) -> Result<ReadCache<File>, AuditError> {
    let fail = |source| AuditError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(fail(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    Ok(ReadCache::new(file))
}

fn debug_path(binary: &Binary<'_>, path: &Path, options: &Options) -> Result<Option<PathBuf>, AuditError> {
    let Some(given) = &options.debug_file else {
        return Ok(debug_file::find(binary, path, &options.debug_directories));
    };
    let cache = open(given)?;
    match (&binary.build_id, Binary::read(&cache, given)?.build_id) {
        (Some(own), Some(other)) if *own != other => {
            Err(AuditError::OtherBuild { path: path.to_owned(), debug: given.clone() })
        }
        _ => Ok(Some(given.clone())),
    }
}

/// Returns the table that names the most functions. A stripped binary keeps the names that it imports or exports, which
/// are not enough: the panic functions are inside of it.
fn symbols<'s, 'a>(
    binary: &'s Binary<'a>,
    debug: Option<&'s Binary<'a>>,
    path: &Path,
) -> Result<&'s [Symbol<'a>], AuditError> {
    let named =
        |binary: &Binary<'_>| binary.symbols.iter().filter(|symbol| symbol.is_defined && symbol.is_function).count();
    let best = debug.filter(|debug| named(debug) > named(binary)).unwrap_or(binary);
    let is_rust = |symbol: &Symbol<'_>| symbol.name.starts_with("_R") || symbol.name.starts_with("_ZN");
    let knows_rust = best.symbols.iter().any(is_rust);
    match (knows_rust, binary.was_made_by_rustc) {
        (true, _) => Ok(&best.symbols),
        (false, true) => Err(AuditError::NoSymbols { path: path.to_owned() }),
        (false, false) if named(best) == 0 => Err(AuditError::NoSymbols { path: path.to_owned() }),
        (false, false) => Err(AuditError::NotRust { path: path.to_owned() }),
    }
}

fn blind_spots(lines: &Lines, sites: &[Site], unfollowed: usize) -> Vec<String> {
    let mut spots = Vec::new();
    if !lines.is_there() {
        spots.push(
            "no debug information: a site has a line only where the binary holds what the panic reports, and inlined \
             functions are counted as part of the function that they are in"
                .to_owned(),
        );
    }
    let without = sites.iter().filter(|site| site.line == 0).count();
    if without > 0 {
        spots.push(format!("{without} sites have no known line"));
    }
    if unfollowed > 0 {
        spots.push(format!(
            "{unfollowed} places in the source are handed on in a way that was not followed, through memory or a pointer \
             to a function: they may be further sites"
        ));
    }
    spots
}
