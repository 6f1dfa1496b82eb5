//! One fleet: a collector, the tap before it, and for each host an agent and its servers, each with a rules file of its own.
//! All are real processes on loopback; hosts differ by `host.name` and by the directory of their recorders.

use crate::driver::{Driver, Tally};
use crate::fault::{GOOD, SECRETS};
use crate::tap::{Taken, Tap};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a fact. Chosen for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Time between two reports of an agent. Chosen: the shortest that the engine works with.
const REPORT_INTERVAL: &str = "1s";

/// How many hosts and processes a fleet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) hosts: usize,
    pub(crate) processes_of_a_host: usize,
    /// Number of processes that the fault comes to.
    pub(crate) hit: usize,
}

/// A running fleet.
pub(crate) struct Fleet {
    pub(crate) tap: Tap,
    pub(crate) servers: Vec<Server>,
    /// Lives that ended.
    pub(crate) ended: Vec<Life>,
    pub(crate) api: String,
    pub(crate) directory: tempfile::TempDir,
    _agents: Vec<Running>,
    _collector: Running,
}

/// A child process that ends with its owner.
struct Running(Child);

/// A server: the process that lives, or lived last.
pub(crate) struct Server {
    child: Running,
    driver: Driver,
    file: PathBuf,
    /// What is known of its process.
    pub(crate) life: Life,
}

/// A process.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) pid: u32,
    /// Its host, from 0.
    pub(crate) host: usize,
    /// Its server, from 0.
    pub(crate) server: usize,
    /// How many processes of this server there were before.
    pub(crate) number: usize,
    /// Version of the binary.
    pub(crate) version: &'static str,
    /// What its client saw, as of its end.
    pub(crate) tally: Tally,
    /// How it ended; none while it lives.
    pub(crate) status: Option<ExitStatus>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Fleet {
    /// Starts a fleet with the good file on all servers, and waits until each of them listens.
    pub(crate) fn start(shape: Shape) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (collector, otlp, api) = collect(directory.path());
        let tap = Tap::start(otlp);
        let mut agents = Vec::new();
        for host in 0..shape.hosts {
            std::fs::create_dir_all(recorders(directory.path(), host)).expect("a directory");
            agents.push(agent(directory.path(), host, &tap.address.to_string()));
        }
        let (servers, ended) = (Vec::new(), Vec::new());
        let mut fleet = Self { tap, servers, ended, api, directory, _agents: agents, _collector: collector };
        for server in 0..shape.hosts * shape.processes_of_a_host {
            let host = server / shape.processes_of_a_host;
            let file = fleet.directory.path().join(format!("host-{host}")).join(format!("edge-{server}.rules"));
            replace(&file, GOOD);
            let life = Life { pid: 0, host, server, number: 0, version: "1.0", tally: Tally::default(), status: None };
            let started = fleet.serve(life, file);
            fleet.servers.push(started);
        }
        fleet
    }

    /// Starts the process of a server, and its client.
    fn serve(&self, life: Life, file: PathBuf) -> Server {
        let mut command = Command::new(server());
        command.arg(&file).env("FIRSTBAD_RECORDER_DIR", recorders(self.directory.path(), life.host));
        let attributes = format!("host.name=edge-{},service.version={}", life.host + 1, life.version);
        command.env("OTEL_RESOURCE_ATTRIBUTES", attributes);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = Running(child.expect("it is built: cargo build -p firstbad-tests --example line-server"));
        let output = child.0.stdout.take().expect("piped");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("listening on ")?.parse::<SocketAddr>().ok());
        let driver = Driver::start(address.expect("the server listens"), SECRETS[0]);
        Server { life: Life { pid: child.0.id(), ..life }, child, driver, file }
    }

    /// Replaces the rules file of a server.
    pub(crate) fn push(&self, server: usize, content: &str) {
        replace(&self.servers[server].file, content);
    }

    /// Waits for the end of a server's process.
    pub(crate) fn await_end(&mut self, server: usize) {
        let server = &mut self.servers[server];
        let status = wait_for("the end of a server", || server.child.0.try_wait().expect("a child"));
        server.life.status = Some(status);
        server.life.tally = server.driver.stop();
    }

    /// Takes the traffic from a server, asks it to end, and waits for its end.
    pub(crate) fn terminate(&mut self, server: usize) {
        self.servers[server].driver.stop();
        let pid = self.servers[server].life.pid.to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        self.await_end(server);
    }

    /// Starts a server again, whose process ended.
    pub(crate) fn start_again(&mut self, server: usize, version: &'static str) {
        let old = &self.servers[server];
        let life =
            Life { number: old.life.number + 1, version, status: None, tally: Tally::default(), ..old.life.clone() };
        self.ended.push(old.life.clone());
        self.servers[server] = self.serve(life, old.file.clone());
    }

    /// Stops all clients, and returns all processes that there were.
    pub(crate) fn stop_clients(&mut self) -> Vec<Life> {
        for server in &mut self.servers {
            server.life.tally = server.driver.stop();
        }
        self.ended.iter().chain(self.servers.iter().map(|server| &server.life)).cloned().collect()
    }

    /// Waits until `look` finds something in what went through.
    fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Taken) -> Option<T>) -> T {
        wait_for(what, || self.tap.look(&mut look))
    }

    /// Waits for the time of `count` reports, of whatever server, since all of them may be dead.
    pub(crate) fn wait_for_reports_of_any(&self, count: u32) {
        if self.servers.iter().all(|server| server.life.status.is_some()) {
            std::thread::sleep(Duration::from_secs(u64::from(count)));
        }
        self.wait_for_reports(count);
    }

    /// Waits until each server that runs has sent `count` further reports.
    pub(crate) fn wait_for_reports(&self, count: u32) {
        let reports = |taken: &Taken, pid| taken.ledger.processes.get(&pid).map_or(0, |process| process.reports);
        let living = self.servers.iter().filter(|server| server.life.status.is_none());
        let pids: Vec<u32> = living.map(|server| server.life.pid).collect();
        let wanted: Vec<u32> = pids.iter().map(|pid| self.tap.look(|taken| reports(taken, *pid)) + count).collect();
        self.wait_for("reports", |taken| {
            pids.iter().zip(&wanted).all(|(pid, wanted)| reports(taken, *pid) >= *wanted).then_some(())
        });
    }
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The server under test: `FIRSTBAD_LINE_SERVER`, or else the one on axum of this build.
fn server() -> PathBuf {
    let of_this_build = || firstbad_tests::firstbad().with_file_name("examples").join("line-server");
    std::env::var_os("FIRSTBAD_LINE_SERVER").map_or_else(of_this_build, PathBuf::from)
}

