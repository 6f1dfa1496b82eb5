//! The actions to show for an incident, least risk first: those of its playbook, with facts filled in. An incident whose
//! playbook this binary does not have gets the embedded one that fits, and the one for too little evidence only if nothing
//! is accused: it must not contradict the verdict.

use firstbad_playbooks::{Playbook, embedded, fill, matching};
use firstbad_protocol::verdict::Incident;

/// One action, ready to be shown. Its text is safe to paste: slots hold nothing that a shell would act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    /// What to do, whole.
    pub(crate) what: String,
    /// The same in a few words, for a line.
    pub(crate) brief: String,
    /// What can go wrong.
    pub(crate) risk: String,
    /// Whether it can be undone.
    pub(crate) reversible: bool,
    /// How to see that it worked.
    pub(crate) verify: String,
}

impl Advice {
    /// The risk, and that an action cannot be undone.
    pub(crate) fn risk_said(&self) -> String {
        if self.reversible { format!("risk: {}", self.risk) } else { format!("risk: not undoable; {}", self.risk) }
    }

    /// The same in its first clause, for a line that has no room for the whole.
    pub(crate) fn risk_in_brief(&self) -> String {
        let said = self.risk_said();
        let (label, risk) = said.split_once(' ').unwrap_or(("risk:", &said));
        let clause = risk.split(['.', ':', ';']).next().unwrap_or(risk);
        let mut letters = clause.chars();
        let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
        format!("{label} {first}{}", letters.as_str())
    }
}

/// The playbook for `incident`.
pub(crate) fn playbook(incident: &Incident) -> Option<&'static Playbook> {
    let named = incident.playbook.as_deref().and_then(|name| embedded().get(name));
    let last_resort = || embedded().get("insufficient-evidence").filter(|_| !incident.verdict.accuses());
    named.or_else(|| matching(incident)).or_else(last_resort)
}

/// Its actions.
pub(crate) fn actions(incident: &Incident) -> Vec<Advice> {
    let actions = playbook(incident).map(|playbook| playbook.actions.as_slice()).unwrap_or_default();
    actions
        .iter()
        .map(|action| Advice {
            what: fill(&action.what, incident).0,
            brief: fill(action.brief.as_deref().unwrap_or(&action.what), incident).0,
            risk: fill(&action.risk, incident).0,
            reversible: action.reversible,
            verify: fill(&action.verify, incident).0,
        })
        .collect()
}
