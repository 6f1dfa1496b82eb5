//! Playbooks: one Markdown file per failure mode, with front matter that says when it applies and what to do, in order of
//! risk. This crate parses, matches and tests them. It never runs anything: an action is text for a person, and values
//! from telemetry enter it only through typed slots (reliability.md F3).
#![forbid(unsafe_code)]

mod check;
mod front_matter;
mod library;
mod rules;
mod slots;

pub use check::{Checked, check};
pub use front_matter::{Action, ParseError, Playbook, Severity, Until};
pub use library::{Library, LibraryError, embedded};
pub use rules::Examples;
pub use slots::{SlotRefused, fill};

use firstbad_protocol::verdict::{Diagnosis, Incident};

/// Writes the name of the matching embedded playbook into every incident.
pub fn annotate(diagnosis: &mut Diagnosis) {
    for incident in &mut diagnosis.incidents {
        incident.playbook = matching(incident).map(|playbook| playbook.name.clone());
    }
}

/// The embedded playbook that fits `incident` best, if any does.
#[must_use]
pub fn matching(incident: &Incident) -> Option<&'static Playbook> {
    embedded().matching(incident)
}
