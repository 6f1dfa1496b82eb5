//! Tests playbooks against recorded incidents: a JSON file holds a diagnosis as `firstbad diagnose --format json` prints
//! it, and the names of the playbooks that must match its incidents, in order. Reading the files is the caller's business.

use crate::Library;
use firstbad_protocol::verdict::Incident;

/// What became of one recorded incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The incident's id.
    pub incident: String,
    /// The playbook that the record demands.
    pub expected: Option<String>,
    /// The playbook that matched.
    pub found: Option<String>,
    /// Slots of its actions that could not be filled.
    pub unfilled: Vec<String>,
}

impl Checked {
    /// Whether the right playbook matched.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.expected == self.found
    }
}

/// Matches `incident` and compares with the playbook name that it was recorded with.
#[must_use]
pub fn check(library: &Library, incident: &Incident) -> Checked {
    let found = library.matching(incident);
    let unfilled = found
        .into_iter()
        .flat_map(|playbook| &playbook.actions)
        .flat_map(|action| crate::fill(&action.what, incident).1)
        .map(|refused| refused.slot)
        .collect();
    Checked {
        incident: incident.id.clone(),
        expected: incident.playbook.clone(),
        found: found.map(|playbook| playbook.name.clone()),
        unfilled,
    }
}