fn recorders(directory: &Path, host: usize) -> PathBuf {
    directory.join(format!("host-{host}")).join("recorders")
}

/// Replaces a file in one step, as deployments do.
fn replace(file: &Path, content: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, content).expect("write");
    std::fs::rename(new, file).expect("rename");
}

/// Starts an agent of a host.
fn agent(directory: &Path, host: usize, to: &str) -> Running {
    let mut command = Command::new(firstbad_tests::firstbad());
    command.args(["agent", "--to", &format!("http://{to}"), "--report-interval", REPORT_INTERVAL, "--recorder-dir"]);
    command.arg(recorders(directory, host));
    Running(
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("firstbad is built"),
    )
}

/// Starts a collector, and waits until it says on standard error where it listens: OTLP/HTTP, and the query API.
fn collect(directory: &Path) -> (Running, String, String) {
    let mut command = Command::new(firstbad_tests::firstbad());
    command.args(["collect", "--no-recorders", "--report-interval", REPORT_INTERVAL, "--data-dir"]);
    command.arg(directory.join("store"));
    for listener in ["--otlp-http", "--otlp-grpc", "--api"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut collector = Running(spawned.expect("firstbad is built"));
    let mut lines = BufReader::new(collector.0.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let (mut otlp, mut api, mut said) = (String::new(), String::new(), String::new());
    while otlp.is_empty() || api.is_empty() {
        let line = lines.next().unwrap_or_else(|| panic!("the collector ended: {said}"));
        let (what, address) = line.split_once(" on ").unwrap_or_default();
        match what.rsplit(' ').next() {
            Some("otlp_http") => address.clone_into(&mut otlp),
            Some("api") => address.clone_into(&mut api),
            _ => {}
        }
        let _ = writeln!(said, "{line}");
    }
    // It must not wait for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    (collector, otlp, api)
}
