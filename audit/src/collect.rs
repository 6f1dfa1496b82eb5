//! Makes sites of calls: which line of the source a call stands for, whose code that is, and who calls it. A call that the
//! optimiser copied is one site.

use crate::function::{FunctionId, Functions};
use crate::lines::{Frame, Lines};
use crate::location::Location;
use crate::name::{crate_of, is_std, plain};
use crate::origin::{Owner, Package, owner};
use crate::scan::{Addresses, Edge, Find, Scan};
use crate::site::{Kind, Origin, Site};
use crate::whole::WholeNames;
use std::collections::{BTreeMap, BTreeSet};

/// Greatest number of callers that a site names. Chosen: more is no list that somebody reads; the rest is counted.
const CALLERS_MAX: usize = 32;

/// Two calls with the same key are one site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) origin: Origin,
    pub(crate) crate_name: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: Option<u32>,
    pub(crate) kind: Kind,
    pub(crate) function: String,
    pub(crate) reports: Option<String>,
    pub(crate) version: Option<String>,
}

/// One call with its place in the source.
struct Placed {
    key: Key,
    callers: Vec<String>,
    message: Option<String>,
}

#[derive(Default)]
struct Merged {
    callers: BTreeSet<String>,
    message: Option<String>,
    copies: usize,
}

/// A place in the source, and the function of the debug information that holds it.
struct Place {
    file: String,
    line: u32,
    column: Option<u32>,
    frame: Option<usize>,
}

/// Returns the sites, own code first, by crate, file and line.
pub(crate) fn sites(scan: &Scan<'_>, functions: &Functions<'_>, lines: &Lines) -> Vec<Site> {
    let mut collector = Collector {
        functions,
        lines,
        edges: &scan.edges,
        names: BTreeMap::new(),
        directories: BTreeSet::new(),
        whole: WholeNames::default(),
    };
    let placed: Vec<Placed> = scan.finds.iter().map(|find| collector.site(find)).collect();
    let mut merged: BTreeMap<Key, Merged> = BTreeMap::new();
    for Placed { mut key, callers, message } in placed {
        collector.whole.complete(&mut key, &collector.directories);
        if key.origin == Origin::Own {
            key.file = collector.without_directory(&key.file);
        }
        let site = merged.entry(key).or_default();
        site.callers.extend(callers);
        site.copies += 1;
        site.message = site.message.take().or(message);
    }
    let mut sites: Vec<Site> = merged.into_iter().map(|(key, merged)| site(key, merged)).collect();
    whose_where_no_path_tells(&mut sites);
    sites.sort_by(|a, b| order(a).cmp(&order(b)));
    sites
}

fn order(site: &Site) -> (Origin, &str, &str, u32, Option<u32>, Kind, &str) {
    (site.origin, &site.crate_name, &site.file, site.line, site.column, site.kind, &site.function)
}

fn site(key: Key, merged: Merged) -> Site {
    Site {
        file: key.file,
        line: key.line,
        column: key.column,
        origin: key.origin,
        crate_name: key.crate_name,
        version: key.version,
        kind: key.kind,
        message: merged.message,
        reports: key.reports,
        callers_left_out: merged.callers.len().saturating_sub(CALLERS_MAX),
        callers: merged.callers.into_iter().filter(|caller| *caller != key.function).take(CALLERS_MAX).collect(),
        function: key.function,
        copies: merged.copies,
    }
}

struct Collector<'a, 's> {
    functions: &'s Functions<'a>,
    lines: &'s Lines,
    edges: &'s [Edge],
    /// Names of the direct callers of a function of the machine code.
    names: BTreeMap<FunctionId, Vec<String>>,
    /// Directories in which the compiler ran: debug information gives whole paths, locations relative ones.
    directories: BTreeSet<String>,
    whole: WholeNames,
}

impl Collector<'_, '_> {
    fn site(&mut self, find: &Find<'_>) -> Placed {
        let frames = self.frames(find);
        let mut place = place(find.location, &frames);
        if place.file.is_empty() {
            place.file = self.file_of(find.function);
        }
        if let (Some(location), Some(frame)) = (find.location, place.frame.and_then(|index| frames.get(index))) {
            self.directories.extend(directory(frame, location));
        }
        let symbol = self.functions.get(find.function).map(|function| plain(function.name)).unwrap_or_default();
        self.whole.learn(&frames, &symbol);
        let is_outermost = place.frame.is_none_or(|index| index + 1 == frames.len());
        let named = place.frame.and_then(|index| frames.get(index)?.function.clone());
        let function = named.filter(|_| !is_outermost).unwrap_or_else(|| symbol.clone());
        let Owner { origin, package } = owner(&place.file);
        let origin = if place.file.is_empty() && is_std(crate_of(&function)) { Origin::Std } else { origin };
        let (crate_name, version) = match package {
            Some(package) => (package.name, package.version),
            None => (own_crate(&function, &symbol), None),
        };
        let callers = self.callers(find.function, &frames, place.frame);
        let reports = find.location.map(|location| format!("{}:{}:{}", location.file, location.line, location.column));
        let Place { file, line, column, .. } = place;
        let key = Key { origin, crate_name, file, line, column, kind: find.kind, function, reports, version };
        Placed { key, callers, message: find.message.clone() }
    }

