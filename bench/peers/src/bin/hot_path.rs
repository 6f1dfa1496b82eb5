//! What one recorded value costs: ours in the mapped file beside what else a proxy might record a score with, one thread and
//! two, in one run. `cargo run --release --manifest-path bench/Cargo.toml --bin hot_path` prints the table and writes
//! `target/bench/hot_path.json`. With an argument it only runs that many requests of ours, for callgrind.

use firstbad_bench::{Comparison, Table, ns_per_call};
use firstbad_instrument::pingora::Ctx;
use firstbad_instrument::{Live, Origin, Outcome, Request, Score, record_request};
use metrics_exporter_prometheus::PrometheusBuilder;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use prometheus::{Histogram, HistogramOpts, HistogramVec};
use std::cell::Cell;
use std::hint::black_box;

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static FEATURES: Live<u8> = Live::new("bot-features").limit("rows", 200).score(&BOT);
static ROUTES: Live<u8> = Live::new("routes");

/// At most so much CPU per recorded value, ns, or [`BARE_RATIO_MAX`] times the bare array.
const NS_MAX: f64 = 3.0;
const BARE_RATIO_MAX: f64 = 1.5;
/// Two contending threads to one.
const CONTENTION_MAX: f64 = 1.3;
/// The cheapest labelled peer to ours.
const PEER_RATIO_MIN: f64 = 20.0;

thread_local! {
    static BARE: [Cell<u64>; 128] = const { [const { Cell::new(0) }; 128] };
}

fn bare(number: u64) {
    BARE.with(|cells| {
        if let Some(cell) = cells.get(black_box(number as usize & 63)) {
            cell.set(cell.get() + 1);
        }
    });
}

fn empty(number: u64) {
    black_box(number as usize & 63);
}

fn value(number: u64) -> u8 {
    black_box((number & 63) as u8)
}

/// What a request records of two configs: a score, the total, and the outcome under each version. Four values.
fn ours_request(number: u64) {
    let (features, routes) = (FEATURES.tag(), ROUTES.tag());
    features.score(&BOT, value(number));
    record_request(black_box(Outcome::Ok), &[features, routes]);
}

/// A request under way with two pins. The compiler may know nothing of it, since a proxy hands it from phase to phase.
fn ours_under_way(_: u64) {
    let request = Request::start();
    black_box(&request);
    for live in [&FEATURES, &ROUTES] {
        black_box(request.pin(live).map(|pin| *pin));
    }
    request.finish(black_box(Outcome::Ok));
}

/// The same in Pingora's context.
fn ours_in_pingora(_: u64) {
    let mut request = Ctx::new(());
    black_box(&mut request);
    for live in [&FEATURES, &ROUTES] {
        black_box(request.pin(live).map(|pin| *pin));
    }
    request.finish(black_box(Outcome::Ok));
}

fn ours_score(number: u64) {
    FEATURES.tag().score(&BOT, value(number));
}

fn ours_pinned(number: u64) {
    if let Some(pin) = FEATURES.pin() {
        pin.score(&BOT, value(number));
    }
}

fn ours_by_handle() -> impl FnMut(u64) {
    let mut handle = FEATURES.handle();
    move |number| {
        if let Some((_, tag)) = handle.pin() {
            tag.score(&BOT, value(number));
        }
    }
}

struct Bench {
    table: Table,
    ours: f64,
    ours_two: f64,
    labelled: Vec<(String, f64)>,
}

impl Bench {
    fn peer<C: FnMut(u64)>(&mut self, name: &str, labelled: bool, worker: impl Fn() -> C + Sync) {
        let (one, two) = (ns_per_call(1, &worker), ns_per_call(2, &worker));
        self.table.row(
            &format!("{name}, 1 thread"),
            Comparison { ours: self.ours, peer: one, ratio: one / self.ours },
            "ns/value",
        );
        self.table.row(
            &format!("{name}, 2 threads"),
            Comparison { ours: self.ours_two, peer: two, ratio: two / self.ours_two },
            "ns/value",
        );
        if labelled {
            self.labelled.push((name.to_owned(), one));
        }
    }
}

fn hash() -> String {
    FEATURES.tag().hash().expect("loaded").to_string()
}

