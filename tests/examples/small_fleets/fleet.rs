//! The fleet of one run: a collector, hosts with their agents, the cables between them, and the reports of the workers.

use crate::Settings;
use crate::host::{self, CABLE};
use crate::parts::{Error, Started, kept, myself, system};
use crate::scenario::{GOOD, REPORT_INTERVAL, Scenario};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Longest wait until a started process listens, or is in its namespace. Chosen.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// A load or a failure that the worker of a host reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerEvent {
    /// Number of the host, from 0.
    pub(crate) host: usize,
    /// What happened.
    pub(crate) what: What,
    /// Time, ns since the Unix epoch.
    pub(crate) at_ns: u64,
}

/// What a worker reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A load of a file with this upstream.
    Loaded(String),
    /// The tenth failed request.
    TenthFailure,
}

impl WorkerEvent {
    /// Reads a line of a worker.
    fn read(host: usize, line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (kind, at_ns) = (words.next()?, words.next()?.parse().ok()?);
        let what = match kind {
            "loaded" => What::Loaded(words.next()?.to_owned()),
            "tenth-failure" => What::TenthFailure,
            _ => return None,
        };
        Some(Self { host, what, at_ns })
    }
}

/// A running fleet. Dropping it ends all its processes.
pub(crate) struct Fleet {
    /// Address of the collector's query API.
    pub(crate) api: String,
    /// The firstbad binary.
    pub(crate) firstbad: PathBuf,
    events: Receiver<WorkerEvent>,
    directories: Vec<PathBuf>,
    /// Fields are dropped in this order, so the hosts end before the collector.
    _hosts: Vec<Started>,
    _collector: Started,
}

impl Fleet {
    /// Starts the fleet of `scenario` in `directory`, with the good file on every host. If `apart`, each host has its own
    /// namespaces.
    ///
    /// # Errors
    /// If a part cannot be started.
    pub(crate) fn start(scenario: Scenario, directory: &Path, settings: &Settings, apart: bool) -> Result<Self, Error> {
        let firstbad = settings.firstbad.clone().unwrap_or_else(firstbad_tests::firstbad);
        let count = scenario.hosts().all;
        let directories: Vec<PathBuf> = (0..count).map(|host| directory.join(format!("host-{host}"))).collect();
        for of_host in &directories {
            std::fs::create_dir_all(host::recorders(of_host))?;
            push(of_host, GOOD)?;
        }
        let reads_itself = (count == 1).then(|| host::recorders(&directory.join("host-0")));
        if apart {
            system(&["ip", "link", "set", "lo", "up"])?;
        }
        let Collector { process, addresses } = collect(&firstbad, directory, reads_itself.as_deref(), apart)?;
        let (sender, events) = channel();
        let mut hosts = Vec::new();
        for (number, of_host) in directories.iter().enumerate() {
            let to = reads_itself.is_none().then_some(&addresses.otlp_http);
            let place = Place { number, directory: of_host, to, apart };
            hosts.push(place.start(settings, sender.clone())?);
        }
        Ok(Self { api: addresses.api, firstbad, events, directories, _hosts: hosts, _collector: process })
    }

    /// Replaces the content of the file of `host`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn push(&self, host: usize, content: &str) -> Result<(), Error> {
        push(self.directories.get(host).ok_or("no such host")?, content)
    }

    /// Returns the reports of the workers since the last call.
    pub(crate) fn events(&self) -> Vec<WorkerEvent> {
        self.events.try_iter().collect()
    }
}

fn push(directory: &Path, content: &str) -> Result<(), Error> {
    let new = directory.join("routes.new");
    std::fs::write(&new, content)?;
    std::fs::rename(new, host::file(directory))?;
    Ok(())
}

/// The addresses on which a collector listens.
struct Addresses {
    otlp_http: String,
    api: String,
}

/// A running collector.
struct Collector {
    process: Started,
    addresses: Addresses,
}

