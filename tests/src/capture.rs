//! Small fleets written as captures in the contract's format, by hand from the contract's words: nothing here uses the
//! collector's or the simulator's code, so that a misreading there shows. All is deterministic.

use serde_json::{Value, json};

/// Unix second of 2026-03-02T10:00:00Z, for captures that need no present.
pub const START_S: i64 = 1_772_445_600;

/// What the proxies of a fleet send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `firstbad.*` metrics, cumulative, with views per version.
    Native,
    /// The same as delta points, where zeros are left out.
    NativeDelta,
    /// Only `http.server.request.duration` and load events.
    StandardOnly,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// A version with 240 rows (limit 200): `fl2` panics, `fl` scores 0.
    Oversized,
    /// Requests triple on every host at one moment and a tenth of them fail; an innocent version goes out 40 s earlier.
    Surge,
}

/// A fleet to write down.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// Unix second at which the capture starts.
    pub start_s: i64,
    /// Hosts; two in three run `fl2`, the others `fl`.
    pub hosts: i64,
    /// Report interval, seconds.
    pub interval_s: i64,
    /// Intervals.
    pub intervals: i64,
    /// The interval in which the fault begins.
    pub fault_at: i64,
    /// What is sent.
    pub form: Form,
    /// What goes wrong.
    pub fault: Fault,
}

/// The hash of the good version, of the version that is pushed before the fault, and of a config that never changes.
#[must_use]
pub fn hash_of(version: &str) -> String {
    firstbad_protocol::Hash::of(version.as_bytes()).to_string()
}

impl Fleet {
    /// Twelve hosts with a report each 10 s, of which the 30th reports show the first failures of an oversized version.
    pub const OVERSIZED: Self = Self {
        start_s: START_S,
        hosts: 12,
        interval_s: 10,
        intervals: 60,
        fault_at: 30,
        form: Form::Native,
        fault: Fault::Oversized,
    };

    /// The capture: one request a line, in order of time.
    #[must_use]
    pub fn lines(&self) -> String {
        let mut hosts: Vec<Host> = (0..self.hosts).map(Host::new).collect();
        let mut text = String::new();
        for interval in 0..self.intervals {
            for host in &mut hosts {
                for request in host.report(self, interval) {
                    text.push_str(&request.to_string());
                    text.push('\n');
                }
            }
        }
        text
    }

    fn nanoseconds(&self, second: i64) -> String {
        ((self.start_s + second) * 1_000_000_000).to_string()
    }

    /// Second, from the start, at which `host` loads the version pushed with the fault.
    fn load_s(&self, host: i64) -> i64 {
        let push_s = self.fault_at * self.interval_s;
        match self.fault {
            Fault::None => i64::MAX,
            Fault::Oversized => push_s + host * 7 % 31,
            // Well before the surge on some hosts, after it on others.
            Fault::Surge => push_s - 40 + host * 11 % 60,
        }
    }
}

/// Part of an interval under one version.
struct Stretch {
    interval: i64,
    version: &'static str,
    seconds: i64,
}

/// What was served in a stretch.
struct Counted {
    version: &'static str,
    /// Ok, error, panic.
    outcomes: [i64; 3],
    /// Zero, 1 to 29, 30 to 99.
    scores: [i64; 3],
}

struct Host {
    index: i64,
    ok: i64,
    error: i64,
    panic: i64,
    scores: [i64; 3],
    views: Vec<(String, [i64; 3], [i64; 3])>,
    announced: usize,
}

impl Host {
    fn new(index: i64) -> Self {
        Self { index, ok: 0, error: 0, panic: 0, scores: [0; 3], views: Vec::new(), announced: 0 }
    }

    fn is_new_engine(&self) -> bool {
        self.index % 3 != 0
    }

    fn resource(&self) -> Value {
        let engine = if self.is_new_engine() { "fl2" } else { "fl" };
        json!({"attributes": [
            text("service.name", "proxy"), text("service.version", engine),
            text("service.instance.id", &format!("proxy-{}", self.index)), text("host.name", &format!("host-{}", self.index)),
            text("cloud.region", ["eu", "us", "ap"].get(usize::try_from(self.index % 3).unwrap_or(0)).unwrap_or(&"eu")),
        ]})
    }

