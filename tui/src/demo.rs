//! `firstbad demo`: brings the stage and an embedded collector together, shows or prints what unfolds, and says in the end
//! whether the verdict was right. What is staged and what is right is decided by `firstbad-demo`.

use crate::cli::ScreenArgs;
use crate::command::PAGE;
use firstbad_collector::settings::Recorders;
use firstbad_collector::{Collector, Settings};
use firstbad_demo::{Event, Home, Outcome, Phase, Scenario, Stage, Truth, Watch, timeline_line};
use firstbad_protocol::time::Timestamp;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Report interval of the demo's fleet: ten times faster than a real one.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How often the newest snapshot is looked at; the error of `named_after_s`.
const LOOK: Duration = Duration::from_millis(100);
/// After the play, how long an incident may take to be resolved.
const SETTLING_MAX: Duration = Duration::from_secs(30);

/// Marks in the timeline what the collector said, beside what happened on the stage.
const SEEN_MARK: &str = "  >>";

/// The last line about the stage on the screen.
const OVER: &str = "the play is over: q prints what was right and what was not";

/// What `firstbad demo` can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// What to stage: `november` (the outage of 18 November 2025) or `surge` (nothing is guilty)
    #[arg(long, default_value_t = Scenario::November)]
    scenario: Scenario,
    /// Print the timeline and the verdict instead of showing the screen
    #[arg(long)]
    headless: bool,
    /// Seed of everything random, to repeat a run
    #[arg(long, value_parser = whole_number)]
    seed: Option<u64>,
    /// `text`, or `json`: the contract's diagnosis object with the demo's own measurements (implies --headless)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Keep the directory with files, recorders and store
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    pub(crate) screen: ScreenArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}, such as 7", u64::MAX))
}

