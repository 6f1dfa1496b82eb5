//! A fleet that is made for a test: processes, what happens to each of them and when, and the lines that they send. What a
//! version does to requests is a property of the version; deaths and silence are planned. All is deterministic.

use crate::otlp::{self, Span, int, text};
use firstbad_tests::capture::{START_S, hash_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One version of a config, and what it does to requests.
#[derive(Clone, Copy)]
pub(crate) struct Version {
    pub(crate) config: &'static str,
    pub(crate) number: i64,
    /// Attributes of its load events, such as `firstbad.config.rows`.
    pub(crate) facts: &'static [(&'static str, i64)],
    /// Requests of a thousand that fail.
    pub(crate) failed: i64,
    /// Requests of a thousand that are denied.
    pub(crate) denied: i64,
}

impl Version {
    pub(crate) fn hash(&self) -> String {
        hash_of(&format!("{} {}", self.config, self.number))
    }

    fn tag(&self) -> [Value; 2] {
        [text("firstbad.config.name", self.config), text("firstbad.config.hash", &self.hash())]
    }
}

/// What happens to a process at one moment.
#[derive(Clone, Copy)]
pub(crate) enum Happening {
    Load(Version),
    /// The load is refused with this error, and the process serves no requests from now on.
    Reject(Version, &'static str),
    /// The process dies of a panic at `policy.rs:41:9`. Its last counts are reported if `counted`.
    Panic {
        counted: bool,
    },
    Start,
    /// The process is not heard again.
    Vanish,
}

/// One process and its plan.
pub(crate) struct Process {
    resource: Value,
    plan: Vec<(i64, Happening)>,
}

impl Process {
    /// Returns a process with these resource attributes and with `version` from its start.
    pub(crate) fn new(resource: Vec<Value>, version: Version) -> Self {
        Self { resource: resource.into(), plan: vec![(0, Happening::Start), (100, Happening::Load(version))] }
    }

    /// Returns the process that is alone on host number `index`.
    pub(crate) fn of_host(index: i64, version: Version) -> Self {
        let region = if index % 2 == 0 { "eu" } else { "us" };
        let name = format!("host-{index:02}");
        let id = format!("{name}-edge");
        let resource = [
            ("service.name", "edge"),
            ("service.version", "7.2"),
            ("service.instance.id", &id),
            ("host.name", &name),
            ("cloud.region", region),
        ];
        Self::new(resource.map(|(key, value)| text(key, value)).to_vec(), version)
    }

    /// Plans `happening` at a time after the start of the capture.
    pub(crate) fn at(&mut self, ms: i64, happening: Happening) {
        self.plan.push((ms, happening));
    }
}

/// What the processes of a fleet send.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `firstbad.*` metrics.
    Native,
    /// `http.server.request.duration` alone.
    Standard,
}

/// A fleet whose capture begins at 10:00:00.
pub(crate) struct Fleet {
    pub(crate) processes: Vec<Process>,
    pub(crate) form: Form,
    pub(crate) requests_per_s: i64,
    pub(crate) report_ms: i64,
    pub(crate) until_ms: i64,
}

impl Fleet {
    /// Returns the capture: one request a line, in order of time.
    pub(crate) fn lines(&self) -> String {
        let mut lines: Vec<(i64, Value)> = Vec::new();
        for (index, process) in (0..).zip(&self.processes) {
            lines.extend(Life::new(self, process, index).run());
        }
        lines.sort_by_key(|(at_ms, _)| *at_ms);
        lines.into_iter().map(|(_, line)| format!("{line}\n")).collect()
    }
}

/// Ok, denied, error, panic.
type Outcomes = [i64; 4];