fn peers(bench: &mut Bench) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _ = metrics::set_global_recorder(recorder);
    let label = hash();
    bench.peer("metrics + prometheus exporter, counter!, String hash", true, || {
        |number| metrics::counter!("scores", "hash" => label.clone(), "bucket" => BUCKETS[value(number) as usize / 8]).increment(1)
    });
    bench.peer("metrics + prometheus exporter, cached counter", false, || {
        let counter = metrics::counter!("cached", "hash" => hash());
        move |number| counter.increment(u64::from(value(number)))
    });
    let reader = PeriodicReader::builder(InMemoryMetricExporter::default()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let histogram = provider.meter("bench").u64_histogram("scores").build();
    bench.peer("opentelemetry SDK histogram, 1 attribute", true, || {
        |number| histogram.record(u64::from(value(number)), &[KeyValue::new("hash", label.clone())])
    });
    let buckets = (0..13).map(|bound| f64::from(bound) * 8.0).collect::<Vec<_>>();
    let cached = Histogram::with_opts(HistogramOpts::new("scores", "s").buckets(buckets.clone())).expect("valid");
    bench.peer("prometheus histogram, cached", false, || |number| cached.observe(f64::from(value(number))));
    let vector = HistogramVec::new(HistogramOpts::new("labelled", "s").buckets(buckets), &["hash"]).expect("valid");
    bench.peer("prometheus histogram, with_label_values(hash)", true, || {
        |number| vector.with_label_values(&[&label]).observe(f64::from(value(number)))
    });
}

const BUCKETS: [&str; 8] = ["8", "16", "24", "32", "40", "48", "56", "64"];

fn main() {
    let directory = std::env::temp_dir().join(format!("firstbad-bench-{}", std::process::id()));
    let recorder = firstbad_instrument::init().service("bench").recorder_dir(&directory).install().expect("installs");
    assert!(recorder.path().is_some(), "in the mapped file");
    for live in [&FEATURES, &ROUTES] {
        live.load_bytes(b"x\n", &Origin::new(), |_| Ok::<u8, String>(1)).applied().expect("applied");
    }
    if let Some(requests) = std::env::args().nth(1).and_then(|count| count.parse().ok()) {
        match std::env::args().nth(2).as_deref() {
            Some("under-way") => (0..requests).for_each(ours_under_way),
            Some("pingora") => (0..requests).for_each(ours_in_pingora),
            _ => (0..requests).for_each(ours_request),
        }
        println!("{requests} requests");
        return;
    }
    let values = 4.0;
    let (one, two) = (ns_per_call(1, || ours_request) / values, ns_per_call(2, || ours_request) / values);
    let (empty, bare) = (ns_per_call(1, || empty), ns_per_call(1, || bare));
    let mut bench = Bench { table: Table::new("hot_path"), ours: one, ours_two: two, labelled: Vec::new() };
    bench.table.row("empty loop", Comparison { ours: one, peer: empty, ratio: one / empty }, "ns/value");
    bench.table.row(
        "bare thread-local array (ratio: ours to it)",
        Comparison { ours: one, peer: bare, ratio: one / bare },
        "ns/value",
    );
    bench.table.row(
        "two threads to one (ratio: two to one)",
        Comparison { ours: two, peer: one, ratio: two / one },
        "ns/value",
    );
    let score = ns_per_call(1, || ours_score);
    bench.table.row(
        "a score alone (ratio: to the bare array)",
        Comparison { ours: score, peer: bare, ratio: score / bare },
        "ns/value",
    );
    let (pinned, by_handle) = (ns_per_call(1, || ours_pinned), ns_per_call(1, ours_by_handle));
    bench.table.row(
        "pin() and a score (ratio: to the bare array)",
        Comparison { ours: pinned, peer: bare, ratio: pinned / bare },
        "ns/value",
    );
    bench.table.row(
        "handle.pin() and a score (ratio: to the bare array)",
        Comparison { ours: by_handle, peer: bare, ratio: by_handle / bare },
        "ns/value",
    );
    peers(&mut bench);
    let cheapest = bench.labelled.iter().map(|(_, ns)| *ns).fold(f64::INFINITY, f64::min);
    bench.table.row(
        "cheapest labelled peer",
        Comparison { ours: one, peer: cheapest, ratio: cheapest / one },
        "ns/value",
    );
    bench.table.write();
    let marks = [
        ("3 ns or 1.5x the bare array", one <= NS_MAX || one / bare <= BARE_RATIO_MAX),
        ("1.3x with two threads", two / one <= CONTENTION_MAX),
        ("20x below the cheapest labelled peer", cheapest / one >= PEER_RATIO_MIN),
    ];
    for (mark, reached) in marks {
        println!("{}: {mark}", if reached { "reached" } else { "MISSED" });
    }
    drop(recorder);
    let _ = std::fs::remove_dir_all(directory);
}
