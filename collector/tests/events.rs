//! A process that loads a config or starts in the middle of a poll loses no event.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_collector::recorder::RecorderSource;
use firstbad_instrument::{Config, Origin, Recorder};
use firstbad_protocol::time::Timestamp;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

static ROUTES: Config = Config::new("routes");
/// Of the other test, which runs beside.
static ZONES: Config = Config::new("zones");

/// Number of loads. Chosen: when a poll took the heads of a copy without rings for sent, 87 of 600 loads were lost.
const LOADS: u32 = 60;

/// Loads another version again and again, each after two further polls at another moment of the poll.
fn load(polls: &AtomicU32) {
    let mut took = Duration::ZERO;
    for number in 0..LOADS {
        let begun = polls.load(SeqCst);
        let start = Instant::now();
        while polls.load(SeqCst) < begun + 3 {
            std::thread::yield_now();
        }
        took = took.max(start.elapsed() / 3);
        let moment = start.elapsed() + took * (number % 101) / 101;
        while start.elapsed() < moment {
            std::thread::yield_now();
        }
        ROUTES.loading(&number.to_le_bytes(), &Origin::new()).applied();
    }
}

/// Counts the load events of each hash.
fn told(source: &mut RecorderSource, told: &mut BTreeMap<String, u32>) {
    for export in source.poll(Timestamp(i64::MAX / 2)) {
        let resources = export.logs.into_iter().flat_map(|logs| logs.resource_logs);
        let records = resources.flat_map(|resource| resource.scope_logs).flat_map(|scope| scope.log_records);
        for record in records.filter(|record| record.event_name == "firstbad.config.load") {
            let value = |key: &str| {
                let found = record.attributes.iter().find(|attribute| attribute.key == key)?;
                match found.value.as_ref()?.value.as_ref()? {
                    Value::StringValue(text) => Some(text.clone()),
                    _ => None,
                }
            };
            if value("firstbad.load.result").is_some()
                && value("firstbad.config.name").is_some_and(|name| name == "routes")
            {
                *told.entry(value("firstbad.config.hash").unwrap()).or_default() += 1;
            }
        }
    }
    source.commit();
}

/// What the tests read: one recorder for the process.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<(Recorder, tempfile::TempDir)> = OnceLock::new();
    let kept = DIRECTORY.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let init = firstbad_instrument::init().service("edge").recorder_dir(directory.path());
        (init.capture_content(false).install().unwrap(), directory)
    });
    kept.1.path()
}

#[test]
fn a_load_in_the_middle_of_a_poll_is_told_once() {
    let mut source = RecorderSource::new(vec![directory().to_owned()]);
    let (polls, mut loads) = (AtomicU32::new(0), BTreeMap::new());
    std::thread::scope(|scope| {
        let loader = scope.spawn(|| load(&polls));
        while !loader.is_finished() {
            told(&mut source, &mut loads);
            polls.fetch_add(1, SeqCst);
        }
    });
    told(&mut source, &mut loads);
    let lost = LOADS as usize - loads.len();
    assert_eq!(lost, 0, "of {LOADS} loads");
    assert!(loads.values().all(|count| *count == 1), "told again after the commit");
}

#[test]
fn no_point_of_a_process_that_started_after_the_look_at_the_clock_ends_before_it_begins() {
    let mut source = RecorderSource::new(vec![directory().to_owned()]);
    ZONES.loading(b"/", &Origin::new()).applied();
    let before_the_start = Timestamp(1);
    let exports = source.poll(before_the_start);
    let resources = exports.into_iter().flat_map(|export| export.metrics.unwrap().resource_metrics);
    let metrics = resources.flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics);
    let points: Vec<_> = metrics
        .filter_map(|metric| match metric.data {
            Some(Data::Sum(sum)) => Some(sum.data_points),
            Some(Data::Gauge(gauge)) => Some(gauge.data_points),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(points.len() > 3, "{points:?}");
    for point in points {
        assert!(point.start_time_unix_nano <= point.time_unix_nano, "{point:?}");
    }
}
