//! What must hold for what one process sent, beside what its client saw: identity, requests, panics, loads and its end.

use crate::fleet::Life;
use crate::ledger::{Attributes, Event, Process};
use firstbad_protocol::Hash;
use std::os::unix::process::ExitStatusExt;

/// A load of a process.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) content: String,
    pub(crate) result: &'static str,
    /// Empty: none.
    pub(crate) reason: &'static str,
}

/// What a process should have sent.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) life: Life,
    /// Its loads in the order of time. The first is of a good version, unless there is only one.
    pub(crate) loads: Vec<Load>,
    /// The version of the binary before it, if that was another one.
    pub(crate) before: Option<&'static str>,
}

/// What does not hold.
struct Faults<'a> {
    expected: &'a Expected,
    process: &'a Process,
    found: Vec<String>,
}

impl Expected {
    /// Returns what does not hold for `process`.
    pub(crate) fn faults(&self, process: &Process) -> Vec<String> {
        let mut faults = Faults { expected: self, process, found: Vec::new() };
        faults.identity();
        faults.requests();
        faults.panics();
        faults.loads();
        faults.end();
        let pid = self.life.pid;
        faults.found.into_iter().map(|fault| format!("process {pid} of edge-{}: {fault}", self.life.host + 1)).collect()
    }

    /// Number of requests that panicked. No fault both panics and kills. Where a signal ended the process, closed connections are those
    /// of that moment, which are counted nowhere.
    fn panicked(&self) -> u64 {
        let is_killed = self.life.status.is_some_and(|status| status.signal().is_some());
        if is_killed { 0 } else { self.life.tally.closed }
    }

    /// The version under which requests failed; none if there was none.
    fn bad(&self) -> Option<&Load> {
        self.loads.last().filter(|load| load.result == "applied" && load.content != crate::fault::GOOD)
    }
}

fn hash_of(load: &Load) -> String {
    Hash::of(load.content.as_bytes()).to_string()
}

