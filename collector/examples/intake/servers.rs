//! The servers under test: started on free ports with a directory of their own, measured from outside, ended by their id.

use crate::settings::{Pair, Proto, Start};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// rotel's release that is compared, and the Python that its wheel is for.
const ROTEL: &str = "rotel==0.0.1a15";
const PYTHON: &str = "python3.11";
/// A server that listens later has failed.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Work after the last answer belongs to the round: CPU time is read when the server has used none for this long.
const IDLE: Duration = Duration::from_millis(300);
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Clock ticks a second in `/proc/PID/stat`; Linux has had no other number for user space in decades.
const TICKS_A_SECOND: f64 = 100.0;

/// The servers that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rotel,
    Collector,
    Walker,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Rotel, Self::Collector, Self::Walker];
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    rotel: PathBuf,
    collector: PathBuf,
    walker: PathBuf,
    data: PathBuf,
}

impl Programs {
    /// Finds the programs, and installs rotel if it is not there.
    pub(crate) fn find(pair: &Pair) -> io::Result<Self> {
        let rotel = match &pair.rotel {
            Some(rotel) => rotel.clone(),
            None => install_rotel(&pair.venv)?,
        };
        Ok(Self { rotel, ..Self::of_collector(&pair.programs)? })
    }

    /// Finds the collector; there is no rotel.
    pub(crate) fn of_collector(start: &Start) -> io::Result<Self> {
        let walker = std::env::current_exe()?;
        let beside = walker.ancestors().nth(2).map(|profile| profile.join("firstbad-collector"));
        let collector = start.collector.clone().or(beside).unwrap_or_default();
        if !collector.is_file() {
            let at = collector.display();
            return Err(io::Error::other(format!(
                "there is no {at}: build it with the same profile, or name it with --collector"
            )));
        }
        Ok(Self { rotel: PathBuf::new(), collector, walker, data: start.data.clone() })
    }

    /// Starts a server with an empty directory, and waits until it listens.
    pub(crate) fn start(&self, kind: Kind) -> io::Result<Server> {
        let [grpc, http, api] = free_ports()?;
        let directory = self.data.join(format!("{kind:?}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory)?;
        let at = |port: u16| format!("127.0.0.1:{port}");
        let mut command = match kind {
            Kind::Rotel => {
                let mut command = Command::new(&self.rotel);
                command.args(["start", "--exporter", "blackhole", "--log-file"]).arg(directory.join("rotel.log"));
                command.args(["--otlp-grpc-endpoint", &at(grpc), "--otlp-http-endpoint", &at(http)]);
                command
            }
            Kind::Collector => {
                let mut command = Command::new(&self.collector);
                command.arg("collect").arg("--data-dir").arg(&directory);
                command.args(["--otlp-grpc", &at(grpc), "--otlp-http", &at(http), "--api", &at(api)]);
                command
            }
            Kind::Walker => {
                let mut command = Command::new(&self.walker);
                command.args(["walk", &http.to_string()]);
                command
            }
        };
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let grpc = if kind == Kind::Walker { http } else { grpc };
        let mut server = Server { child, http, grpc, directory };
        server.wait_until_it_listens()?;
        Ok(server)
    }
}

fn install_rotel(venv: &Path) -> io::Result<PathBuf> {
    let program = venv.join("lib").join(PYTHON).join("site-packages/rotel/rotel-agent");
    if program.is_file() {
        return Ok(program);
    }
    let run = |command: &mut Command| match command.status()? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(format!("{command:?} ended with {status}"))),
    };
    run(Command::new(PYTHON).args(["-m", "venv"]).arg(venv))?;
    run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "--pre", ROTEL]))?;
    Ok(program)
}

/// Ports that nothing listens on. They are let go before the servers take them.
fn free_ports() -> io::Result<[u16; 3]> {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(listeners) {
        *port = listener?.local_addr()?.port();
    }
    Ok(ports)
}

/// What a server holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Resident memory, MiB.
    pub(crate) rss_mib: f64,
    /// Open descriptors.
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
}

/// A running server. Dropping it ends it and removes its directory.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    http: u16,
    grpc: u16,
    directory: PathBuf,
}

impl Server {
    pub(crate) fn address(&self, proto: Proto) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], if proto == Proto::Http { self.http } else { self.grpc }))
    }

    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let listens = |proto: Proto, server: &Self| TcpStream::connect(server.address(proto)).is_ok();
        while !(listens(Proto::Http, self) && listens(Proto::Grpc, self)) {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("a server ended with {status} before it listened")));
            }
            if begun.elapsed() > START_TIMEOUT {
                return Err(io::Error::other("a server does not listen"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn read(&self, name: &str) -> io::Result<String> {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id()))
    }

    /// User and system time of all its threads, seconds.
    pub(crate) fn cpu_s(&self) -> io::Result<f64> {
        let stat = self.read("stat")?;
        // The name in parentheses may hold anything; fields 14 and 15 of all are 12 and 13 of those behind it.
        let behind = stat.rsplit_once(')').map(|(_, behind)| behind).unwrap_or_default();
        let ticks = behind.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
        Ok(ticks.sum::<f64>() / TICKS_A_SECOND)
    }

    /// CPU time when the server has finished what it was sent, seconds.
    pub(crate) fn cpu_when_idle_s(&self) -> io::Result<f64> {
        let begun = Instant::now();
        let mut before = self.cpu_s()?;
        while begun.elapsed() < IDLE_TIMEOUT {
            std::thread::sleep(IDLE);
            let now = self.cpu_s()?;
            // A tick of the clock in 300 ms is a server that looks after itself.
            if now - before <= 0.01 {
                return Ok(now);
            }
            before = now;
        }
        Ok(before)
    }

    /// Greatest resident memory since it started, MiB.
    pub(crate) fn peak_mib(&self) -> io::Result<f64> {
        self.memory_mib("VmHWM:")
    }

    fn memory_mib(&self, field: &str) -> io::Result<f64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.unwrap_or(0.0) / 1024.0)
    }

    /// What it holds now.
    pub(crate) fn held(&self) -> io::Result<Held> {
        let count = |name: &str| Ok::<_, io::Error>(std::fs::read_dir(format!("/proc/{}/{name}", self.id()))?.count());
        Ok(Held { rss_mib: self.memory_mib("VmRSS:")?, descriptors: count("fd")?, threads: count("task")? })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_alive(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
