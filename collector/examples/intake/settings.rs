//! What is measured: the command line and the shapes.

use std::path::PathBuf;

/// Pairs the collector, rotel and a bare walker on the same batches, and prints what each takes per item.
#[derive(Clone, Debug, clap::Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Measures. Rounds of the servers are interleaved.
    Pair(Pair),
    /// A collector with a memory limit, attackers and one honest sender. A line of JSON; exit code 1 if it died, refused the
    /// honest sender or passed its limit.
    Attack(Attack),
    /// A collector under steady load. A line for each sixtieth of the time; exit code 1 if it refused anything, or holds more
    /// memory, descriptors or threads at the end than early on.
    Soak(Soak),
    /// The bare walker: reads every request, adds up in memory, keeps nothing. `pair` starts it.
    Walk {
        /// Port on 127.0.0.1.
        port: u16,
    },
}

/// What is started, and where it keeps its data.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Start {
    /// The collector; without it, `firstbad-collector` beside this program's directory.
    #[arg(long)]
    pub(crate) collector: Option<PathBuf>,
    /// Directory in which the servers keep their data. It has to be on the disk that is to be measured.
    #[arg(long, default_value = "target/intake-bench")]
    pub(crate) data: PathBuf,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Attack {
    #[command(flatten)]
    pub(crate) programs: Start,
    /// Senders that mean harm.
    #[arg(long, default_value_t = 64)]
    pub(crate) attackers: usize,
    /// How long they do.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) minutes: f64,
    /// Memory of the collector's control group, MiB.
    #[arg(long, default_value_t = 256)]
    pub(crate) memory_mib: u64,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Soak {
    #[command(flatten)]
    pub(crate) programs: Start,
    /// How long.
    #[arg(long, default_value_t = 60.0)]
    pub(crate) minutes: f64,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Pair {
    #[command(flatten)]
    pub(crate) programs: Start,
    /// `rotel-agent`. Without it, it is installed into `--venv`.
    #[arg(long)]
    pub(crate) rotel: Option<PathBuf>,
    /// Directory of the virtual environment that is made for rotel. Its wheel is for CPython 3.11.
    #[arg(long, default_value = "target/rotel-venv")]
    pub(crate) venv: PathBuf,
    /// Rounds of each shape.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Seconds of a round.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) secs: f64,
    /// Only shapes whose name holds this, such as `logs` or `at 1000/s`.
    #[arg(long, default_value = "")]
    pub(crate) only: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proto {
    Http,
    Grpc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Logs,
    Metrics,
}

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) proto: Proto,
    pub(crate) signal: Signal,
    /// Log records or points of a batch.
    pub(crate) items: usize,
    /// Batches a second that are due; 0: each connection sends the next batch when the last is answered.
    pub(crate) rate: u32,
}

/// Connections of a shape, and requests under way at once on each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connections {
    pub(crate) count: usize,
    pub(crate) streams: usize,
}

impl Shape {
    /// Both protocols and signals: batches of 100 at 1,000 a second, then batches of 100 and of 1 as fast as they are answered.
    pub(crate) fn all() -> Vec<Self> {
        let mut shapes = Vec::new();
        for (items, rate) in [(100, 1000), (100, 0), (1, 0)] {
            for proto in [Proto::Http, Proto::Grpc] {
                shapes.extend([Signal::Logs, Signal::Metrics].map(|signal| Self { proto, signal, items, rate }));
            }
        }
        shapes
    }

    /// `http logs x100 at 1000/s`.
    pub(crate) fn name(self) -> String {
        let proto = if self.proto == Proto::Http { "http" } else { "grpc" };
        let signal = if self.signal == Signal::Logs { "logs" } else { "metrics" };
        let rate = if self.rate == 0 { "closed loop".to_owned() } else { format!("at {}/s", self.rate) };
        format!("{proto} {signal} x{} {rate}", self.items)
    }

    pub(crate) const fn connections(self) -> Connections {
        match self.proto {
            Proto::Http => Connections { count: 4, streams: 1 },
            Proto::Grpc => Connections { count: 2, streams: 4 },
        }
    }
}
