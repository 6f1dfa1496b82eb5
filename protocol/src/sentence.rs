//! The one sentence about an incident: screen, reports and alerts all print this sentence and no other. The words are decided
//! here, the facts by the engine, and line breaks by the caller that prints it.

use crate::Untrusted;
use crate::time::Timestamp;
use crate::verdict::{Arm, Cause, CauseKind, Incident, Signal, State, Suspect, Verdict};
use std::collections::BTreeMap;

/// Maximum columns of one name in a sentence. With a longer name, time, confidence and hosts would not fit the two lines of 80
/// columns on the first screen. The incident holds the whole name.
const NAME_COLUMNS: usize = 40;
/// Columns of a property: two clauses of facts.
const PROPERTY_COLUMNS: usize = 60;
/// Confidence below which an external cause is called likely, and that below which it is called possible only. Chosen: what is
/// more often wrong than twice in five is no more than possible.
const LIKELY_BELOW: f64 = 0.9;
const MAYBE_BELOW: f64 = 0.4;
/// Maximum number of explanations that the sentence about a tie names. Chosen: most ties have two or three.
const TIED_NAMED: usize = 3;

/// The verdict in one line of safe text, e.g. `NAMED: bot-features 9f3c8e21ab04 (rows > 200) since 11:28:04 (96% confident). 16 of
/// 16 hosts failed while on it; 0 of 8 while on another version`. Times are UTC; the date is in the incident's id.
#[must_use]
pub fn sentence(incident: &Incident) -> String {
    sentence_as_of(incident, None)
}

/// [`sentence`] with dates: times that are not on the day of `now` have their date. Without `now`, no time has one.
#[must_use]
pub fn sentence_as_of(incident: &Incident, now: Option<Timestamp>) -> String {
    let numbers = match (incident.verdict, &incident.cause) {
        _ if incident.is_refusal_only() => refused(incident),
        (Verdict::InsufficientEvidence, _) | (_, None) => unexplained(incident),
        (_, Some(cause)) => weight(incident, cause),
    };
    certainty(incident).to_owned() + &headline_as_of(incident, now) + &numbers + &ending(incident, now)
}

/// How sure it is that what fails is no change, in a word in front. Accusations have their own words.
fn certainty(incident: &Incident) -> &'static str {
    let external = incident.verdict == Verdict::External && incident.cause.is_some() && !incident.is_refusal_only();
    match suspect_of_cause(incident).filter(|_| external) {
        Some(suspect) if suspect.confidence < MAYBE_BELOW => "MAYBE ",
        Some(suspect) if suspect.confidence < LIKELY_BELOW => "LIKELY ",
        _ => "",
    }
}

/// The first part of [`sentence`], up to its numbers. It stays the same as long as the verdict does, so that it can identify a
/// series or an alert. Safe text.
#[must_use]
pub fn headline(incident: &Incident) -> String {
    headline_as_of(incident, None)
}

fn headline_as_of(incident: &Incident, now: Option<Timestamp>) -> String {
    let since = clock_as_of(incident.onset, now);
    match (incident.verdict, &incident.cause) {
        _ if incident.is_refusal_only() => format!("REFUSED: {} since {since}", refused_input(incident)),
        (Verdict::InsufficientEvidence, _) => format!("INSUFFICIENT EVIDENCE: {} since {since}", signals(incident)),
        (_, None) => format!("NOT A CHANGE THAT WE SEE: {} since {since}", signals(incident)),
        (Verdict::Cause, Some(cause)) => format!("NAMED: {} since {since}", what(cause)),
        (Verdict::Suspect, Some(cause)) => format!("SUSPECT: {} since {since}", what(cause)),
        (Verdict::External, Some(cause)) => format!("{}, not a change: {} since {since}", kind(cause), external(cause)),
    }
}

/// What an external cause is a case of.
const fn kind(cause: &Cause) -> &'static str {
    match cause.kind {
        CauseKind::Host => "ONE HOST",
        CauseKind::Dimension => "ONE PLACE",
        CauseKind::Time => "ONE MOMENT",
        CauseKind::Traffic => "LOAD",
        CauseKind::Request => "SOME REQUESTS",
        CauseKind::Config | CauseKind::Binary | CauseKind::Change => "SOMETHING ELSE",
    }
}

/// The cause without its kind, which [`kind`] has printed already.
fn external(cause: &Cause) -> String {
    match cause.kind {
        CauseKind::Host => pairs(&cause.dimensions),
        _ => what(cause),
    }
}

