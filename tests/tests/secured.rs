//! The lines of the README that set up TLS: certificates, a collector, an agent and a question are run as they stand there. Only
//! the ports are others, so that several may run at once.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a fact. Chosen for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory in which the lines are run.
struct Place(tempfile::TempDir);

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("firstbad"), "{line}");
        let mut command = Command::new(firstbad_tests::firstbad());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FIRSTBAD_")) {
            command.env_remove(name);
        }
        command.args(words).current_dir(self.0.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        command.env("FIRSTBAD_RECORDER_DIR", self.path("recorders")).env("FIRSTBAD_REPORT_INTERVAL", "1s");
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).stderr(Stdio::piped()).output().expect("firstbad is built")
    }

    /// A collector on free ports, and what stands for the ports of the README: its own of OTLP/HTTP and of the query API.
    fn collect(&self, line: &str) -> (Running, [(&'static str, String); 2]) {
        let mut command = self.command(line);
        command.env("FIRSTBAD_DATA_DIR", self.path("store")).env("FIRSTBAD_NO_RECORDERS", "true");
        for listener in ["FIRSTBAD_OTLP_HTTP", "FIRSTBAD_OTLP_GRPC", "FIRSTBAD_API"] {
            command.env(listener, "127.0.0.1:0");
        }
        let mut running = Running(command.stderr(Stdio::piped()).spawn().expect("firstbad is built"));
        let mut lines = BufReader::new(running.0.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let mut address = |name: &str| {
            let found = lines.find_map(|line| line.split_once(name).map(|(_, address)| address.to_owned()));
            found.expect("the collector says where it listens")
        };
        let otlp = address("otlp_http on ");
        let ports = [("127.0.0.1:4318", otlp), ("127.0.0.1:4319", address("api on "))];
        // It must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        (running, ports)
    }
}

fn lines_of_the_readme() -> Vec<String> {
    let readme = std::fs::read_to_string(firstbad_tests::repository().join("README.md")).expect("README.md");
    let (_, rest) = readme.split_once("```sh\nfirstbad gen certs").expect("the lines");
    let (block, _) = rest.split_once("```").expect("their end");
    let block = format!("firstbad gen certs{block}");
    let security = std::fs::read_to_string(firstbad_tests::repository().join("docs/security.md")).expect("a document");
    assert!(security.contains(&block), "docs/security.md has the same lines");
    block.lines().map(str::to_owned).collect()
}

fn says(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn count(output: &Output, path: &Path) -> u64 {
    let status: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {}", path.display(), says(output)));
    let received = status.pointer("/collector/received").and_then(serde_json::Value::as_object);
    received.map_or(0, |received| received.values().filter_map(serde_json::Value::as_u64).sum())
}

#[test]
fn the_lines_of_the_readme_make_a_secured_collector_that_hears_its_agent() {
    let place = Place(tempfile::tempdir().expect("a directory"));
    let recorders = place.path("recorders");
    std::fs::create_dir(&recorders).expect("a directory");
    let recorder = firstbad_instrument::init().service("edge").host("edge-1").recorder_dir(&recorders).install();
    let _recorder = recorder.expect("a recorder");
    let lines = lines_of_the_readme();
    let [certificates, collect, agent, ask] = lines.as_slice() else { panic!("{lines:?}") };
    let made = place.run(certificates);
    assert_eq!(made.status.code(), Some(0), "{}", says(&made));
    assert_eq!(place.run(certificates).status.code(), Some(2), "nothing is written over");
    let (_collector, ports) = place.collect(collect);
    let here = |line: &str| ports.iter().fold(line.to_owned(), |line, (port, own)| line.replace(port, own));
    let _agent = Running(place.command(&here(agent)).stderr(Stdio::null()).spawn().expect("firstbad is built"));
    let ask = format!("{} --format json", here(ask));
    let began = Instant::now();
    loop {
        let output = place.run(&ask);
        if count(&output, &recorders) > 0 {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{}", says(&output));
        std::thread::sleep(Duration::from_millis(200));
    }
    // Control: without a certificate of its own nobody is answered, and without the CA nobody asks.
    let (without_own, _) = ask.split_once(" --client-cert").expect("a certificate");
    let refused = place.run(without_own);
    assert_eq!(refused.status.code(), Some(2));
    assert!(says(&refused).contains("401") && says(&refused).contains("--token-file"), "{}", says(&refused));
    let (without_ca, _) = ask.split_once(" --ca").expect("a CA");
    assert_eq!(place.run(without_ca).status.code(), Some(2));
    tokens(&place, without_own);
}

/// A token that is added to the running collector's file is let in within seconds, with its own role alone.
fn tokens(place: &Place, ask: &str) {
    let generate = "firstbad gen token grafana --role read --credentials certs/credentials.toml --output grafana.token";
    let made = place.run(generate);
    assert_eq!(made.status.code(), Some(0), "{}", says(&made));
    let again = place.run("firstbad gen token grafana --role read --credentials certs/credentials.toml");
    assert!(again.status.code() == Some(2) && says(&again).contains("twice"), "{}", says(&again));
    let token = std::fs::read_to_string(place.path("grafana.token")).expect("a token");
    let file = std::fs::read_to_string(place.path("certs/credentials.toml")).expect("credentials");
    assert!(!file.contains(token.trim()) && file.contains("grafana"), "the file has its hash alone");
    let asking = format!("{ask} --token-file grafana.token");
    let began = Instant::now();
    while place.run(&asking).status.code() == Some(2) {
        assert!(began.elapsed() < Duration::from_secs(10), "{}", says(&place.run(&asking)));
        std::thread::sleep(Duration::from_millis(200));
    }
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(place.path("grafana.token"), open).expect("a mode");
    let refused = place.run(&asking);
    assert!(refused.status.code() == Some(2) && says(&refused).contains("chmod 600"), "{}", says(&refused));
}
