//! Captures hold millions of lines that one of a few exporters wrote, all in one shape. Such a line is read here in one
//! pass over its bytes; any other, and every faulty one, is left to the general reader, whose answer is the one that
//! counts: what is read here must be what it would have read.

mod scan;

use super::super::Request;
use super::super::model::{
    Attribute, Buckets, Data, ExponentialPoint, HistogramPoint, LogRecord, Logs, Metric, Metrics, Number, NumberPoint,
    Resource, ResourceLogs, ResourceMetrics, Scope, ScopeLogs, ScopeMetrics, Temporality, Value,
};
use scan::{Scan, Seen};

/// The request in `line`, if it is written in the usual way.
pub(super) fn line(line: &[u8]) -> Option<Request<'_>> {
    let mut scan = Scan::new(line);
    let mut request = None;
    scan.object(|scan, key| {
        let read = match key {
            b"resourceMetrics" => Request::Metrics(Metrics { resource_metrics: scan.list(resource_metrics)? }),
            b"resourceLogs" => Request::Logs(Logs { resource_logs: scan.list(resource_logs)? }),
            _ => return None,
        };
        request.replace(read).is_none().then_some(())
    })?;
    request.filter(|_| scan.is_at_end())
}

/// Reads an object into `$into`: each field once, by its number; what nothing reads is passed over.
macro_rules! fields {
    ($scan:expr, { $($key:literal => $number:literal $place:expr, $read:expr;)* }) => {{
        let mut seen = Seen::default();
        $scan.object(|scan, key| match key {
            $($key => {
                seen.once($number)?;
                $place = $read(scan)?;
                Some(())
            })*
            _ => scan.skip(key),
        })?;
    }};
}

fn resource_metrics<'a>(scan: &mut Scan<'a>) -> Option<ResourceMetrics<'a>> {
    let mut read = ResourceMetrics::default();
    fields!(scan, {
        b"resource" => 0 read.resource, |scan: &mut Scan<'a>| scan.or_null(resource);
        b"scopeMetrics" => 1 read.scope_metrics, |scan: &mut Scan<'a>| scan.list(scope_metrics);
    });
    Some(read)
}

fn resource_logs<'a>(scan: &mut Scan<'a>) -> Option<ResourceLogs<'a>> {
    let mut read = ResourceLogs::default();
    fields!(scan, {
        b"resource" => 0 read.resource, |scan: &mut Scan<'a>| scan.or_null(resource);
        b"scopeLogs" => 1 read.scope_logs, |scan: &mut Scan<'a>| scan.list(scope_logs);
    });
    Some(read)
}

fn resource<'a>(scan: &mut Scan<'a>) -> Option<Resource<'a>> {
    let mut read = Resource::default();
    fields!(scan, { b"attributes" => 0 read.attributes, |scan: &mut Scan<'a>| scan.or_null(attributes); });
    Some(read)
}

fn scope_metrics<'a>(scan: &mut Scan<'a>) -> Option<ScopeMetrics<'a>> {
    let mut read = ScopeMetrics::default();
    fields!(scan, {
        b"scope" => 0 read.scope, |scan: &mut Scan<'a>| scan.or_null(scope);
        b"metrics" => 1 read.metrics, |scan: &mut Scan<'a>| scan.list(metric);
    });
    Some(read)
}

fn scope_logs<'a>(scan: &mut Scan<'a>) -> Option<ScopeLogs<'a>> {
    let mut read = ScopeLogs::default();
    fields!(scan, { b"logRecords" => 0 read.log_records, |scan: &mut Scan<'a>| scan.list(record); });
    Some(read)
}

fn scope<'a>(scan: &mut Scan<'a>) -> Option<Scope<'a>> {
    let mut read = Scope::default();
    fields!(scan, { b"name" => 0 read.name, Scan::text; });
    Some(read)
}

fn metric<'a>(scan: &mut Scan<'a>) -> Option<Metric<'a>> {
    let mut read = Metric::default();
    let mut kinds = Seen::default();
    let mut seen = Seen::default();
    scan.object(|scan, key| {
        match key {
            b"name" => {
                seen.once(0)?;
                read.name = scan.text()?;
                return Some(());
            }
            b"sum" => {
                let (points, temporality, monotonic) = data(scan, number_point)?;
                read.data = Data::Sum { temporality, monotonic, points };
            }
            b"gauge" => read.data = Data::Gauge(data(scan, number_point)?.0),
            b"histogram" => {
                let (points, temporality, _) = data(scan, histogram_point)?;
                read.data = Data::Histogram { temporality, points };
            }
            b"exponentialHistogram" => {
                let (points, temporality, _) = data(scan, exponential_point)?;
                read.data = Data::Exponential { temporality, points };
            }
            b"summary" => return None,
            _ => return scan.skip(key),
        }
        // Which of several kinds counts is for the general reader to say.
        kinds.once(0)
    })?;
    Some(read)
}

type Points<T> = (Vec<T>, Temporality, bool);

fn data<'a, T>(scan: &mut Scan<'a>, point: fn(&mut Scan<'a>) -> Option<T>) -> Option<Points<T>> {
    let mut read = (Vec::new(), Temporality::Unspecified, false);
    fields!(scan, {
        b"dataPoints" => 0 read.0, |scan: &mut Scan<'a>| scan.list(point);
        b"aggregationTemporality" => 1 read.1, temporality;
        b"isMonotonic" => 2 read.2, Scan::truth;
    });
    Some(read)
}

