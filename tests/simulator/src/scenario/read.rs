//! Reads a scenario file, and says what in it cannot be meant.

use super::Scenario;
use std::path::Path;

/// Reads one scenario.
///
/// # Errors
/// If the file cannot be read or says something unknown.
pub fn read(path: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("reading {}: {e}", path.display()))?;
    let mut scenario: Scenario = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    scenario.name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(scenario)
}

/// What a scenario says that cannot be meant: unknown kinds, tags that nothing has. Empty when it is sound.
#[must_use]
pub fn faults(scenario: &Scenario) -> Vec<String> {
    let alternating = scenario.alternation.iter().map(|turns| turns.tag.as_str());
    let tags: Vec<&str> =
        scenario.publish.iter().map(|publish| publish.tag.as_str()).chain(alternating).chain(["*"]).collect();
    let changes: Vec<&str> = scenario.change.iter().map(|change| change.tag.as_str()).collect();
    let mut faults = Vec::new();
    let mut known = |what: &str, word: Option<&str>, among: &[&str]| {
        if let Some(word) = word.filter(|word| !among.contains(word)) {
            faults.push(format!("{}: unknown {what} `{word}`", scenario.name));
        }
    };
    for effect in &scenario.effect {
        let kind = Some(effect.kind.as_str()).filter(|word| crate::effect::Kind::from_word(word).is_none());
        known("effect", kind, &[]);
        known("tag", effect.loads.as_deref(), &tags);
        known("tag", effect.after_publish.as_deref(), &tags);
        known("change", effect.change.as_deref(), &changes);
    }
    for answer in scenario.expect.answer.iter().chain(&scenario.expect.interim) {
        known("tag", answer.tag.as_deref(), &tags);
        known("change", answer.change.as_deref(), &changes);
        for word in &answer.verdict {
            known("verdict", Some(word), &["none", "cause", "suspect", "external", "insufficient_evidence"]);
        }
    }
    for fault in &scenario.fault {
        let kinds = [
            "lost",
            "late",
            "skew",
            "jump",
            "far",
            "no_loads",
            "late_loads",
            "liar",
            "flood",
            "nan",
            "sick_lost",
            "no_active",
        ];
        known("fault", Some(&fault.kind), &kinds);
    }
    known("class", Some(&scenario.expect.class), &["positive", "negative", "open"]);
    known("measure", Some(&scenario.expect.measure), &["exposure", "symptom"]);
    faults
}
