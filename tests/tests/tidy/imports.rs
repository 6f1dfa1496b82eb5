//! Finds the imports between the files of one crate: `use` declarations, paths in the code, and paths into child modules.
//! Which imports are allowed is decided in `tidy`. Test modules are ignored, since tests may import more than the code.
#![allow(clippy::string_slice, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};

/// Path below a `src` folder -> text of the file.
pub(crate) type Sources = BTreeMap<String, String>;

/// File -> the files that it imports.
pub(crate) type Imports = BTreeMap<String, BTreeSet<String>>;

/// Returns the imports between the files of `sources`.
pub(crate) fn imports(sources: &Sources) -> Imports {
    let of = |(file, text): (&String, &String)| {
        let targets = paths(file, text).iter().filter_map(|path| declared_in(path, sources)).collect();
        (file.clone(), without(targets, file))
    };
    sources.iter().map(of).collect()
}

/// Returns the files that are on a circle of imports, or between two circles. It removes, again and again, the files that
/// import no remaining file and the files that no remaining file imports.
pub(crate) fn on_circles(imports: &Imports) -> BTreeSet<String> {
    let mut left: BTreeSet<String> = imports.keys().cloned().collect();
    loop {
        let inside =
            |file: &String| imports.get(file).is_some_and(|targets| targets.iter().any(|to| left.contains(to)));
        let reached: BTreeSet<&String> = left.iter().filter_map(|file| imports.get(file)).flatten().collect();
        let kept: BTreeSet<String> =
            left.iter().filter(|file| inside(file) && reached.contains(file)).cloned().collect();
        if kept.len() == left.len() {
            return left;
        }
        left = kept;
    }
}

/// Returns the folder of a file, or the name of a file outside all folders.
pub(crate) fn room(file: &str) -> &str {
    file.split_once('/').map_or(file, |(folder, _)| folder).trim_end_matches(".rs")
}

fn without(mut targets: BTreeSet<String>, file: &str) -> BTreeSet<String> {
    targets.remove(file);
    targets
}

/// Returns every path into the crate that the code of a file names, starting at the root of the crate.
fn paths(file: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let own = file.trim_end_matches(".rs").replace('/', "::");
    let parent = own.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut roots = vec![("crate".to_owned(), String::new()), ("super".to_owned(), format!("{parent}::"))];
    roots.push(("self".to_owned(), format!("{own}::")));
    roots.extend(children(&code).map(|child| (child.to_owned(), format!("{own}::{child}::"))));
    let mut found = Vec::new();
    for (root, prefix) in roots {
        let mark = format!("{root}::");
        for (at, _) in code.match_indices(&mark) {
            let goes_on = |last: char| last.is_alphanumeric() || last == '_' || last == ':';
            if !code[..at].ends_with(goes_on) {
                tree(&code[at + mark.len()..], &prefix, &mut found);
            }
        }
    }
    found
}

/// Returns the code of a file without comments, and without the test module at its end.
fn code(text: &str) -> String {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    let bare = |line: &str| line.find("//").map_or(line, |at| &line[..at]).to_owned() + "\n";
    lines.map(bare).collect()
}

/// Returns the child modules that a file declares.
fn children(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let (before, name) = line.strip_suffix(';')?.split_once("mod ")?;
        (before.is_empty() || before.starts_with("pub")).then_some(name)
    })
}

/// Reads one path, or a tree of paths in braces, adds each path with its prefix to `found`, and returns the text after it.
fn tree<'a>(mut rest: &'a str, prefix: &str, found: &mut Vec<String>) -> &'a str {
    let mut path = prefix.to_owned();
    loop {
        rest = rest.trim_start();
        if let Some(mut inner) = rest.strip_prefix('{') {
            loop {
                let before = inner.len();
                inner = tree(inner, &path, found).trim_start();
                inner = inner.strip_prefix(',').unwrap_or(inner).trim_start();
                // Braces that hold no list of paths, such as those of a macro, are not read further.
                if inner.len() == before {
                    return inner;
                }
                if let Some(after) = inner.strip_prefix('}') {
                    return after;
                }
            }
        }
        let end = rest.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(rest.len());
        path.push_str(&rest[..end]);
        rest = rest[end..].trim_start_matches('*');
        match rest.strip_prefix("::") {
            Some(next) => {
                path.push_str("::");
                rest = next;
            }
            None => {
                found.push(path);
                let alias = rest.trim_start().strip_prefix("as ");
                return alias.map_or(rest, |alias| alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'));
            }
        }
    }
}

/// Returns the file that declares the item of a path: the file of the longest prefix that is a module.
fn declared_in(path: &str, sources: &Sources) -> Option<String> {
    let parts: Vec<&str> = path.split("::").collect();
    let file = |count: usize| format!("{}.rs", parts[..count].join("/"));
    (1..=parts.len()).rev().map(file).find(|file| sources.contains_key(file))
}
