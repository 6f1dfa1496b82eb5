//! Compiles small programs for the tests, and reads which sites their comments announce.

use firstbad_audit::{Audit, Options, Origin, Site};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory with one compiled program.
pub(crate) struct Program {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) binary: PathBuf,
}

/// Compiles `source` as the crate `own`, with these flags of `rustc`.
pub(crate) fn compile(source: &str, flags: &[&str]) -> Program {
    try_compile(source, flags).unwrap_or_else(|said| panic!("rustc {flags:?}: {said}"))
}

/// The same; what `rustc` said if it failed.
pub(crate) fn try_compile(source: &str, flags: &[&str]) -> Result<Program, String> {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("src")).expect("a directory");
    std::fs::write(directory.path().join("src/own.rs"), source).expect("the source");
    let output = rustc()
        .current_dir(directory.path())
        .args(["--edition", "2021", "--crate-name", "own", "src/own.rs", "-o", "own"])
        .args(flags)
        // Both manglings, and calls through the linkage table, are options of one compiler only with `-Z`.
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .expect("rustc runs");
    let binary = directory.path().join("own");
    if output.status.success() {
        Ok(Program { directory, binary })
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The compiler that builds these tests.
pub(crate) fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Runs a tool that must succeed.
pub(crate) fn run(program: &str, arguments: &[&str], directory: &Path) {
    let output = Command::new(program).args(arguments).current_dir(directory).output().expect("the tool runs");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn audit(binary: &Path) -> Audit {
    firstbad_audit::audit(binary, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The sites in own code.
pub(crate) fn own(audit: &Audit) -> Vec<&Site> {
    audit.sites.iter().filter(|site| site.origin == Origin::Own).collect()
}

/// `line kind`, sorted: what the sites are.
pub(crate) fn found(audit: &Audit) -> Vec<String> {
    let mut found: Vec<String> = own(audit).iter().map(|site| format!("{:3} {}", site.line, site.kind)).collect();
    found.sort();
    found
}

/// The same of the comments `//~ kind kind` in the source.
pub(crate) fn announced(source: &str) -> Vec<String> {
    let mut announced: Vec<String> = (1..)
        .zip(source.lines())
        .filter_map(|(number, line)| Some((number, line.split_once("//~ ")?.1)))
        .flat_map(|(number, kinds): (usize, &str)| {
            kinds.split_whitespace().map(move |kind| format!("{number:3} {kind}"))
        })
        .collect();
    announced.sort();
    announced
}

/// Asserts that the own sites of `audit` are those that `source` announces, and says which are not.
pub(crate) fn assert_exact(audit: &Audit, source: &str, what: &str) {
    let (found, announced) = (found(audit), announced(source));
    let missing: Vec<&String> = announced.iter().filter(|site| !found.contains(site)).collect();
    let is_more = |site: &&Site| !announced.contains(&format!("{:3} {}", site.line, site.kind));
    let more: Vec<&Site> = own(audit).into_iter().filter(is_more).collect();
    assert_eq!(found, announced, "{what}: missing {missing:?}, more {more:#?}");
}
