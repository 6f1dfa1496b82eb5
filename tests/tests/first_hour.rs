//! From an empty crate to its own panic, its file and its rows, by the lines of the README: they are run as they stand there. Prints how long
//! it took; nothing depends on that.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_protocol::Hash;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a fact. Chosen for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A place outside the tree, beside which the repository seems to be.
struct Place {
    directory: tempfile::TempDir,
}

/// A collector that ends with the test.
struct Collector(Child);

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink(firstbad_tests::repository(), directory.path().join("firstbad")).expect("a link");
        std::fs::create_dir(directory.path().join("recorders")).expect("a directory");
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A command with `firstbad` on the path, and everything in this place. Crates are those that the workspace was built with.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>, below: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FIRSTBAD_")) {
            command.env_remove(name);
        }
        let binaries = firstbad_tests::firstbad().parent().map(Path::to_owned).unwrap_or_default();
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(binaries).chain(std::env::split_paths(&paths));
        command.env("PATH", std::env::join_paths(paths).expect("paths")).current_dir(self.path(below));
        command.env("CARGO_TARGET_DIR", self.path("target")).env("CARGO_NET_OFFLINE", "true");
        command.env("FIRSTBAD_RECORDER_DIR", self.path("recorders")).env("FIRSTBAD_DATA_DIR", self.path("store"));
        command.stdin(Stdio::null());
        command
    }

    fn shell(&self, below: &str, lines: &str) -> Output {
        self.command("bash", below).args(["-e", "-c", lines]).output().expect("bash")
    }

    /// `firstbad collect`, and the URL of its query API.
    fn collect(&self) -> (Collector, String) {
        let mut command = self.command(firstbad_tests::firstbad(), "my-proxy");
        command.arg("collect").env("FIRSTBAD_REPORT_INTERVAL", "1s");
        for listener in ["FIRSTBAD_OTLP_HTTP", "FIRSTBAD_OTLP_GRPC", "FIRSTBAD_API"] {
            command.env(listener, "127.0.0.1:0");
        }
        let spawned = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut collector = Collector(spawned.expect("firstbad is built"));
        let mut lines = BufReader::new(collector.0.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once("api on ").map(|(_, address)| address.to_owned()));
        // It must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        (collector, format!("http://{}", address.expect("the collector says where it listens")))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines of the README from `cargo new` to `firstbad`.
fn lines() -> Vec<String> {
    let readme = std::fs::read_to_string(firstbad_tests::repository().join("README.md")).expect("README.md");
    let (_, block) = readme.split_once("```\ncargo new my-proxy").expect("the lines of the README");
    let (block, _) = block.split_once("```").expect("their end");
    format!("cargo new my-proxy{block}").lines().map(str::to_owned).collect()
}

/// Where the example indexes beyond its table, as a panic tells it.
fn place_of_the_mistake() -> String {
    let example = std::fs::read_to_string(firstbad_tests::repository().join("instrument/examples/minimal.rs"));
    let example = example.expect("the example");
    let (line, found) =
        example.lines().enumerate().find(|(_, line)| line.contains("table[place]")).expect("the mistake");
    format!("src/main.rs:{}:{}", line + 1, found.find("table").expect("the mistake") + 1)
}

#[test]
fn the_lines_of_the_readme_lead_from_an_empty_crate_to_its_panic() {
    let (place, start) = (Place::new(), Instant::now());
    let lines = lines();
    let [first @ .., run, look] = &lines[..] else { panic!("{lines:?}") };
    assert!(run.starts_with("cargo run") && look.starts_with("firstbad "), "{lines:?}");
    let made = place.shell("", &first.join("\n"));
    assert!(made.status.success(), "{}", text(&made.stderr));
    let ran = place.shell("my-proxy", run);
    assert_eq!(ran.status.code(), Some(101), "{}", text(&ran.stderr));
    let panicked = start.elapsed();

    // Without a terminal, the last line says what to do instead.
    let looked = place.shell("my-proxy", look);
    let said = text(&looked.stderr);
    assert_eq!(looked.status.code(), Some(2), "{said}");
    assert!(said.contains("the screen needs a terminal") && said.contains("firstbad report latest"), "{said}");
    // Another collector of this machine may answer.
    if said.contains("no collector runs here") {
        assert!(said.contains("`firstbad collect &`"), "{said}");
    }
    let (_collector, url) = place.collect();
    let drawn = || {
        let snapshot =
            ureq::get(format!("{url}/api/v1/snapshot")).call().expect("an answer").body_mut().read_to_string();
        std::fs::write(place.path("snapshot.json"), snapshot.expect("a text")).expect("write");
        let screen = place.command(firstbad_tests::firstbad(), "").args(["gen", "picture", "snapshot.json"]).output();
        text(&screen.expect("it runs").stdout)
    };
    let file = std::fs::read(place.path("my-proxy/features.csv")).expect("the README's file");
    let version = Hash::of(&file).short();
    let mut screen = drawn();
    let mistake = place_of_the_mistake();
    while !(screen.contains(&version) && screen.contains(&mistake)) && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
        screen = drawn();
    }
    let whole = start.elapsed();
    let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    // Which file, by what it is over its limit, on which part of the fleet, what failed and where. One process proves no cause.
    let suspected = format!("SUSPECT: bot-features {version} (rows > 200)");
    let message = "the len is 200 but the index is 200";
    for what in [suspected.as_str(), "rows 240 > limit 200", "processes died", "1 of 1 host", "100%", &mistake, message]
    {
        assert!(words.contains(what), "no {what:?} on the screen:\n{screen}");
    }
    let recorded = place.shell("", "firstbad recorder dump recorders/*.rec*");
    let recorded = text(&recorded.stdout);
    for what in [version.as_str(), &mistake, message] {
        assert!(recorded.contains(what), "no {what:?} in the recorder:\n{recorded}");
    }
    println!("from an empty crate to its panic in {panicked:.1?}, to the screen in {whole:.1?}\n{screen}");
}
