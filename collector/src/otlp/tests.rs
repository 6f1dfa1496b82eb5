//! The decoder at its border: the byte walker against the generated types, protobuf against JSON, lenient JSON, limits,
//! damage. Random requests are printed by proptest with their seed.

use super::budget::Limits;
use super::model::{Data, Metrics, Number, Temporality, Value};
use super::*;
use firstbad_protocol::limits::{ATTRIBUTES_MAX, BUCKETS_MAX};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message as _;

pub(crate) mod requests;

use requests::{logs_request, metrics_request, traces_request};

fn json_metrics(text: &str) -> Result<Metrics<'_>, DecodeError> {
    decode_metrics(text.as_bytes(), Encoding::Json)
}

fn with_point(point: &str) -> String {
    format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m","sum":{{"dataPoints":[{point}]}}}}]}}]}}]}}"#
    )
}

fn first_point<'m>(metrics: &'m Metrics<'_>) -> &'m model::NumberPoint<'m> {
    let Data::Sum { points, .. } = &metrics.resource_metrics[0].scope_metrics[0].metrics[0].data else { panic!() };
    &points[0]
}

proptest! {
    #[test]
    fn walker_and_json_read_what_the_generated_types_hold(request in metrics_request()) {
        let bytes = request.encode_to_vec();
        let walked = decode_metrics(&bytes, Encoding::Protobuf).unwrap();
        prop_assert_eq!(&walked, &metrics_from_generated(&request));
        let text = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(&walked, &json_metrics(&text).unwrap());
        prop_assert_eq!(decode_line(text.as_bytes(), Limits::CAPTURE).unwrap(), Request::Metrics(walked));
    }

    #[test]
    fn walker_and_json_read_logs_alike(request in logs_request()) {
        let bytes = request.encode_to_vec();
        let walked = decode_logs(&bytes, Encoding::Protobuf).unwrap();
        prop_assert_eq!(&walked, &logs_from_generated(&request));
        let text = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(&walked, &decode_logs(text.as_bytes(), Encoding::Json).unwrap());
    }

    #[test]
    fn walker_and_json_read_traces_alike(request in traces_request()) {
        let bytes = request.encode_to_vec();
        let walked = decode_traces(&bytes, Encoding::Protobuf).unwrap();
        prop_assert_eq!(&walked, &traces_from_generated(&request));
        let text = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(&walked, &decode_traces(text.as_bytes(), Encoding::Json).unwrap());
        prop_assert_eq!(decode_line(text.as_bytes(), Limits::CAPTURE).unwrap(), Request::Traces(walked));
    }

    #[test]
    fn damaged_traces_are_read_as_the_generated_types_read_them_or_refused(
        request in traces_request(), place in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut bytes = request.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let oracle = ExportTraceServiceRequest::decode(bytes.as_slice());
        if let (Ok(walked), Ok(generated)) = (decode_traces(&bytes, Encoding::Protobuf), &oracle) {
            prop_assert_eq!(format!("{walked:?}"), format!("{:?}", traces_from_generated(generated)));
        }
    }

    #[test]
    fn a_damaged_request_is_read_as_the_generated_types_read_it_or_refused(
        request in metrics_request(), place in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut bytes = request.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let oracle = ExportMetricsServiceRequest::decode(bytes.as_slice());
        if let (Ok(walked), Ok(generated)) = (decode_metrics(&bytes, Encoding::Protobuf), &oracle) {
            prop_assert_eq!(format!("{walked:?}"), format!("{:?}", metrics_from_generated(generated)));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = decode_metrics(&bytes, Encoding::Protobuf);
        let _ = decode_logs(&bytes, Encoding::Protobuf);
        let _ = decode_traces(&bytes, Encoding::Protobuf);
        let _ = decode_traces(&bytes, Encoding::Json);
        let _ = decode_line(&bytes, Limits::CAPTURE);
        let _ = ExportLogsServiceRequest::decode(bytes.as_slice());
        for compression in [Compression::Gzip, Compression::Deflate, Compression::Zstd] {
            let _ = decompress(&bytes, compression, 1 << 16);
        }
    }
}

#[test]
fn numbers_may_be_text_or_numbers_and_enums_names_or_numbers() {
    for (time, value, temporality) in [
        (r#""1700000000000000000""#, r#""asInt":"-5""#, "2"),
        ("1700000000000000000", r#""asInt":-5"#, r#""AGGREGATION_TEMPORALITY_CUMULATIVE""#),
        ("1.7e18", r#""asInt":-5.0"#, r#""2""#),
    ] {
        let text = format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m","unit":"1","later":[{{}}],"sum":{{"isMonotonic":true,
            "aggregationTemporality":{temporality},"dataPoints":[{{"timeUnixNano":{time},{value},"flags":null,"exemplars":[]}}]}}}}]}}]}}]}}"#
        );
        let metrics = json_metrics(&text).unwrap();
        let Data::Sum { temporality, monotonic, points } =
            &metrics.resource_metrics[0].scope_metrics[0].metrics[0].data
        else {
            panic!("{metrics:?}")
        };
        assert_eq!((*temporality, *monotonic), (Temporality::Cumulative, true));
        assert_eq!((points[0].time, points[0].value), (1_700_000_000_000_000_000, Number::Int(-5)));
    }
    let text = with_point(r#"{"asDouble":"NaN","startTimeUnixNano":null,"attributes":null}"#);
    assert!(matches!(first_point(&json_metrics(&text).unwrap()).value, Number::Double(value) if value.is_nan()));
}

