//! A collector under attack: many senders that mean harm beside an honest one, in a control group with a memory limit. What
//! counts is that it lives, that the honest sender is never refused, and how long that one waits.

use crate::batches;
use crate::load::{Sender, Sent, post};
use crate::servers::{Kind, Programs, Server};
use crate::settings::{Attack, Proto, Shape, Signal};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The honest sender: its batches are few, so that what it waits is due to the others.
const HONEST: Shape = Shape { proto: Proto::Http, signal: Signal::Logs, items: 100, rate: 10 };
/// What it waits with nobody beside it is measured for this long, or for a third of the attack if that is less.
const QUIET_S: f64 = 30.0;
/// Bytes that a compressed body grows to: more than any limit.
const BOMB_BYTES: usize = 1 << 30;
/// Bytes of a body of empty messages, and levels of one nested value.
const EMPTY_MESSAGES_BYTES: usize = 4 << 20;
/// Odd, because a list and the value that holds it take turns.
const LEVELS: usize = 20_001;
/// Between the bytes of a slow head.
const DRIP: Duration = Duration::from_millis(500);

/// What an attacker does, over and over.
#[derive(Clone, Copy, Debug)]
enum Harm {
    /// A small body that grows to a gibibyte.
    Bomb,
    /// Empty messages: a generated decoder allocates a structure for each.
    EmptyMessages,
    /// A value within a value within a value.
    Nesting,
    /// Bytes that are no protocol, at the HTTP port.
    JunkHttp,
    /// The same at the gRPC port.
    JunkGrpc,
    /// A head that never ends.
    SlowHead,
    /// Panics with messages that were never seen.
    NewMessages,
    /// As much ordinary telemetry as the connection takes.
    Flood,
}

const HARMS: [Harm; 8] = [
    Harm::Bomb,
    Harm::EmptyMessages,
    Harm::Nesting,
    Harm::JunkHttp,
    Harm::JunkGrpc,
    Harm::SlowHead,
    Harm::NewMessages,
    Harm::Flood,
];

/// What the attackers share.
struct Battle {
    http: SocketAddr,
    grpc: SocketAddr,
    over: AtomicBool,
    attempts: AtomicU64,
    bomb: Vec<u8>,
    empty: Vec<u8>,
    nested: Vec<u8>,
    flood: Vec<batches::Batch>,
}

/// Runs the attack; false if the collector died, refused the honest sender, or passed its memory.
pub(crate) fn run(attack: &Attack) -> io::Result<bool> {
    let programs = Programs::of_collector(&attack.programs)?;
    let mut server = programs.start(Kind::Collector)?;
    let group = Group::of(&server, attack.memory_mib)?;
    let honest =
        Sender::new(server.address(HONEST.proto), HONEST, Arc::new(batches::batches(HONEST.signal, HONEST.items)));
    let secs = attack.minutes * 60.0;
    let mut quiet = honest.run(QUIET_S.min(secs / 3.0))?;
    let battle = Arc::new(Battle::new(&server)?);
    let attackers: Vec<_> = HARMS.into_iter().cycle().take(attack.attackers).zip(0..).collect();
    let threads: Vec<_> = attackers
        .into_iter()
        .map(|(harm, number)| {
            let battle = Arc::clone(&battle);
            std::thread::spawn(move || battle.fight(harm, number))
        })
        .collect();
    let during = honest.run(secs);
    battle.over.store(true, Ordering::Relaxed);
    let alive = server.is_alive()?;
    for thread in threads {
        thread.join().map_err(|_| io::Error::other("an attacker panicked"))?;
    }
    let mut during = during.unwrap_or_else(|error| {
        eprintln!("the honest sender lost its connection: {error}");
        Sent { failed: 1, ..Sent::default() }
    });
    let (before, after) = (quiet.latency_ms(990), during.latency_ms(990));
    let peak_mib = if alive { server.peak_mib()? } else { f64::NAN };
    println!(
        "{{\"attackers\":{},\"minutes\":{},\"attempts\":{},\"alive\":{alive},\"honest_batches\":{},\"honest_failed\":{},\
         \"honest_unsent\":{},\"p99_ms_before\":{before:.1},\"p99_ms_during\":{after:.1},\"peak_rss_mib\":{peak_mib:.0},\
         \"memory_limit_mib\":{}}}",
        attack.attackers,
        attack.minutes,
        battle.attempts.load(Ordering::Relaxed),
        during.batches,
        during.failed,
        during.unsent,
        group.is_limited.then_some(attack.memory_mib).map_or_else(|| "null".to_owned(), |mib| mib.to_string()),
    );
    Ok(alive && during.failed == 0 && during.batches > 0 && peak_mib <= attack.memory_mib as f64)
}