/// The cause without verdict, time or numbers: `bot-features 9f3c8e21ab04 (rows > 200)`, `cloud.region=eu`. Safe text.
#[must_use]
pub fn what(cause: &Cause) -> String {
    let versions = match cause.hashes.split_last() {
        None => String::new(),
        Some((newest, [])) => format!(" {}", newest.short()),
        Some((newest, older)) => format!(" {} and {} more", newest.short(), older.len()),
    };
    let config = cause.config.as_deref().unwrap_or("config");
    let change = cause
        .change
        .as_ref()
        .map(|change| format!("{} {} ({})", Untrusted(&change.kind), Untrusted(&change.id), Untrusted(&change.target)));
    let mut text = match cause.kind {
        CauseKind::Config => format!("{}{versions}", Untrusted(config).cut(NAME_COLUMNS)),
        CauseKind::Binary if cause.scope.is_empty() && cause.dimensions.is_empty() => "the binary".to_owned(),
        CauseKind::Binary if cause.scope.is_empty() => format!("binary {}", pairs(&cause.dimensions)),
        CauseKind::Binary => format!("binary {}", pairs(&cause.scope)),
        CauseKind::Change => change.clone().unwrap_or_else(|| "a change".to_owned()),
        CauseKind::Dimension => pairs(&cause.dimensions),
        CauseKind::Host => format!("one host, {}", pairs(&cause.dimensions)),
        CauseKind::Time => "a moment in time".to_owned(),
        CauseKind::Traffic => "traffic".to_owned(),
        CauseKind::Request => "request data".to_owned(),
    };
    if let Some(property) = &cause.property {
        text += &format!(" ({})", Untrusted(&property.to_string()).cut(PROPERTY_COLUMNS));
    }
    if cause.kind == CauseKind::Config && !cause.scope.is_empty() {
        text += &format!(" where {}", pairs(&cause.scope));
    }
    if let (CauseKind::Binary, Some(change)) = (cause.kind, change) {
        text += &format!(", {change}");
    }
    text
}

/// A suspect in the words of [`what`].
#[must_use]
pub fn what_suspect(suspect: &Suspect) -> String {
    what(&Cause {
        kind: suspect.kind,
        config: suspect.config.clone(),
        hashes: suspect.hashes.clone(),
        property: suspect.property.clone(),
        also_separates: Vec::new(),
        scope: suspect.scope.clone(),
        change: suspect.change.clone(),
        dimensions: suspect.dimensions.clone(),
    })
}

/// The suspect that the cause was taken from: the first that names the same thing, else the one ranked first.
#[must_use]
pub fn suspect_of_cause(incident: &Incident) -> Option<&Suspect> {
    let same = |suspect: &&Suspect| {
        incident.cause.as_ref().is_some_and(|cause| {
            suspect.kind == cause.kind
                && suspect.config == cause.config
                && suspect.hashes == cause.hashes
                && suspect.scope == cause.scope
                && suspect.dimensions == cause.dimensions
        })
    };
    incident.suspects.iter().find(same).or_else(|| incident.suspects.first())
}

/// `HH:MM:SS` in UTC.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(11..19).map_or_else(|| text.clone(), str::to_owned)
}

/// The same, with the date in front if it is not on the day of `now`.
#[must_use]
pub fn clock_as_of(at: Timestamp, now: Option<Timestamp>) -> String {
    let day = |at: Timestamp| at.to_string().get(..10).map(str::to_owned);
    match (now.and_then(day), day(at)) {
        (Some(today), Some(day)) if today != day => format!("{day} {}", clock(at)),
        _ => clock(at),
    }
}

/// Date and time in UTC, RFC 3339 to the millisecond: what people read. Data keep the nanoseconds.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    Timestamp(at.0 - at.0.rem_euclid(1_000_000)).to_string()
}

/// Whole percent, rounded down, so that only certainty is shown as 100%.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.0}%", (share * 100.0 + 1e-9).floor())
}

