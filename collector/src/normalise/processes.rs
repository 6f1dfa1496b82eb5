//! Finds the process of an identity that sent a report or an event (contract.md section 1). Where the sender gives no
//! instance, pod or container, the pid is a part of the identity. Elsewhere a pid only separates processes that report at
//! the same time, as the workers of one pod do; a process that begins after the last report of another is its successor and
//! keeps the name. A report or an event without a pid belongs to the only live process.

use super::identity::{Process, Who};
use super::keys::Key;
use super::names::Names;
use super::number::PointSpan;
use super::table::Table;
use firstbad_diagnosis::observation::Name;
use firstbad_protocol::limits::INSTANCES_MAX;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use serde::{Deserialize, Serialize};

/// Maximum number of processes remembered for one identity. Chosen: we know of no host with more workers alive at once.
/// Beyond it, the process with the oldest report is forgotten; its next report enters it again.
const PROCESSES_MAX: usize = 1024;
/// Silence, nanoseconds of event time, after which a process no longer counts as alive. Chosen: two of the longest report
/// intervals.
const ALIVE_NS: i64 = 120 * SECOND_NS;

/// The processes of each identity.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Processes(Table<Vec<Known>>);

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    pid: Name,
    /// Latest time of a report or an event, nanoseconds since the Unix epoch.
    heard: i64,
    /// Whether the pid is a part of its name.
    apart: bool,
}

/// The time in which a process certainly existed, nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// Start of the process, or the earliest sign of it.
    pub(super) since: i64,
    /// Latest sign of it.
    pub(super) until: i64,
    /// Whether it comes from a report. A lone event does not show when its process began.
    pub(super) report: bool,
}

impl Heard {
    /// Of a point in a report.
    pub(super) fn of_report(span: PointSpan) -> Self {
        let since = if span.start == 0 { span.end } else { span.start };
        Self { since, until: span.end, report: true }
    }

    /// Of a lone event at `at`.
    pub(super) fn of_event(at: Timestamp) -> Self {
        Self { since: at.0, until: at.0, report: false }
    }
}

impl Processes {
    /// A new request begins.
    pub(super) fn tick(&mut self) {
        self.0.tick();
    }

    /// The process of `who` that existed in the time of `heard`.
    pub(super) fn source(&mut self, who: &Who, heard: Heard, names: &mut Names) -> Process {
        let pid = match &who.pid {
            None if who.by_pid => self.only_one(who.key, heard.until),
            None => None,
            Some(pid) => self.note(who, pid, heard).then(|| Name::clone(pid)),
        };
        pid.map_or_else(|| who.whole(), |pid| who.process(&pid, names))
    }

    /// The process that is alive at `at`, if exactly one is.
    fn only_one(&self, identity: Key, at: i64) -> Option<Name> {
        let mut alive = self.0.get(identity)?.iter().filter(|process| is_alive(process, at));
        alive.next().filter(|_| alive.next().is_none()).map(|process| Name::clone(&process.pid))
    }

    /// Notes a process of an identity. Returns whether its name needs its pid to differ from others.
    fn note(&mut self, who: &Who, pid: &Name, heard: Heard) -> bool {
        if self.0.get(who.key).is_none() {
            self.0.insert(who.key, Vec::new(), INSTANCES_MAX);
        }
        let Some(processes) = self.0.get_mut(who.key) else { return who.by_pid };
        if let Some(known) = processes.iter_mut().find(|process| process.pid == *pid) {
            known.heard = known.heard.max(heard.until);
            return known.apart;
        }
        let apart = who.by_pid || processes.iter().any(|other| !other.apart && is_beside(other, heard));
        if !apart {
            processes.iter_mut().for_each(|other| other.apart = true);
        }
        if processes.len() >= PROCESSES_MAX {
            let oldest = processes.iter().enumerate().min_by_key(|(_, process)| process.heard);
            processes.swap_remove(oldest.map_or(0, |(index, _)| index));
        }
        processes.push(Known { pid: Name::clone(pid), heard: heard.until, apart });
        apart
    }
}

fn is_alive(process: &Known, at: i64) -> bool {
    at.saturating_sub(process.heard) <= ALIVE_NS
}

/// Whether a process that existed in the time of `heard` existed at the same time as `other`.
fn is_beside(other: &Known, heard: Heard) -> bool {
    if heard.report { heard.since < other.heard } else { is_alive(other, heard.until) }
}

#[cfg(test)]
mod tests {
    use super::super::identity::Identity;
    use super::*;
    use crate::otlp::model::{Attribute, Value};
    use firstbad_diagnosis::observation::Source;

    /// The name under which a report over `seconds` is counted. The report's identity is the name `x` under `key`, and `pid`
    /// unless that is empty.
    fn report(processes: &mut Processes, key: &'static str, pid: &str, seconds: [i64; 2]) -> String {
        let mut names = Names::default();
        let attribute =
            |key: &'static str, value: &str| Attribute { key: key.into(), value: Value::Text(value.to_owned().into()) };
        let who = Identity::of(&[attribute(key, "x"), attribute("process.pid", pid)], &mut names).who(7, &mut names);
        let [start, end] = seconds.map(|second| second * SECOND_NS);
        let heard = Heard { since: start, until: end, report: true };
        match processes.source(&who, heard, &mut names).source {
            Source::Instance { instance, .. } => instance.to_string(),
            Source::Aggregate => String::new(),
        }
    }

    #[test]
    fn workers_of_one_instance_have_names_of_their_own_and_a_successor_keeps_the_name() {
        let mut processes = Processes::default();
        let mut of = |pid, seconds| report(&mut processes, "service.instance.id", pid, seconds);
        assert_eq!(of("1", [0, 10]), "x");
        assert_eq!(of("2", [5, 12]), "x:2", "it began before the last report of 1");
        assert_eq!(of("1", [0, 20]), "x");
        assert_eq!(of("3", [21, 30]), "x", "it began after the last report of 1");
        assert_eq!(of("2", [5, 30]), "x:2");
        assert_eq!(of("1", [0, 40]), "x:1", "1 was only late");
        assert_eq!(of("3", [21, 40]), "x");
    }

    #[test]
    fn a_report_without_a_pid_belongs_to_the_only_live_process_of_its_host() {
        let mut processes = Processes::default();
        let mut of = |pid, seconds| report(&mut processes, "host.name", pid, seconds);
        assert_eq!(of("", [0, 5]), "x", "no process is known");
        assert_eq!(of("1", [0, 10]), "x:1");
        assert_eq!(of("", [12, 12]), "x:1");
        assert_eq!(of("2", [0, 20]), "x:2");
        assert_eq!(of("", [21, 21]), "x", "it may be either");
        assert_eq!(of("2", [0, 200]), "x:2");
        assert_eq!(of("", [201, 201]), "x:2", "1 is gone");
    }

    #[test]
    fn hundreds_of_workers_of_one_host_keep_their_names() {
        let mut processes = Processes::default();
        for round in 0..3 {
            for pid in 0..400 {
                let name = report(&mut processes, "service.instance.id", &pid.to_string(), [0, 10 * (round + 1)]);
                assert_eq!(name, if pid == 0 { "x".to_owned() } else { format!("x:{pid}") });
            }
        }
    }
}
