//! From a judgement to the contract's words: cause, suspects, and when what is accused began to do harm.

use crate::hypothesis::Hypothesis;
use crate::hypothesis::judgement::Judgement;
use crate::hypothesis::spans;
use crate::numerics::time::Instant;
use crate::scene::Scene;
use crate::scene::spans::Spans;
use crate::state::State;
use crate::wording::words;
use firstbad_protocol::limits::SUSPECTS_MAX;
use firstbad_protocol::verdict::{Cause, CauseKind, Suspect, Verdict};

/// When the first hosts began to fail under what is named; a fiftieth may have a trouble of their own.
pub(crate) fn begins_with(judged: &Judgement, scene: &Scene<'_>) -> Option<Instant> {
    let named = judged.named.as_ref()?;
    let exposed = Spans::on_levels(scene, named.family()?);
    let tolerance = scene.tolerance();
    let mut begun: Vec<Instant> = scene
        .patients
        .iter()
        .enumerate()
        .filter_map(|(index, patient)| {
            let spans = exposed.of(index)?;
            let within = |start: Instant| spans.iter().any(|span| start >= span.start - tolerance && start < span.end);
            patient.bouts.iter().map(|bout| bout.start).find(|start| within(*start))
        })
        .collect();
    begun.sort_unstable();
    begun.get(begun.len() / 50).copied()
}

/// Whether a hypothesis says nothing of how the incident began: what reached hosts when others had failed for long, a
/// mitigation say, is not what set it off.
pub(crate) fn is_later(onset: Instant, scene: &Scene<'_>, named: &Hypothesis) -> bool {
    let Some(exposed) = spans(scene, named) else { return false };
    let begins = onset - scene.interval..onset + 6 * scene.interval;
    let (mut first, mut explained) = (0, 0);
    for (index, patient) in scene.that_fail() {
        for bout in patient.bouts.iter().filter(|bout| begins.contains(&bout.start)) {
            first += 1;
            explained += usize::from(scene.began_in(bout, exposed.of(index).unwrap_or_default()));
        }
    }
    explained * 2 < first || first == 0
}

/// As the contract tells a cause.
pub(crate) fn cause_of(state: &State, named: &Hypothesis) -> Cause {
    Cause {
        kind: named.kind,
        config: named.factor.and_then(|factor| state.tables.config_name(factor)).map(ToOwned::to_owned),
        hashes: words::hashes(state, &named.levels),
        property: named.properties.first().map(|found| found.property.clone()),
        also_separates: named.properties.iter().skip(1).map(|found| found.property.clone()).collect(),
        scope: named.scope.clone(),
        change: words::change(state, named),
        dimensions: named.dimensions.clone(),
    }
}

/// Suspects by rank; those that tie share it and say so.
pub(crate) fn suspects(state: &State, judged: &Judgement) -> Vec<Suspect> {
    let mut list: Vec<Suspect> = Vec::new();
    for (index, hypothesis) in judged.ranked.iter().take(SUSPECTS_MAX).enumerate() {
        let rank = if index <= judged.tied { 1 } else { index + 1 };
        let mut suspect = words::suspect(state, hypothesis, u32::try_from(rank).unwrap_or(u32::MAX));
        if judged.tied > 0 && index <= judged.tied {
            let others: Vec<String> = judged
                .ranked
                .iter()
                .take(judged.tied + 1)
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, other)| words::name(state, other))
                .collect();
            suspect.against.push(format!(
                "cannot be told apart from {}: both explain the same failures; give one of them alone to a few hosts to separate them",
                others.join(", ")
            ));
            suspect.confidence = suspect.confidence.min(0.5);
        }
        if !judged.verdict.accuses() {
            suspect.confidence = suspect.confidence.min(0.5);
        }
        if judged.verdict == Verdict::Cause && index == 0 {
            suspect.confidence = suspect.confidence.max(0.9);
        }
        list.push(suspect);
    }
    list
}

/// Where nothing is known the contract still wants an answer: the failing itself.
pub(crate) fn unknown() -> Suspect {
    Suspect {
        rank: 1,
        kind: CauseKind::Time,
        config: None,
        hashes: Vec::new(),
        property: None,
        scope: std::collections::BTreeMap::new(),
        change: None,
        dimensions: std::collections::BTreeMap::new(),
        confidence: 0.0,
        exposed: Default::default(),
        control: Default::default(),
        rate_ratio: 0.0,
        explained_share: 0.0,
        evidence: Vec::new(),
        against: vec!["no load, deploy or change that was reported explains which hosts fail and when".to_owned()],
    }
}
