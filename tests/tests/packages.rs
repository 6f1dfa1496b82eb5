//! What a registry needs of each crate that `cargo add firstbad-instrument` or `cargo install firstbad` would bring: fields of the
//! manifest, files of the package, versions of the other crates, and the oldest Rust. Without network.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use serde_json::Value;
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
fn only_the_tests_stay_out_of_the_registry() {
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
fn a_package_holds_its_licence_its_readme_and_what_its_code_includes() {
    for name in PUBLISHED {
        let files = cargo(&["package", "--list", "--allow-dirty", "--package", name]);
        let has = |wanted: &str| files.lines().any(|file| file == wanted);
        assert!(has("LICENSE") && has("README.md") && has("Cargo.toml"), "{name}: {files}");
        assert!(has("src/lib.rs") || has("src/main.rs"), "{name}: {files}");
    }
    let guides = cargo(&["package", "--list", "--allow-dirty", "--package", "firstbad-instrument"]);
    assert!(guides.lines().any(|file| file == "docs/cost.md"), "the guides are part of the documentation: {guides}");
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
