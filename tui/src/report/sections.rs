//! The sections of a report. Each is a heading and what stands below it, or nothing where there is nothing to say that a
//! reader would miss.

use super::escape::{code, escape, prose};
use super::timeline;
use crate::advice::Advice;
use crate::screen::model::Pair;
use crate::screen::runtime::{Contents, compare};
use crate::screen::text::{count, duration, share};
use crate::{advice, census, difference, facts};
use firstbad_protocol::sentence::{moment, percent, what, what_suspect};
use firstbad_protocol::snapshot::{HostView, Snapshot, VersionView};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Arm, Incident, Signal, State, Verdict};

/// Lines of a difference that a report shows; the rest is a command away.
const DIFFERENCE_LINES_MAX: usize = 30;
/// Hosts that a report lists.
const HOSTS_MAX: usize = 40;
/// Moments that a report lists.
const MOMENTS_MAX: usize = 60;

/// A bulleted list under a heading.
pub(super) fn list(heading: &str, items: &[String], none: &str) -> String {
    let mut text = format!("## {heading}\n");
    text.extend(items.iter().map(|item| format!("- {}\n", escape(item))));
    if items.is_empty() {
        text += none;
        text.push('\n');
    }
    text + "\n"
}

/// Four lines to paste into a status channel.
pub(super) fn status_update(snapshot: &Snapshot, incident: &Incident) -> String {
    let state = match incident.state {
        State::Open => "ongoing",
        State::Recovering => "recovering",
        State::Resolved => "resolved",
    };
    let known = match (incident.verdict, &incident.cause) {
        (_, Some(cause)) if incident.is_refusal_only() => {
            format!("Hosts refused {} and kept the last good version.", what(cause))
        }
        (Verdict::Cause, Some(cause)) => format!("The cause is named: {}.", what(cause)),
        (Verdict::Suspect, Some(cause)) => format!("The leading suspect is {}.", what(cause)),
        (Verdict::External, Some(cause)) => format!("It is no change of ours: {}.", what(cause)),
        (Verdict::External, None) => "It is no change that we see.".to_owned(),
        (Verdict::InsufficientEvidence, _) | (_, None) => "The cause is not yet known.".to_owned(),
    };
    let now = facts::failing_now(snapshot, incident).filter(|_| incident.state != State::Resolved);
    let now = now.map_or_else(String::new, |failing| format!(" {failing}."));
    let next = match (incident.state, due(snapshot, incident)) {
        (State::Open, Some(action)) => format!("Next safe step: {}.", action.brief.trim_end_matches('.')),
        (State::Recovering, _) => format!("{} still need a restart or a good version.", waiting(snapshot)),
        _ => "No step is due.".to_owned(),
    };
    let affected = if incident.is_refusal_only() { "refused it" } else { "are affected" };
    let lines = [
        format!("{} since {} UTC ({state}).{now}", capital(&facts::harm(incident)), date_and_time(incident.onset)),
        format!("{} of {} hosts {affected}.", incident.impact.hosts_affected, incident.impact.hosts_reporting),
        known,
        next,
    ];
    format!("## Status update\n{}\n", lines.map(|line| format!("> {}  \n", escape(&line))).concat())
}

/// The first step that is due.
fn due(snapshot: &Snapshot, incident: &Incident) -> Option<Advice> {
    advice::actions(snapshot, incident).into_iter().find(|action| action.needless.is_none())
}

/// `2025-11-18 11:28:04`: an update is read on other days too.
fn date_and_time(at: Timestamp) -> String {
    moment(at).replace('T', " ").chars().take(19).collect()
}

/// `text` with a capital letter at its start.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().to_string() + letters.as_str())
}

/// The first error, and the reasons of the verdict, one a line.
pub(super) fn summary(snapshot: &Snapshot, incident: &Incident) -> String {
    let mut text = "## Summary\n".to_owned();
    if let Some(error) = &incident.first_error {
        let site = error.site.as_deref().map_or_else(String::new, |site| format!(" at {}", code(site)));
        let message = code(&facts::one_line(&error.message));
        text += &format!("First error, {} times{site}: {message}\n\n", count(error.count));
    }
    let why = facts::reasons(snapshot, incident);
    if !why.is_empty() {
        let reasons: String = why.iter().map(|reason| format!("- {}\n", escape(reason))).collect();
        text += &format!("Why:\n{reasons}\n");
    }
    if incident.first_error.is_none() && why.is_empty() {
        text += &format!(
            "{}. No error text was reported, and no input stands out.\n\n",
            escape(&capital(&facts::harm(incident)))
        );
    }
    text
}

