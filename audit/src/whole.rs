//! Whole names of functions whose debug information holds only the last part of the name, as `debug = "line-tables-only"`
//! makes it. The symbol of a function is whole; where it was inlined, its file and last part lead to the symbol.

use crate::collect::Key;
use crate::lines::Frame;
use crate::name::{crate_of, is_std, last_segment};
use crate::origin::owner;
use crate::site::Origin;
use std::collections::{BTreeMap, BTreeSet};

/// The last part of a function's name, and its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Short {
    file: String,
    name: String,
}

/// What symbols tell of the names in debug information.
#[derive(Default)]
pub(crate) struct WholeNames {
    functions: BTreeMap<Short, BTreeSet<String>>,
    /// Crates by the directory that holds their `src`, with the number of functions that say so.
    crates: BTreeMap<String, BTreeMap<String, usize>>,
}

impl WholeNames {
    /// Learns from one stack of inlined functions, the outermost of which has this symbol.
    pub(crate) fn learn(&mut self, frames: &[Frame], symbol: &str) {
        let Some(Frame { function: Some(name), file: Some(file), .. }) = frames.last() else { return };
        let name = last_segment(name);
        if owner(file).origin != Origin::Own || last_segment(symbol) != name {
            return;
        }
        let short = Short { file: file.to_owned(), name: name.to_owned() };
        self.functions.entry(short).or_default().insert(symbol.to_owned());
        let named = crate_of(symbol);
        if let (Some(package), false) = (package_directory(file), is_std(named)) {
            *self.crates.entry(package.to_owned()).or_default().entry(named.to_owned()).or_default() += 1;
        }
    }

    /// Replaces a short name, and the crate that was read from it, where only one whole name is possible. Debug information
    /// has whole paths, locations ones that are relative to one of `directories`.
    pub(crate) fn complete(&self, key: &mut Key, directories: &BTreeSet<String>) {
        if key.function.contains("::") || key.origin != Origin::Own {
            return;
        }
        let files: Vec<String> = match key.file.starts_with('/') {
            true => vec![key.file.clone()],
            false => directories.iter().map(|directory| format!("{directory}/{}", key.file)).collect(),
        };
        let short = |file: &String| Short { file: file.clone(), name: key.function.clone() };
        let found: BTreeSet<&String> =
            files.iter().filter_map(|file| self.functions.get(&short(file))).flatten().collect();
        let whole = found.first().filter(|_| found.len() == 1).map(|whole| (*whole).clone());
        let by_name = whole.as_deref().map(crate_of).filter(|name| !is_std(name)).map(str::to_owned);
        if let Some(found) = by_name.or_else(|| files.iter().find_map(|file| self.crate_of_file(file))) {
            key.crate_name = found;
        }
        if let Some(whole) = whole {
            key.function = whole;
        }
    }

    fn crate_of_file(&self, file: &str) -> Option<String> {
        let votes = self.crates.get(package_directory(file)?)?;
        votes.iter().max_by_key(|(_, count)| **count).map(|(name, _)| name.clone())
    }
}

/// Returns the directory that holds the last `src` of a path.
fn package_directory(file: &str) -> Option<&str> {
    file.rsplit_once("/src/").map(|(directory, _)| directory)
}