    fn report(&mut self, fleet: &Fleet, interval: i64) -> Vec<Value> {
        let (from_s, to_s) = (interval * fleet.interval_s, (interval + 1) * fleet.interval_s);
        let mut requests = self.loads(fleet, to_s);
        // What is counted before the load and after it belongs to different versions.
        let split_s = fleet.load_s(self.index).clamp(from_s, to_s);
        let before = self.count(fleet, &Stretch { interval, version: "good", seconds: split_s - from_s });
        let after = self.count(fleet, &Stretch { interval, version: "pushed", seconds: to_s - split_s });
        requests.push(self.metrics(fleet, interval, [before, after]));
        requests
    }

    /// Load events up to `to_s`: the good version at the start, the pushed one later.
    fn loads(&mut self, fleet: &Fleet, to_s: i64) -> Vec<Value> {
        let plan = [(0, "good", 60, 0, 1), (fleet.load_s(self.index), "pushed", 0, 0, 2)];
        let mut requests = Vec::new();
        while let Some((at_s, version, ..)) = plan.get(self.announced).filter(|(at_s, ..)| *at_s < to_s) {
            let oversized = *version == "pushed" && fleet.fault == Fault::Oversized;
            let (rows, duplicates) = if oversized {
                (240, 180)
            } else if *version == "pushed" {
                (61, 0)
            } else {
                (60, 0)
            };
            let previous = if *version == "pushed" {
                vec![text("firstbad.config.previous_hash", &hash_of("good"))]
            } else {
                vec![]
            };
            let mut attributes = vec![
                text("firstbad.config.name", "bot-features"),
                text("firstbad.config.hash", &hash_of(version)),
                text("firstbad.load.result", "applied"),
                int("firstbad.config.rows", rows),
                int("firstbad.config.duplicate_rows", duplicates),
                int("firstbad.config.size", rows * 30),
                int("firstbad.limit.rows", 200),
                text("firstbad.boot", &format!("boot-{}", self.index)),
                json!({"key": "firstbad.seq", "value": {"intValue": self.announced.to_string()}}),
            ];
            attributes.extend(previous);
            let time = fleet.nanoseconds(*at_s);
            requests.push(json!({"resourceLogs": [{"resource": self.resource(), "scopeLogs": [{"scope": {"name": "proxy"}, "logRecords": [
                {"timeUnixNano": time, "observedTimeUnixNano": time, "eventName": "firstbad.config.load", "severityNumber": 9, "attributes": attributes}
            ]}]}]}));
            self.announced += 1;
        }
        requests
    }

    /// What is served in one stretch.
    fn count(&self, fleet: &Fleet, stretch: &Stretch) -> Counted {
        let Stretch { interval, version, seconds } = *stretch;
        let surges = fleet.fault == Fault::Surge && interval >= fleet.fault_at;
        let wobble = (interval * 7 + self.index * 13) % 9;
        let all = seconds * (40 + wobble) * if surges { 3 } else { 1 };
        let bad = version == "pushed" && fleet.fault == Fault::Oversized;
        let stray = i64::from((interval * 31 + self.index * 17) % 11 == 0 && all > 0);
        let (error, panic) = match (surges, bad && self.is_new_engine()) {
            (true, _) => (all / 10, 0),
            (_, true) => (stray, all * 6 / 10),
            _ => (stray, 0),
        };
        let ok = all - error - panic;
        let scores =
            if bad && !self.is_new_engine() { [ok, 0, 0] } else { [ok / 100, ok * 2 / 5, ok - ok / 100 - ok * 2 / 5] };
        Counted { version, outcomes: [ok, error, panic], scores }
    }

    fn metrics(&mut self, fleet: &Fleet, interval: i64, counted: [Counted; 2]) -> Value {
        let cumulative = fleet.form != Form::NativeDelta;
        if !cumulative {
            (self.ok, self.error, self.panic, self.scores) = (0, 0, 0, [0; 3]);
            self.views.clear();
        }
        for part in counted {
            self.add(&part);
        }
        let start = fleet.nanoseconds(if cumulative { 0 } else { interval * fleet.interval_s });
        let point = Point { start, time: fleet.nanoseconds((interval + 1) * fleet.interval_s), cumulative };
        let metrics = if fleet.form == Form::StandardOnly { self.standard(&point) } else { self.native(&point) };
        json!({"resourceMetrics": [{"resource": self.resource(), "scopeMetrics": [{"scope": {"name": "proxy"}, "metrics": metrics}]}]})
    }