impl Battle {
    fn new(server: &Server) -> io::Result<Self> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..BOMB_BYTES / zeros.len() {
            gzip.write_all(&zeros)?;
        }
        Ok(Self {
            http: server.address(Proto::Http),
            grpc: server.address(Proto::Grpc),
            over: AtomicBool::new(false),
            attempts: AtomicU64::new(0),
            bomb: gzip.finish()?,
            empty: [0x0a, 0].repeat(EMPTY_MESSAGES_BYTES / 2),
            nested: nested(LEVELS),
            flood: batches::batches(Signal::Metrics, 1000),
        })
    }

    /// Does harm until it is over. What the collector does to the connection is no error here.
    fn fight(&self, harm: Harm, attacker: usize) {
        let mut round = attacker;
        while !self.over.load(Ordering::Relaxed) {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            let began = Instant::now();
            let _ = self.attempt(harm, round);
            round += HARMS.len();
            // An attempt that is refused at once is not repeated faster than the attacker's machine could.
            std::thread::sleep(Duration::from_millis(2).saturating_sub(began.elapsed()));
        }
    }

    fn attempt(&self, harm: Harm, round: usize) -> io::Result<()> {
        let logs = |body: &[u8], head: &str| post(self.http, "/v1/logs", head, body);
        match harm {
            Harm::Bomb => logs(&self.bomb, "Content-Encoding: gzip\r\n"),
            Harm::EmptyMessages => logs(&self.empty, ""),
            Harm::Nesting => logs(&self.nested, ""),
            Harm::JunkHttp => junk(self.http, round),
            Harm::JunkGrpc => junk(self.grpc, round),
            Harm::SlowHead => self.slow_head(),
            Harm::NewMessages => logs(&batches::new_messages(round, 100), ""),
            Harm::Flood => {
                let batch = self.flood.get(round % self.flood.len().max(1)).map(batches::Batch::stamped);
                post(self.http, "/v1/metrics", "", &batch.unwrap_or_default())
            }
        }
    }

    fn slow_head(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.http)?;
        for byte in b"POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ".iter().chain([b'x'; 60].iter()) {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            stream.write_all(&[*byte])?;
            std::thread::sleep(DRIP);
        }
        Ok(())
    }
}

fn junk(address: SocketAddr, round: usize) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let mut state = round as u64 | 1;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(64 << 10)
    .collect();
    stream.write_all(&bytes)
}

/// A request whose one record has a body of lists within lists.
fn nested(levels: usize) -> Vec<u8> {
    let wrap = |field: u8, inner: &[u8]| {
        let mut bytes = vec![(field << 3) | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        bytes.extend_from_slice(inner);
        bytes
    };
    // AnyValue.array_value (5) holds values (1). Each level is a message around the one within.
    let value = (0..levels).fold(Vec::new(), |inner, level| wrap(if level % 2 == 0 { 5 } else { 1 }, &inner));
    // LogRecord.body, ScopeLogs.log_records, ResourceLogs.scope_logs, resource_logs.
    [5, 2, 2, 1].into_iter().fold(value, |inner, field| wrap(field, &inner))
}

/// A control group with a memory limit, removed when this is dropped.
struct Group {
    directory: Option<std::path::PathBuf>,
    is_limited: bool,
}

impl Group {
    /// Puts `server` into a group of its own, where the machine lets this program make one.
    fn of(server: &Server, memory_mib: u64) -> io::Result<Self> {
        let name = format!("firstbad-intake-{}", std::process::id());
        for (root, limit) in [("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")] {
            let directory = std::path::Path::new(root).join(&name);
            let has_limit = std::fs::create_dir(&directory).is_ok() && directory.join(limit).exists();
            if has_limit {
                std::fs::write(directory.join(limit), (memory_mib << 20).to_string())?;
                std::fs::write(directory.join("cgroup.procs"), server.id().to_string())?;
                return Ok(Self { directory: Some(directory), is_limited: true });
            }
            let _ = std::fs::remove_dir(&directory);
        }
        eprintln!("no control group can be made here: the limit is compared with the peak, and not enforced");
        Ok(Self { directory: None, is_limited: false })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It holds the collector until that has ended; an empty group costs nothing.
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir(directory);
        }
    }
}