/// What engineers said; nothing where nobody did.
pub(super) fn said(incident: &Incident) -> String {
    let said = facts::said(incident);
    if said.is_empty() { String::new() } else { list("Said by engineers", &said, "") }
}

/// Who was hurt, how much.
pub(super) fn impact(snapshot: &Snapshot, incident: &Incident) -> String {
    let signals: Vec<&str> = incident.signals.iter().map(|signal| signal.as_str()).collect();
    format!(
        "## Impact\n- {}\n- signals: {}\n- {}\n\n",
        escape(&facts::impact(incident)),
        escape(&signals.join(", ")),
        escape(&facts::reach(snapshot, incident))
    )
}

/// When, and how long each phase took.
pub(super) fn timeline(snapshot: &Snapshot, incident: &Incident) -> String {
    let timeline = timeline::timeline(snapshot, incident);
    let mut text = "## Timeline\n| UTC | what |\n|---|---|\n".to_owned();
    text.extend(
        timeline.moments.iter().take(MOMENTS_MAX).map(|(at, told)| format!("| {} | {} |\n", moment(*at), escape(told))),
    );
    if let Some(hidden) = timeline.moments.len().checked_sub(MOMENTS_MAX).filter(|hidden| *hidden > 0) {
        text += &format!("| | and {hidden} more |\n");
    }
    let took = |name: &str, until: Option<Timestamp>| {
        let took = until.map(|until| duration(seconds(until.since(incident.onset))));
        format!("- {name}: {}\n", took.unwrap_or_else(|| "not yet".to_owned()))
    };
    text += "\nFrom the onset:\n";
    text += &match (timeline.detected, snapshot.at) {
        // The verdict is still the first one, and nobody noted its time. It was given by now.
        (None, Some(now)) => {
            format!("- time to detect (TTD): at most {}\n", duration(seconds(now.since(incident.onset))))
        }
        (detected, _) => took("time to detect (TTD)", detected),
    };
    text += &took("time to identify (TTI)", timeline.named);
    if incident.verdict.accuses() && !incident.is_refusal_only() {
        let until = timeline.mitigated.map(|until| duration(seconds(until.since(incident.onset))));
        let told = until.unwrap_or_else(|| "no way back was seen".to_owned());
        text += &format!("- time to mitigate (TTM), the first way back from the accused version: {told}\n");
    }
    text += &took("time to recover (TTR)", timeline.resolved);
    if let (Some(loaded), Some(named)) = (timeline.first_load, timeline.named) {
        text += &format!("- from the first load of it to its name: {}\n", duration(seconds(named.since(loaded))));
    }
    text + "\n"
}

fn seconds(ns: i64) -> u64 {
    u64::try_from(ns.max(0) / 1_000_000_000).unwrap_or(0)
}

/// Exposed against control, for each explanation.
pub(super) fn evidence(incident: &Incident) -> String {
    let mut text = "## Evidence\n| rank | explanation | confidence | exposed: failing/hosts, observed (expected) | control: failing/hosts, observed (expected) | rate ratio | explains |\n|---|---|---|---|---|---|---|\n".to_owned();
    for suspect in &incident.suspects {
        text += &format!(
            "| {} | {} | {} | {} | {} | {:.1} | {} |\n",
            suspect.rank,
            escape(&what_suspect(suspect)),
            percent(suspect.confidence),
            arm(&suspect.exposed),
            arm(&suspect.control),
            suspect.rate_ratio,
            share(suspect.explained_share)
        );
    }
    text.push('\n');
    for suspect in &incident.suspects {
        let told = |sign: &str, said: &str| format!("- #{} {sign}: {}\n", suspect.rank, escape(said));
        text.extend(suspect.evidence.iter().map(|said| told("for", said)));
        text.extend(facts::against(incident, suspect).map(|said| told("against", said)));
    }
    text + "\n"
}

fn arm(arm: &Arm) -> String {
    format!("{}/{}, {:.0} ({:.1})", arm.hosts_failing, arm.hosts, arm.observed, arm.expected)
}

/// What it is not.
pub(super) fn ruled_out(incident: &Incident) -> String {
    let ruled_out = facts::ruled_out(incident).into_iter();
    let reasons: Vec<String> = ruled_out.map(facts::ruled_out_told).collect();
    // Of a refusal, what was ruled out speaks of hosts that fail, and none does.
    if reasons.is_empty() && incident.is_refusal_only() {
        return String::new();
    }
    list("Ruled out", &reasons, "Nothing was ruled out.")
}

