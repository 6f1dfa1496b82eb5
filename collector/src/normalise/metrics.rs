//! A metrics request, point by point, into rows: counts first, because they bring the spans, then last values, which join
//! them. Which metric means what is decided here; the arithmetic of series and rows is next door.

mod place;

pub(super) use place::Placed;

use super::gaps::{Fault, Gaps};
use super::gauges::{self, Gauge};
use super::identity::Process;
use super::keys::{self, Key};
use super::known::{Count, Distribution, Known, RequestSource, is_misspelled, known};
use super::labels::{Labels, Outcome};
use super::life::Context;
use super::number::{PointSpan, SentSpan};
use super::processes::Heard;
use super::reports::{self, Reports};
use super::rows::{Building, Rows, Target};
use super::senders::Sender;
use super::series::{Place, Reading, Taken};
use super::{Batch, Normaliser, exponential, histogram, number, sources};
use crate::otlp::Metrics;
use crate::otlp::model::{Attributes, Data, Metric, NumberPoint, ResourceMetrics, Temporality};
use firstbad_diagnosis::observation::{Dimensions, Histogram, LoadCount, Observation, Scores, Source, Total};
use firstbad_protocol::time::Timestamp;
use place::{At, Reported};
use std::borrow::Cow;
use std::sync::Arc;

pub(super) fn take(normaliser: &mut Normaliser, request: &Metrics<'_>) -> Batch {
    normaliser.senders.tick();
    normaliser.series.tick();
    let senders: Vec<Option<Sender>> = request
        .resource_metrics
        .iter()
        .map(|resource| {
            let attributes = &resource.resource.attributes;
            let Normaliser { senders, dimensions, names, horizon, .. } = &mut *normaliser;
            let mut sender = senders.sender(attributes, dimensions, names)?;
            senders.tell_process(&mut sender, || reports::heard(resource, *horizon), names);
            Some(sender)
        })
        .collect();
    // One source per instance: another resource of the same process may come first in the request.
    for (resource, sender) in request.resource_metrics.iter().zip(&senders) {
        sources::note(normaliser, resource, sender.as_ref());
    }
    let mut walk = Walk {
        normaliser,
        batch: Batch::default(),
        gaps: Gaps::default(),
        rows: Rows::default(),
        outcomes: false,
        crowded: false,
        baselines: Vec::new(),
    };
    for (resource, sender) in request.resource_metrics.iter().zip(senders) {
        match sender {
            Some(sender) => walk.resource(resource, &sender),
            None => {
                let points = resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
                (0..points.map(|metric| metric.data.len()).sum()).for_each(|_| walk.reject(Fault::TooManySenders));
            }
        }
    }
    walk.finish()
}

struct Walk<'n> {
    normaliser: &'n mut Normaliser,
    batch: Batch,
    gaps: Gaps,
    rows: Rows,
    /// Whether the current resource holds points of requests or scores.
    outcomes: bool,
    /// Whether cumulative points of the current resource add no counts, because its processes cannot be distinguished.
    crowded: bool,
    /// Who reported, and when, though nothing could be counted yet.
    baselines: Vec<(Target, i64)>,
}