impl Faults<'_> {
    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &T, expected: &T) {
        if found != expected {
            self.found.push(format!("{what}: {found:?}, expected {expected:?}"));
        }
    }

    fn identity(&mut self) {
        let (life, resource) = (&self.expected.life, &self.process.resource);
        let host = format!("edge-{}", life.host + 1);
        let get = |key: &str| resource.get(key).map_or("", String::as_str);
        let found = [get("service.name"), get("service.version"), get("host.name")].map(str::to_owned);
        self.equal("identity", &found, &["edge".to_owned(), life.version.to_owned(), host]);
        if get("service.instance.id").is_empty() {
            self.found.push("no service.instance.id".to_owned());
        }
        self.equal("start events", &self.process.events("firstbad.process.start").len(), &1);
        let changes = self.process.events("firstbad.change");
        let changes: Vec<String> =
            changes.iter().map(|change| change.get("firstbad.change.target").to_owned()).collect();
        let expected: Vec<String> = self.expected.before.iter().map(|_| life.version.to_owned()).collect();
        self.equal("changes of the binary", &changes, &expected);
        let dropped = self.process.values("firstbad.telemetry.dropped").len();
        self.equal("kinds of dropped telemetry", &dropped, &0);
    }

    /// The request in which a process dies is counted nowhere: the client alone saw it.
    fn requests(&mut self) {
        let tally = self.expected.life.tally;
        let panicked = self.expected.panicked();
        self.equal("answers of another status", &tally.other, &0);
        if self.expected.bad().is_some() && tally.denied + tally.closed == 0 {
            self.found.push("the client saw nothing of the fault".to_owned());
        }
        let counted = |process: &Process, outcome: &str, hash: Option<&str>| {
            let mut attributes = vec![("firstbad.outcome", outcome)];
            if let Some(hash) = hash {
                attributes.extend([("firstbad.config.name", "edge-rules"), ("firstbad.config.hash", hash)]);
            }
            count(process.value("firstbad.requests", &attributes))
        };
        let good = Hash::of(crate::fault::GOOD.as_bytes()).to_string();
        let bad = self.expected.bad().map(hash_of);
        let process = self.process;
        for (outcome, sent, version) in [
            ("ok", tally.ok, Some(&good)),
            ("denied", tally.denied, bad.as_ref()),
            ("panic", panicked, bad.as_ref()),
            ("error", 0, bad.as_ref()),
        ] {
            self.equal(&format!("{outcome} in total"), &counted(process, outcome, None), &sent);
            let by_version = process.values("firstbad.requests").into_iter().filter(|(attributes, _)| {
                attributes.get("firstbad.outcome").is_some_and(|found| found == outcome)
                    && attributes.contains_key("firstbad.config.hash")
            });
            let all: u64 = by_version.map(|(_, value)| count(value)).sum();
            self.equal(&format!("{outcome} under all versions"), &all, &sent);
            if let Some(version) = version {
                self.equal(&format!("{outcome} under its version"), &counted(process, outcome, Some(version)), &sent);
            }
        }
        self.first_failure(panicked > 0);
        // Visible within one report. Pingora counts after its answer, so the report of that moment may be without it.
        let until = self.process.reports_until_denied(tally.after_first_failure_ns);
        if tally.denied > 0 && until.is_none_or(|reports| reports > 1) {
            self.found.push(format!("reports until denied requests are there: {until:?}"));
        }
    }

    /// The time of the first failure lies between the client's question and its answer.
    fn first_failure(&mut self, expected: bool) {
        let found = self.process.values("firstbad.requests.first_failed");
        self.equal("versions with a first failure", &found.len(), &usize::from(expected));
        let tally = self.expected.life.tally;
        let [from, to] = [tally.before_first_failure_ns, tally.after_first_failure_ns].map(seconds);
        for (attributes, at) in found {
            self.equal(
                "hash of the first failure",
                &attributes.get("firstbad.config.hash"),
                &self.expected.bad().map(hash_of).as_ref(),
            );
            if !(from - 1e-3..=to + 1e-3).contains(&at) {
                self.found.push(format!("first failure at {at}, not between {from} and {to}"));
            }
        }
    }

    fn panics(&mut self) {
        let panicked = self.expected.panicked();
        let bad = self.expected.bad().map(hash_of);
        let found = self.process.values("firstbad.panics");
        let of = |attributes: &&Attributes| attributes.contains_key("firstbad.config.hash");
        let total: f64 = found.iter().filter(|(attributes, _)| !of(attributes)).map(|(_, value)| value).sum();
        self.equal("panics in total", &count(total), &panicked);
        let under: Vec<_> = found.iter().filter(|(attributes, _)| of(attributes)).collect();
        let sum: f64 = under.iter().map(|(_, value)| value).sum();
        self.equal("panics under versions", &count(sum), &panicked);
        for (attributes, _) in under {
            self.equal("hash of panics", &attributes.get("firstbad.config.hash"), &bad.as_ref());
            let site = attributes.get("firstbad.panic.site").cloned().unwrap_or_default();
            if !site.contains("line_server/rules.rs:") {
                self.found.push(format!("panics at {site:?}"));
            }
        }
        let told = self.process.events("exception");
        if told.is_empty() != (panicked == 0) {
            self.found.push(format!("{} panics described, {panicked} counted", told.len()));
        }
        let message = "called `Option::unwrap()` on a `None` value";
        let active = format!("edge-rules={}", bad.unwrap_or_default());
        for panic in told {
            self.equal("message", &panic.get("exception.message"), &message);
            self.equal("active at the panic", &panic.get("firstbad.config.active"), &active.as_str());
        }
    }

    fn loads(&mut self) {
        let mut all = self.process.events("firstbad.config.load");
        // A report in the middle of a load tells that it began.
        all.retain(|load| load.get("firstbad.load.phase") != "loading");
        let found: Vec<&&Event> = all.iter().filter(|load| load.get("firstbad.load.result") != "unchanged").collect();
        let describe = |load: &&&Event| {
            ["firstbad.config.hash", "firstbad.load.result", "firstbad.reason"].map(|key| load.get(key).to_owned())
        };
        let expected = &self.expected.loads;
        let described: Vec<[String; 3]> = found.iter().map(describe).collect();
        let wanted = expected.iter().map(|load| [hash_of(load), load.result.to_owned(), load.reason.to_owned()]);
        self.equal("loads", &described, &wanted.collect());
        for (load, content) in found.iter().zip(expected) {
            self.equal("size", &load.get("firstbad.config.size"), &content.content.len().to_string().as_str());
            let rows = content.content.lines().count().to_string();
            self.equal("rows", &load.get("firstbad.config.rows"), &rows.as_str());
            let error = if content.reason == "parse" { "line 2: buffer: invalid digit found in string" } else { "" };
            self.equal("error", &load.get("firstbad.error"), &error);
        }
        let previous: Vec<&str> = found.iter().map(|load| load.get("firstbad.config.previous_hash")).collect();
        let hashes: Vec<String> = expected.iter().map(hash_of).collect();
        let before: Vec<&str> =
            std::iter::once("").chain(hashes.iter().map(String::as_str)).take(expected.len()).collect();
        self.equal("previous versions", &previous, &before);
        let counted: f64 = self.process.values("firstbad.config.loads").iter().map(|(_, value)| value).sum();
        self.equal("loads counted", &usize::try_from(count(counted)).unwrap_or(0), &all.len());
        let active: Vec<_> = self.process.values("firstbad.config.active");
        let active: Vec<Option<&String>> = active.iter().map(|(of, _)| of.get("firstbad.config.hash")).collect();
        let last = expected.iter().rfind(|load| load.result == "applied").map(hash_of);
        if self.expected.life.status.is_none() {
            self.equal("active versions", &active, &vec![last.as_ref()]);
        }
    }

    fn end(&mut self) {
        let exits = self.process.events("firstbad.process.exit");
        let get = |exit: &&Event, key: &str| exit.get(&format!("firstbad.exit.{key}")).to_owned();
        let describe = |exit: &&Event| [get(exit, "clean"), get(exit, "signal"), get(exit, "status")];
        let found: Vec<[String; 3]> = exits.iter().map(describe).collect();
        let expected = self.expected.life.status.map(|status| match status.signal() {
            Some(signal) => ["false".to_owned(), signal.to_string(), String::new()],
            // Asked to end by SIGTERM, and ended with status 0.
            None => ["true".to_owned(), "15".to_owned(), "0".to_owned()],
        });
        self.equal("ends", &found, &expected.into_iter().collect());
        let active = self.expected.loads.iter().rfind(|load| load.result == "applied").map(hash_of);
        for exit in exits {
            let wanted = format!("edge-rules={}", active.clone().unwrap_or_default());
            self.equal("active at the end", &exit.get("firstbad.config.active"), &wanted.as_str());
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of a test")]
fn count(value: f64) -> u64 {
    value as u64
}

#[expect(clippy::cast_precision_loss, reason = "exact to a microsecond")]
fn seconds(at_ns: u64) -> f64 {
    at_ns as f64 / 1e9
}
