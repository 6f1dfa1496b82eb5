//! When a resource reported with cumulative points: a series that was not in the report before stood at 0 then. One request
//! may hold several reports, metric by metric, so all of its times are gathered before its first point is read.

use super::number::{self, PointSpan, SentSpan};
use super::processes::Heard;
use super::senders::SAME_REPORT_NS;
use crate::otlp::model::{Data, Metric, NumberPoint, ResourceMetrics, Temporality};
use firstbad_protocol::time::Timestamp;

/// Times of reports, ascending: the last two from before, and those of one request.
#[derive(Debug, Default)]
pub(super) struct Reports {
    times: Vec<i64>,
    /// Earliest start among the points of the request.
    pub(super) oldest_start: i64,
}

impl Reports {
    /// The reports of a request, and those of earlier requests. `known` gives the times of the last two earlier reports
    /// (0: none) of the process that began at the request's earliest start.
    pub(super) fn gather(known: impl FnOnce(i64) -> [i64; 2], spans: impl Iterator<Item = PointSpan>) -> Self {
        let mut reports: Vec<i64> = Vec::new();
        let mut oldest_start = i64::MAX;
        for PointSpan { start, end: time } in spans {
            oldest_start = oldest_start.min(start);
            // Nearly all points of a request have one time.
            if reports.last().is_none_or(|last| last.abs_diff(time) > SAME_REPORT_NS.unsigned_abs()) {
                reports.push(time);
            }
        }
        reports.extend(known(oldest_start).into_iter().filter(|time| *time > 0));
        reports.sort_unstable();
        reports.dedup_by(|later, earlier| later.saturating_sub(*earlier) <= SAME_REPORT_NS);
        Self { times: reports, oldest_start }
    }

    /// The report before one at `at`.
    pub(super) fn before(&self, at: i64) -> Option<i64> {
        let earlier = self.times.partition_point(|report| report.saturating_add(SAME_REPORT_NS) < at);
        earlier.checked_sub(1).and_then(|index| self.times.get(index)).copied()
    }

    /// The last two.
    pub(super) fn last_two(&self) -> [i64; 2] {
        let from_end = |back: usize| self.times.len().checked_sub(back).and_then(|at| self.times.get(at)).copied();
        [from_end(2).unwrap_or(0), from_end(1).unwrap_or(0)]
    }
}

/// Start and time of the cumulative points of a metric.
pub(super) fn spans<'m>(metric: &'m Metric<'_>) -> Box<dyn Iterator<Item = SentSpan> + 'm> {
    use Temporality::Cumulative;
    match &metric.data {
        Data::Sum { temporality: Cumulative, .. }
        | Data::Histogram { temporality: Cumulative, .. }
        | Data::Exponential { temporality: Cumulative, .. } => all_spans(metric),
        _ => Box::new(std::iter::empty()),
    }
}

/// The time in which the process behind a resource certainly existed, by the times of its points.
pub(super) fn heard(resource: &ResourceMetrics<'_>, horizon: Option<Timestamp>) -> Option<Heard> {
    let horizon = horizon.map_or(i64::MAX, |horizon| horizon.0);
    let metrics = resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
    let within = |sent| number::span(sent).ok().filter(|span| span.end <= horizon);
    let heard = metrics.flat_map(all_spans).filter_map(within).map(Heard::of_report);
    heard.reduce(|all, one| Heard { since: all.since.min(one.since), until: all.until.max(one.until), report: true })
}

/// Whether any point of a resource has a time at or before `horizon`.
pub(super) fn is_within(resource: &ResourceMetrics<'_>, horizon: Option<Timestamp>) -> bool {
    let horizon = horizon.map_or(i64::MAX, |horizon| horizon.0);
    let metrics = resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
    metrics.flat_map(all_spans).any(|sent| number::time(sent.end).is_ok_and(|time| time <= horizon))
}

/// Start and time of every point of a metric.
pub(super) fn all_spans<'m>(metric: &'m Metric<'_>) -> Box<dyn Iterator<Item = SentSpan> + 'm> {
    let of_number = |point: &NumberPoint<'_>| SentSpan { start: point.start, end: point.time };
    match &metric.data {
        Data::Gauge(points) | Data::Sum { points, .. } => Box::new(points.iter().map(of_number)),
        Data::Histogram { points, .. } => {
            Box::new(points.iter().map(|point| SentSpan { start: point.start, end: point.time }))
        }
        Data::Exponential { points, .. } => {
            Box::new(points.iter().map(|point| SentSpan { start: point.start, end: point.time }))
        }
        Data::None | Data::Summary(_) => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::time::SECOND_NS;

    #[test]
    fn the_report_before_is_found_in_the_request_or_before_it() {
        let span = |start, end| PointSpan { start, end };
        let seconds =
            |values: &[i64]| -> Vec<PointSpan> { values.iter().map(|second| span(0, second * SECOND_NS)).collect() };
        let reports = Reports::gather(|_| [10 * SECOND_NS, 20 * SECOND_NS], seconds(&[30, 40, 30, 40, 50]).into_iter());
        let before = |second: i64| reports.before(second * SECOND_NS).map(|time| time / SECOND_NS);
        assert_eq!([10, 20, 30, 35, 50, 60].map(before), [None, Some(10), Some(20), Some(30), Some(40), Some(50)]);
        assert_eq!(reports.last_two(), [40 * SECOND_NS, 50 * SECOND_NS]);
        let jitter =
            Reports::gather(|_| [0, 0], [span(7, 20 * SECOND_NS), span(9, 20 * SECOND_NS + 5_000_000)].into_iter());
        assert_eq!(jitter.oldest_start, 7);
        assert_eq!((jitter.before(20 * SECOND_NS + 5_000_000), jitter.last_two()), (None, [0, 20 * SECOND_NS]));
        let late = Reports::gather(|_| [10 * SECOND_NS, 20 * SECOND_NS], seconds(&[5]).into_iter());
        assert_eq!(late.last_two(), [10 * SECOND_NS, 20 * SECOND_NS], "time does not go back");
    }
}