/// A process while its plan is carried out.
struct Life<'a> {
    fleet: &'a Fleet,
    process: &'a Process,
    index: i64,
    now_ms: i64,
    started_ms: i64,
    boots: i64,
    events: i64,
    is_running: bool,
    is_serving: bool,
    /// By config.
    active: BTreeMap<&'static str, Version>,
    total: Outcomes,
    /// By config and number of the version.
    views: BTreeMap<(&'static str, i64), (Version, Outcomes)>,
    random: u64,
    lines: Vec<(i64, Value)>,
}

impl<'a> Life<'a> {
    fn new(fleet: &'a Fleet, process: &'a Process, index: i64) -> Self {
        Self {
            fleet,
            process,
            index,
            now_ms: 0,
            started_ms: 0,
            boots: 0,
            events: 0,
            is_running: false,
            is_serving: false,
            active: BTreeMap::new(),
            total: [0; 4],
            views: BTreeMap::new(),
            random: u64::try_from(index).unwrap_or(0),
            lines: Vec::new(),
        }
    }

    /// Carries out the plan, and returns the lines with their times.
    fn run(mut self) -> Vec<(i64, Value)> {
        let mut plan = self.process.plan.clone();
        plan.retain(|(at_ms, _)| *at_ms < self.fleet.until_ms);
        plan.sort_by_key(|(at_ms, _)| *at_ms);
        let mut plan = plan.into_iter().peekable();
        let mut report_ms = 1 + self.index * 379 % self.fleet.report_ms;
        while report_ms <= self.fleet.until_ms {
            while let Some((at_ms, happening)) = plan.next_if(|(at_ms, _)| *at_ms <= report_ms) {
                self.serve_until(at_ms);
                self.happen(happening);
            }
            self.serve_until(report_ms);
            self.report();
            report_ms += self.fleet.report_ms;
        }
        self.lines
    }

