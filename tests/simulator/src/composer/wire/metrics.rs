//! A report as metrics: those of firstbad, or the standard HTTP metrics in the current or the older spelling.

use super::json::{self, Commas, put};
use super::unix_ns;
use crate::composer::counts::{Counted, LATENCY_BOUNDS_S, Latency, Outcomes, SCORE_VALUES, View};
use crate::composer::process::Gauges;
use crate::composer::style::{Counts, Panics, Scores, Style};
use crate::composer::world::World;
use firstbad_protocol::names::{attribute, metric};

/// Gauge of the contract: Unix time, seconds, at which the first request failed under a version.
const FIRST_FAILED: &str = "firstbad.requests.first_failed";
/// HTTP status codes of good, denied and failed answers, in this order.
const STATUSES: [i64; 3] = [200, 403, 500];

/// The content of one report.
pub(crate) struct Report<'a> {
    pub(crate) world: &'a World,
    pub(crate) style: &'a Style,
    pub(crate) host: usize,
    pub(crate) counted: &'a Counted,
    pub(crate) gauges: Gauges,
    /// Active version of each config at the end of the report.
    pub(crate) active: &'a [usize],
    /// Loads since the start of the process (cumulative senders) or since the last report.
    pub(crate) loads: &'a [LoadCount],
    /// Beginning of the span, seconds by the sender's clock.
    pub(crate) start: f64,
    /// End of the span, seconds by the sender's clock.
    pub(crate) end: f64,
}

/// Loads of one version with one result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadCount {
    pub(crate) version: usize,
    pub(crate) result: &'static str,
    pub(crate) reason: Option<&'static str>,
    pub(crate) count: u64,
}

/// Count and sum of the values in a histogram.
#[derive(Clone, Copy)]
struct Total {
    count: u64,
    sum: f64,
}

struct Writer<'a, 'b> {
    report: &'a Report<'b>,
    out: &'a mut String,
    metrics: Commas,
    points: Commas,
}

/// Appends the `metrics` array of `report`.
pub(crate) fn write(report: &Report<'_>, out: &mut String) {
    let mut writer = Writer { report, out, metrics: Commas::new(), points: Commas::new() };
    writer.out.push('[');
    writer.requests();
    writer.panics();
    writer.scores();
    writer.loads();
    writer.levels();
    writer.out.push(']');
}

impl Writer<'_, '_> {
    fn begin(&mut self, name: &str, data: &str) {
        self.metrics.next(self.out);
        put(self.out, format_args!("{{\"name\":\"{name}\",\"{data}\":{{"));
        if data != "gauge" {
            let temporality = if self.report.style.cumulative { 2 } else { 1 };
            put(self.out, format_args!("\"aggregationTemporality\":{temporality},"));
        }
        if data == "sum" {
            self.out.push_str("\"isMonotonic\":true,");
        }
        self.out.push_str("\"dataPoints\":[");
        self.points = Commas::new();
    }

    fn end(&mut self) {
        self.out.push_str("]}}");
    }

    /// Opens a point: writes its attributes by `attributes`, and its span.
    fn point(&mut self, attributes: impl FnOnce(&mut String)) {
        self.points.next(self.out);
        self.out.push_str("{\"attributes\":[");
        attributes(self.out);
        self.out.push_str("],\"startTimeUnixNano\":");
        json::number(self.out, self.report.style, unix_ns(self.report.start));
        self.out.push_str(",\"timeUnixNano\":");
        json::number(self.out, self.report.style, unix_ns(self.report.end));
    }

    fn sum_point(&mut self, count: u64, attributes: impl FnOnce(&mut String)) {
        self.point(attributes);
        self.out.push_str(",\"asInt\":");
        json::number(self.out, self.report.style, count as i64);
        self.out.push('}');
    }

    fn gauge_point(&mut self, value: f64, attributes: impl FnOnce(&mut String)) {
        self.point(attributes);
        put(self.out, format_args!(",\"asDouble\":{value}}}"));
    }

    fn requests(&mut self) {
        let counted = self.report.counted;
        let counts = self.report.style.counts;
        if self.report.style.is_standard() {
            return self.standard();
        }
        self.begin(metric::REQUESTS, "sum");
        if counts != Counts::ViewsOnly {
            self.outcomes(counted.total, None);
        }
        if counts != Counts::TotalsOnly {
            counted.views.iter().for_each(|view| self.outcomes(view.outcomes, Some(view)));
        }
        self.end();
        if self.report.style.latency {
            self.standard();
        }
    }

    fn outcomes(&mut self, outcomes: Outcomes, view: Option<&View>) {
        let folded = if self.report.style.denied { 0 } else { outcomes.denied };
        let all = [
            ("ok", outcomes.ok + folded),
            ("denied", outcomes.denied - folded),
            ("error", outcomes.error),
            ("panic", outcomes.panic),
        ];
        let world = self.report.world;
        let host = self.report.host;
        for (outcome, count) in all.into_iter().filter(|(outcome, count)| *count > 0 || *outcome == "ok") {
            self.sum_point(count, |out| {
                json::text(out, attribute::OUTCOME, outcome);
                if let Some(view) = view {
                    out.push(',');
                    version(out, world, host, view.version);
                }
            });
        }
    }