/// Starts a collector, which reads the recorders in `recorders` if there are some, and waits until it listens.
fn collect(firstbad: &Path, directory: &Path, recorders: Option<&Path>, apart: bool) -> Result<Collector, Error> {
    let mut command = kept(firstbad)?;
    command.args(["collect", "--otlp-grpc", "127.0.0.1:0", "--api", "127.0.0.1:0"]);
    // In its own namespace, the collector must listen on every host's cable.
    command.args(["--otlp-http", if apart { "0.0.0.0:0" } else { "127.0.0.1:0" }]);
    command.arg("--data-dir").arg(directory.join("store"));
    command.args(["--report-interval", &format!("{}s", REPORT_INTERVAL.as_secs())]);
    match recorders {
        Some(recorders) => command.arg("--recorder-dir").arg(recorders),
        None => command.arg("--no-recorders"),
    };
    if apart {
        command.arg("--insecure");
    }
    // The collector prints its addresses on standard error.
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut process = Started(spawned);
    let output = process.0.stderr.take().ok_or("no standard error")?;
    let mut log = std::fs::File::create(directory.join("collector.log"))?;
    let (sender, events) = channel();
    std::thread::spawn(move || {
        // Reads until the end, so that the collector never waits for this reader.
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            let _ = sender.send(line);
        }
    });
    let deadline = Instant::now() + START_TIME_MAX;
    let mut addresses = Addresses { otlp_http: String::new(), api: String::new() };
    while addresses.api.is_empty() || addresses.otlp_http.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = events.recv_timeout(left).map_err(|_| "the collector does not say where it listens")?;
        let (what, address) = line.split_once(" on ").unwrap_or_default();
        match what.rsplit(' ').next() {
            Some("otlp_http") => address.clone_into(&mut addresses.otlp_http),
            Some("api") => addresses.api = format!("http://{address}"),
            _ => {}
        }
    }
    Ok(Collector { process, addresses })
}

/// The place of one host.
struct Place<'a> {
    number: usize,
    directory: &'a Path,
    /// The collector's OTLP/HTTP address; none if the collector reads the recorders itself.
    to: Option<&'a String>,
    apart: bool,
}

impl Place<'_> {
    fn start(&self, settings: &Settings, sender: Sender<WorkerEvent>) -> Result<Started, Error> {
        // Each cable has four addresses: network, collector, host, broadcast.
        let (here, there) = (format!("10.0.{}.1", self.number), format!("10.0.{}.2/30", self.number));
        let mut command = if self.apart {
            let mut command = Command::new("unshare");
            command.args(["--net", "--uts", "--"]).arg(std::env::current_exe()?);
            command
        } else {
            myself()?
        };
        command.args(["host", "--name", &format!("edge-{}", self.number + 1), "--directory"]).arg(self.directory);
        if self.apart {
            command.args(["--address", &there]);
        }
        if let Some(to) = self.to {
            let port = to.rsplit(':').next().unwrap_or_default();
            command.args(["--to", &format!("http://{}:{port}", if self.apart { &here } else { "127.0.0.1" })]);
        }
        if let Some(firstbad) = &settings.firstbad {
            command.arg("--firstbad").arg(firstbad);
        }
        let mut started = Started::of(&mut command)?;
        if self.apart {
            self.lay_cable(&here, started.0.id())?;
        }
        let mut input = started.0.stdin.take().ok_or("no standard input")?;
        input.write_all(b"go\n")?;
        started.0.stdin = Some(input);
        let (output, host) = (started.0.stdout.take().ok_or("no standard output")?, self.number);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = WorkerEvent::read(host, &line).map(|event| sender.send(event));
            }
        });
        Ok(started)
    }

    /// Lays a cable from this namespace into the host's. The kernel removes it with the host's namespace, after the last
    /// process in there ends.
    fn lay_cable(&self, here: &str, pid: u32) -> Result<(), Error> {
        let (cable, pid) = (format!("host{}", self.number), pid.to_string());
        wait_for_namespace(&pid)?;
        system(&["ip", "link", "add", &cable, "type", "veth", "peer", "name", CABLE, "netns", &pid])?;
        system(&["ip", "addr", "add", &format!("{here}/30"), "dev", &cable])?;
        system(&["ip", "link", "set", &cable, "up"])
    }
}

/// Waits until the process is in its own namespace.
fn wait_for_namespace(pid: &str) -> Result<(), Error> {
    let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net"));
    let (here, deadline) = (of("self")?, Instant::now() + START_TIME_MAX);
    while of(pid)? == here {
        if Instant::now() > deadline {
            return Err("a host does not enter its namespace".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Whether this process may create namespaces.
pub(crate) fn can_be_apart() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--net", "--uts", "--", "ip", "link", "set", "lo", "up"]);
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
