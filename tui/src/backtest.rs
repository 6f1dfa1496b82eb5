//! What past data would have led to: which incidents would have been opened, what would have been named, and who would have
//! been woken, each with its time. It folds the incidents of each moment of a replay; it decides nothing of a verdict.

use crate::facts::counted;
use firstbad_collector::severity;
use firstbad_protocol::sentence::sentence;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{Cause, Diagnosis, Incident, State, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;

/// Seconds of a day.
const DAY_S: f64 = 86_400.0;

/// What changed in an incident at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Turn {
    /// Event time.
    pub(crate) at: Timestamp,
    pub(crate) state: State,
    pub(crate) verdict: Verdict,
    /// `critical` wakes somebody, `warning` does not.
    pub(crate) severity: &'static str,
    /// Whether an alert became critical, so that somebody would have been woken.
    pub(crate) wakes: bool,
    pub(crate) sentence: String,
}

/// The course of one incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Story {
    pub(crate) id: String,
    pub(crate) onset: Timestamp,
    /// The changes of state, verdict and cause, oldest first.
    pub(crate) turns: Vec<Turn>,
    /// The incident as of its last change.
    pub(crate) incident: Incident,
}

impl Story {
    /// How often somebody would have been woken.
    fn wakes(&self) -> usize {
        self.turns.iter().filter(|turn| turn.wakes).count()
    }
}

/// State, verdict and cause: if one of them changes, the incident gets a new turn.
type Word = (State, Verdict, Option<Cause>);

/// Incidents as a replay goes on.
#[derive(Debug, Default)]
pub(crate) struct Course {
    stories: BTreeMap<String, Story>,
    words: BTreeMap<String, Word>,
}

/// Counts of the whole period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Counts {
    /// Incidents that would have been opened.
    pub(crate) incidents: usize,
    /// Of them, those whose last verdict accuses a change (`cause` or `suspect`).
    pub(crate) named: usize,
    /// Those whose last verdict is that something else than a change did it.
    pub(crate) external: usize,
    /// Those whose last verdict is insufficient evidence.
    pub(crate) abstained: usize,
    /// How often a named change was withdrawn for another verdict or another cause.
    pub(crate) withdrawn: usize,
    /// How often somebody would have been woken.
    pub(crate) wakes: usize,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Backtest {
    pub(crate) schema: u32,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    pub(crate) hosts: u64,
    pub(crate) report_interval_s: f64,
    pub(crate) counts: Counts,
    /// Per day; null for a period shorter than a day, which tells no rate.
    pub(crate) incidents_per_day: Option<f64>,
    pub(crate) wakes_per_day: Option<f64>,
    pub(crate) stories: Vec<Story>,
    pub(crate) blind_spots: Vec<String>,
}

impl Course {
    /// Takes the incidents as of `at`.
    pub(crate) fn take(&mut self, at: Timestamp, incidents: &[Incident]) {
        for incident in incidents {
            let word = (incident.state, incident.verdict, incident.cause.clone());
            if self.words.get(&incident.id) == Some(&word) {
                continue;
            }
            self.words.insert(incident.id.clone(), word);
            let story = self.stories.entry(incident.id.clone()).or_insert_with(|| Story {
                id: incident.id.clone(),
                onset: incident.onset,
                turns: Vec::new(),
                incident: incident.clone(),
            });
            let now = if incident.state == State::Resolved { "none" } else { severity(incident) };
            let wakes = now == "critical" && story.turns.last().is_none_or(|turn| turn.severity != "critical");
            let (state, verdict) = (incident.state, incident.verdict);
            story.turns.push(Turn { at, state, verdict, severity: now, wakes, sentence: sentence(incident) });
            story.onset = incident.onset;
            story.incident = incident.clone();
        }
    }

    /// The answer, with what is known at the end.
    pub(crate) fn finish(mut self, diagnosis: &Diagnosis) -> Backtest {
        let window = &diagnosis.window;
        self.take(window.to.unwrap_or_default(), &diagnosis.incidents);
        for incident in &diagnosis.incidents {
            if let Some(story) = self.stories.get_mut(&incident.id) {
                story.incident = incident.clone();
            }
        }
        let mut stories: Vec<Story> = self.stories.into_values().collect();
        stories.sort_by(|a, b| (a.onset, &a.id).cmp(&(b.onset, &b.id)));
        let counts = counts(&stories);
        let length_s = window.from.zip(window.to).map_or(0.0, |(from, to)| seconds(to.since(from)));
        let per_day = |count: usize| (length_s >= DAY_S).then(|| rate(count, length_s));
        Backtest {
            schema: diagnosis.schema,
            from: window.from,
            to: window.to,
            hosts: window.hosts,
            report_interval_s: window.report_interval_s,
            counts,
            incidents_per_day: per_day(counts.incidents),
            wakes_per_day: per_day(counts.wakes),
            stories,
            blind_spots: diagnosis.blind_spots.iter().map(ToString::to_string).collect(),
        }
    }
}