    fn standard(&mut self) {
        let style = self.report.style;
        let old = style.counts == Counts::StandardOld;
        let (name, status, unit) = if old {
            ("http.server.duration", "http.status_code", 1_000.0)
        } else {
            (metric::HTTP_SERVER_REQUEST_DURATION, "http.response.status_code", 1.0)
        };
        let counted = self.report.counted;
        self.begin(name, "histogram");
        for (code, cells) in STATUSES.into_iter().zip([&counted.good, &counted.denied, &counted.failed]) {
            if code != 200 && cells.iter().sum::<u64>() == 0 {
                continue;
            }
            self.point(|out| json::whole(out, style, status, code));
            self.histogram(cells, unit);
        }
        self.end();
    }

    fn histogram(&mut self, cells: &Latency, unit: f64) {
        let mean_s = |index: usize| LATENCY_BOUNDS_S.get(index).map_or(12.0, |bound| bound * 0.7);
        let sum: f64 = cells.iter().enumerate().map(|(index, count)| mean_s(index) * unit * *count as f64).sum();
        let bounds = LATENCY_BOUNDS_S.iter().map(|bound| bound * unit);
        self.explicit(Total { count: cells.iter().sum(), sum }, cells, bounds);
    }

    fn explicit(&mut self, total: Total, cells: &[u64], bounds: impl Iterator<Item = f64>) {
        let style = self.report.style;
        self.out.push_str(",\"count\":");
        json::number(self.out, style, total.count as i64);
        put(self.out, format_args!(",\"sum\":{},\"bucketCounts\":[", total.sum));
        let mut commas = Commas::new();
        for cell in cells {
            commas.next(self.out);
            json::number(self.out, style, *cell as i64);
        }
        self.out.push_str("],\"explicitBounds\":[");
        let mut commas = Commas::new();
        for bound in bounds {
            commas.next(self.out);
            put(self.out, format_args!("{bound}"));
        }
        self.out.push_str("]}");
    }

    fn panics(&mut self) {
        let style = self.report.style;
        if style.is_standard() || style.panics == Panics::Events || self.report.counted.panics.is_empty() {
            return;
        }
        let (world, host, counted) = (self.report.world, self.report.host, self.report.counted);
        self.begin(metric::PANICS, "sum");
        if style.counts != Counts::ViewsOnly {
            for panics in &counted.panics {
                self.sum_point(panics.count, |out| json::text(out, attribute::PANIC_SITE, &site(panics.site)));
            }
        }
        for view in counted.views.iter().filter(|view| view.outcomes.panic > 0 && style.tags_points()) {
            self.sum_point(view.outcomes.panic, |out| {
                version(out, world, host, view.version);
                out.push(',');
                json::text(out, attribute::PANIC_SITE, &site(view.site));
            });
        }
        self.end();
    }

    fn scores(&mut self) {
        let report = self.report;
        let Some(scores) = bounds_of(report) else { return };
        let scored = |view: &&View| view.scores.iter().any(|count| *count > 0);
        let name = if matches!(scores, Scores::Exponential) { "exponentialHistogram" } else { "histogram" };
        let attributes = |out: &mut String, view: &View| {
            version(out, report.world, report.host, view.version);
            out.push(',');
            json::text(out, attribute::SCORE_NAME, "risk");
        };
        if !report.counted.views.iter().any(|view| scored(&view)) {
            return;
        }
        self.begin(metric::SCORES, name);
        for view in report.counted.views.iter().filter(scored) {
            self.point(|out| attributes(out, view));
            self.score_cells(view, scores);
        }
        self.end();
        self.begin(metric::SCORES_DEFAULTED, "sum");
        for view in report.counted.views.iter().filter(scored) {
            let zeros = view.scores.first().copied().unwrap_or(0);
            self.sum_point(zeros, |out| {
                attributes(out, view);
                out.push(',');
                json::text(out, attribute::REASON, "sentinel");
            });
        }
        self.end();
    }

    fn score_cells(&mut self, view: &View, scores: Scores) {
        let valued = || SCORE_VALUES.iter().zip(view.scores);
        let sum: f64 = valued().map(|(value, count)| value * count as f64).sum();
        let total = Total { count: view.scores.iter().sum(), sum };
        match scores {
            Scores::Explicit(bounds) => {
                let mut cells = vec![0; bounds.len() + 1];
                for (value, count) in valued() {
                    let index = bounds.partition_point(|bound| bound < value);
                    cells.iter_mut().skip(index).take(1).for_each(|cell| *cell += count);
                }
                self.explicit(total, &cells, bounds.iter().copied());
            }
            Scores::Exponential => self.exponential(total, view),
        }
    }

