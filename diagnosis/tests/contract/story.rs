//! A fleet written by hand: what happens to each host at which moment, and which share of its requests ends how. The
//! reports are counted from that as the contract says, a second at a time, cut at every event. What is asserted is left to
//! the tests. Counts vary by a fixed draw of host and moment, so that every run sees the same numbers.

mod host;
mod words;

use crate::fleet::START;
use firstbad_diagnosis::observation::{Observation, Outcomes, Row};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::time::{Span, Timestamp};
use firstbad_protocol::verdict::{Diagnosis, Incident};
pub(crate) use host::Host;
use std::collections::BTreeMap;
use std::ops::Range;
pub(crate) use words::{Happening, Refusal, Shares, Version, draw};

/// What a host does to its requests at a moment, in ms since the start.
type Effect = Box<dyn Fn(&Host, i64) -> Shares>;
/// What else a report whose span ends at a second says.
type Dress = Box<dyn Fn(&Host, i64, &mut Row)>;

struct Planned {
    host: i64,
    happening: Happening,
}

pub(crate) struct Fleet {
    pub(crate) engine: Engine,
    /// What was counted while something was wrong, by host.
    pub(crate) hurt: BTreeMap<i64, Outcomes>,
    hosts: Vec<Host>,
    plan: BTreeMap<i64, Vec<Planned>>,
    report_s: i64,
    second: i64,
    effect: Effect,
    dress: Dress,
    restored_at: Option<i64>,
}

impl Fleet {
    /// Hosts that report every `report_s` seconds and have served `versions` for a while.
    pub(crate) fn new(hosts: i64, report_s: i64, versions: &[Version]) -> Self {
        Self::of_binaries(hosts, report_s, versions, |_| "fl2")
    }

    pub(crate) fn of_binaries(
        hosts: i64,
        report_s: i64,
        versions: &[Version],
        binary: impl Fn(i64) -> &'static str,
    ) -> Self {
        let mut fleet = Self {
            engine: Engine::new(Settings::default()),
            hurt: BTreeMap::new(),
            hosts: (0..hosts).map(|index| Host::fresh(index, binary(index), -600_000)).collect(),
            plan: BTreeMap::new(),
            report_s,
            second: 0,
            effect: Box::new(|_, _| Shares::default()),
            dress: Box::new(|_, _, _| ()),
            restored_at: None,
        };
        for index in 0..hosts {
            versions.iter().for_each(|version| fleet.happen(index, -10_000, Happening::Load(*version)));
        }
        fleet
    }

    /// Requests of every host in a second.
    pub(crate) fn requests(mut self, per_s: f64) -> Self {
        self.hosts.iter_mut().for_each(|host| host.requests = per_s);
        self
    }

    /// How requests of a host end at a moment, in ms since the start, beside the usual errors.
    pub(crate) fn effect(mut self, effect: impl Fn(&Host, i64) -> Shares + 'static) -> Self {
        self.effect = Box::new(effect);
        self
    }

    /// What else a report of a host, whose span ends at a second, says or does not say.
    pub(crate) fn dress(mut self, dress: impl Fn(&Host, i64, &mut Row) + 'static) -> Self {
        self.dress = Box::new(dress);
        self
    }

    /// The engine is saved and restored before it takes what happens in a second.
    pub(crate) fn restored_at(mut self, second: Option<i64>) -> Self {
        self.restored_at = second;
        self
    }

    pub(crate) fn plan(&mut self, host: i64, at_ms: i64, happening: Happening) {
        self.plan.entry(at_ms).or_default().push(Planned { host, happening });
    }

    /// Hosts load a version one after the other, a second apart, each at its own fraction of a second.
    pub(crate) fn push(&mut self, hosts: Range<i64>, from_s: i64, version: Version) {
        for (nth, index) in hosts.enumerate() {
            let at_ms = (from_s + nth as i64) * 1000 + index * 37 % 1000;
            self.plan(index, at_ms, Happening::Load(version));
        }
    }

    /// Lets time pass to a second, with a tick at each.
    pub(crate) fn until(&mut self, second: i64) -> Diagnosis {
        while self.second < second {
            self.pass_a_second();
        }
        self.engine.diagnosis()
    }

    /// Lets time pass to the end of `seconds`. No incident may be open at any report from their start on.
    pub(crate) fn opens_nothing(&mut self, seconds: Range<i64>) {
        let step = usize::try_from(self.report_s).expect("a positive interval");
        for second in seconds.clone().step_by(step).chain([seconds.end]) {
            let incidents = self.until(second).incidents;
            assert!(incidents.is_empty(), "at {second} s: {incidents:#?}");
        }
    }

    fn pass_a_second(&mut self) {
        if self.restored_at == Some(self.second) {
            self.engine = Engine::restore(&self.engine.checkpoint().expect("saved")).expect("restored");
        }
        let (mut from_ms, end_ms) = (self.second * 1000, self.second * 1000 + 1000);
        let later = self.plan.split_off(&end_ms);
        for (at_ms, planned) in std::mem::replace(&mut self.plan, later) {
            self.count(from_ms..at_ms);
            from_ms = from_ms.max(at_ms);
            planned.into_iter().for_each(|one| self.happen(one.host, at_ms, one.happening));
        }
        self.count(from_ms..end_ms);
        self.second += 1;
        if self.second % self.report_s == 0 {
            self.report();
        }
        self.engine.tick(Timestamp::from_seconds(START + self.second));
    }

    /// Counts what every host does in a piece of time in which nothing else happens.
    fn count(&mut self, piece: Range<i64>) {
        if piece.is_empty() {
            return;
        }
        for host in self.hosts.iter_mut().filter(|host| host.alive) {
            let shares = (self.effect)(host, piece.start);
            let outcomes = host.count(&piece, shares);
            if shares != Shares::default() {
                host::add(self.hurt.entry(host.index).or_default(), outcomes);
            }
        }
    }

    fn report(&mut self) {
        let span = Span {
            start: Timestamp::from_seconds(START + self.second - self.report_s),
            end: Timestamp::from_seconds(START + self.second),
        };
        for host in self.hosts.iter_mut().filter(|host| host.alive) {
            let mut row = host.report(span);
            (self.dress)(host, self.second, &mut row);
            self.engine.apply(&[Observation::Row(row)]);
        }
    }

    fn happen(&mut self, index: i64, at_ms: i64, happening: Happening) {
        let host = &mut self.hosts[usize::try_from(index).expect("an index")];
        if let Some(said) = host.happen(at_ms, happening) {
            self.engine.apply(&[said]);
        }
    }
}

/// Whether an incident's cause names the version.
pub(crate) fn names(incident: &Incident, version: Version) -> bool {
    incident.verdict.accuses() && incident.cause.as_ref().is_some_and(|cause| cause.hashes.contains(&version.hash()))
}

/// The only incident.
pub(crate) fn only(diagnosis: &Diagnosis) -> &Incident {
    let [incident] = diagnosis.incidents.as_slice() else { panic!("not one incident: {diagnosis:#?}") };
    incident
}

/// No incident accuses anything.
pub(crate) fn accuses_nothing(diagnosis: &Diagnosis) {
    let accused = diagnosis.incidents.iter().find(|incident| incident.verdict.accuses());
    assert!(accused.is_none(), "accused without reason: {accused:#?}");
}