fn weight(incident: &Incident, cause: &Cause) -> String {
    let Some(suspect) = suspect_of_cause(incident) else { return String::new() };
    let confident = format!(" ({} confident). ", percent(suspect.confidence));
    if suspect.exposed.hosts_failing == 0 && suspect.exposed.observed > suspect.exposed.expected {
        return confident
            + &format!(
                "{:.1} times the failures of others ({:.0} on it where {:.0} were expected)",
                suspect.rate_ratio, suspect.exposed.observed, suspect.exposed.expected
            );
    }
    let did = what_they_did(incident);
    let (exposed, others) = match cause.kind {
        CauseKind::Dimension | CauseKind::Host => (format!("there {did}"), "elsewhere"),
        CauseKind::Time | CauseKind::Traffic | CauseKind::Request => (did.to_owned(), "of the others"),
        CauseKind::Config | CauseKind::Binary => (format!("{did} while on it"), "while on another version"),
        CauseKind::Change => (format!("{did} with it"), "without it"),
    };
    let exposed = share(suspect.exposed.hosts_failing, suspect.exposed.hosts, &exposed);
    let Arm { hosts, hosts_failing, .. } = suspect.control;
    let control = match hosts {
        0 => "no host is left to compare with".to_owned(),
        _ => format!("{hosts_failing} of {hosts} {others}"),
    };
    format!("{confident}{exposed}; {control}")
}

/// The verb for affected hosts: hosts that only answer, score or run differently do not fail.
fn what_they_did(incident: &Incident) -> &'static str {
    let is_harmful = |signal: &Signal| {
        matches!(signal, Signal::Errors | Signal::Panics | Signal::Deaths | Signal::Loads | Signal::SilentHosts)
    };
    if incident.impact.requests_failed > 0 || incident.signals.iter().any(is_harmful) {
        return "failed";
    }
    match incident.signals.as_slice() {
        [Signal::Answers] => "answered differently",
        [Signal::Scores] => "scored differently",
        _ => "were affected",
    }
}

/// `16 of 24 hosts failed`.
fn share(part: u64, whole: u64, what: &str) -> String {
    let hosts = if whole == 1 { "host" } else { "hosts" };
    format!("{part} of {whole} {hosts} {what}").trim_end().to_owned()
}

/// The affected hosts and the nearest explanation; for a tie, all explanations in it.
fn unexplained(incident: &Incident) -> String {
    let hosts = share(incident.impact.hosts_affected, incident.impact.hosts_reporting, "");
    let nearest = match (incident.verdict, incident.tied(), incident.suspects.first()) {
        (Verdict::InsufficientEvidence, [], Some(first)) => {
            format!(". Nearest: {} ({} confident)", what_suspect(first), percent(first.confidence))
        }
        (Verdict::InsufficientEvidence, tied @ [_, ..], _) => format!(". A tie: {}", tie(tied)),
        _ => String::new(),
    };
    format!(" on {hosts}{nearest}")
}

fn tie(tied: &[Suspect]) -> String {
    let mut names: Vec<String> = tied.iter().take(TIED_NAMED).map(what_suspect).collect();
    if let Some(more) = tied.len().checked_sub(TIED_NAMED).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    format!("{} and {last} cannot be told apart", names.join(", "))
}

/// The input that hosts refused: the accused one, else the one that ranks first.
fn refused_input(incident: &Incident) -> String {
    let first = || incident.suspects.iter().find(|suspect| suspect.config.is_some()).map(what_suspect);
    incident.cause.as_ref().map(what).or_else(first).unwrap_or_else(|| "an input".to_owned())
}

fn refused(incident: &Incident) -> String {
    let hosts = share(incident.impact.hosts_affected, incident.impact.hosts_reporting, "");
    // If requests were hurt, impact and signals contradict each other, and the sentence must not repeat either.
    let unharmed = if incident.impact.requests_hurt() == 0 { "; nothing failed" } else { "" };
    let unknown = if incident.verdict.accuses() { "" } else { "; the content is not accused" };
    format!(". {hosts} refused it and kept the last good one{unharmed}{unknown}")
}

fn signals(incident: &Incident) -> String {
    let words: Vec<String> = incident.signals.iter().map(|signal| signal.as_str().replace('_', " ")).collect();
    if words.is_empty() { "a symptom".to_owned() } else { words.join(", ") }
}

fn ending(incident: &Incident, now: Option<Timestamp>) -> String {
    if let Some(older) = &incident.merged_into {
        return format!(". It goes on as {}", Untrusted(older));
    }
    match (incident.state, incident.resolved_at) {
        (State::Open, _) => String::new(),
        (State::Recovering, _) => ". Recovering".to_owned(),
        (State::Resolved, None) => ". Resolved".to_owned(),
        (State::Resolved, Some(at)) => format!(". Resolved {}", clock_as_of(at, now)),
    }
}