    /// Writes an exponential histogram of scale 3: eight cells for each doubling, from 0.5 on.
    fn exponential(&mut self, total: Total, view: &View) {
        const OFFSET: i64 = -8;
        let style = self.report.style;
        let mut cells = [0_u64; 64];
        for (value, count) in SCORE_VALUES.iter().zip(view.scores).skip(1) {
            let index = (value.log2() * 8.0).ceil() as i64 - 1 - OFFSET;
            let index = usize::try_from(index).unwrap_or(0);
            cells.iter_mut().skip(index).take(1).for_each(|cell| *cell += count);
        }
        self.out.push_str(",\"count\":");
        json::number(self.out, style, total.count as i64);
        put(self.out, format_args!(",\"sum\":{},\"scale\":3,\"zeroCount\":", total.sum));
        json::number(self.out, style, view.scores.first().copied().unwrap_or(0) as i64);
        put(self.out, format_args!(",\"positive\":{{\"offset\":{OFFSET},\"bucketCounts\":["));
        let mut commas = Commas::new();
        for cell in cells {
            commas.next(self.out);
            json::number(self.out, style, cell as i64);
        }
        self.out.push_str("]}}");
    }

    fn loads(&mut self) {
        let report = self.report;
        if report.style.load_events || report.style.is_standard() || report.loads.is_empty() {
            return;
        }
        self.begin(metric::CONFIG_LOADS, "sum");
        for load in report.loads {
            self.sum_point(load.count, |out| {
                version(out, report.world, report.host, load.version);
                out.push(',');
                json::text(out, attribute::LOAD_RESULT, load.result);
                if let Some(reason) = load.reason {
                    out.push(',');
                    json::text(out, attribute::REASON, reason);
                }
            });
        }
        self.end();
    }

    fn levels(&mut self) {
        let report = self.report;
        let style = report.style;
        let of = |out: &mut String, number: usize| version(out, report.world, report.host, number);
        if style.active && !report.active.is_empty() {
            self.begin(metric::CONFIG_ACTIVE, "gauge");
            report.active.iter().for_each(|active| self.gauge_point(1.0, |out| of(out, *active)));
            self.end();
        }
        if style.active && style.facts && !style.load_events {
            self.begin(metric::CONFIG_ROWS, "gauge");
            for active in report.active {
                let rows = report.world.versions.get(*active).map_or(0, |version| version.rows);
                self.gauge_point(rows as f64, |out| of(out, *active));
            }
            self.end();
        }
        let failed = |view: &View| view.first_failed.map(|at| (view.version, at));
        let failed: Vec<_> = report.counted.views.iter().filter_map(failed).collect();
        if style.first_failed && style.tags_points() && !failed.is_empty() {
            self.begin(FIRST_FAILED, "gauge");
            failed.iter().for_each(|(number, at)| self.gauge_point(super::EPOCH_S + at, |out| of(out, *number)));
            self.end();
        }
        for (wanted, name, value) in [
            (style.cpu, metric::PROCESS_CPU_UTILIZATION, report.gauges.cpu),
            (style.memory, metric::PROCESS_MEMORY_USAGE, report.gauges.memory.round()),
            (style.in_flight, metric::HTTP_SERVER_ACTIVE_REQUESTS, report.gauges.in_flight),
        ] {
            if wanted {
                self.begin(name, "gauge");
                self.gauge_point(value, |_| ());
                self.end();
            }
        }
    }
}

/// Returns how this host sends scores: in the style of its sender, unless a nuisance changes it.
fn bounds_of(report: &Report<'_>) -> Option<Scores> {
    use crate::composer::style::SDK_BOUNDS;
    let scores = report.style.scores?;
    let telemetry = &report.world.telemetry;
    let means =
        |who: Option<crate::composer::push::Who>| who.is_some_and(|who| who.holds(&report.world.fleet, report.host));
    if means(telemetry.other_bounds) {
        return Some(Scores::Explicit(&SDK_BOUNDS));
    }
    Some(if means(telemetry.exponential) { Scores::Exponential } else { scores })
}

/// Returns the source location of the panics that `guilt` causes, or of the usual panics.
pub(crate) fn site(guilt: Option<usize>) -> String {
    guilt.map_or_else(
        || "src/http/parse.rs:88:13".to_owned(),
        |guilt| format!("src/rules/load{guilt}.rs:{}:9", 40 + guilt),
    )
}

/// Appends the attributes that name a version on a host.
pub(crate) fn version(out: &mut String, world: &World, host: usize, number: usize) {
    let Some(version) = world.versions.get(number) else { return };
    let name = world.configs.get(version.config).map_or("", |config| config.name);
    json::text(out, attribute::CONFIG_NAME, name);
    out.push(',');
    out.push_str("{\"key\":\"firstbad.config.hash\",\"value\":{\"stringValue\":\"");
    put(out, format_args!("{}", version.hash_on(host)));
    out.push_str("\"}}");
}