/// The input, against the good one.
pub(super) fn input(incident: &Incident, contents: Option<&Contents>) -> String {
    let Some(input) = &incident.input else { return String::new() };
    let mut text = "## The input\n".to_owned();
    if let Some(cause) = &incident.cause {
        text.extend(cause.hashes.iter().map(|hash| format!("- accused: {}\n", code(&hash.to_string()))));
    }
    text.extend(input.against.map(|hash| format!("- compared with: {}\n", code(&hash.to_string()))));
    text.extend(input.rows.map(|rows| format!("- rows: {}\n", count(rows))));
    text.extend(input.duplicate_rows.map(|rows| format!("- rows that repeat an earlier row: {}\n", count(rows))));
    for limit in &input.limits {
        text += &format!("- {}: {}, declared limit {}\n", escape(&limit.name), count(limit.value), count(limit.limit));
    }
    text.extend(input.findings.iter().map(|finding| format!("- {}\n", escape(&finding.to_string()))));
    let newest = incident.cause.as_ref().and_then(|cause| cause.hashes.last().copied());
    if let (Some(old), Some(new), Some(contents)) = (input.against, newest, contents) {
        text += &match compare(contents, Pair { old, new }) {
            Err(error) => format!("\nThe rows cannot be shown: {}\n", escape(&error)),
            Ok(rows) => {
                let told = difference::told(&rows, &input.limits);
                let shown: String =
                    told.iter().take(DIFFERENCE_LINES_MAX).map(|(mark, line)| fenced(*mark, line)).collect();
                let hidden = told.len().saturating_sub(DIFFERENCE_LINES_MAX);
                let more = if hidden > 0 {
                    format!("  .. {hidden} more lines: firstbad diff {} {}\n", old.short(), new.short())
                } else {
                    String::new()
                };
                format!("\n```diff\n{shown}{more}```\n")
            }
        };
    }
    text + "\n"
}

/// A line in a fenced block: nothing in it may end the fence.
fn fenced(mark: char, line: &str) -> String {
    format!("{mark} {}\n", firstbad_protocol::Untrusted(line).to_string().replace("```", "'''"))
}

/// Where to go back to.
pub(super) fn last_known_good(snapshot: &Snapshot, incident: &Incident) -> String {
    let Some(good) = &incident.last_known_good else {
        let nearest = version_before(snapshot, incident).map_or_else(String::new, |version| {
            let failed = share(version.failed as f64 / version.requests.max(1) as f64);
            let served = count(version.requests);
            format!(
                " The version before, {}, served {served} requests, of which {failed} failed.",
                code(&version.hash.to_string())
            )
        });
        return format!("## Last known good\nNone is proven.{nearest}\n\n");
    };
    format!(
        "## Last known good\n{}\n\n{}.\n\n",
        code(&good.hash.to_string()),
        escape(&facts::last_known_good(snapshot, incident, good).1)
    )
}

/// The newest version of the config in question that served requests before the accused or nearest one.
fn version_before<'a>(snapshot: &'a Snapshot, incident: &Incident) -> Option<&'a VersionView> {
    let config = facts::config(incident)?;
    let suspected = incident.suspects.iter().find(|suspect| suspect.config.as_deref() == Some(config));
    let hashes = incident.cause.as_ref().map(|cause| &cause.hashes).or(suspected.map(|suspect| &suspect.hashes))?;
    let of_config = || snapshot.versions.iter().filter(|version| version.config == config);
    let since = of_config().filter(|version| hashes.contains(&version.hash)).map(|version| version.first_seen).min()?;
    let before = of_config().filter(|version| version.first_seen < since && version.requests > 0 && !version.accused);
    before.max_by_key(|version| version.first_seen)
}

/// Hosts that need a restart, or fell silent without being known to need one.
fn waiting(snapshot: &Snapshot) -> String {
    let due = census::due(snapshot);
    let silent = snapshot.hosts.iter().filter(|host| host.silent && !host.needs_restart).count() as u64;
    let at_least = if due.is_at_least || census::is_cut(snapshot) && silent > 0 { "at least " } else { "" };
    format!("{at_least}{}", facts::counted(due.hosts + silent, "host"))
}

/// Hosts that are not well: those that fail now, while the incident goes on, and those that wait for something.
fn affected<'a>(snapshot: &'a Snapshot, incident: &Incident) -> Vec<&'a HostView> {
    let fails = incident.state != State::Resolved && !incident.is_refusal_only();
    let hosts = snapshot.hosts.iter();
    hosts.filter(|host| host.needs_restart || host.silent || (fails && host.failing)).collect()
}

