//! Loaders that keep the parsed form themselves: tickets that are read here and applied there, loads that return what was parsed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Config, Hash, Origin, PreviousHook, Tag, Ticket};
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::recorder::EventKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc::channel;

/// Results of a config's loads so far, with the reasons of refusals. Each test uses configs of its own.
fn loads(config: &Config) -> Vec<(LoadResult, String)> {
    static RECORDER: OnceLock<(PathBuf, tempfile::TempDir)> = OnceLock::new();
    let (path, _) = RECORDER.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let init = firstbad_instrument::init().service("edge").recorder_dir(directory.path());
        let recorder = init.capture_content(false).previous_hook(PreviousHook::Never).install().unwrap();
        let path = recorder.path().unwrap().to_owned();
        std::mem::forget(recorder);
        (path, directory)
    });
    let image = common::image_of(path);
    let Some(place) = image.configs.iter().find(|known| known.name == config.name()).map(|known| known.place) else {
        return Vec::new();
    };
    let finished = image.events.iter().filter_map(|event| match &event.kind {
        EventKind::Load(load) if load.config == place => Some((load.result?, load.reason.clone().unwrap_or_default())),
        _ => None,
    });
    finished.collect()
}

fn result(word: LoadResult) -> (LoadResult, String) {
    (word, String::new())
}

#[test]
fn a_ticket_is_read_on_one_thread_and_applied_on_another() {
    static RULES: Config = Config::new("ticket-rules");
    assert!(loads(&RULES).is_empty());
    let ticket = |bytes: &[u8]| RULES.loading(bytes, &Origin::new()).into_ticket();
    let (send, receive) = channel::<Ticket>();
    let reader = std::thread::spawn(move || send.send(ticket(b"v1")).unwrap());
    let first = receive.recv().unwrap();
    reader.join().unwrap();
    assert!(RULES.active().is_none() && first.hash() == Hash::of(b"v1"), "read, not applied");
    let clones = [first.clone(), first.clone()];
    assert!(clones[0] == first && first != ticket(b"v2"), "the second is dropped without a result");
    let tag = first.applied();
    assert_eq!([RULES.active(), clones[0].applied(), clones[1].refused("late", "too late")], [tag; 3]);
    let second = ticket(b"v2").applied();
    assert_ne!(second, tag);
    assert_eq!(clones[0].applied().hash(), Some(Hash::of(b"v1")), "an older value may come back");
    assert_eq!(ticket(b"v3").refused("schema", "field 7").hash(), Some(Hash::of(b"v1")));
    let words = [
        (LoadResult::Rejected, "abandoned".to_owned()),
        result(LoadResult::Applied),
        result(LoadResult::Applied),
        result(LoadResult::Applied),
        (LoadResult::KeptLastGood, "schema".to_owned()),
    ];
    assert_eq!(loads(&RULES), words);
}

#[test]
fn a_load_returns_what_was_parsed_or_the_parsers_own_error() {
    static PORTS: Config = Config::new("load-ports").limit("rows", 2).reject_over();
    assert!(loads(&PORTS).is_empty());
    let parse = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().trim().parse::<u16>();
    let loaded = PORTS.load(b"80\n", &Origin::new(), parse).unwrap();
    assert_eq!((loaded.value, loaded.tag.hash()), (80, Some(Hash::of(b"80\n"))));
    assert_eq!(
        PORTS.load(b"80\n", &Origin::new(), parse).unwrap().tag,
        loaded.tag,
        "unchanged, and parsed all the same"
    );
    let refused = PORTS.load(b"http\n", &Origin::new(), parse).unwrap_err();
    assert_eq!(refused.error, "http".parse::<u16>().err());
    assert_eq!(refused.outcome.refusal().unwrap().serving, loaded.tag);
    assert!(
        refused.to_string().ends_with("(parse): invalid digit found in string; the previous version goes on serving")
    );
    let panicked = PORTS.load(b"\xff\n", &Origin::new(), parse).unwrap_err();
    assert!(panicked.error.is_none());
    let over =
        PORTS.load(b"1\n2\n3\n", &Origin::new(), |_| -> Result<(), String> { panic!("not parsed") }).unwrap_err();
    assert!(over.error.is_none());
    let kept = |reason: &str| (LoadResult::KeptLastGood, reason.to_owned());
    let expected = [
        result(LoadResult::Applied),
        result(LoadResult::Unchanged),
        kept("parse"),
        kept("parser_panic"),
        kept("limit"),
    ];
    assert_eq!(loads(&PORTS), expected);
}

#[tokio::test]
async fn a_parser_that_awaits_is_recorded_when_it_ends_panics_or_is_dropped() {
    static ZONES: Config = Config::new("load-zones");
    assert!(loads(&ZONES).is_empty());
    let origin = Origin::new();
    let good = tokio::spawn(async {
        let parsing = async {
            tokio::task::yield_now().await;
            Ok::<_, String>(7)
        };
        ZONES.load_async(b"v1", &Origin::new(), parsing).await
    });
    let loaded = good.await.unwrap().unwrap();
    assert_eq!((loaded.value, loaded.tag), (7, ZONES.active()));
    let refused = ZONES.load_async(b"v2", &origin, async { Err::<u8, _>("a gap") }).await.unwrap_err();
    assert_eq!(refused.error, Some("a gap"));
    let panics = tokio::spawn(async {
        let parsing = async { if ZONES.active().is_none() { Ok::<u8, String>(0) } else { panic!("in the parser") } };
        ZONES.load_async(b"v3", &Origin::new(), parsing).await.is_ok()
    });
    assert!(panics.await.unwrap_err().is_panic());
    let slow = ZONES.load_async(b"v4", &origin, std::future::pending::<Result<u8, String>>());
    assert!(tokio::time::timeout(std::time::Duration::ZERO, slow).await.is_err());
    let kept = |reason: &str| (LoadResult::KeptLastGood, reason.to_owned());
    assert_eq!(loads(&ZONES), [result(LoadResult::Applied), kept("parse"), kept("parser_panic"), kept("abandoned")]);
    assert_ne!(ZONES.active(), Tag::NONE);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(ZONES.loading(b"v5", &origin).into_ticket()))).is_ok());
    assert_eq!(loads(&ZONES).last(), Some(&kept("abandoned")));
}
