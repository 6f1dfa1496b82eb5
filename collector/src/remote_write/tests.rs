//! Remote write at its border: both messages mean the same, histograms are put together, and a few bytes cannot become many.

use super::translate::Translated;
use super::*;
use firstbad_protocol::Hash;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use proptest::prelude::*;
use prost::Message;

/// The generated side: what Prometheus's own protobuf declares, as far as it is sent here.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Label {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Sample {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct RequestTwo {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<SeriesTwo>,
}

#[derive(Clone, PartialEq, Message)]
struct SeriesTwo {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

/// A series of `name` on the target `fl-1:9100` of the job `fl`.
pub(crate) fn series(name: &str, labels: &[(&str, &str)], value: f64, timestamp: i64) -> TimeSeries {
    let all = [("__name__", name), ("job", "fl"), ("instance", "fl-1:9100")];
    let labels = all.iter().chain(labels);
    let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
    TimeSeries { labels: labels.map(label).collect(), samples: vec![Sample { value, timestamp }] }
}

/// The same request as a message of 2.0.
fn as_two(request: &WriteRequest) -> Vec<u8> {
    let mut symbols = vec![String::new()];
    let mut reference = |text: &String| {
        let known = symbols.iter().position(|symbol| symbol == text).unwrap_or_else(|| {
            symbols.push(text.clone());
            symbols.len() - 1
        });
        u32::try_from(known).unwrap()
    };
    let timeseries = request.timeseries.iter().map(|series| SeriesTwo {
        labels_refs: series.labels.iter().flat_map(|l| [reference(&l.name), reference(&l.value)]).collect(),
        samples: series.samples.clone(),
    });
    let timeseries = timeseries.collect();
    RequestTwo { symbols, timeseries }.encode_to_vec()
}

fn one(series: Vec<TimeSeries>) -> Translated {
    let bytes = WriteRequest { timeseries: series }.encode_to_vec();
    translate(&bytes, Version::One, &[], &KnownBounds::default()).unwrap()
}

fn data(translated: &Translated, name: &str) -> Option<Data> {
    let metrics = translated.request.resource_metrics.iter().flat_map(|r| &r.scope_metrics).flat_map(|s| &s.metrics);
    metrics.into_iter().find(|metric| metric.name == name).and_then(|metric| metric.data.clone())
}

fn buckets(counts: [f64; 3], timestamp: i64) -> Vec<TimeSeries> {
    let bounds = ["0.5", "50", "+Inf"];
    let mut all: Vec<TimeSeries> = bounds
        .iter()
        .zip(counts)
        .map(|(le, count)| series("firstbad_scores_bucket", &[("config", "bot"), ("le", le)], count, timestamp))
        .collect();
    all.push(series("firstbad_scores_sum", &[("config", "bot")], 12.5, timestamp));
    all.push(series("firstbad_scores_count", &[("config", "bot")], counts[2], timestamp));
    all
}

#[test]
fn counters_and_gauges_are_the_points_that_otlp_would_have() {
    let stale = series("firstbad_panics_total", &[], f64::from_bits(0x7ff0_0000_0000_0002), 1_000);
    let translated = one(vec![
        series("firstbad_requests_total", &[("outcome", "error")], 7.0, 1_000),
        series("process_memory_usage_bytes", &[], 9e6, 1_000),
        stale,
    ]);
    let Some(Data::Sum(sum)) = data(&translated, "firstbad_requests_total") else { panic!("{translated:?}") };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
    assert_eq!(sum.data_points[0].value, Some(Number::AsDouble(7.0)));
    assert_eq!(sum.data_points[0].time_unix_nano, 1_000_000_000);
    assert_eq!(sum.data_points[0].attributes.len(), 1, "the target's labels are the resource's");
    assert!(matches!(data(&translated, "process_memory_usage_bytes"), Some(Data::Gauge(_))));
    let Some(Data::Sum(ended)) = data(&translated, "firstbad_panics_total") else { panic!("{translated:?}") };
    assert!(ended.data_points.is_empty(), "a series that ended has no value");
    let resource = translated.request.resource_metrics[0].resource.clone().unwrap();
    let text = |key: &str| {
        let found = resource.attributes.iter().find(|pair| pair.key == key)?.value.clone()?.value?;
        if let Value::StringValue(text) = found { Some(text) } else { None }
    };
    assert_eq!(text("service.name").as_deref(), Some("fl"));
    assert_eq!(text("service.instance.id").as_deref(), Some("fl-1:9100"));
    assert_eq!(text("host.name").as_deref(), Some("fl-1"));
}

#[test]
fn a_histogram_is_put_together_and_a_part_of_one_left_out() {
    let bounds = KnownBounds::default();
    let take = |series: Vec<TimeSeries>| {
        let bytes = WriteRequest { timeseries: series }.encode_to_vec();
        let translated = translate(&bytes, Version::One, &[], &bounds).unwrap();
        match data(&translated, "firstbad_scores") {
            Some(Data::Histogram(histogram)) => Some(histogram.data_points[0].clone()),
            _ => None,
        }
    };
    let point = take(buckets([2.0, 5.0, 9.0], 1_000)).unwrap();
    assert_eq!((point.bucket_counts, point.explicit_bounds), (vec![2, 3, 4], vec![0.5, 50.0]));
    assert_eq!((point.count, point.sum), (9, Some(12.5)));
    let mut without_one = buckets([3.0, 6.0, 10.0], 2_000);
    without_one.remove(1);
    assert_eq!(take(without_one), None, "a bound is missing that was there before");
    let mut without_infinity = buckets([3.0, 6.0, 10.0], 3_000);
    without_infinity.remove(2);
    assert_eq!(take(without_infinity), None);
    assert_eq!(take(buckets([3.0, 2.0, 10.0], 4_000)), None, "a cumulative count falls");
    assert!(take(buckets([3.0, 6.0, 10.0], 5_000)).is_some(), "the next whole one counts");
}

#[test]
fn a_short_hash_is_written_in_full_if_one_known_version_begins_so() {
    let known = Hash::of(b"v1");
    let short = known.short();
    let hash = |versions: &[Hash]| {
        let series = vec![series("firstbad_requests_total", &[("config", "bot"), ("config_hash", &short)], 1.0, 1)];
        let bytes = WriteRequest { timeseries: series }.encode_to_vec();
        let translated = translate(&bytes, Version::One, versions, &KnownBounds::default()).unwrap();
        let Some(Data::Sum(sum)) = data(&translated, "firstbad_requests_total") else { panic!() };
        let found = sum.data_points[0].attributes.iter().find(|pair| pair.key == "config_hash").unwrap().clone();
        found.value.unwrap().value.unwrap()
    };
    assert_eq!(hash(&[Hash::of(b"v2"), known]), Value::StringValue(known.to_string()));
    assert_eq!(hash(&[Hash::of(b"v2")]), Value::StringValue(short.clone()), "no version is guessed");
    let mut twin = known;
    twin.0[31] ^= 1;
    assert_eq!(hash(&[known, twin]), Value::StringValue(short.clone()), "two begin so");
}

#[test]
fn a_target_of_which_nothing_is_read_sends_a_few_names() {
    let names = ["node_load1", "node_load5", "node_load15", "node_boot_time_seconds"];
    let translated = one(names.iter().map(|name| series(name, &[("cpu", "0")], 1.0, 1)).collect());
    let metrics = &translated.request.resource_metrics[0].scope_metrics[0].metrics;
    assert_eq!((metrics.len(), translated.samples), (3, 4));
}

#[test]
fn a_few_bytes_cannot_become_many() {
    let empty: Vec<u8> = [0x0a, 0x00].repeat(firstbad_protocol::limits::ITEMS_PER_REQUEST_MAX + 1);
    let refused = translate(&empty, Version::One, &[], &KnownBounds::default()).unwrap_err();
    assert!(matches!(refused, DecodeError::TooMuch(TooMuch::Items(_))), "{refused}");
    let symbols: Vec<u8> = [0x22, 0x00].repeat(firstbad_protocol::limits::ITEMS_PER_REQUEST_MAX + 1);
    assert!(translate(&symbols, Version::Two, &[], &KnownBounds::default()).is_err());
    // A block of a few bytes that claims 1 GiB.
    assert_eq!(decompressed_length(&[0x80, 0x80, 0x80, 0x80, 0x04, 0x00]), Err(BodyFault::TooLong));
    assert!(matches!(decompress(b"\x05abc"), Err(BodyFault::Snappy(_))));
    let reference = RequestTwo {
        symbols: vec![String::new()],
        timeseries: vec![SeriesTwo { labels_refs: vec![0, 7], samples: Vec::new() }],
    };
    let refused = translate(&reference.encode_to_vec(), Version::Two, &[], &KnownBounds::default()).unwrap_err();
    assert!(refused.to_string().contains("table of symbols"), "{refused}");
}

fn requests() -> impl Strategy<Value = WriteRequest> {
    let name = prop::sample::select(vec![
        "firstbad_requests_total",
        "firstbad_scores_bucket",
        "firstbad_scores_sum",
        "process_cpu_utilization_ratio",
        "other",
    ]);
    let label = (prop::sample::select(vec!["le", "config", "config_hash", "outcome"]), ".{0,6}");
    let one = (name, prop::collection::vec(label, 0..4), -10.0_f64..1e6, 0_i64..1_000_000).prop_map(
        |(name, labels, value, timestamp)| {
            let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
            series(name, &labels, value, timestamp)
        },
    );
    prop::collection::vec(one, 0..12).prop_map(|timeseries| WriteRequest { timeseries })
}

proptest! {
    #[test]
    fn both_messages_mean_the_same(request in requests()) {
        let read = |bytes: &[u8], version| translate(bytes, version, &[], &KnownBounds::default()).unwrap().request;
        let first = read(&request.encode_to_vec(), Version::One);
        prop_assert_eq!(first, read(&as_two(&request), Version::Two));
    }

    #[test]
    fn a_damaged_request_is_read_as_prost_reads_it_or_refused(
        request in requests(), place in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut bytes = request.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let walked = translate(&bytes, Version::One, &[], &KnownBounds::default());
        if let (Ok(walked), Ok(oracle)) = (walked, WriteRequest::decode(bytes.as_slice())) {
            let again = translate(&oracle.encode_to_vec(), Version::One, &[], &KnownBounds::default()).unwrap();
            prop_assert_eq!(format!("{:?}", walked.request), format!("{:?}", again.request));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        for version in [Version::One, Version::Two] {
            let _ = translate(&bytes, version, &[], &KnownBounds::default());
        }
        let _ = decompress(&bytes);
    }
}
