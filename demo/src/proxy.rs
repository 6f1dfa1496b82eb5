//! One proxy process: it serves HTTP with one of the two engines, follows what is published, and tells its parent what it
//! loaded. How an engine fails is decided by `fl2` and `fl`; what is recorded, by the instrument crate.

mod admission;
mod features;
mod fl;
mod fl2;
mod rules;

use crate::clock;
use crate::http::{self, Answer};
use crate::processes::Report;
use crate::publication::{Publication, Published};
use crate::random::Random;
use crate::roster::{Engine, Host};
use crate::truth::{GUILTY_CONFIG, INNOCENT_CONFIG};
use admission::Admission;
use firstbad_instrument::{Hash, Origin, Outcome, PreviousHook, Recorder, Score, Tag, record_request};
use firstbad_protocol::names::attribute;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Word for this part.
pub(crate) const ROLE: &str = "proxy";

/// The score of the bots module: 1 to 99, 0 means "not computed" (incidents.md 1).
static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);

/// What a proxy process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Host it runs on.
    pub(crate) host: Host,
    /// `service.instance.id`.
    pub(crate) instance: String,
    /// Where versions are published.
    pub(crate) root: PathBuf,
    /// Where its recorder goes.
    pub(crate) recorders: PathBuf,
}

/// Why a process cannot serve.
#[derive(Debug, thiserror::Error)]
enum ProxyError {
    #[error("settings `{0}` cannot be read: {1}")]
    Settings(String, serde_json::Error),
    #[error("recorder: {0}")]
    Recorder(#[from] firstbad_instrument::InitError),
    #[error("recorder: no file below {0}: {1}")]
    NoRecorderFile(PathBuf, String),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// One of the two engines.
trait Proxy: Send + Sync + 'static {
    /// Loads a published version; gives its hash and rows, or why nothing new is active.
    fn load(&self, config: &str, bytes: &[u8], origin: &Origin) -> (Hash, usize);
    /// Answers an admitted request.
    fn answer(&self, path: &str) -> Answer;
}

/// Serves until standard input says `stop` or ends.
pub(crate) fn run(settings: &str) -> ExitCode {
    match serve(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&Report::Trouble(error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: &str) -> Result<(), ProxyError> {
    let settings: Settings =
        serde_json::from_str(settings).map_err(|error| ProxyError::Settings(settings.to_owned(), error))?;
    let recorder = record(&settings)?;
    match settings.host.engine {
        Engine::Fl2 => play(&settings, fl2::Fl2::new(settings.host.arenas))?,
        Engine::Fl => play(&settings, fl::Fl::default())?,
    }
    wait_for_the_end(recorder);
    Ok(())
}

fn record(settings: &Settings) -> Result<Recorder, ProxyError> {
    let recorder = firstbad_instrument::init()
        .service("edge-proxy")
        .version(settings.host.engine.version())
        .host(&settings.host.name)
        .instance(&settings.instance)
        .dimension(attribute::CLOUD_REGION, &settings.host.region)
        .dimension(attribute::DEPLOYMENT_ENVIRONMENT_NAME, "demo")
        .recorder_dir(&settings.recorders)
        .previous_hook(PreviousHook::Limited)
        .install()?;
    match recorder.fallback() {
        Some(reason) => Err(ProxyError::NoRecorderFile(settings.recorders.clone(), reason.to_owned())),
        None => Ok(recorder),
    }
}

/// Loads what is published, then serves and follows in threads of their own.
fn play<P: Proxy>(settings: &Settings, proxy: P) -> Result<(), ProxyError> {
    let proxy: &'static P = Box::leak(Box::new(proxy));
    let mut follower = Follower::new(settings);
    follower.follow(proxy);
    std::thread::Builder::new().name("loader".to_owned()).spawn(move || {
        loop {
            follower.pause();
            follower.follow(proxy);
        }
    })?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let worker = format!("{}_worker_thread", settings.host.engine.version());
    let admission = Admission::new(Instant::now());
    std::thread::Builder::new().name("accept".to_owned()).spawn(move || {
        let refused = http::serve(&listener, &worker, move |request| {
            if admission.admits(Instant::now()) {
                return proxy.answer(&request.path);
            }
            record_request(Outcome::Error, &[]);
            Answer::bare(503)
        });
        if let Err(error) = refused {
            tell(&Report::Trouble(format!("accepting connections: {error}")));
        }
    })?;
    tell(&Report::Ready { address });
    Ok(())
}

/// The parent says `stop`: the exit is clean. The parent is gone: so is this process, at once.
fn wait_for_the_end(recorder: Recorder) {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(read) if read > 0 => drop(recorder),
        _ => std::process::exit(1),
    }
}

/// One line for the parent. A parent that is gone hears nothing, and the process ends by its standard input.
fn tell(report: &Report) {
    if let Ok(line) = serde_json::to_string(report) {
        let mut output = io::stdout().lock();
        let _ = writeln!(output, "{line}").and_then(|()| output.flush());
    }
}

/// Short hash of the version behind `tag`.
fn short(tag: Tag) -> Option<String> {
    tag.hash().map(|hash| hash.short())
}

/// What is published, and which of it this process has seen.
struct Follower {
    configs: [(Publication, &'static str, u64); 2],
    random: Random,
}

impl Follower {
    fn new(settings: &Settings) -> Self {
        let follow = |config: &'static str| (Publication::new(&settings.root, config), config, 0);
        let own = Hash::of(settings.instance.as_bytes()).0;
        let seed = own.iter().fold(0_u64, |seed, byte| seed.rotate_left(8) ^ u64::from(*byte));
        Self { configs: [follow(INNOCENT_CONFIG), follow(GUILTY_CONFIG)], random: Random::new(seed, 0) }
    }

    /// Until the next look, 0.5 to 2.5 s: each process has its own beat, and a version takes that long to be everywhere.
    fn pause(&mut self) {
        std::thread::sleep(Duration::from_millis(500 + self.random.below(2000)));
    }

    /// Loads each config that has a newer version.
    fn follow<P: Proxy>(&mut self, proxy: &P) {
        for (publication, config, seen) in &mut self.configs {
            // Not published yet, or being replaced: the next look finds it.
            let Ok(found) = publication.current() else { continue };
            if found.generation == *seen {
                continue;
            }
            match std::fs::read(&found.path) {
                Ok(bytes) => {
                    *seen = found.generation;
                    let (hash, rows) = proxy.load(config, &bytes, &origin(&found));
                    tell(&Report::Loaded { at: clock::now(), config: (*config).to_owned(), hash, rows });
                }
                Err(error) => tell(&Report::Trouble(format!("reading {}: {error}", found.path.display()))),
            }
        }
    }
}

fn origin(published: &Published) -> Origin {
    let generation = i64::try_from(published.generation).unwrap_or(i64::MAX);
    Origin::new().name("features.csv").source(&published.source).generation(generation).label(format!("g{generation}"))
}
