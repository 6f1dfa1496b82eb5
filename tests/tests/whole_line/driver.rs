//! A client of one server: it sends requests one after the other, each on its own connection, and counts what it gets back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// Pause between two requests. Chosen: a few dozen requests in a report, and little load on a busy machine.
const PAUSE: Duration = Duration::from_millis(25);
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the client saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Answers with status 200.
    pub(crate) ok: u64,
    /// Answers with status 401.
    pub(crate) denied: u64,
    /// Other answers.
    pub(crate) other: u64,
    /// Connections that were closed without an answer.
    pub(crate) closed: u64,
    /// Time before the first request that was not answered with 200 was sent, ns since the Unix epoch; 0 if there was none.
    pub(crate) before_first_failure_ns: u64,
    /// Time after that request, ns since the Unix epoch; 0 if there was none.
    pub(crate) after_first_failure_ns: u64,
}

/// A running client.
pub(crate) struct Driver {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    /// Starts a client of the server at `address`, which sends this secret as its token. It ends when the server no longer
    /// listens.
    pub(crate) fn start(address: SocketAddr, secret: &'static str) -> Self {
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Tally::default())));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&tally));
        let thread = std::thread::spawn(move || {
            while !stopped.load(SeqCst) {
                let before_ns = now_ns();
                let Ok(stream) = TcpStream::connect(address) else { return };
                let status = ask(stream, secret);
                counted.lock().expect("no panic under the lock").count(status, before_ns);
                std::thread::sleep(PAUSE);
            }
        });
        Self { stop, tally, thread: Some(thread) }
    }

    /// Ends the client after the request under way. Returns what it saw.
    pub(crate) fn stop(&mut self) -> Tally {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the client does not panic");
        }
        *self.tally.lock().expect("no panic under the lock")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
    }
}

impl Tally {
    fn count(&mut self, status: Option<u16>, before_ns: u64) {
        match status {
            Some(200) => self.ok += 1,
            Some(401) => self.denied += 1,
            Some(_) => self.other += 1,
            None => self.closed += 1,
        }
        if status != Some(200) && self.before_first_failure_ns == 0 {
            (self.before_first_failure_ns, self.after_first_failure_ns) = (before_ns, now_ns());
        }
    }
}

/// Returns the status of the answer; none if the connection is closed without one.
fn ask(mut stream: TcpStream, secret: &str) -> Option<u16> {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout that is not zero");
    let request =
        format!("GET / HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {secret}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    u64::try_from(since.as_nanos()).expect("a clock before 2554")
}