    /// Returns a number below `limit` (SplitMix64).
    fn below(&mut self, limit: i64) -> i64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        i64::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap_or(0) % limit
    }

    fn serve_until(&mut self, end_ms: i64) {
        let usual = (end_ms - self.now_ms) * self.fleet.requests_per_s / 1000;
        self.now_ms = end_ms;
        if !self.is_running || !self.is_serving {
            return;
        }
        let worst = |share: fn(&Version) -> i64| self.active.values().map(share).max().unwrap_or(1);
        let (failed, denied) = (worst(|version| version.failed), worst(|version| version.denied));
        let requests = usual + self.below(usual / 5 + 1) - usual / 10;
        for _ in 0..requests {
            let drawn = self.below(1000);
            let outcome = if drawn < failed { 2 } else { usize::from(drawn < failed + denied) };
            self.count(outcome);
        }
    }

    fn count(&mut self, outcome: usize) {
        self.total[outcome] += 1;
        for version in self.active.values() {
            let view = self.views.entry((version.config, version.number)).or_insert((*version, [0; 4]));
            view.1[outcome] += 1;
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Start => self.start(),
            Happening::Load(version) => self.load(version),
            Happening::Reject(version, error) => self.reject(&version, error),
            Happening::Panic { counted } => self.panic(counted),
            Happening::Vanish => self.is_running = false,
        }
    }

    fn start(&mut self) {
        (self.is_running, self.is_serving) = (true, true);
        self.active.clear();
        (self.total, self.started_ms) = ([0; 4], self.now_ms);
        self.views.clear();
        (self.boots, self.events) = (self.boots + 1, 0);
        self.send_event("firstbad.process.start", Vec::new());
    }

    fn load(&mut self, version: Version) {
        self.send_load(&version, vec![text("firstbad.load.result", "applied")]);
        self.active.insert(version.config, version);
        self.is_serving = true;
    }

    fn reject(&mut self, version: &Version, error: &str) {
        let refused = [("firstbad.load.result", "rejected"), ("firstbad.reason", "parse"), ("firstbad.error", error)];
        self.send_load(version, refused.map(|(key, value)| text(key, value)).to_vec());
        self.is_serving = false;
    }

    fn panic(&mut self, counted: bool) {
        let active: Vec<Value> = self
            .active
            .values()
            .map(|version| json!({"stringValue": format!("{}={}", version.config, version.hash())}))
            .collect();
        let active = json!({"key": "firstbad.config.active", "value": {"arrayValue": {"values": active}}});
        self.send_event(
            "exception",
            vec![
                text("exception.type", "panic"),
                text("exception.message", "a policy without a name"),
                text("code.file.path", "policy.rs"),
                int("code.line.number", 41),
                int("code.column.number", 9),
                active.clone(),
            ],
        );
        if counted {
            self.count(3);
            self.report();
        }
        self.now_ms += 50;
        let clean = json!({"key": "firstbad.exit.clean", "value": {"boolValue": false}});
        self.send_event("firstbad.process.exit", vec![clean, text("firstbad.exit.signal", "SIGSEGV"), active]);
        self.is_running = false;
    }

    fn send_load(&mut self, version: &Version, result: Vec<Value>) {
        let mut attributes = [version.tag().to_vec(), result].concat();
        let previous = self.active.get(version.config);
        attributes.extend(previous.map(|old| text("firstbad.config.previous_hash", &old.hash())));
        attributes.extend(version.facts.iter().map(|(fact, value)| int(fact, *value)));
        self.send_event("firstbad.config.load", attributes);
    }

    fn send_event(&mut self, name: &str, mut attributes: Vec<Value>) {
        self.events += 1;
        attributes.push(text("firstbad.boot", &format!("boot-{}-{}", self.index, self.boots)));
        attributes.push(int("firstbad.seq", self.events));
        let line = otlp::event(&self.process.resource, START_S * 1000 + self.now_ms, name, &attributes);
        self.lines.push((self.now_ms, line));
    }

    fn report(&mut self) {
        if !self.is_running || self.now_ms == self.started_ms {
            return;
        }
        let span = Span { start_ms: START_S * 1000 + self.started_ms, end_ms: START_S * 1000 + self.now_ms };
        let metrics = match self.fleet.form {
            Form::Native => self.native(span),
            Form::Standard => vec![otlp::histogram("http.server.request.duration", &self.durations(span))],
        };
        self.lines.push((self.now_ms, otlp::metrics(&self.process.resource, &metrics)));
    }

    fn durations(&self, span: Span) -> Vec<Value> {
        let [ok, denied, error, panic] = self.total;
        [(200, ok), (401, denied), (500, error + panic)]
            .map(|(status, count)| span.durations(count, &[int("http.response.status_code", status)]))
            .to_vec()
    }

    fn native(&self, span: Span) -> Vec<Value> {
        let points = |counts: &Outcomes, tag: &[Value]| -> Vec<Value> {
            let outcomes = ["ok", "denied", "error", "panic"].map(|word| text("firstbad.outcome", word));
            let point = |(outcome, count): (Value, &i64)| span.count(*count, &[&[outcome], tag].concat());
            outcomes.into_iter().zip(counts).map(point).collect()
        };
        let views = self.views.values().flat_map(|(version, counts)| points(counts, &version.tag()));
        let requests: Vec<Value> = points(&self.total, &[]).into_iter().chain(views).collect();
        let panicked = self.views.values().filter(|(_, counts)| counts[3] > 0);
        let site = text("firstbad.panic.site", "policy.rs:41:9");
        let panics: Vec<Value> = panicked
            .map(|(version, counts)| {
                span.count(counts[3], &[version.tag().as_slice(), std::slice::from_ref(&site)].concat())
            })
            .collect();
        let active: Vec<Value> = self.active.values().map(|version| span.count(1, &version.tag())).collect();
        let mut metrics =
            vec![otlp::sum("firstbad.requests", &requests), otlp::gauge("firstbad.config.active", &active)];
        if !panics.is_empty() {
            metrics.push(otlp::sum("firstbad.panics", &panics));
        }
        metrics
    }
}
