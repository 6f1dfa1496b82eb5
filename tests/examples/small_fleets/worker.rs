//! The process under test. It watches a file with the crate, makes requests for itself, and serves them with the upstream that
//! the file names. It reports its loads and its tenth failure on standard output.

use crate::clock::now_ns;
use crate::parts::Error;
use firstbad_instrument::{Live, Outcome, Request};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

static ROUTES: Live<String> = Live::new("routes");
/// Number of failed requests.
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Upstreams with which requests succeed.
const ANSWERING: [&str; 2] = ["a", "b"];
/// Number of threads that serve. With `PAUSE`, they serve 100 requests per second. Chosen.
const THREADS: usize = 2;
/// Pause of a thread between two requests. Chosen.
const PAUSE: Duration = Duration::from_millis(20);
/// Time between two looks at the file. Chosen: short beside the marks of the judge.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Number of the failed request that is reported. Chosen: the judge measures the time to an accusation from there.
const REPORTED_FAILURE: u64 = 10;

/// Serves until standard input ends.
///
/// # Errors
/// If the recorder or a thread cannot be started.
pub(crate) fn play(file: &Path) -> Result<ExitCode, Error> {
    let recorder = firstbad_instrument::init().service("edge").version("1.0").install()?;
    if let Some(why) = recorder.fallback() {
        return Err(why.to_owned().into());
    }
    let watcher = ROUTES.watch(file, LOOK_EVERY, parse)?;
    for number in 0..THREADS {
        std::thread::Builder::new().name(format!("serve-{number}")).spawn(serve)?;
    }
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    drop((watcher, recorder));
    Ok(ExitCode::SUCCESS)
}

fn parse(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let upstream = text.trim().strip_prefix("upstream = ").ok_or("no upstream")?;
    report(&format!("loaded {} {}", now_ns(), upstream));
    Ok(upstream.to_owned())
}

fn serve() {
    loop {
        std::thread::sleep(PAUSE);
        let request = Request::start();
        let Some(upstream) = request.pin(&ROUTES) else { continue };
        if ANSWERING.contains(&upstream.as_str()) {
            request.finish(Outcome::Ok);
        } else {
            request.finish(Outcome::Error);
            if FAILED.fetch_add(1, Relaxed) + 1 == REPORTED_FAILURE {
                report(&format!("tenth-failure {}", now_ns()));
            }
        }
    }
}

/// Prints a line for the parent process. Errors are ignored: if the parent is gone, standard input ends as well.
fn report(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}");
    let _ = output.flush();
}