impl Walk<'_> {
    fn resource(&mut self, resource: &ResourceMetrics<'_>, sender: &Sender) {
        let metrics = || {
            resource
                .scope_metrics
                .iter()
                .flat_map(|scope| scope.metrics.iter().map(move |metric| (&scope.scope, metric)))
        };
        let horizon = self.normaliser.horizon.map_or(i64::MAX, |horizon| horizon.0);
        let read = |sent| number::span(sent).ok().filter(|span| span.end <= horizon);
        let counted = metrics().map(|(_, metric)| metric).filter(|metric| known(&metric.name).is_some());
        let spans = counted.flat_map(reports::spans).filter_map(read);
        let senders = &self.normaliser.senders;
        self.crowded = senders.is_crowded(sender.resource);
        let reports = Reports::gather(|start| senders.reports(sender.resource, start), spans);
        let target = Target::of(sender);
        for (scope, metric) in metrics() {
            let reported = Reported { sender, target: &target, reports: &reports };
            let at = || At::new(reported, &scope.name, metric);
            match known(&metric.name) {
                Some(Known::Count(count)) => self.counts(count, metric, at()),
                Some(Known::Distribution(kind)) => self.distributions(kind, metric, at()),
                Some(Known::Gauge(_)) | None => {}
            }
        }
        self.normaliser.senders.note_reports(sender.resource, reports.oldest_start, reports.last_two());
        if self.normaliser.series.take_returned() && self.normaliser.senders.note_return(sender.resource) {
            self.gaps.add(Fault::SharedIdentity);
        }
        if self.normaliser.series.take_crowded() && self.normaliser.senders.note_crowd(sender.resource) {
            self.gaps.add(Fault::CrowdedIdentity);
        }
        for (target, time) in std::mem::take(&mut self.baselines) {
            self.row_at(&target, time);
        }
        for (_, metric) in metrics() {
            match known(&metric.name) {
                Some(Known::Gauge(gauge)) => self.gauges(gauge, metric, sender),
                Some(_) => {}
                None => self.foreign(metric, sender),
            }
        }
        self.note_understood(resource, sender);
        self.settle(sender);
    }

    /// Notes whether the resource held requests or scores, and the names of its other metrics if it did not.
    fn note_understood(&mut self, resource: &ResourceMetrics<'_>, sender: &Sender) {
        let outcomes = std::mem::take(&mut self.outcomes);
        let Normaliser { senders, sentences, names, horizon, .. } = &mut *self.normaliser;
        if let Some(instance) = senders.instance(sender.instance) {
            instance.understood |= outcomes;
        }
        let Some(understood) = senders.understood_of(sender.resource) else { return };
        understood.outcomes |= outcomes;
        if !reports::is_within(resource, *horizon) {
            return;
        }
        let metrics = resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
        for metric in metrics.filter(|metric| !metric.data.is_empty()) {
            understood.note_metric(&metric.name, names);
        }
        if understood.end_report() {
            let at = self.batch.latest.unwrap_or_default();
            self.batch.observations.push(Observation::Gap(sentences.tell(understood, at)));
        }
    }

    fn counts(&mut self, count: Count, metric: &Metric<'_>, at: At<'_>) {
        let Data::Sum { points, .. } = &metric.data else {
            return self.reject_all(metric.data.len(), Fault::WrongKind);
        };
        for point in points.iter().filter(|point| is_recorded(point.flags)) {
            let result = self.count(count, point, at);
            self.account(result);
        }
    }

    fn count(&mut self, count: Count, point: &NumberPoint<'_>, at: At<'_>) -> Result<(), Fault> {
        let value = number::count(point.value)?;
        let Some(placed) = self.placed(point.attributes(), SentSpan { start: point.start, end: point.time }, at)?
        else {
            return Ok(());
        };
        self.outcomes |= matches!(count, Count::Requests | Count::Durations);
        let reading = match placed.temporality {
            Temporality::Delta => self.delta(&placed, value)?,
            _ => self.normaliser.series.cumulative(placed.place, value)?,
        };
        let Some(reading) = self.counted(reading, &placed) else { return Ok(()) };
        let instance = self.normaliser.senders.instance(placed.target.instance);
        let load_events = instance.as_ref().is_some_and(|known| known.load_events);
        let counts_requests = count == Count::Durations && sources::counts(instance, RequestSource::Count, &placed);
        let row = self.rows.covering(&placed.target, reading.span);
        row.row.restarted |= reading.restarted;
        let (labels, amount) = (&placed.labels, reading.amount);
        let tagged = |labels: &Labels| labels.not_a_version.map_or(Ok(()), Err);
        match count {
            Count::Requests => {
                tagged(labels)?;
                row.requests(labels, labels.outcome.unwrap_or(Ok(Outcome::Ok))?, amount);
            }
            Count::Durations if counts_requests => row.requests(labels, labels.http_outcome(), amount),
            Count::Durations => {}
            Count::Panics => {
                tagged(labels)?;
                row.panics(labels, amount);
            }
            Count::Defaulted => {
                tagged(labels)?;
                row.defaulted(labels, defaulted_by(labels.reason.as_deref())?, amount);
            }
            Count::Loads if load_events => {}
            Count::Loads => {
                let (config, hash) = labels.version.clone().ok_or(labels.not_a_version.unwrap_or(Fault::NoHash))?;
                let result = labels.result.ok_or(Fault::UnknownResult)?;
                row.loads(LoadCount { config, hash, result, reason: labels.reason.clone(), count: amount });
            }
            Count::Dropped => row.row.dropped = row.row.dropped.saturating_add(amount),
        }
        Ok(())
    }

    fn distributions(&mut self, kind: Distribution, metric: &Metric<'_>, at: At<'_>) {
        match &metric.data {
            Data::Histogram { points, .. } => {
                for point in points.iter().filter(|point| is_recorded(point.flags)) {
                    let result = histogram::explicit(point, &mut self.normaliser.names).and_then(|read| {
                        let placed =
                            self.placed(point.attributes(), SentSpan { start: point.start, end: point.time }, at)?;
                        self.distribution(kind, placed, read)
                    });
                    self.account(result);
                }
            }
            Data::Exponential { points, .. } => {
                for point in points.iter().filter(|point| is_recorded(point.flags)) {
                    let range = self.labels(point.attributes()).range;
                    let result = exponential::explicit(point, range, &mut self.normaliser.names).and_then(|read| {
                        let placed =
                            self.placed(point.attributes(), SentSpan { start: point.start, end: point.time }, at)?;
                        self.distribution(kind, placed, read)
                    });
                    self.account(result);
                }
            }
            other => self.reject_all(other.len(), Fault::WrongKind),
        }
    }

    fn distribution(&mut self, kind: Distribution, placed: Option<Placed<'_>>, sent: Histogram) -> Result<(), Fault> {
        let Some(placed) = placed else { return Ok(()) };
        self.outcomes = true;
        let names = &mut self.normaliser.names;
        let histogram = if kind == Distribution::OldDuration { histogram::in_seconds(sent, names) } else { sent };
        let reading = match placed.temporality {
            Temporality::Delta => self.delta(&placed, histogram)?,
            _ => self.normaliser.series.cumulative_histogram(placed.place, histogram)?,
        };
        let Some(Reading { span, amount, restarted }) = self.counted(reading, &placed) else { return Ok(()) };
        let Some(source) = Known::Distribution(kind).request_source() else {
            let row = self.rows.covering(&placed.target, span);
            row.row.restarted |= restarted;
            placed.labels.not_a_version.map_or(Ok(()), Err)?;
            row.scores(&placed.labels, &amount);
            return Ok(());
        };
        let instance = self.normaliser.senders.instance(placed.target.instance);
        let counts_durations = instance.as_ref().is_some_and(|known| known.counts_durations(source, span.end));
        let counts_requests = sources::counts(instance, source, &placed);
        let row = self.rows.covering(&placed.target, span);
        row.row.restarted |= restarted;
        if counts_requests {
            row.requests(&placed.labels, placed.labels.http_outcome(), histogram::total(&amount));
        }
        if counts_durations {
            row.latency(amount);
        }
        Ok(())
    }

    /// A delta point, if it was not seen before. One without a start goes on from the report before.
    fn delta<T>(&mut self, placed: &Placed<'_>, amount: T) -> Result<Taken<T>, Fault> {
        let PointSpan { start, end } = placed.place.span;
        if !self.normaliser.series.delta(placed.place)? {
            return Ok(Taken::Repeat);
        }
        let start = if start == 0 { self.since(placed.target.instance, end).unwrap_or(end) } else { start };
        Ok(Taken::Counted(Reading { span: PointSpan { start, end }, amount, restarted: false }))
    }

    /// The end of the report before one at `time`: in this request, or before it.
    fn since(&mut self, instance: Key, time: i64) -> Option<i64> {
        let known = self.normaliser.senders.instance(instance).and_then(|known| known.since(time));
        known.max(self.rows.end_before(instance, time))
    }

    /// What a point adds, if that is known.
    fn counted<T>(&mut self, taken: Taken<T>, placed: &Placed<'_>) -> Option<Reading<T>> {
        let left_out = self.crowded && placed.temporality == Temporality::Cumulative;
        match taken {
            Taken::Counted(reading) if !left_out => Some(reading),
            Taken::Repeat => None,
            Taken::Counted(_) | Taken::Baseline => {
                let (instance, time) = (placed.target.instance, placed.place.span.end);
                if !self.baselines.iter().any(|(target, known)| target.instance == instance && *known == time) {
                    self.baselines.push((Target::clone(&placed.target), time));
                }
                None
            }
        }
    }

    /// Where a point stands; none if it lies beyond the horizon.
    fn placed<'s>(
        &mut self,
        attributes: Attributes<'_, '_>,
        sent: SentSpan,
        at: At<'s>,
    ) -> Result<Option<Placed<'s>>, Fault> {
        let span = number::span(sent)?;
        if !self.seen(at.sender.resource, span.end) {
            return Ok(None);
        }
        let previous_report = match at.temporality {
            Temporality::Unspecified => return Err(Fault::NoTemporality),
            Temporality::Delta => None,
            Temporality::Cumulative => at.reports.before(span.end),
        };
        let labels = self.labels(attributes);
        let oldest_start = at.reports.oldest_start;
        let context = Context { previous_report, oldest_start, observed_from: self.normaliser.observed.from() };
        let target = if labels.identity.is_empty() {
            Cow::Borrowed(at.target)
        } else {
            Cow::Owned(self.target(at.sender, &labels, span))
        };
        let many = target.source == Source::Aggregate;
        let series = keys::combine(at.metric, labels.key);
        let place = Place { series, sender: at.sender.resource, span, context, many };
        Ok(Some(Placed { labels, place, target, temporality: at.temporality }))
    }

    fn labels(&mut self, attributes: Attributes<'_, '_>) -> Arc<Labels> {
        let Normaliser { labels, dimensions, names, .. } = &mut *self.normaliser;
        labels.get(attributes, dimensions, names)
    }

    fn target(&mut self, sender: &Sender, labels: &Labels, span: PointSpan) -> Target {
        if labels.identity.is_empty() {
            return Target::of(sender);
        }
        let dimensions = Dimensions::clone(&sender.dimensions);
        let Normaliser { senders, names, .. } = &mut *self.normaliser;
        let who = labels.identity.over(&sender.identity).who(sender.resource, names);
        let Process { source, key: instance } = senders.source(&who, Heard::of_report(span), names);
        Target { instance, source, named_by: who.named_by, dimensions }
    }

    fn gauges(&mut self, gauge: Gauge, metric: &Metric<'_>, sender: &Sender) {
        let points = match &metric.data {
            Data::Gauge(points) => points,
            Data::Sum { temporality, points, .. } if *temporality != Temporality::Delta => points,
            other => return self.reject_all(other.len(), Fault::WrongKind),
        };
        for point in points.iter().filter(|point| is_recorded(point.flags)) {
            let result = self.gauge(gauge, point, sender);
            self.account(result);
        }
    }

    fn gauge(&mut self, gauge: Gauge, point: &NumberPoint<'_>, sender: &Sender) -> Result<(), Fault> {
        let time = number::time(point.time)?;
        if !self.seen(sender.resource, time) {
            return Ok(());
        }
        let labels = self.labels(point.attributes());
        let target = self.target(sender, &labels, PointSpan { start: 0, end: time });
        let uptime = if gauge == Gauge::Uptime { Some(number::real(point.value)?) } else { None };
        let instance = self.normaliser.senders.instance(target.instance);
        let restarted = uptime.zip(instance).is_some_and(|(uptime, instance)| instance.began_anew(uptime, time));
        let row = self.row_at(&target, time);
        row.row.restarted |= restarted;
        gauges::take(gauge, point, &labels, row)
    }

    /// The row that a last value joins. A sender of delta that reports nothing else had nothing to count since its last
    /// report; where there is none, the value stands for its moment alone.
    fn row_at(&mut self, target: &Target, time: i64) -> &mut Building {
        let span = self.rows.ending(target.instance, time).unwrap_or_else(|| {
            let quiet = self.normaliser.senders.instance(target.instance).and_then(|known| known.quiet_since(time));
            let before = |since| self.rows.end_before(target.instance, time).map_or(since, |end| end.max(since));
            PointSpan { start: quiet.map_or(time, before), end: time }
        });
        self.rows.covering(target, span)
    }

    /// Takes a metric that firstbad does not know. It still shows that its resource reported, where the resource is known to
    /// be a process.
    fn foreign(&mut self, metric: &Metric<'_>, sender: &Sender) {
        if is_misspelled(&metric.name) {
            self.reject_all(metric.data.len(), Fault::UnknownMetric);
        } else {
            self.batch.accepted += metric.data.len() as u64;
        }
        let times = reports::all_spans(metric).filter_map(|sent| number::time(sent.end).ok());
        let latest = times.filter(|time| self.normaliser.is_within_horizon(*time)).max();
        if let (Some(latest), Source::Instance { .. }) = (latest, &sender.source)
            && self.normaliser.senders.instance(sender.instance).is_some_and(|known| known.understood)
        {
            self.seen(sender.resource, latest);
            let target = self.target(sender, &Labels::default(), PointSpan { start: 0, end: latest });
            self.row_at(&target, latest);
        }
    }

    /// The rows of a resource are complete.
    fn settle(&mut self, sender: &Sender) {
        let mut rows = std::mem::take(&mut self.rows).rows;
        rows.sort_by_key(|row| (row.row.span.end, row.row.span.start));
        for mut row in rows {
            let mut instance = self.normaliser.senders.instance(row.instance);
            let spans = row.row.span.start < row.row.span.end;
            if let Some(instance) = &mut instance {
                if spans {
                    instance.note_end(row.row.span.end.0);
                }
                let is_instance = matches!(sender.source, Source::Instance { .. });
                let zero = row.row.totals.is_empty() && instance.has_zero_total(!row.row.views.is_empty());
                if spans && is_instance && zero {
                    row.row.totals.push(Total { dimensions: Dimensions::default(), outcomes: Default::default() });
                }
            }
            gauges::settle(&mut row, instance);
            self.batch.observations.push(Observation::Row(row.row));
        }
    }

    /// Whether a point at `time` may be read; if so its time is noted.
    fn seen(&mut self, sender: Key, time: i64) -> bool {
        let within = self.normaliser.is_within_horizon(time);
        if within {
            self.normaliser.observed.note(sender, time);
            self.batch.latest = self.batch.latest.max(Some(Timestamp(time)));
        }
        within
    }

    fn account(&mut self, result: Result<(), Fault>) {
        match result {
            Ok(()) => self.batch.accepted += 1,
            Err(fault) => self.reject(fault),
        }
    }

    fn reject(&mut self, fault: Fault) {
        self.batch.rejected += 1;
        self.gaps.add(fault);
    }

    fn reject_all(&mut self, points: usize, fault: Fault) {
        (0..points).for_each(|_| self.reject(fault));
    }

    fn finish(mut self) -> Batch {
        let at = self.batch.latest.unwrap_or_default();
        self.batch.observations.extend(self.gaps.observations(at));
        self.batch
    }
}

fn is_recorded(flags: u32) -> bool {
    flags & 1 == 0
}

fn defaulted_by(reason: Option<&str>) -> Result<fn(&mut Scores) -> &mut u64, Fault> {
    match reason {
        Some("sentinel") => Ok(|scores| &mut scores.sentinel),
        Some("nan") => Ok(|scores| &mut scores.nan),
        Some("below") => Ok(|scores| &mut scores.below),
        Some("above") => Ok(|scores| &mut scores.above),
        _ => Err(Fault::UnknownReason),
    }
}