fn counts(stories: &[Story]) -> Counts {
    let mut counts = Counts { incidents: stories.len(), ..Counts::default() };
    for story in stories {
        let place = match story.incident.verdict {
            Verdict::Cause | Verdict::Suspect => &mut counts.named,
            Verdict::External => &mut counts.external,
            Verdict::InsufficientEvidence => &mut counts.abstained,
        };
        *place += 1;
        counts.withdrawn += story.incident.history.iter().filter(|earlier| earlier.verdict.accuses()).count();
        counts.wakes += story.wakes();
    }
    counts
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / SECOND_NS as f64
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn rate(count: usize, length_s: f64) -> f64 {
    (count as f64 * DAY_S / length_s * 1000.0).round() / 1000.0
}

/// The answer as text.
pub(crate) fn text(found: &Backtest) -> String {
    let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let Counts { incidents, named, external, abstained, withdrawn, wakes } = found.counts;
    let per_day = |rate: Option<f64>| {
        rate.map_or_else(|| "the period is shorter than a day: no rate".to_owned(), |rate| format!("{rate} a day"))
    };
    let mut out = format!(
        "PERIOD     {} to {}; {} hosts, a report every {} s\n\
         INCIDENTS  {incidents} ({}): {named} with a change named, {external} external, {abstained} without sufficient evidence\n\
         WITHDRAWN  {}\n\
         WOKEN      {} ({})\n",
        time(found.from),
        time(found.to),
        found.hosts,
        found.report_interval_s,
        per_day(found.incidents_per_day),
        counted(withdrawn as u64, "named change"),
        counted(wakes as u64, "time"),
        per_day(found.wakes_per_day),
    );
    for story in &found.stories {
        out.push_str(&format!("\n{}  onset {}\n", firstbad_protocol::Untrusted(&story.id), story.onset));
        for turn in &story.turns {
            let wakes = if turn.wakes { "WOKEN  " } else { "       " };
            out.push_str(&format!("  {}  {wakes}{}\n", turn.at, turn.sentence));
        }
        if let Some(other) = &story.incident.merged_into {
            out.push_str(&format!("  merged into {}\n", firstbad_protocol::Untrusted(other)));
        }
    }
    for blind in &found.blind_spots {
        out.push_str(&format!("BLIND      {}\n", firstbad_protocol::Untrusted(blind)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn turned(state: State, verdict: Verdict) -> Incident {
        Incident { state, verdict, ..fixture::named().diagnosis.incidents.remove(0) }
    }

    #[test]
    fn somebody_is_woken_when_a_harmful_change_is_accused_and_once() {
        let mut course = Course::default();
        let steps = [
            (State::Open, Verdict::InsufficientEvidence, false),
            (State::Open, Verdict::Suspect, true),
            (State::Open, Verdict::Cause, false),
            (State::Open, Verdict::Cause, false),
            (State::Resolved, Verdict::Cause, false),
        ];
        for (second, (state, verdict, _)) in (1..).zip(steps) {
            course.take(Timestamp::from_seconds(second), &[turned(state, verdict)]);
        }
        let mut refused = fixture::refused();
        refused.id = "refused".to_owned();
        course.take(Timestamp::from_seconds(9), &[refused]);
        let mut end = fixture::calm().diagnosis;
        (end.window.from, end.window.to) = (Some(Timestamp(0)), Some(Timestamp::from_seconds(2 * 86_400)));
        let found = course.finish(&end);
        let turns: Vec<bool> = found
            .stories
            .iter()
            .filter(|story| story.id != "refused")
            .flat_map(|story| &story.turns)
            .map(|turn| turn.wakes)
            .collect();
        assert_eq!(turns, [false, true, false, false], "what is the same is not told again");
        assert_eq!((found.counts.incidents, found.counts.wakes), (2, 1), "a refusal wakes nobody");
        assert_eq!((found.incidents_per_day, found.wakes_per_day), (Some(1.0), Some(0.5)));
        assert_eq!(text(&found).matches("WOKEN  ").count(), 2, "the sum and the time: {}", text(&found));
    }

    #[test]
    fn a_short_period_tells_no_rate() {
        let mut end = fixture::calm().diagnosis;
        (end.window.from, end.window.to) = (Some(Timestamp(0)), Some(Timestamp::from_seconds(3600)));
        let found = Course::default().finish(&end);
        assert_eq!((found.incidents_per_day, found.counts), (None, Counts::default()));
        assert!(text(&found).contains("shorter than a day"), "{}", text(&found));
    }
}
