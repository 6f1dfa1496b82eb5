//! `firstbad backtest` replays past data from files or a collector's store as if it arrived now.

use super::standing::Standing;
use super::stored::Stored;
use crate::backtest::{Course, text};
use crate::cli::{BacktestArgs, Common, TextOrJson};
use crate::failure::Failure;
use crate::output::{print, print_json};
use firstbad_collector::offline::{self, Options, Window};
use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::process::ExitCode;

/// `firstbad backtest`.
///
/// # Errors
/// If nothing is readable, or the collector does not answer.
pub(super) fn backtest(common: &Common, arguments: &BacktestArgs) -> Result<ExitCode, Failure> {
    let window = Window { from: arguments.from, to: arguments.to };
    let options = Options { at: None, window, dimensions: arguments.dimensions.clone() };
    // It is deleted when this ends.
    let stored = if arguments.paths.is_empty() { Some(Stored::of_collector(common, window)?) } else { None };
    let paths = stored.as_ref().map_or_else(|| arguments.paths.clone(), |stored| vec![stored.path()]);
    let mut course = Course::default();
    let mut progress = Progress::default();
    let found = offline::replay(&paths, &options, &mut |moment| {
        let diagnosis = moment.diagnosis();
        course.take(diagnosis.window.to.unwrap_or_default(), &diagnosis.incidents);
        progress.show(moment.read_percent);
        ControlFlow::Continue(())
    });
    progress.end();
    let found = found?;
    let is_blind = found.understanding.is_some_and(|understanding| understanding.outcomes == 0);
    let answer = course.finish(&found.diagnosis);
    match arguments.format {
        TextOrJson::Json => print_json(&answer)?,
        TextOrJson::Text => print(&text(&answer))?,
    }
    let standing = match (answer.stories.is_empty(), is_blind) {
        (false, _) => Standing::Incident,
        (true, true) => Standing::Blind,
        (true, false) => Standing::Calm,
    };
    if standing == Standing::Blind {
        eprintln!("firstbad: no sender's requests or scores were understood, so an incident could not have been found");
    }
    Ok(standing.into())
}

/// How much is read, on a terminal.
#[derive(Default)]
struct Progress {
    shown: u8,
}

impl Progress {
    fn show(&mut self, percent: u8) {
        if percent > self.shown && io::stderr().is_terminal() {
            self.shown = percent;
            eprint!("\rread {percent} %");
        }
    }

    fn end(&self) {
        if self.shown > 0 {
            eprint!("\r\u{1b}[K");
        }
    }
}
