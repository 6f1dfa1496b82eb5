//! Verdicts from files: `diagnose` prints one, `replay` shows how it came about.

use super::standing::Standing;
use crate::cli::{Common, DiagnoseArgs, Format, ReplayArgs, Replayed};
use crate::failure::Failure;
use crate::output::print;
use crate::report;
use crate::screen::model::{Model, Origin};
use crate::screen::runtime::{self, Content, Contents, Frames, Outside};
use firstbad_collector::diagnosis_json;
use firstbad_collector::offline::{self, Offline, Options, Window};
use firstbad_protocol::Hash;
use firstbad_protocol::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;

/// Frames that a replay keeps; beyond it every second one is dropped, so that a day of data still fits in memory.
const FRAMES_MAX: usize = 720;

/// `firstbad diagnose`.
///
/// # Errors
/// If nothing is readable.
pub(super) fn diagnose(arguments: &DiagnoseArgs) -> Result<ExitCode, Failure> {
    let window = Window { from: arguments.from, to: arguments.to };
    let options = Options { at: arguments.at, window, dimensions: arguments.replayed.dimensions.clone() };
    let found = offline::diagnose(&arguments.replayed.paths, &options)?;
    let standing = standing(&found);
    match arguments.format {
        Format::Json => print(&diagnosis_json(&found.diagnosis))?,
        Format::Text => print(&report::text::diagnosis(&found.snapshot, &found.diagnosis))?,
        Format::Markdown => {
            let contents = contents(found.contents);
            print(&report::markdown::diagnosis(&found.snapshot, &found.diagnosis, Some(&contents)))?;
        }
    }
    if standing == Standing::Blind {
        eprintln!("firstbad: no sender's requests or scores were understood, so an incident could not have been found");
    }
    Ok(standing.into())
}

/// Every incident in the window counts, also one that is over.
fn standing(found: &Offline) -> Standing {
    // A bundle is made of an incident and holds only observations that were understood.
    let is_blind = found.understanding.is_some_and(|understanding| understanding.outcomes == 0);
    match (found.diagnosis.incidents.is_empty(), is_blind) {
        (false, _) => Standing::Incident,
        (true, true) => Standing::Blind,
        (true, false) => Standing::Calm,
    }
}

/// `firstbad replay`.
///
/// # Errors
/// If nothing is readable, or the terminal cannot be used.
pub(super) fn replay(common: &Common, arguments: &ReplayArgs) -> Result<ExitCode, Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdout().is_terminal() {
        return Err(Failure::new("a replay needs a terminal, and standard output is none")
            .hint("for scripts: firstbad diagnose PATH --at T"));
    }
    let Replayed { paths, dimensions } = &arguments.replayed;
    let mut frames = Thinned::default();
    let options = Options { dimensions: dimensions.clone(), ..Options::default() };
    let found = offline::replay(paths, &options, &mut |snapshot| {
        frames.push(snapshot);
        ControlFlow::Continue(())
    })?;
    frames.finish(found.snapshot);
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let model = Model::new(Origin::Replay(names.join(" ")), super::theme(common));
    let outside = Outside { contents: contents(found.contents), frames: Some(Box::new(frames)) };
    let (sender, inbox) = runtime::channel();
    runtime::run(model, sender, inbox, outside)?;
    Ok(ExitCode::SUCCESS)
}

/// Captured contents as the screen asks for them.
fn contents(kept: Vec<firstbad_collector::normalise::Content>) -> Contents {
    let kept: BTreeMap<Hash, Content> = kept
        .into_iter()
        .map(|content| {
            use firstbad_protocol::content::Format;
            let told = Format::from_word(&content.format);
            let format = told.unwrap_or_else(|| Format::of(&content.config, &content.body));
            (content.hash, Content { bytes: content.body, format })
        })
        .collect();
    Arc::new(move |hash| {
        kept.get(&hash).cloned().ok_or_else(|| format!("the content of {} is not in these files", hash.short()))
    })
}

/// Frames at even steps of time, few enough to keep.
struct Thinned {
    frames: Vec<Arc<Snapshot>>,
    step: usize,
    seen: usize,
}

impl Default for Thinned {
    fn default() -> Self {
        Self { frames: Vec::new(), step: 1, seen: 0 }
    }
}

impl Thinned {
    fn push(&mut self, snapshot: &Snapshot) {
        if self.seen.is_multiple_of(self.step) {
            self.frames.push(Arc::new(snapshot.clone()));
        }
        self.seen += 1;
        if self.frames.len() > FRAMES_MAX {
            let mut index = 0;
            self.frames.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.step *= 2;
        }
    }

    /// The last moment is always kept, whatever the step.
    fn finish(&mut self, last: Snapshot) {
        if self.frames.last().is_none_or(|frame| frame.at != last.at) {
            self.frames.push(Arc::new(last));
        }
    }
}

impl Frames for Thinned {
    fn count(&self) -> usize {
        self.frames.len()
    }

    fn frame(&mut self, index: usize) -> Option<Arc<Snapshot>> {
        self.frames.get(index).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use firstbad_collector::normalise::Understanding;
    use firstbad_protocol::time::{SECOND_NS, Timestamp};

    #[test]
    fn what_was_not_understood_is_not_calm() {
        let found = |snapshot: Snapshot, outcomes: Option<u64>| {
            let understanding =
                outcomes.map(|outcomes| Understanding { resources: 3, outcomes, ..Understanding::default() });
            standing(&Offline { diagnosis: snapshot.diagnosis.clone(), snapshot, contents: Vec::new(), understanding })
        };
        let mut over = fixture::named();
        over.diagnosis.incidents = vec![fixture::refused()];
        over.diagnosis.incidents[0].state = firstbad_protocol::verdict::State::Resolved;
        assert_eq!(found(fixture::calm(), Some(1)), Standing::Calm);
        assert_eq!(found(fixture::calm(), Some(0)), Standing::Blind);
        assert_eq!(found(fixture::calm(), None), Standing::Calm, "a bundle holds what was understood");
        assert_eq!(found(fixture::named(), Some(0)), Standing::Incident);
        assert_eq!(found(over, Some(1)), Standing::Incident, "a refusal that is over is an incident");
    }

    #[test]
    fn a_long_replay_keeps_few_frames_at_even_steps_and_the_last_one() {
        let mut frames = Thinned::default();
        let at = |second| Snapshot { at: Some(Timestamp(second * SECOND_NS)), ..fixture::empty() };
        (0..5_000).for_each(|second| frames.push(&at(second)));
        frames.finish(at(5_000));
        assert!(frames.count() <= FRAMES_MAX + 1 && frames.count() > FRAMES_MAX / 2, "{}", frames.count());
        let times: Vec<i64> = frames.frames.iter().filter_map(|frame| Some(frame.at?.0 / SECOND_NS)).collect();
        assert_eq!((times[0], times[1], times.last()), (0, 8, Some(&5_000)));
    }
}
