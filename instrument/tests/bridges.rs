//! The bridges against the real libraries: the Prometheus exporter, the OpenTelemetry SDK, a tracing subscriber.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_instrument::{Hash, Live, Origin, Outcome, Score, record_request};
use metrics_exporter_prometheus::PrometheusBuilder;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use tracing_subscriber::layer::SubscriberExt;

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static FEATURES: Live<u8> = Live::new("bot-features").limit("rows", 4).score(&BOT);

const GOOD: &[u8] = b"a\nb\na\n";

/// Ten versions, the last of which serves three requests. Once for all tests of this binary; in memory.
fn serve() {
    static SERVED: OnceLock<()> = OnceLock::new();
    SERVED.get_or_init(|| {
        for version in 0..9_u8 {
            FEATURES.load_bytes(&[version], &Origin::new(), |_| Ok::<u8, String>(0)).applied().unwrap();
        }
        FEATURES.load_bytes(GOOD, &Origin::new(), |_| Ok::<u8, String>(1)).applied().unwrap();
        for score in [0, 0, 42] {
            FEATURES.tag().score(&BOT, score);
            record_request(Outcome::Ok, &[FEATURES.tag()]);
        }
        record_request(Outcome::Denied, &[FEATURES.tag()]);
        record_request(Outcome::Error, &[FEATURES.tag()]);
    });
}

#[test]
fn the_facade_gets_the_contract_s_prometheus_names() {
    serve();
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        firstbad_instrument::metrics::publish();
        firstbad_instrument::metrics::publish();
    });
    let page = page.render();
    let short = Hash::of(GOOD).short();
    for line in [
        "firstbad_requests_total{outcome=\"ok\"} 3".to_owned(),
        format!("firstbad_requests_total{{config=\"bot-features\",config_hash=\"{short}\",outcome=\"ok\"}} 3"),
        "firstbad_requests_total{outcome=\"denied\"} 1".to_owned(),
        format!("firstbad_requests_total{{config=\"bot-features\",config_hash=\"{short}\",outcome=\"denied\"}} 1"),
        format!("firstbad_requests_first_failed_seconds{{config=\"bot-features\",config_hash=\"{short}\"}} 1"),
        format!("firstbad_scores_bucket{{config=\"bot-features\",config_hash=\"{short}\",score=\"bot\",le=\"0.5\"}} 2"),
        format!(
            "firstbad_scores_bucket{{config=\"bot-features\",config_hash=\"{short}\",score=\"bot\",le=\"+Inf\"}} 3"
        ),
        format!("firstbad_config_rows{{config=\"bot-features\",config_hash=\"{short}\"}} 3"),
        "firstbad_config_limit_usage_ratio{config=\"bot-features\",limit=\"rows\"} 0.75".to_owned(),
        "firstbad_metric_hashes_evicted_total 2".to_owned(),
        format!("firstbad_config_load_timestamp_seconds{{config=\"bot-features\",config_hash=\"{short}\"}} 1"),
    ] {
        assert!(page.contains(&line), "{line}\nis not in\n{page}");
    }
    let hashes: std::collections::BTreeSet<&str> =
        page.split("config_hash=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(hashes.len(), 8 + 1, "eight of their own and `other`: {hashes:?}");
}

#[test]
fn the_sdk_collects_the_contract_s_names() {
    serve();
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    firstbad_instrument::otel::observe(&provider.meter("firstbad"));
    provider.force_flush().unwrap();
    let mut found = Vec::new();
    for resource in exporter.get_finished_metrics().unwrap() {
        for metric in resource.scope_metrics().flat_map(|scope| scope.metrics()) {
            if let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() {
                for point in sum.data_points() {
                    let attributes: Vec<String> = point.attributes().map(|pair| pair.value.to_string()).collect();
                    found.push((metric.name().to_owned(), attributes, point.value()));
                }
            }
        }
    }
    let full = Hash::of(GOOD).to_string();
    let views = found.iter().filter(|(name, attributes, value)| {
        name == "firstbad.requests"
            && attributes.contains(&full)
            && attributes.contains(&"ok".to_owned())
            && *value == 3
    });
    assert_eq!(views.count(), 1, "{found:#?}");
    let sentinels = found.iter().filter(|(name, attributes, value)| {
        name == "firstbad.scores.defaulted"
            && attributes.contains(&full)
            && attributes.contains(&"sentinel".to_owned())
            && *value == 2
    });
    assert_eq!(sentinels.count(), 1, "{found:#?}");
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_error_line_names_the_active_version() {
    serve();
    let page = Page::default();
    let writer = page.clone();
    let subscriber = tracing_subscriber::registry()
        .with(firstbad_instrument::tracing::layer())
        .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!("request", path = "/", firstbad.config.active = tracing::field::Empty);
        let _entered = span.enter();
        tracing::info!("quiet");
        tracing::error!("no such feature");
    });
    let page = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let (quiet, error) = page.split_once('\n').unwrap();
    assert!(!quiet.contains("sha256"), "{quiet}");
    assert!(error.contains(&format!("bot-features={}", Hash::of(GOOD))) && error.contains("path="), "{error}");
}
