//! The fleet's processes: started from the same binary, heard through their standard output, told to end through their
//! standard input (which also ends with the parent, so none outlives it). When to do what is decided by `stage`.

use crate::CHILD_COMMAND;
use crate::home::Home;
use crate::proxy;
use crate::roster::Host;
use firstbad_protocol::Hash;
use firstbad_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;

/// What a process says, one JSON object per line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// It serves.
    Ready {
        /// Where.
        address: SocketAddr,
    },
    /// It loaded a version.
    Loaded {
        /// When, by its clock.
        at: Timestamp,
        /// Config.
        config: String,
        /// Version.
        hash: Hash,
        /// Its rows.
        rows: usize,
    },
    /// It has no arena left and will fail until it is restarted.
    Poisoned,
    /// It cannot go on.
    Trouble(String),
}

/// A line from a process, or its end.
#[derive(Debug)]
pub(crate) struct Message {
    /// Host.
    pub(crate) host: String,
    /// `service.instance.id`: a host's earlier process may still have messages on the way.
    pub(crate) instance: String,
    /// None: the process has ended.
    pub(crate) report: Option<Report>,
}

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    /// `service.instance.id`.
    pub(crate) instance: String,
    child: Child,
}

impl Process {
    /// Starts a process for `host`. Its reports, and its end, go to `hear`.
    pub(crate) fn start(home: &Home, host: &Host, life: u32, hear: Sender<Message>) -> io::Result<Self> {
        let instance = format!("{}-{life}", host.name);
        let settings = proxy::Settings {
            host: host.clone(),
            instance: instance.clone(),
            root: home.path().to_owned(),
            recorders: home.recorders(),
        };
        let log = File::options().create(true).append(true).open(home.logs().join(format!("{}.log", host.name)))?;
        // The default hook would resolve a backtrace for seconds if the caller's environment asks for one.
        // A process group of its own: ctrl-c is for the parent, which ends its children in order.
        let mut child = Command::new(home.program())
            .args([CHILD_COMMAND, proxy::ROLE, &serde_json::to_string(&settings)?])
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        let (host, sender) = (host.name.clone(), instance.clone());
        std::thread::Builder::new().name(format!("hear-{instance}")).spawn(move || {
            let tell = |report| hear.send(Message { host: host.clone(), instance: sender.clone(), report });
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let report = serde_json::from_str(&line).unwrap_or(Report::Trouble(line));
                if tell(Some(report)).is_err() {
                    return;
                }
            }
            let _ = tell(None);
        })?;
        Ok(Self { instance, child })
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL; returns when the process is gone.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }

    /// Asks the process to end on purpose; returns when it is gone.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        self.ask_to_stop()?;
        self.child.wait().map(|_| ())
    }

    /// Asks the process to end on purpose, without waiting.
    pub(crate) fn ask_to_stop(&mut self) -> io::Result<()> {
        self.child.stdin.take().map_or(Ok(()), |mut input| input.write_all(b"stop\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