fn temporality(scan: &mut Scan<'_>) -> Option<Temporality> {
    if let Some(number) = scan.natural() {
        return i64::try_from(number).ok().map(Temporality::from_wire);
    }
    match scan.text()?.as_ref() {
        "AGGREGATION_TEMPORALITY_DELTA" => Some(Temporality::Delta),
        "AGGREGATION_TEMPORALITY_CUMULATIVE" => Some(Temporality::Cumulative),
        _ => None,
    }
}

fn number_point<'a>(scan: &mut Scan<'a>) -> Option<NumberPoint<'a>> {
    let mut read = NumberPoint::default();
    let mut int = None;
    let mut double = None;
    fields!(scan, {
        b"attributes" => 0 read.attributes, |scan: &mut Scan<'a>| scan.or_null(attributes);
        b"startTimeUnixNano" => 1 read.start, Scan::natural;
        b"timeUnixNano" => 2 read.time, Scan::natural;
        b"asInt" => 3 int, |scan: &mut Scan<'a>| scan.integer().map(Some);
        b"asDouble" => 4 double, |scan: &mut Scan<'a>| scan.real().map(Some);
        b"flags" => 5 read.flags, flags;
    });
    read.value = match (int, double) {
        (Some(value), _) => Number::Int(value),
        (None, Some(value)) => Number::Double(value),
        (None, None) => Number::None,
    };
    Some(read)
}

fn flags(scan: &mut Scan<'_>) -> Option<u32> {
    u32::try_from(scan.natural()?).ok()
}

fn histogram_point<'a>(scan: &mut Scan<'a>) -> Option<HistogramPoint<'a>> {
    let mut read = HistogramPoint::default();
    fields!(scan, {
        b"attributes" => 0 read.attributes, |scan: &mut Scan<'a>| scan.or_null(attributes);
        b"startTimeUnixNano" => 1 read.start, Scan::natural;
        b"timeUnixNano" => 2 read.time, Scan::natural;
        b"count" => 3 read.count, Scan::natural;
        b"sum" => 4 read.sum, |scan: &mut Scan<'a>| scan.or_null(|scan| scan.real().map(Some));
        b"bucketCounts" => 5 read.bucket_counts, |scan: &mut Scan<'a>| scan.list(Scan::natural);
        b"explicitBounds" => 6 read.bounds, |scan: &mut Scan<'a>| scan.list(Scan::real);
        b"flags" => 7 read.flags, flags;
    });
    Some(read)
}

fn exponential_point<'a>(scan: &mut Scan<'a>) -> Option<ExponentialPoint<'a>> {
    let mut read = ExponentialPoint::default();
    fields!(scan, {
        b"attributes" => 0 read.attributes, |scan: &mut Scan<'a>| scan.or_null(attributes);
        b"startTimeUnixNano" => 1 read.start, Scan::natural;
        b"timeUnixNano" => 2 read.time, Scan::natural;
        b"count" => 3 read.count, Scan::natural;
        b"sum" => 4 read.sum, |scan: &mut Scan<'a>| scan.or_null(|scan| scan.real().map(Some));
        b"scale" => 5 read.scale, integer32;
        b"zeroCount" => 6 read.zero_count, Scan::natural;
        b"positive" => 7 read.positive, buckets;
        b"negative" => 8 read.negative, buckets;
        b"flags" => 9 read.flags, flags;
    });
    Some(read)
}

fn integer32(scan: &mut Scan<'_>) -> Option<i32> {
    i32::try_from(scan.integer()?).ok()
}

fn buckets(scan: &mut Scan<'_>) -> Option<Buckets> {
    let mut read = Buckets::default();
    fields!(scan, {
        b"offset" => 0 read.offset, integer32;
        b"bucketCounts" => 1 read.counts, |scan: &mut Scan<'_>| scan.list(Scan::natural);
    });
    Some(read)
}

fn record<'a>(scan: &mut Scan<'a>) -> Option<LogRecord<'a>> {
    let mut read = LogRecord::default();
    fields!(scan, {
        b"timeUnixNano" => 0 read.time, Scan::natural;
        b"observedTimeUnixNano" => 1 read.observed, Scan::natural;
        b"eventName" => 2 read.event_name, Scan::text;
        b"body" => 3 read.body, |scan: &mut Scan<'a>| scan.or_null(value);
        b"attributes" => 4 read.attributes, |scan: &mut Scan<'a>| scan.or_null(attributes);
    });
    Some(read)
}

fn attributes<'a>(scan: &mut Scan<'a>) -> Option<Vec<Attribute<'a>>> {
    scan.list(|scan| {
        let mut read = Attribute::default();
        fields!(scan, {
            b"key" => 0 read.key, Scan::text;
            b"value" => 1 read.value, |scan: &mut Scan<'a>| scan.or_null(value);
        });
        Some(read)
    })
}

/// A value of one type; several types, maps and bytes are rare.
fn value<'a>(scan: &mut Scan<'a>) -> Option<Value<'a>> {
    let mut read = Value::Empty;
    let mut seen = Seen::default();
    scan.object(|scan, key| {
        seen.once(0)?;
        read = match key {
            b"stringValue" => Value::Text(scan.text()?),
            b"intValue" => Value::Int(scan.integer()?),
            b"boolValue" => Value::Bool(scan.truth()?),
            b"doubleValue" => Value::Double(scan.real()?),
            b"arrayValue" => Value::List(values(scan)?),
            _ => return None,
        };
        Some(())
    })?;
    Some(read)
}

fn values<'a>(scan: &mut Scan<'a>) -> Option<Vec<Value<'a>>> {
    let mut read = Vec::new();
    fields!(scan, { b"values" => 0 read, |scan: &mut Scan<'a>| scan.list(value); });
    Some(read)
}
