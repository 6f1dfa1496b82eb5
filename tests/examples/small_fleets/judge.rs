//! Decides whether the answers of `firstbad status` in a run are right and in time. It reads only the workers' story and the
//! answers; it does no I/O.

use crate::clock::seconds_between;
use crate::looks::{Look, Named};
use crate::scenario::{BAD, REPORT_INTERVAL, Scenario, WAY_S};
use firstbad_protocol::Hash;
use serde::{Deserialize, Serialize};

/// Longest time from the first bad load to the verdict `cause` on four hosts, seconds. Source: the sentence "four hosts in
/// thirty" of the contract.
const FOUR_HOSTS_CAUSE_S: f64 = 30.0;
/// Longest time from the rollback to the verdict `cause`, report intervals: the first report holds the last failures, and the
/// next one confirms that there are no more.
const WAY_BACK_REPORTS: f64 = 2.0;

/// What happened, from the workers' reports. Times are ns since the Unix epoch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Story {
    /// First load of the pushed file; none if no host loaded it.
    pub(crate) pushed_ns: Option<u64>,
    /// Number of hosts that loaded the pushed file.
    pub(crate) hosts_pushed: usize,
    /// The tenth failure of the first host that had ten.
    pub(crate) tenth_failure_ns: Option<u64>,
    /// The last load of the good file after the pushed one.
    pub(crate) way_back_ns: Option<u64>,
}

/// The result of one claim about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// What must be true.
    pub(crate) claim: String,
    /// Whether the claim is true.
    pub(crate) holds: bool,
    /// Time that it took, seconds, for a claim with a time limit.
    pub(crate) took_s: Option<f64>,
    /// The time limit, or what was found instead.
    pub(crate) detail: String,
}

/// Checks every claim about a run of `scenario`.
pub(crate) fn judge(scenario: Scenario, story: &Story, looks: &[Look]) -> Vec<Finding> {
    let mut findings = vec![played(scenario, story, looks), innocence(scenario, looks)];
    let report_s = REPORT_INTERVAL.as_secs_f64();
    match scenario {
        Scenario::OneProcess => {
            let accused = |named: &Verdict<'_>| named.accuses_the_bad_file();
            let mark = Mark { from_ns: story.tenth_failure_ns, within_s: report_s + WAY_S };
            findings.push(in_time("accused after the tenth failure", mark, looks, accused));
            let cause = |named: &Verdict<'_>| named.is_the_cause();
            let mark = Mark { from_ns: story.way_back_ns, within_s: WAY_BACK_REPORTS * report_s + WAY_S };
            findings.push(in_time("cause after the way back", mark, looks, cause));
            findings.push(stays(looks));
        }
        Scenario::FourHosts => {
            let cause = |named: &Verdict<'_>| named.is_the_cause();
            let mark = Mark { from_ns: story.pushed_ns, within_s: FOUR_HOSTS_CAUSE_S };
            findings.push(in_time("cause after the first bad load", mark, looks, cause));
            findings.push(stays(looks));
        }
        Scenario::OneProcessInnocent | Scenario::FourHostsInnocent => {}
    }
    findings
}

/// A verdict that names a cause.
struct Verdict<'a> {
    word: &'a str,
    named: &'a Named,
}

impl Verdict<'_> {
    fn names_the_bad_file(&self) -> bool {
        self.named.kind == "config"
            && self.named.config == "routes"
            && self.named.hashes == [Hash::of(BAD.as_bytes()).to_string()]
    }

    fn accuses_the_bad_file(&self) -> bool {
        matches!(self.word, "suspect" | "cause") && self.names_the_bad_file()
    }

    fn is_the_cause(&self) -> bool {
        self.word == "cause" && self.names_the_bad_file()
    }
}

fn named(look: &Look) -> impl Iterator<Item = Verdict<'_>> {
    let named = look.incidents.iter().filter_map(|seen| Some((seen, seen.cause.as_ref()?)));
    named.map(|(seen, named)| Verdict { word: &seen.verdict, named })
}

/// A time limit, and the event at which it begins.
struct Mark {
    from_ns: Option<u64>,
    within_s: f64,
}

/// Checks that a verdict for which `wanted` holds appears within the time limit `mark`.
fn in_time(claim: &str, mark: Mark, looks: &[Look], wanted: impl Fn(&Verdict<'_>) -> bool) -> Finding {
    let claim = claim.to_owned();
    let Some(from_ns) = mark.from_ns else {
        return Finding { claim, holds: false, took_s: None, detail: "it did not happen".to_owned() };
    };
    let found = looks.iter().find(|look| look.at_ns >= from_ns && named(look).any(|verdict| wanted(&verdict)));
    let took_s = found.map(|look| seconds_between(from_ns, look.at_ns));
    let holds = took_s.is_some_and(|took_s| took_s <= mark.within_s);
    let instead = || looks.last().map_or_else(|| "nothing was asked".to_owned(), described);
    let detail = if found.is_some() { String::new() } else { format!("never; at the end: {}", instead()) };
    Finding { claim, holds, took_s, detail: format!("at most {:.0} s. {detail}", mark.within_s).trim().to_owned() }
}

/// Checks that the final verdict is still `cause` and names the bad file.
fn stays(looks: &[Look]) -> Finding {
    let holds = looks.last().is_some_and(|look| named(look).any(|verdict| verdict.is_the_cause()));
    let detail = looks.last().map(described).unwrap_or_default();
    Finding { claim: "the cause at the end".to_owned(), holds, took_s: None, detail }
}

fn innocence(scenario: Scenario, looks: &[Look]) -> Finding {
    let harmed = matches!(scenario, Scenario::OneProcess | Scenario::FourHosts);
    let is_wrong = |verdict: &Verdict<'_>| !(harmed && verdict.accuses_the_bad_file());
    let wrong = looks.iter().find(|look| named(look).any(|verdict| is_wrong(&verdict)));
    let detail = wrong.map(described).unwrap_or_default();
    Finding { claim: "nothing innocent was named".to_owned(), holds: wrong.is_none(), took_s: None, detail }
}

/// Checks that the run went as its scenario says, so that its verdicts can be judged.
fn played(scenario: Scenario, story: &Story, looks: &[Look]) -> Finding {
    let hosts = scenario.hosts();
    let harmed = matches!(scenario, Scenario::OneProcess | Scenario::FourHosts);
    let seen = looks.last().map_or(0, |look| look.hosts);
    let holds = story.hosts_pushed == hosts.pushed
        && seen == hosts.all as u64
        && story.tenth_failure_ns.is_some() == harmed
        && story.way_back_ns.is_some() == scenario.way_back().is_some();
    let detail = format!("{} of {} hosts loaded the file, {seen} seen", story.hosts_pushed, hosts.pushed);
    Finding { claim: "it was played".to_owned(), holds, took_s: None, detail }
}

/// Describes a look in one line.
fn described(look: &Look) -> String {
    let incident = |seen: &crate::looks::Seen| {
        let named = seen.cause.as_ref().map_or_else(
            || "nothing".to_owned(),
            |named| {
                let hashes: Vec<&str> = named.hashes.iter().filter_map(|hash| hash.get(7..19)).collect();
                format!("{} {} {}", named.kind, named.config, hashes.join(","))
            },
        );
        format!("{} ({}, {:.0} %): {}", seen.verdict, seen.signals.join("+"), seen.confidence * 100.0, named)
    };
    let incidents: Vec<String> = look.incidents.iter().map(incident).collect();
    if incidents.is_empty() { "no incident".to_owned() } else { incidents.join("; ") }
}

#[cfg(test)]
mod tests;