    fn add(&mut self, counted: &Counted) {
        let Counted { version, outcomes, scores } = *counted;
        let [ok, error, panic] = outcomes;
        (self.ok, self.error, self.panic) = (self.ok + ok, self.error + error, self.panic + panic);
        if outcomes == [0; 3] {
            return;
        }
        if !self.views.iter().any(|(name, ..)| name == version) {
            self.views.push((version.to_owned(), [0; 3], [0; 3]));
        }
        for (name, all, scored) in &mut self.views {
            if name == version {
                all.iter_mut().zip(outcomes).for_each(|(sum, count)| *sum += count);
                scored.iter_mut().zip(scores).for_each(|(sum, count)| *sum += count);
            }
        }
    }

    fn native(&self, point: &Point) -> Vec<Value> {
        let outcome = |word: &str, count: i64, mut more: Vec<Value>| {
            more.push(text("firstbad.outcome", word));
            point.sum(count, more)
        };
        let mut requests: Vec<Value> = [("ok", self.ok), ("error", self.error), ("panic", self.panic)]
            .into_iter()
            .filter(|(_, count)| point.cumulative || *count > 0)
            .map(|(word, count)| outcome(word, count, vec![]))
            .collect();
        let (mut panics, mut scores) = (Vec::new(), Vec::new());
        for (version, [ok, error, panic], [zero, low, high]) in &self.views {
            let tag =
                || vec![text("firstbad.config.name", "bot-features"), text("firstbad.config.hash", &hash_of(version))];
            requests.extend(
                [("ok", *ok), ("error", *error), ("panic", *panic)].map(|(word, count)| outcome(word, count, tag())),
            );
            if *panic > 0 {
                let mut attributes = tag();
                attributes.push(text("firstbad.panic.site", "src/bots.rs:71:9"));
                panics.push(point.sum(*panic, attributes));
            }
            let mut attributes = tag();
            attributes.push(text("firstbad.score.name", "bot"));
            scores.push(json!({"attributes": attributes, "startTimeUnixNano": point.start, "timeUnixNano": point.time,
                "count": (zero + low + high).to_string(), "sum": (low * 15 + high * 65) as f64,
                "explicitBounds": [0.5, 29.0, 99.0], "bucketCounts": [zero.to_string(), low.to_string(), high.to_string(), "0"]}));
        }
        let mut metrics = vec![point.sums("firstbad.requests", "{request}", requests)];
        if !panics.is_empty() {
            metrics.push(point.sums("firstbad.panics", "{panic}", panics));
        }
        metrics.push(json!({"name": "firstbad.scores", "unit": "1",
            "histogram": {"aggregationTemporality": point.temporality(), "dataPoints": scores}}));
        metrics
    }

    fn standard(&self, point: &Point) -> Vec<Value> {
        let histogram = |status: i64, count: i64| {
            let (fast, slow) = (count * 9 / 10, count - count * 9 / 10);
            json!({"attributes": [int("http.response.status_code", status), text("http.request.method", "GET")],
                "startTimeUnixNano": point.start, "timeUnixNano": point.time, "count": count.to_string(), "sum": count as f64 * 0.01,
                "explicitBounds": [0.005, 0.05, 0.5], "bucketCounts": ["0", fast.to_string(), slow.to_string(), "0"]})
        };
        vec![
            json!({"name": "http.server.request.duration", "unit": "s", "histogram": {"aggregationTemporality": point.temporality(),
            "dataPoints": [histogram(200, self.ok), histogram(500, self.error + self.panic)]}}),
        ]
    }
}

struct Point {
    start: String,
    time: String,
    cumulative: bool,
}

impl Point {
    fn temporality(&self) -> i64 {
        if self.cumulative { 2 } else { 1 }
    }

    fn sum(&self, count: i64, attributes: Vec<Value>) -> Value {
        json!({"attributes": attributes, "startTimeUnixNano": self.start, "timeUnixNano": self.time, "asInt": count.to_string()})
    }

    fn sums(&self, name: &str, unit: &str, points: Vec<Value>) -> Value {
        json!({"name": name, "unit": unit, "sum": {"aggregationTemporality": self.temporality(), "isMonotonic": true, "dataPoints": points}})
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn int(key: &str, value: i64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}