/// Who is not well yet.
pub(super) fn hosts(snapshot: &Snapshot, incident: &Incident) -> String {
    let affected = affected(snapshot, incident);
    let cut = census::is_cut(snapshot) && affected.len() == snapshot.hosts.len();
    let at_least = if cut { "At least " } else { "" };
    let mut text = format!("## Hosts still affected\n{at_least}{}.\n\n", facts::counted(affected.len() as u64, "host"));
    if affected.is_empty() {
        return text;
    }
    let config = facts::config(incident);
    text += "| host | state | active version | last seen |\n|---|---|---|---|\n";
    for host in affected.iter().take(HOSTS_MAX) {
        let state = if host.silent {
            "silent"
        } else if host.failing {
            "failing"
        } else {
            "needs a restart"
        };
        let active =
            config.and_then(|config| host.active.get(config)).map_or_else(|| "unknown".to_owned(), |hash| hash.short());
        text += &format!("| {} | {state} | {active} | {} |\n", escape(&host.host), moment(host.last_seen));
    }
    if affected.len() > HOSTS_MAX {
        let at_least = if cut { "at least " } else { "" };
        text += &format!("| and {at_least}{} more | | | |\n", affected.len() - HOSTS_MAX);
    }
    text + "\n"
}

/// What to do, least risk first.
pub(super) fn actions(snapshot: &Snapshot, incident: &Incident) -> String {
    let mut text = "## What to do, least risk first\n".to_owned();
    text.extend(advice::when_over(incident).map(|over| format!("{} What was to be done:\n\n", prose(&over))));
    for (index, action) in advice::actions(snapshot, incident).iter().enumerate() {
        let needless = action.needless.as_ref().map_or_else(String::new, |why| format!("Not due: {why}. "));
        text += &format!(
            "{}. {}{}\n   - {}\n   - verify: {}\n",
            index + 1,
            prose(&needless),
            prose(&action.what),
            prose(&action.risk_said()),
            prose(&action.verify)
        );
    }
    if let Some(playbook) = advice::playbook(incident) {
        text += &format!("\nPlaybook: {}.\n", code(&format!("firstbad playbook show {}", playbook.name)));
    }
    text + "\n"
}

/// What made it possible or worse, as far as telemetry tells. Never a person.
pub(super) fn contributing(snapshot: &Snapshot, incident: &Incident) -> String {
    let mut factors = Vec::new();
    let accuses = incident.verdict.accuses();
    let harmed = accuses && !incident.is_refusal_only();
    if let (true, Some(input)) = (accuses, &incident.input) {
        for limit in input.limits.iter().filter(|limit| limit.value > limit.limit) {
            let fate = if incident.is_refusal_only() {
                "refused it: the producer does not know the limit"
            } else {
                "took it: the limit was not enforced on load"
            };
            factors.push(format!(
                "the readers declare {} = {}, were handed {}, and {fate}",
                limit.name, limit.limit, limit.value
            ));
        }
        if input.duplicate_rows.is_some_and(|rows| rows > 0) {
            factors
                .push("the producer published repeated rows: nothing checked the file before it was pushed".to_owned());
        }
    }
    if incident.signals.contains(&Signal::Scores) {
        factors.push("part of the effect was silent: scores were not computed, without any error".to_owned());
    }
    if incident.last_known_good.as_ref().is_some_and(|good| good.contaminated) {
        factors.push("the producer's own mark of the last good version had moved to the bad one".to_owned());
    }
    if let (true, Some(spread)) = (harmed, spread_s(snapshot, incident)) {
        factors.push(format!(
            "every host that took it did so within {}: there was no stage at which few had it",
            duration(spread)
        ));
    }
    list("Contributing factors", &factors, "None that telemetry shows.")
}

/// Seconds between first and last load of the accused versions, if that was under two minutes.
fn spread_s(snapshot: &Snapshot, incident: &Incident) -> Option<u64> {
    let hashes = &incident.cause.as_ref()?.hashes;
    let line = snapshot.lines.iter().find(|line| line.hashes.iter().any(|hash| hashes.contains(hash)))?;
    let first = line.loads.iter().position(|hosts| *hosts > 0)?;
    let last = line.loads.iter().rposition(|hosts| *hosts > 0)?;
    let intervals = u32::try_from(last - first + 1).ok()?;
    let seconds = (f64::from(intervals) * line.step_s).ceil() as u64;
    (seconds < 120).then_some(seconds)
}
