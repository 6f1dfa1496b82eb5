//! Which process of an identity sends (contract.md section 1). Where nothing finer than the host is told, a pid is a part of
//! the identity. Elsewhere a pid only separates processes that report at the same time, as the workers of one pod do; one
//! that begins after the last report of another is its successor and keeps the name. What comes without a pid belongs to
//! the only live process.

use super::identity::Who;
use super::keys::Key;
use super::names::Names;
use super::table::Table;
use firstbad_diagnosis::observation::{Name, Source};
use firstbad_protocol::limits::INSTANCES_MAX;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use serde::{Deserialize, Serialize};

/// Processes remembered of one identity. A host with more workers alive at once is not known to us; beyond it the one that
/// was heard of longest ago is forgotten, and found again with its next report.
const PROCESSES_MAX: usize = 1024;
/// A process that was not heard of for so long, event time, is not alive: two of the greatest report intervals.
const ALIVE_NS: i64 = 120 * SECOND_NS;

/// Processes by identity.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Processes(Table<Vec<Process>>);

#[derive(Debug, Serialize, Deserialize)]
struct Process {
    pid: Name,
    /// Latest time that it told of.
    heard: i64,
    /// Whether its pid is in its name.
    apart: bool,
}

/// What tells when a process was there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// Since when, as far as told.
    pub(super) since: i64,
    /// Until when.
    pub(super) until: i64,
    /// Whether it is a report: a lone event does not tell since when its process was there.
    pub(super) report: bool,
}

impl Heard {
    /// A lone event at `at`.
    pub(super) fn of_event(at: Timestamp) -> Self {
        Self { since: at.0, until: at.0, report: false }
    }
}

impl Processes {
    /// A new request begins.
    pub(super) fn tick(&mut self) {
        self.0.tick();
    }

    /// The source that `who`, heard of as told, is, and its identity within the tables.
    pub(super) fn source(&mut self, who: &Who, heard: Heard, names: &mut Names) -> (Source, Key) {
        let pid = match &who.pid {
            None if who.by_pid => self.only_one(who.key, heard.until),
            None => None,
            Some(pid) => self.note(who, pid, heard).then(|| Name::clone(pid)),
        };
        pid.map_or_else(|| (who.source.clone(), who.key), |pid| who.process(&pid, names))
    }

    /// The only process that lives at `at`.
    fn only_one(&self, identity: Key, at: i64) -> Option<Name> {
        let mut alive = self.0.get(identity)?.iter().filter(|process| is_alive(process, at));
        alive.next().filter(|_| alive.next().is_none()).map(|process| Name::clone(&process.pid))
    }

    /// Notes a process of an identity. Returns whether its pid tells it from others.
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
        processes.push(Process { pid: Name::clone(pid), heard: heard.until, apart });
        apart
    }
}

fn is_alive(process: &Process, at: i64) -> bool {
    at.saturating_sub(process.heard) <= ALIVE_NS
}

/// Whether a process that was heard of so was there beside `other`.
fn is_beside(other: &Process, heard: Heard) -> bool {
    if heard.report { heard.since < other.heard } else { is_alive(other, heard.until) }
}

#[cfg(test)]
mod tests {
    use super::super::identity::Identity;
    use super::*;
    use crate::otlp::model::{Attribute, Value};

    fn who(told: &[(&'static str, &'static str)], names: &mut Names) -> Who {
        let attribute = |(key, value): &(&'static str, &'static str)| Attribute {
            key: (*key).into(),
            value: Value::Text((*value).into()),
        };
        Identity::of(&told.iter().map(attribute).collect::<Vec<_>>(), names).who(7, names)
    }

    /// The instance that a report of `pid` over (since, until), seconds, is taken for.
    fn report(processes: &mut Processes, told: &[(&'static str, &'static str)], (since, until): (i64, i64)) -> String {
        let mut names = Names::default();
        let who = who(told, &mut names);
        let heard = Heard { since: since * SECOND_NS, until: until * SECOND_NS, report: true };
        match processes.source(&who, heard, &mut names).0 {
            Source::Instance { instance, .. } => instance.to_string(),
            Source::Aggregate => String::new(),
        }
    }

    #[test]
    fn workers_of_one_instance_are_told_apart_and_a_successor_keeps_the_name() {
        let mut processes = Processes::default();
        let mut of = |pid, span| report(&mut processes, &[("service.instance.id", "i"), ("process.pid", pid)], span);
        assert_eq!(of("1", (0, 10)), "i");
        assert_eq!(of("2", (5, 12)), "i:2", "it was there before the last report of 1");
        assert_eq!(of("1", (0, 20)), "i");
        assert_eq!(of("3", (21, 30)), "i", "it began after 1 was last heard of");
        assert_eq!(of("2", (5, 30)), "i:2");
        assert_eq!(of("1", (0, 40)), "i:1", "1 was only late");
        assert_eq!(of("3", (21, 40)), "i");
    }

    #[test]
    fn what_has_no_pid_belongs_to_the_only_live_process_of_its_host() {
        let mut processes = Processes::default();
        assert_eq!(report(&mut processes, &[("host.name", "h")], (0, 5)), "h", "nothing is known of its processes");
        assert_eq!(report(&mut processes, &[("host.name", "h"), ("process.pid", "1")], (0, 10)), "h:1");
        assert_eq!(report(&mut processes, &[("host.name", "h")], (12, 12)), "h:1");
        assert_eq!(report(&mut processes, &[("host.name", "h"), ("process.pid", "2")], (0, 20)), "h:2");
        assert_eq!(report(&mut processes, &[("host.name", "h")], (21, 21)), "h", "it may be either");
        assert_eq!(report(&mut processes, &[("host.name", "h"), ("process.pid", "2")], (0, 200)), "h:2");
        assert_eq!(report(&mut processes, &[("host.name", "h")], (201, 201)), "h:2", "1 is gone");
    }

    #[test]
    fn hundreds_of_workers_of_one_host_keep_their_names() {
        let pids: Vec<&'static str> = (0..400).map(|pid: u32| &*Box::leak(pid.to_string().into_boxed_str())).collect();
        let mut processes = Processes::default();
        for round in 0..3 {
            for pid in &pids {
                let told = [("service.instance.id", "i"), ("process.pid", *pid)];
                let name = report(&mut processes, &told, (0, 10 * (round + 1)));
                assert_eq!(name, if *pid == "0" { "i".to_owned() } else { format!("i:{pid}") });
            }
        }
    }
}
