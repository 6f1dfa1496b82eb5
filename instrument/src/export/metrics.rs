//! One recorder's points as OTLP in JSON. Which points there are is decided by `firstbad_protocol::recorder::told`, for the agent
//! as well.

use super::json::{attributes, number, quoted, resource, scope};
use firstbad_protocol::recorder::told::{Attributes, Data, Metric, metrics};
use firstbad_protocol::recorder::{Dropped, RecorderImage, ScoreHistogram};

/// The body of one report.
pub(super) fn body(image: &RecorderImage, now_ns: u64, events_lost: u64) -> String {
    let lost = [Dropped { reason: "events_overwritten", count: events_lost }];
    let span = format!("\"startTimeUnixNano\":\"{}\",\"timeUnixNano\":\"{now_ns}\"", image.started_ns);
    let metrics: Vec<String> = metrics(image, now_ns, &lost).iter().map(|metric| written(metric, &span)).collect();
    let (resource, scope, metrics) = (resource(image, None), scope(), metrics.join(","));
    format!("{{\"resourceMetrics\":[{{{resource},\"scopeMetrics\":[{{{scope},\"metrics\":[{metrics}]}}]}}]}}")
}

fn written(metric: &Metric, span: &str) -> String {
    let point = |of: &Attributes, said: &str| format!("{{{},{span},{said}}}", attributes(of));
    let integers = |points: &[(Attributes, i64)]| -> Vec<String> {
        points.iter().map(|(of, count)| point(of, &format!("\"asInt\":\"{count}\""))).collect()
    };
    let (kind, more, points) = match &metric.data {
        Data::Sum(points) => ("sum", "\"aggregationTemporality\":2,\"isMonotonic\":true,", integers(points)),
        Data::Gauge(points) => ("gauge", "", integers(points)),
        Data::Real(points) => {
            let real = |(of, real): &(Attributes, f64)| point(of, &format!("\"asDouble\":{}", number(*real)));
            ("gauge", "", points.iter().map(real).collect())
        }
        Data::Histogram(points) => {
            let points = points.iter().map(|(of, found)| point(of, &histogram(found)));
            ("histogram", "\"aggregationTemporality\":2,", points.collect())
        }
    };
    let (name, unit, points) = (quoted(metric.name), quoted(metric.unit), points.join(","));
    format!("{{\"name\":{name},\"unit\":{unit},\"{kind}\":{{{more}\"dataPoints\":[{points}]}}}}")
}

fn histogram(found: &ScoreHistogram) -> String {
    let counts: Vec<String> = found.counts.iter().map(|count| format!("\"{count}\"")).collect();
    let bounds: Vec<String> = found.bounds.iter().map(|bound| number(*bound)).collect();
    format!(
        "\"count\":\"{}\",\"sum\":{},\"bucketCounts\":[{}],\"explicitBounds\":[{}]",
        found.count,
        number(found.sum),
        counts.join(","),
        bounds.join(",")
    )
}