fn pairs(pairs: &BTreeMap<String, String>) -> String {
    let told: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", Untrusted(key).cut(NAME_COLUMNS), Untrusted(value).cut(NAME_COLUMNS)))
        .collect();
    if told.is_empty() { "unknown".to_owned() } else { told.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hash;
    use crate::verdict::Impact;

    fn suspect(cause: &Cause) -> Suspect {
        Suspect {
            rank: 1,
            kind: cause.kind,
            config: cause.config.clone(),
            hashes: cause.hashes.clone(),
            property: cause.property.clone(),
            scope: cause.scope.clone(),
            change: None,
            dimensions: cause.dimensions.clone(),
            confidence: 0.969,
            exposed: Arm { hosts: 16, hosts_failing: 16, observed: 900.0, expected: 1.0 },
            control: Arm { hosts: 8, hosts_failing: 0, observed: 1.0, expected: 1.0 },
            rate_ratio: 900.0,
            explained_share: 0.99,
            evidence: Vec::new(),
            against: Vec::new(),
        }
    }

    fn incident(verdict: Verdict, cause: Option<Cause>) -> Incident {
        let any = config(&[b"bad"]);
        Incident {
            signals: vec![Signal::Errors, Signal::SilentHosts],
            impact: Impact {
                requests_failed: 9,
                failed_share: 0.1,
                hosts_affected: 2,
                hosts_reporting: 24,
                ..Impact::default()
            },
            verdict,
            suspects: vec![suspect(cause.as_ref().unwrap_or(&any))],
            cause,
            ..Incident::new("20251118-112804-errors".into(), Timestamp::from_seconds(1_763_465_284))
        }
    }

    fn config(hashes: &[&[u8]]) -> Cause {
        Cause {
            kind: CauseKind::Config,
            config: Some("bot-features".into()),
            hashes: hashes.iter().map(|bytes| Hash::of(bytes)).collect(),
            property: Some("rows > 200".into()),
            also_separates: Vec::new(),
            scope: BTreeMap::new(),
            change: None,
            dimensions: BTreeMap::new(),
        }
    }

    #[test]
    fn a_named_input_is_told_with_property_time_confidence_and_both_arms() {
        let short = Hash::of(b"bad").short();
        assert_eq!(
            sentence(&incident(Verdict::Cause, Some(config(&[b"bad"])))),
            format!(
                "NAMED: bot-features {short} (rows > 200) since 11:28:04 (96% confident). 16 of 16 hosts failed while on it; 0 of 8 while on another version"
            )
        );
        let family = sentence(&incident(Verdict::Suspect, Some(config(&[b"x", b"y", b"bad"]))));
        assert!(family.starts_with(&format!("SUSPECT: bot-features {short} and 2 more (rows > 200)")), "{family}");
    }

    #[test]
    fn what_is_not_known_is_said_so() {
        let told = sentence(&incident(Verdict::InsufficientEvidence, None));
        assert!(
            told.starts_with("INSUFFICIENT EVIDENCE: errors, silent hosts since 11:28:04 on 2 of 24 hosts. Nearest: "),
            "{told}"
        );
        let told = sentence(&incident(Verdict::External, None));
        assert_eq!(told, "NOT A CHANGE THAT WE SEE: errors, silent hosts since 11:28:04 on 2 of 24 hosts");
    }

    #[test]
    fn a_tie_names_all_that_it_holds() {
        let mut told = incident(Verdict::InsufficientEvidence, None);
        let twin = |name: &str| Suspect { config: Some(name.into()), property: None, ..told.suspects[0].clone() };
        let short = Hash::of(b"bad").short();
        told.suspects = vec![twin("a"), twin("b"), Suspect { rank: 3, ..twin("c") }];
        assert_eq!(
            sentence(&told),
            format!(
                "INSUFFICIENT EVIDENCE: errors, silent hosts since 11:28:04 on 2 of 24 hosts. A tie: a {short} and b {short} cannot be told apart"
            )
        );
        let (many, one) = (told.suspects.clone(), told.suspects[0].clone());
        told.suspects = [vec![one; 4], many].concat();
        assert!(sentence(&told).ends_with(&format!("a {short}, a {short}, a {short} and 3 more cannot be told apart")));
    }

    #[test]
    fn a_refusal_is_no_outage() {
        let mut told = incident(Verdict::Cause, Some(config(&[b"bad"])));
        told.signals = vec![Signal::Loads];
        told.impact.requests_failed = 0;
        let short = Hash::of(b"bad").short();
        let expected = format!(
            "REFUSED: bot-features {short} (rows > 200) since 11:28:04. 2 of 24 hosts refused it and kept the last good one; nothing failed"
        );
        assert_eq!(sentence(&told), expected);
        assert_eq!(headline(&told), format!("REFUSED: bot-features {short} (rows > 200) since 11:28:04"));
        (told.verdict, told.cause) = (Verdict::InsufficientEvidence, None);
        assert_eq!(sentence(&told), expected + "; the content is not accused");
    }

    #[test]
    fn hosts_that_answer_differently_are_not_said_to_fail() {
        let mut told = incident(Verdict::Suspect, Some(config(&[b"bad"])));
        told.impact.requests_failed = 0;
        for (signals, did) in [
            (vec![Signal::Answers], "answered differently"),
            (vec![Signal::Scores], "scored differently"),
            (vec![Signal::Latency, Signal::Cpu], "were affected"),
            (vec![Signal::Scores, Signal::Panics], "failed"),
        ] {
            told.signals = signals;
            let ending = format!("16 of 16 hosts {did} while on it; 0 of 8 while on another version");
            assert!(sentence(&told).ends_with(&ending), "{}", sentence(&told));
        }
    }

    #[test]
    fn a_merged_incident_says_where_it_goes_on() {
        let mut told = incident(Verdict::Cause, Some(config(&[b"bad"])));
        told.state = State::Resolved;
        told.merged_into = Some("20251118-112700-errors".into());
        assert!(
            sentence(&told).ends_with("0 of 8 while on another version. It goes on as 20251118-112700-errors"),
            "{}",
            sentence(&told)
        );
    }

    #[test]
    fn a_place_is_named_and_not_accused() {
        let cause = Cause {
            kind: CauseKind::Dimension,
            config: None,
            hashes: Vec::new(),
            property: None,
            dimensions: BTreeMap::from([("cloud.region".into(), "eu".into())]),
            ..config(&[])
        };
        let mut told = incident(Verdict::External, Some(cause));
        told.state = State::Resolved;
        told.resolved_at = Some(Timestamp::from_seconds(1_763_465_344));
        assert_eq!(
            sentence(&told),
            "ONE PLACE, not a change: cloud.region=eu since 11:28:04 (96% confident). 16 of 16 hosts there failed; 0 of 8 elsewhere. Resolved 11:29:04"
        );
        let stable = headline(&told);
        told.suspects[0].confidence = 0.49;
        assert!(sentence(&told).starts_with("LIKELY ONE PLACE, not a change: cloud.region=eu"), "{}", sentence(&told));
        told.suspects[0].confidence = 0.33;
        assert!(sentence(&told).starts_with("MAYBE ONE PLACE, not a change: cloud.region=eu"), "{}", sentence(&told));
        assert_eq!(headline(&told), stable, "an alert keeps its name while the confidence moves");
        told.suspects[0].control = Arm::default();
        assert!(sentence(&told).contains("; no host is left to compare with"), "{}", sentence(&told));
    }

    #[test]
    fn a_time_of_another_day_has_its_date() {
        let told = incident(Verdict::External, None);
        let at = |seconds: i64| Some(Timestamp::from_seconds(1_763_465_284 + seconds));
        assert!(sentence_as_of(&told, at(60)).contains("since 11:28:04"), "the same day");
        assert!(sentence_as_of(&told, at(86_400)).contains("since 2025-11-18 11:28:04"), "the day after");
        assert!(sentence(&told).contains("since 11:28:04"));
    }

    #[test]
    fn a_moment_is_told_to_the_millisecond() {
        assert_eq!(moment(Timestamp(1_763_465_284_123_456_789)), "2025-11-18T11:28:04.123Z");
        assert_eq!(moment(Timestamp::from_seconds(1_763_465_284)), "2025-11-18T11:28:04Z");
    }

    #[test]
    fn hostile_names_are_escaped() {
        let mut cause = config(&[b"bad"]);
        cause.config = Some("a\u{1b}]52;c;x\u{7}\u{202e}".into());
        cause.property = Some("b\nc".into());
        let told = sentence(&incident(Verdict::Cause, Some(cause)));
        assert!(told.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{told}");
        let mut cause = config(&[b"x", b"bad"]);
        cause.config = Some("n".repeat(256));
        let told = sentence(&incident(Verdict::Cause, Some(cause)));
        assert!(told.len() <= 190 && told.ends_with("0 of 8 while on another version"), "{told}");
    }
}