#[test]
fn attribute_values_of_every_type_are_read() {
    let text = with_point(
        r#"{"attributes":[{"key":"a\u00e9","value":{"stringValue":"x\ny"}},{"key":"b","value":{"intValue":7}},
        {"key":"c","value":{"bytesValue":"AQID"}},{"key":"d","value":{"arrayValue":{"values":[{"boolValue":true},{}]}}},
        {"key":"e","value":{"kvlistValue":{"values":[{"key":"k","value":{"doubleValue":0.5}}]}}},{"key":"f","value":null}]}"#,
    );
    let metrics = json_metrics(&text).unwrap();
    let values: Vec<&Value<'_>> = first_point(&metrics).attributes.iter().map(|attribute| &attribute.value).collect();
    assert_eq!(values[0].as_text(), Some("x\ny"));
    assert_eq!((values[1].as_int(), values[2]), (Some(7), &Value::Bytes(vec![1, 2, 3].into())));
    assert_eq!(values[3], &Value::List(vec![Value::Bool(true), Value::Empty]));
    assert!(matches!(values[4], Value::Map(pairs) if pairs[0].value == Value::Double(0.5)));
    assert_eq!(values[5], &Value::Empty);
}

#[test]
fn a_refusal_names_the_place() {
    let error = json_metrics(&with_point(r#"{"timeUnixNano":"soon"}"#)).unwrap_err().to_string();
    assert!(error.contains("column") && error.contains("soon"), "{error}");
    let error = json_metrics(&with_point("{\"timeUnixNano\":\"\u{1b}[2J\"}")).unwrap_err().to_string();
    assert!(!error.contains('\u{1b}'), "{error}");
    let error = decode_metrics(&[0x0a, 0x05, 0x12], Encoding::Protobuf).unwrap_err().to_string();
    assert_eq!(
        error,
        "malformed protobuf at byte 2 (ExportMetricsServiceRequest): a length beyond the end of its message"
    );
    assert_eq!(decode_line(b"{\"a\":1}", Limits::CAPTURE), Err(DecodeError::Foreign));
    assert_eq!(decode_line(br#"{"resourceSpans":[]}"#, Limits::CAPTURE), Ok(Request::Traces(Traces::default())));
    assert_eq!(decode_line(br#"{"resourceProfiles":[]}"#, Limits::CAPTURE), Ok(Request::Other));
    let span = |id: &str| format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"spanId":"{id}"}}]}}]}}]}}"#);
    assert!(decode_traces(span("00ff").as_bytes(), Encoding::Json).is_ok());
    let error = decode_traces(span("0g").as_bytes(), Encoding::Json).unwrap_err().to_string();
    assert!(error.contains("hexadecimal"), "{error}");
    assert_eq!(decode_line(b"{ }", Limits::CAPTURE), Ok(Request::Other), "an empty request of either kind");
    assert_eq!(decode_line(br#"{"resourceLogs":null}"#, Limits::CAPTURE), Ok(Request::Logs(Logs::default())));
    // Name of a metric that is not UTF-8.
    let bytes = [0x0a, 0x08, 0x12, 0x06, 0x12, 0x04, 0x0a, 0x02, 0xc3, 0x28];
    assert!(decode_metrics(&bytes, Encoding::Protobuf).unwrap_err().to_string().contains("byte 8 (Metric.name)"));
}

#[test]
fn a_few_bytes_cannot_become_many() {
    let empty_resources: Vec<u8> = [0x0a, 0x00].repeat(2 << 20);
    assert_eq!(decode_metrics(&empty_resources, Encoding::Protobuf), Err(DecodeError::TooMuch(TooMuch::Messages)));
    let empty_points = with_point(&"{},".repeat(100_000));
    assert_eq!(json_metrics(empty_points.trim()), Err(DecodeError::TooMuch(TooMuch::Messages)));
    let attribute = r#"{"key":"some.attribute.key","value":{"stringValue":"v"}},"#;
    let many = with_point(&format!(r#"{{"attributes":[{}{{}}]}}"#, attribute.repeat(ATTRIBUTES_MAX)));
    assert_eq!(json_metrics(&many), Err(DecodeError::TooMuch(TooMuch::Attributes(ATTRIBUTES_MAX))));
    let few = with_point(&format!(r#"{{"attributes":[{}{{}}]}}"#, attribute.repeat(ATTRIBUTES_MAX - 1)));
    assert!(json_metrics(&few).is_ok());
    let deep = with_point(&format!(
        r#"{{"attributes":[{{"key":"k","value":{}{}}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(5_000),
        "]}}".repeat(5_000)
    ));
    assert!(json_metrics(&deep).is_err());
    let buckets = vec!["1"; BUCKETS_MAX + 1].join(",");
    let text = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{buckets}]}}]}}}}]}}]}}]}}"#
    );
    assert_eq!(json_metrics(&text), Err(DecodeError::TooMuch(TooMuch::Buckets(BUCKETS_MAX))));
}

#[test]
fn decompression_counts_what_comes_out() {
    let zeros = vec![0; 1 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &zeros).unwrap();
    let bodies =
        [(gzip.finish().unwrap(), Compression::Gzip), (zstd::encode_all(&zeros[..], 1).unwrap(), Compression::Zstd)];
    for (body, compression) in bodies {
        assert_eq!(decompress(&body, compression, 1 << 20).unwrap(), zeros);
        assert!(matches!(decompress(&body, compression, (1 << 20) - 1), Err(BodyError::TooLong { .. })));
        let cut = &body[..body.len() / 2];
        assert!(matches!(decompress(cut, compression, 1 << 20), Err(BodyError::Damaged { .. })), "{compression:?}");
    }
}

#[test]
fn a_zstd_window_beyond_8_mib_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    std::io::Write::write_all(&mut encoder, &vec![7; 1 << 20]).unwrap();
    let body = encoder.finish().unwrap();
    assert!(matches!(decompress(&body, Compression::Zstd, 2 << 20), Err(BodyError::Damaged { .. })));
}