    /// Returns the inlined functions at the call; at the load of the location if only they hold its line, because calls
    /// that the optimiser merged have the line of one of them or none.
    fn frames(&self, find: &Find<'_>) -> Vec<Frame> {
        let Addresses { call, load } = find.addresses;
        let frames = self.lines.frames(call);
        let Some(location) = find.location.filter(|_| call != load) else { return frames };
        if frames.iter().any(|frame| is_at(frame, location)) {
            return frames;
        }
        let others = self.lines.frames(load);
        if frames.is_empty() || others.iter().any(|frame| is_at(frame, location)) { others } else { frames }
    }

    /// Returns the file of a function, for a call that the debug information leaves out.
    fn file_of(&self, function: FunctionId) -> String {
        let frames = self.functions.get(function).map(|function| self.lines.frames(function.start)).unwrap_or_default();
        frames.into_iter().next_back().and_then(|frame| frame.file).unwrap_or_default()
    }

    fn callers(&mut self, function: FunctionId, frames: &[Frame], own: Option<usize>) -> Vec<String> {
        let behind = frames.iter().skip(own.map_or(0, |own| own + 1));
        let inlined_into = behind.filter(|frame| !is_of_std(frame)).find_map(|frame| frame.function.clone());
        if let (Some(caller), Some(_)) = (inlined_into, own) {
            return vec![caller];
        }
        let (edges, functions) = (self.edges, self.functions);
        let callers = self.names.entry(function).or_insert_with(|| {
            let first = edges.partition_point(|edge| edge.callee < function);
            let of_it = edges.iter().skip(first).take_while(|edge| edge.callee == function);
            of_it.filter_map(|edge| Some(plain(functions.get(edge.caller)?.name))).collect()
        });
        callers.clone()
    }

    fn without_directory(&self, file: &str) -> String {
        let relative = |directory: &String| file.strip_prefix(directory.as_str())?.strip_prefix('/');
        self.directories.iter().rev().find_map(relative).unwrap_or(file).to_owned()
    }
}

fn is_of_std(frame: &Frame) -> bool {
    frame.file.as_deref().is_none_or(|file| owner(file).origin == Origin::Std)
}

fn is_at(frame: &Frame, location: Location<'_>) -> bool {
    frame.line == location.line && frame.file.as_deref().is_some_and(|file| file.ends_with(location.file))
}

/// Returns the directory in which the file of `frame` was compiled.
fn directory(frame: &Frame, location: Location<'_>) -> Option<String> {
    let whole = frame.file.as_deref().filter(|_| !location.file.starts_with('/'))?;
    let directory = whole.strip_suffix(location.file)?.strip_suffix('/')?;
    (!directory.is_empty()).then(|| directory.to_owned())
}

/// Chooses the line that a person can change: the one that the panic reports, unless that is in the standard library; then
/// the innermost one outside of it.
fn place(location: Option<Location<'_>>, frames: &[Frame]) -> Place {
    let outside = frames.iter().position(|frame| !is_of_std(frame));
    let reported = location.filter(|location| owner(location.file).origin != Origin::Std);
    if let Some(location) = reported {
        let frame = frames.iter().position(|frame| is_at(frame, location)).or(outside);
        return Place { file: location.file.to_owned(), line: location.line, column: Some(location.column), frame };
    }
    let found = outside.or((!frames.is_empty() && location.is_none()).then_some(0));
    match (found.and_then(|index| frames.get(index)), location) {
        (Some(frame), _) => {
            let file = frame.file.clone().unwrap_or_default();
            Place { file, line: frame.line, column: frame.column, frame: found }
        }
        (None, Some(location)) => Place {
            file: location.file.to_owned(),
            line: location.line,
            column: Some(location.column),
            frame: frames.iter().position(|frame| is_at(frame, location)),
        },
        (None, None) => Place { file: String::new(), line: 0, column: None, frame: None },
    }
}

/// Returns the crate of own code. A closure or method of a type of the standard library is named after that type; the
/// function that holds it in the machine code may tell more.
fn own_crate(function: &str, symbol: &str) -> String {
    let by_function = crate_of(function);
    if is_std(by_function) { crate_of(symbol).to_owned() } else { by_function.to_owned() }
}

/// Crates that the standard library is built from, as Rust 1.90 to 1.95 ship it.
const PARTS_OF_STD: [&str; 10] = [
    "addr2line",
    "adler2",
    "compiler_builtins",
    "gimli",
    "hashbrown",
    "memchr",
    "miniz_oxide",
    "object",
    "panic_unwind",
    "rustc_demangle",
];

/// Whose the sites without a file are is known from others of the same crate. The entry point of a program, `main` without
/// a crate, is the compiler's.
fn whose_where_no_path_tells(sites: &mut [Site]) {
    let mut known: BTreeMap<String, Owner> = BTreeMap::new();
    for site in sites.iter().filter(|site| !site.file.is_empty() && site.origin != Origin::Own) {
        let package = Some(Package { name: site.crate_name.clone(), version: site.version.clone() });
        known.entry(site.crate_name.replace('-', "_")).or_insert(Owner { origin: site.origin, package });
    }
    for site in sites.iter_mut().filter(|site| site.file.is_empty() && site.origin == Origin::Own) {
        if let Some(Owner { origin, package: Some(package) }) = known.get(&site.crate_name) {
            (site.origin, site.crate_name, site.version) = (*origin, package.name.clone(), package.version.clone());
        } else if site.function == "main" || PARTS_OF_STD.contains(&site.crate_name.as_str()) {
            (site.origin, site.crate_name) = (Origin::Std, "std".to_owned());
        }
    }
}
