//! The 18 November outage, live on this machine: a generator with the real mistake, a fleet of real processes that serve
//! real HTTP, the load on it, and the ground truth of what was done to whom.
//!
//! It only stages and tells the truth about the stage. It does not know the collector, the engine's reasoning or the
//! screen (arrows: `tui -> demo -> instrument`): [`judge()`] compares a finished diagnosis with the truth, and whoever
//! calls it decides what to do about the answer.
#![forbid(unsafe_code)]

mod catalogue;
mod change;
mod clock;
#[cfg(test)]
mod fixture;
mod generator;
mod home;
mod http;
mod judge;
mod load;
mod processes;
mod proxy;
mod publication;
mod random;
mod roster;
mod scenario;
mod stage;
mod truth;
mod watch;

pub use home::Home;
pub use judge::{Finding, Judgement, judge};
pub use scenario::{Phase, Scenario};
pub use stage::{Settings, Stage, StageError};
pub use truth::{Event, Innocent, Killed, Served, Truth};
pub use watch::{Outcome, Watch, timeline_line};

/// First argument of a process that plays a part on the stage. The binary that starts the stage dispatches it to
/// [`child`] before it reads any other argument.
pub const CHILD_COMMAND: &str = "demo-child";

/// Runs one part: `proxy SETTINGS` serves until its standard input ends, `janitor DIR` removes the stage's directory then.
#[must_use]
pub fn child(arguments: &[String]) -> std::process::ExitCode {
    match arguments {
        [role, settings] if role == proxy::ROLE => proxy::run(settings),
        [role, directory] if role == home::JANITOR_ROLE => home::clean_up_after_parent(directory),
        _ => {
            eprintln!(
                "{CHILD_COMMAND}: expected `proxy SETTINGS` or `janitor DIR`; it is started by `firstbad demo` only"
            );
            std::process::ExitCode::from(2)
        }
    }
}
