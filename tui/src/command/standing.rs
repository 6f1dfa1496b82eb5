//! The exit code of commands that answer whether there is an incident (docs/verdict.md). Each command decides which
//! incidents count.

use std::process::ExitCode;

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is no incident, and one would have been seen.
    Calm = 0,
    /// There is an incident, perhaps one that harms nobody.
    Incident = 1,
    /// The data cannot show whether there is an incident.
    Blind = 2,
}

impl From<Standing> for ExitCode {
    fn from(standing: Standing) -> Self {
        Self::from(standing as u8)
    }
}
