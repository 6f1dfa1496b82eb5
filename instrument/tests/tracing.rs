//! The bridge to `tracing` against the real subscriber that writes lines: an error line names the version that the request
//! entered, and the log of an outage grows by a line for an error, not more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_instrument::{Hash, Live, Origin, Tag};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing::field::Empty;
use tracing_subscriber::layer::SubscriberExt;

static RULES: Live<u8> = Live::new("traced-rules");
static ROUTES: Live<u8> = Live::new("traced-routes");
/// The active version is one of the process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn load(config: &'static Live<u8>, text: &str) -> (Tag, String) {
    let parse = |_: &[u8]| Ok::<u8, String>(0);
    let tag = config.load_bytes(text.as_bytes(), &Origin::new(), parse).applied().unwrap().tag;
    (tag, Hash::of(text.as_bytes()).to_string())
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

/// What the subscriber writes of `what`.
fn written(what: impl FnOnce()) -> String {
    let page = Page::default();
    let writer = page.clone();
    let subscriber = tracing_subscriber::registry()
        .with(firstbad_instrument::tracing::layer())
        .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone()));
    tracing::subscriber::with_default(subscriber, what);
    String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn two_thousand_errors_in_one_span_write_two_thousand_lines_of_one_length() {
    const ERRORS: usize = 2_000;
    let _alone = ALONE.lock();
    let (_, hash) = load(&RULES, "flood");
    let page = written(|| {
        let _span = tracing::info_span!("request", firstbad.config.active = Empty).entered();
        for _ in 0..ERRORS {
            tracing::error!("no such feature");
        }
    });
    let lengths: Vec<usize> = page.lines().map(str::len).collect();
    println!("{} bytes, last line {}", page.len(), lengths[ERRORS - 1]);
    assert_eq!(lengths.len(), ERRORS);
    // The fraction of a second may be written with fewer digits.
    assert!(lengths.iter().all(|length| length.abs_diff(lengths[0]) <= 9), "the last line has {}", lengths[ERRORS - 1]);
    assert!(page.lines().all(|line| line.matches(&hash).count() == 1), "each line names the version once");
}

#[test]
fn after_a_swap_the_line_names_the_version_that_the_request_entered() {
    let _alone = ALONE.lock();
    let (first, first_hash) = load(&RULES, "v1");
    let (_, routes_hash) = load(&ROUTES, "routes");
    let mut second_hash = String::new();
    let page = written(|| {
        let _span = tracing::info_span!("request", firstbad.config.active = Empty).entered();
        let _entered = first.enter();
        second_hash = load(&RULES, "v2").1;
        tracing::error!("no such feature");
    });
    assert!(page.contains(&format!("traced-rules={first_hash}")), "{page}");
    assert!(!page.contains(&second_hash) && !page.contains(&routes_hash), "nobody entered those: {page}");

    // The same span under another version gets that one too, once; a thread that entered nothing names what is active.
    let page = written(|| {
        let _span = tracing::info_span!("request", firstbad.config.active = Empty).entered();
        for _ in 0..3 {
            let _entered = first.enter();
            tracing::error!("under the first");
        }
        for _ in 0..3 {
            tracing::error!("under none");
        }
    });
    let lines: Vec<&str> = page.lines().collect();
    assert!(lines[..3].iter().all(|line| line.matches(&first_hash).count() == 1 && !line.contains(&second_hash)));
    let both = |line: &&str| line.matches(&first_hash).count() == 1 && line.matches(&second_hash).count() == 1;
    assert!(lines[3..].iter().all(both) && lines[5].contains(&routes_hash), "{page}");
}

#[test]
fn a_span_that_outlives_many_versions_is_stamped_with_few() {
    let _alone = ALONE.lock();
    let page = written(|| {
        let _span = tracing::info_span!("server", firstbad.config.active = Empty).entered();
        for version in 0..50 {
            load(&RULES, &format!("of many {version}"));
            tracing::error!("no such feature");
        }
    });
    let last = page.lines().last().unwrap();
    assert_eq!((last.matches("traced-rules=").count(), last.matches("(more versions)").count()), (8, 1), "{last}");
}