/// Why the demo could not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The directory.
    #[error("the demo could not make a directory of its own: {0}")]
    Home(io::Error),
    /// The collector.
    #[error(transparent)]
    Collector(#[from] firstbad_collector::StartError),
    /// The stage.
    #[error(transparent)]
    Stage(#[from] firstbad_demo::StageError),
    /// The screen or standard output.
    #[error("the demo could not show its result: {0}")]
    Screen(#[from] io::Error),
}

/// Runs the demo. `screen` shows a collector and what happens on the stage until the user leaves; it is not asked for when
/// headless.
///
/// # Errors
/// When the stage or the collector cannot be started. A wrong verdict is no error but exit code 1.
pub(crate) fn run(
    arguments: &DemoArgs,
    screen: impl FnOnce(&Collector, Receiver<String>) -> io::Result<()>,
) -> Result<ExitCode, DemoError> {
    let play = Play::start(arguments)?;
    let headless = arguments.headless || arguments.format == Format::Json || !io::stdout().is_terminal();
    let outcome = if headless { play.follow_to_the_end(arguments)? } else { play.follow_beside(screen)? };
    let directory = play.home.path().to_owned();
    let truth = play.end();
    if arguments.keep {
        std::fs::write(directory.join("truth.json"), serde_json::to_string_pretty(&truth).unwrap_or_default())?;
    }
    let mut output = io::stdout().lock();
    match arguments.format {
        Format::Json => writeln!(output, "{}", serde_json::to_string_pretty(&outcome).unwrap_or_default())?,
        Format::Text => write!(output, "{}", outcome.text())?,
    }
    if arguments.keep {
        writeln!(io::stderr(), "kept: {}", directory.display())?;
    }
    Ok(ExitCode::from(outcome.exit_code()))
}

/// Everything that runs.
struct Play {
    stage: Stage,
    collector: Collector,
    home: Arc<Home>,
}

impl Play {
    fn start(arguments: &DemoArgs) -> Result<Self, DemoError> {
        let program = std::env::current_exe().map_err(DemoError::Home)?;
        let home = Arc::new(Home::create(&program, arguments.keep).map_err(DemoError::Home)?);
        let mut settings = Settings { page: Some(PAGE), ..Settings::on_free_ports(home.store()) };
        settings.recorders = Some(Recorders { directories: vec![home.recorders()], interval: REPORT_INTERVAL });
        let collector = Collector::start(settings)?;
        let settings = firstbad_demo::Settings {
            scenario: arguments.scenario,
            seed: arguments.seed.unwrap_or_else(|| now().0.unsigned_abs() % 1_000_000),
            otlp_http: collector.addresses().otlp_http.first().copied(),
        };
        let stage = Stage::start(Arc::clone(&home), settings)?;
        Ok(Self { stage, collector, home })
    }

    /// Prints what happens until there is nothing left to wait for.
    fn follow_to_the_end(&self, arguments: &DemoArgs) -> io::Result<Outcome> {
        let mut output: Box<dyn Write> =
            if arguments.format == Format::Json { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
        let truth = self.stage.truth();
        writeln!(output, "scenario {}, seed {}, collector {}", truth.scenario, truth.seed, self.collector.api_url())?;
        let mut eye = Eye::default();
        let mut done: Option<Instant> = None;
        loop {
            let truth = self.stage.truth();
            for line in eye.look(self, &truth) {
                writeln!(output, "{line}")?;
            }
            if truth.phase == Phase::Done {
                done = done.or_else(|| Some(Instant::now()));
            }
            let settled = eye.watch.is_settled(&truth) || truth.trouble.is_some();
            if settled || done.is_some_and(|done| done.elapsed() > SETTLING_MAX) {
                writeln!(output, "{}", self.measured(truth.started))?;
                return Ok(eye.watch.finish(&truth));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Follows in the background while `screen` is shown, and judges what was seen when the user leaves it.
    fn follow_beside(
        &self,
        screen: impl FnOnce(&Collector, Receiver<String>) -> io::Result<()>,
    ) -> io::Result<Outcome> {
        let left = AtomicBool::new(false);
        let (story, listener) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let watching = scope.spawn(|| {
                let mut eye = Eye::default();
                let mut is_settled = false;
                while !left.load(Ordering::Relaxed) {
                    let truth = self.stage.truth();
                    // The screen may have been left, and has the verdicts from the collector.
                    for line in eye.look(self, &truth).into_iter().filter(|line| !line.contains(SEEN_MARK)) {
                        let _ = story.send(line);
                    }
                    if !is_settled && eye.watch.is_settled(&truth) {
                        is_settled = true;
                        let _ = story.send(timeline_line(truth.started, now(), OVER));
                    }
                    std::thread::sleep(LOOK);
                }
                eye.watch.finish(&self.stage.truth())
            });
            let shown = screen(&self.collector, listener);
            left.store(true, Ordering::Relaxed);
            let outcome = watching.join().map_err(|_| io::Error::other("the thread that follows the demo panicked"));
            shown.and(outcome)
        })
    }

    /// Memory of this process, which holds stage and load beside the collector, and what the collector's threads wrote. The
    /// process's own count of bytes has in it what each proxy that ended had written to its mapped recorder.
    fn measured(&self, started: Timestamp) -> String {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident_kb: u64 = field(&status, "VmHWM:").unwrap_or(0);
        let seconds = (now().since(started) / 1_000_000_000).unsigned_abs().max(1);
        let per_hour_mb = written_by_collector().saturating_mul(3600) / seconds / 1_000_000;
        let text = format!(
            "measured: at most {} MB resident (collector, engine, stage and load); the collector writes {per_hour_mb} MB per hour",
            resident_kb / 1024
        );
        timeline_line(started, now(), &text)
    }

    /// Load and processes first, so that their last words are heard; then the collector; the directory goes last.
    fn end(self) -> Truth {
        let truth = self.stage.stop();
        self.collector.stop();
        truth
    }
}

/// Looks at truth and newest snapshot, and turns both into lines in the order in which they happened.
#[derive(Default)]
struct Eye {
    watch: Watch,
    batch: Option<u64>,
}

impl Eye {
    fn look(&mut self, play: &Play, truth: &Truth) -> Vec<String> {
        let events: Vec<Event> = play.stage.take_events();
        let mut lines: Vec<String> = events.iter().map(|event| event.line(truth.started)).collect();
        let published = play.collector.publisher().latest();
        if self.batch.replace(published.batch) != Some(published.batch) {
            let at = now();
            let seen = self.watch.see(&published.snapshot, truth, at);
            lines.extend(seen.iter().map(|text| timeline_line(truth.started, at, &format!("{SEEN_MARK} {text}"))));
        }
        lines
    }
}

/// Bytes that threads of the collector sent to the disk; 0 where the kernel does not count them.
fn written_by_collector() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let text = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let ours = threads.map(|thread| thread.path()).filter(|thread| text(thread.join("comm")).starts_with("firstbad-"));
    ours.filter_map(|thread| field(&text(thread.join("io")), "write_bytes:")).sum()
}

/// The number after `name` in a file of `/proc`.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_play_is_said_whole_on_80_columns() {
        let line = timeline_line(Timestamp::from_seconds(0), Timestamp::from_seconds(600), OVER);
        assert!(format!("STAGE {}", line.trim()).len() <= 80, "{line}");
    }
}
