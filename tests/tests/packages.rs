//! What a registry needs of each crate that `cargo add firstbad-instrument` or `cargo install firstbad` would bring: fields of the
//! manifest, files of the package, versions of the other crates, and the oldest Rust. Without network.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use serde_json::Value;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// Crates that are published, in the order in which each depends only on earlier ones.
const PUBLISHED: [&str; 8] = [
    "firstbad-protocol",
    "firstbad-instrument",
    "firstbad-diagnosis",
    "firstbad-playbooks",
    "firstbad-collector",
    "firstbad-demo",
    "firstbad-audit",
    "firstbad",
];
/// Keywords and categories that crates.io accepts at most, each.
const WORDS_MAX: usize = 5;
/// Greatest package that crates.io accepts.
const PACKAGE_BYTES_MAX: u64 = 10 << 20;
/// Oldest Rust of the crates that a proxy links: that of edition 2024. `.ci/msrv` compiles them with it.
const OLDEST_RUST_IN_A_PROXY: &str = "1.85";

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--locked"])
        .current_dir(firstbad_tests::repository())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn packages() -> Vec<Value> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn published() -> Vec<Value> {
    let packages = packages();
    let find = |name: &&str| packages.iter().find(|package| package["name"] == **name).expect("a package").clone();
    PUBLISHED.iter().map(find).collect()
}

#[test]
fn only_tests_and_generators_stay_out_of_the_registry() {
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        let kept_back = package["publish"].as_array().is_some_and(Vec::is_empty);
        assert_eq!(kept_back, !PUBLISHED.contains(&name), "{name}");
    }
}

#[test]
fn a_published_crate_says_what_it_is() {
    for package in published() {
        let name = &package["name"];
        for field in ["description", "license", "repository", "readme", "rust_version"] {
            assert!(package[field].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {field}");
        }
        for field in ["keywords", "categories"] {
            let words = package[field].as_array().expect("a list");
            assert!((1..=WORDS_MAX).contains(&words.len()), "{name} has {} {field}", words.len());
        }
        let keywords = package["keywords"].as_array().expect("a list");
        assert!(
            keywords.iter().filter_map(Value::as_str).all(|word| word.len() <= 20 && !word.contains(' ')),
            "{name}"
        );
    }
}

#[test]
fn a_published_crate_depends_on_published_crates_by_their_version() {
    for (place, package) in published().into_iter().enumerate() {
        let ours = package["dependencies"].as_array().expect("a list").iter().filter(|it| !it["path"].is_null());
        // Dependencies of tests are left out of the package unless they have a version; they may point anywhere.
        for dependency in ours.filter(|it| it["kind"] != "dev") {
            let name = dependency["name"].as_str().expect("a name");
            assert!(PUBLISHED[..place].contains(&name), "{} depends on {name}", package["name"]);
            let version = format!("^{}", package["version"].as_str().expect("a version"));
            assert_eq!(dependency["req"], Value::from(version), "{} depends on {name}", package["name"]);
        }
    }
}

#[test]
fn a_package_holds_its_licence_and_its_readme() {
    for name in PUBLISHED {
        let files = cargo(&["package", "--list", "--allow-dirty", "--package", name]);
        let has = |wanted: &str| files.lines().any(|file| file == wanted);
        assert!(has("LICENSE") && has("README.md") && has("Cargo.toml"), "{name}: {files}");
        assert!(has("src/lib.rs") || has("src/main.rs"), "{name}: {files}");
    }
}

/// What stands between each `begin` and the next `end`.
fn between<'a>(text: &'a str, begin: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(begin).skip(1).filter_map(move |rest| rest.split_once(end)).map(|(found, _)| found)
}

/// Files that `include_str!` and `include_bytes!` of the file at `place` name, from the package's root.
fn included(place: &str, text: &str) -> Vec<String> {
    let parent = Path::new(place).parent().expect("a file has a directory");
    let names = between(text, "include_str!(\"", '"').chain(between(text, "include_bytes!(\"", '"'));
    let mut found = Vec::new();
    for name in names {
        let mut path = PathBuf::new();
        for part in parent.join(name).components() {
            if part == Component::ParentDir {
                assert!(path.pop(), "{place} includes {name}, which is outside of its package");
            } else {
                path.push(part);
            }
        }
        found.push(path.display().to_string());
    }
    found
}

#[test]
fn a_package_holds_what_its_code_includes() {
    let mut seen = 0;
    for (name, package) in PUBLISHED.iter().zip(published()) {
        let root = directory_of(&package);
        let files = cargo(&["package", "--list", "--allow-dirty", "--package", name]);
        for place in files.lines().filter(|file| file.starts_with("src/") && file.ends_with(".rs")) {
            let text = std::fs::read_to_string(root.join(place)).expect("a source file");
            // Tests are not run from a package.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for wanted in included(place, code) {
                assert!(files.lines().any(|file| file == wanted), "{name}: {place} includes {wanted}");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen} includes found");
}

/// A registry shows a README beside the repository's directory of that crate, so a link or picture that points elsewhere in the
/// repository is dead there.
#[test]
fn a_readme_has_no_link_that_is_dead_on_a_registry() {
    for package in published() {
        let root = directory_of(&package);
        assert_eq!(package["readme"], "README.md", "{}", package["name"]);
        let readme = std::fs::read_to_string(root.join("README.md")).expect("a README");
        for target in between(&readme, "](", ')').filter(|target| !target.starts_with("https://")) {
            let file = target.split('#').next().unwrap_or_default();
            assert!(!target.contains("..") && root.join(file).is_file(), "{}: {target}", package["name"]);
        }
    }
}

fn directory_of(package: &Value) -> PathBuf {
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    manifest.parent().expect("a directory").to_owned()
}

/// The whole way to a package but for its compilation, which `cargo publish` does: manifests are made ready for the registry, a lock
/// file is found for each with the others taken from a registry of its own.
#[test]
fn all_crates_can_be_packaged_together() {
    let target = tempfile::tempdir().expect("a directory");
    let directory = target.path().to_str().expect("UTF-8");
    let mut arguments = vec!["package", "--no-verify", "--allow-dirty", "--target-dir", directory];
    arguments.extend(PUBLISHED.iter().flat_map(|name| ["--package", *name]));
    cargo(&arguments);
    for package in published() {
        let (name, version) =
            (package["name"].as_str().expect("a name"), package["version"].as_str().expect("a version"));
        let made = target.path().join(format!("package/{name}-{version}.crate"));
        let bytes = std::fs::metadata(&made).expect("a package").len();
        assert!((1..=PACKAGE_BYTES_MAX).contains(&bytes), "{name}: {bytes} bytes");
    }
}

#[test]
fn a_proxy_needs_no_newer_rust_than_its_edition() {
    for package in published().iter().filter(|it| it["name"] == PUBLISHED[0] || it["name"] == PUBLISHED[1]) {
        assert_eq!(package["rust_version"], OLDEST_RUST_IN_A_PROXY, "{}", package["name"]);
        let readme = package["manifest_path"].as_str().expect("a path").replace("Cargo.toml", "README.md");
        let readme = std::fs::read_to_string(readme).expect("a README");
        assert!(readme.contains(&format!("Rust {OLDEST_RUST_IN_A_PROXY} or later")), "{readme}");
    }
}
