//! Whose code a source file is, by its path: Cargo compiles packages of the workspace under relative paths, packages from
//! a registry or a Git repository under the path of Cargo's cache, and the standard library under `/rustc/<commit>`.

use crate::site::Origin;

/// Whose file it is. `package` is none where the path does not tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) origin: Origin,
    pub(crate) package: Option<Package>,
}

/// The package of a dependency, or the crate of the standard library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
}

/// Returns whose file `path` is.
pub(crate) fn owner(path: &str) -> Owner {
    let of = |origin, package| Owner { origin, package };
    if let Some(rest) = after_commit(path).or_else(|| behind(path, "/rustlib/src/rust/")) {
        let name = rest.strip_prefix("library/").unwrap_or(rest).split('/').next().unwrap_or_default();
        return of(Origin::Std, Some(Package { name: name.to_owned(), version: None }));
    }
    if let Some(rest) = behind(path, "/rust/deps/") {
        return of(Origin::Std, package(rest));
    }
    if let Some(rest) = behind(path, "/registry/src/") {
        return of(Origin::Dependency, rest.split_once('/').and_then(|(_, rest)| package(rest)));
    }
    if let Some(rest) = behind(path, "/git/checkouts/") {
        let repository = rest.split('/').next().and_then(|name| name.rsplit_once('-')).map(|(name, _)| name);
        let package = repository.map(|name| Package { name: name.to_owned(), version: None });
        return of(Origin::Dependency, package);
    }
    if let Some(rest) = behind(path, "/vendor/").filter(|_| path.starts_with('/')) {
        return of(Origin::Dependency, package(rest));
    }
    of(Origin::Own, None)
}

fn behind<'t>(path: &'t str, mark: &str) -> Option<&'t str> {
    path.split_once(mark).map(|(_, rest)| rest)
}

/// Returns what stands behind `/rustc/<40 hex digits>/`.
fn after_commit(path: &str) -> Option<&str> {
    let (commit, rest) = path.strip_prefix("/rustc/")?.split_once('/')?;
    commit.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'.').then_some(rest)
}

/// Splits `serde-1.0.228/src/lib.rs` into name and version.
fn package(rest: &str) -> Option<Package> {
    let directory = rest.split('/').next().filter(|name| !name.is_empty())?;
    let splits = directory.match_indices('-').filter_map(|(at, _)| directory.split_at_checked(at));
    let is_version = |text: &str| text.starts_with(|digit: char| digit.is_ascii_digit()) && text.contains('.');
    let found = splits.map(|(name, rest)| (name, rest.trim_start_matches('-'))).find(|split| is_version(split.1));
    Some(match found {
        Some((name, version)) => Package { name: name.to_owned(), version: Some(version.to_owned()) },
        None => Package { name: directory.to_owned(), version: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_whose_code_it_is() {
        let found = |path: &str| {
            let owner = owner(path);
            let package = owner.package.map(|package| (package.name, package.version.unwrap_or_default()));
            (owner.origin, package.unwrap_or_default())
        };
        let named = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (path, origin, package) in [
            ("src/main.rs".to_owned(), Origin::Own, named("", "")),
            ("/build/own/src/main.rs".to_owned(), Origin::Own, named("", "")),
            (format!("/rustc/{commit}/library/core/src/option.rs"), Origin::Std, named("core", "")),
            ("/r/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs".to_owned(), Origin::Std, named("alloc", "")),
            ("/rust/deps/hashbrown-0.16.1/src/raw.rs".to_owned(), Origin::Std, named("hashbrown", "0.16.1")),
            (
                "/r/registry/src/index-19/tracing-core-0.1.33/src/a.rs".to_owned(),
                Origin::Dependency,
                named("tracing-core", "0.1.33"),
            ),
            ("/c/git/checkouts/some-lib-12ab/34cd/src/a.rs".to_owned(), Origin::Dependency, named("some-lib", "")),
            ("/w/vendor/serde/src/a.rs".to_owned(), Origin::Dependency, named("serde", "")),
            ("src/vendor/mod.rs".to_owned(), Origin::Own, named("", "")),
        ] {
            assert_eq!(found(&path), (origin, package), "{path}");
        }
    }
}
