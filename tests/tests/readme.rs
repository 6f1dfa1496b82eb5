//! The README shows what is so: the quoted integration is the compiled example, the picture is what the renderer draws, and
//! the commands it names exist.
#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use std::process::Command;

fn text(path: &str) -> String {
    std::fs::read_to_string(firstbad_tests::repository().join(path)).expect(path)
}

fn firstbad(arguments: &[&str]) -> (Option<i32>, String) {
    let run = Command::new(firstbad_tests::firstbad())
        .args(arguments)
        .current_dir(firstbad_tests::repository())
        .output()
        .expect("target/*/firstbad is built");
    (run.status.code(), String::from_utf8(run.stdout).expect("UTF-8"))
}

/// What stands between two marks.
fn between<'a>(whole: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = whole.split_once(from).expect(from);
    rest.split_once(to).expect(to).0
}

#[test]
fn the_quoted_integration_is_the_compiled_example() {
    let (readme, example) = (text("README.md"), text("instrument/examples/minimal.rs"));
    let quoted = between(&readme, "```rust\n", "```");
    let compiled = between(&example, "// The integration begins.\n", "// The integration ends");
    assert_eq!(quoted, compiled, "README.md quotes instrument/examples/minimal.rs");
    assert!(quoted.lines().count() <= 15, "{} lines", quoted.lines().count());
}

#[test]
fn the_picture_is_what_the_renderer_draws() {
    assert!(text("README.md").contains("docs/first-screen.svg"));
    let (code, drawn) = firstbad(&["gen", "picture", "--svg", "docs/first-screen.json"]);
    assert_eq!(code, Some(0));
    let again = "firstbad gen picture --svg docs/first-screen.json > docs/first-screen.svg";
    assert!(drawn == text("docs/first-screen.svg"), "the picture is out of date; make it anew: {again}");
    // The control: another screen of the same snapshot is another picture.
    let (code, other) = firstbad(&["gen", "picture", "--svg", "--screen", "2", "docs/first-screen.json"]);
    assert!(code == Some(0) && other != drawn);
}

#[test]
fn every_command_that_the_readme_names_exists() {
    let readme = text("README.md");
    let mut asked = 0;
    for command in readme.split("`firstbad ").skip(1) {
        let Some(word) = command.split([' ', '`']).next().filter(|word| word.chars().all(|c| c.is_ascii_lowercase()))
        else {
            continue;
        };
        assert_eq!(firstbad(&[word, "--help"]).0, Some(0), "`firstbad {word}` of the README");
        asked += 1;
    }
    assert!(asked >= 8, "only {asked} commands found");
    assert_eq!(firstbad(&["nonsense", "--help"]).0, Some(2), "a command that does not exist is noticed");
}
