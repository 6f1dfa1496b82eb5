//! What a process recorded is there after any death, under the right hash.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Hash, Live, Origin, Outcome, PreviousHook, Request, Score, record_request};
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::recorder::{EventKind, RecorderImage, State};
use std::io::Write;

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static FEATURES: Live<String> = Live::new("bot-features").limit("rows", 3).score(&BOT);
static ROUTES: Live<String> = Live::new("routes");

const GOOD: &[u8] = b"a\nb\nc\n";
const BAD: &[u8] = b"a\nb\nc\na\nb\nc\n";

fn parse(bytes: &[u8]) -> Result<String, std::str::Utf8Error> {
    std::str::from_utf8(bytes).map(str::to_owned)
}

/// The life of every child until it dies: 1000 requests under the good version, 500 of them with a score, then the bad one.
fn live(policy: PreviousHook) -> firstbad_instrument::Recorder {
    let recorder =
        firstbad_instrument::init().service("edge").version("2.1").host("h1").previous_hook(policy).install().unwrap();
    ROUTES.load_bytes(b"/ -> origin\n", &Origin::new(), parse).applied().unwrap();
    FEATURES.load_bytes(GOOD, &Origin::new().label("g1").generation(7), parse).applied().unwrap();
    for number in 0..1000_u32 {
        let request = Request::start();
        let features = request.pin(&FEATURES).unwrap();
        let _routes = request.pin(&ROUTES).unwrap();
        if number % 2 == 0 {
            features.score(&BOT, u8::try_from(number % 101).unwrap());
        }
        request.finish(if number % 10 == 0 { Outcome::Error } else { Outcome::Ok });
    }
    FEATURES.load_bytes(BAD, &Origin::new(), parse).applied().unwrap();
    println!("recorded");
    std::io::stdout().flush().unwrap();
    recorder
}

/// Two threads serve while a third swaps without pause, until the parent kills them all.
fn storm() {
    let _recorder = firstbad_instrument::init().service("storm").capture_content(false).install().unwrap();
    FEATURES.load_bytes(b"0", &Origin::new(), parse).applied().unwrap();
    for _ in 0..STORM_THREADS {
        std::thread::spawn(|| {
            loop {
                record_request(Outcome::Ok, &[FEATURES.tag()]);
            }
        });
    }
    for number in 0_u64.. {
        FEATURES.load_bytes((number % 40).to_string().as_bytes(), &Origin::new(), parse).applied().unwrap();
        if number == 200 {
            println!("recorded");
        }
    }
}

const STORM_THREADS: u64 = 2;

/// Runs only in children.
#[test]
fn child() {
    let Some(mode) = common::mode() else { return };
    if mode == "storm" {
        return storm();
    }
    if mode == "panic-abort" {
        // As `panic = "abort"` does: nothing runs after the hooks.
        std::panic::set_hook(Box::new(|_| std::process::abort()));
    }
    let recorder = live(if mode == "panic-abort" { PreviousHook::Always } else { PreviousHook::Never });
    match mode.as_str() {
        "clean" => drop(recorder),
        "exit" => std::process::exit(3),
        "abort" => std::process::abort(),
        "panic" | "panic-abort" => {
            let _features = FEATURES.pin().unwrap();
            panic!("index out of bounds: the len is {} but the index is {}", 3, 5);
        }
        "double-panic" => {
            struct Second;
            impl Drop for Second {
                fn drop(&mut self) {
                    panic!("second");
                }
            }
            let _second = Second;
            panic!("first");
        }
        "thread-panic" => {
            let thread = std::thread::Builder::new().name("worker-7".into()).spawn(|| panic!("in a thread"));
            assert!(thread.unwrap().join().is_err());
            std::process::abort();
        }
        "stack" => {
            #[expect(unconditional_recursion, reason = "this is how to overflow a stack")]
            fn deeper(level: [u64; 512]) -> u64 {
                deeper(std::hint::black_box([level[0] + 1; 512])) + level[1]
            }
            println!("{}", deeper([0; 512]));
        }
        "memory" => {
            let layout = std::alloc::Layout::from_size_align(1 << 40, 8).unwrap();
            std::alloc::handle_alloc_error(layout);
        }
        "loading" => {
            let _ = FEATURES
                .load_bytes(b"killer\n", &Origin::new(), |_| -> Result<String, String> { std::process::abort() });
        }
        "stop" => {
            // The parent kills it.
            let _ = std::io::stdin().read_line(&mut String::new());
        }
        other => panic!("no such mode: {other}"),
    }
}

/// Lets a child die in `mode`, and reads what it left behind.
fn after(mode: &str) -> RecorderImage {
    let directory = tempfile::tempdir().unwrap();
    let mut command = common::child("child", mode, directory.path());
    if mode == "stop" {
        let mut child = command.spawn().unwrap();
        common::wait_for(&mut child, "recorded");
        child.kill().unwrap();
        child.wait().unwrap();
    } else {
        let output = common::finish(command);
        assert!(String::from_utf8_lossy(&output.stdout).contains("recorded"), "{mode}: {output:?}");
    }
    common::image(directory.path())
}

fn assert_nothing_is_lost(image: &RecorderImage, mode: &str) {
    let features = image.configs.iter().find(|config| config.name == "bot-features").unwrap();
    let of = |hash: Hash| image.versions.iter().find(|version| version.hash == Some(hash)).unwrap();
    let (good, bad) = (of(Hash::of(GOOD)), of(Hash::of(BAD)));
    assert_eq!((good.outcomes.ok, good.outcomes.error), (900, 100), "{mode}");
    assert_eq!((image.totals.ok, image.totals.error), (900, 100), "{mode}");
    assert_eq!(good.scores[0].buckets.iter().sum::<u64>(), 500, "{mode}");
    assert_eq!(good.scores[0].buckets[0], 5, "{mode}");
    assert_eq!(features.active, Some(bad.uid), "{mode}");
    assert_eq!((bad.facts.rows, bad.facts.duplicate_rows), (Some(6), Some(3)), "{mode}");
    assert_eq!((bad.observed[0], features.limits[0].1), (Some(6), 3), "{mode}");
    assert_eq!(good.facts.generation, Some(7));
    let routes = image.configs.iter().find(|config| config.name == "routes").unwrap();
    let routes = image.version(routes.active.unwrap()).unwrap();
    assert_eq!((routes.outcomes.ok, routes.outcomes.error), (900, 100), "{mode}");
    assert_eq!((image.torn, image.damaged, image.dropped.len()), (0, 0, 0), "{mode}");
}

#[test]
fn every_death_leaves_every_count_under_its_hash() {
    if common::mode().is_some() {
        return;
    }
    for mode in ["exit", "abort", "panic", "panic-abort", "double-panic", "thread-panic", "stack", "memory", "stop"] {
        let image = after(mode);
        assert_nothing_is_lost(&image, mode);
        assert_eq!(image.state, State::Running, "{mode}: nobody said goodbye");
    }
    let image = after("clean");
    assert_nothing_is_lost(&image, "clean");
    assert!(matches!(image.state, State::Clean(_)));
    assert_eq!(image.events.last().map(|event| &event.kind), Some(&EventKind::Exit));
}

#[test]
fn a_panic_is_described_and_counted_under_the_version_it_used() {
    if common::mode().is_some() {
        return;
    }
    for mode in ["panic", "panic-abort", "double-panic", "thread-panic"] {
        let image = after(mode);
        let bad = image.versions.iter().find(|version| version.hash == Some(Hash::of(BAD))).unwrap();
        let first = &image.panic_texts[0];
        assert!(first.file.ends_with("survival.rs") && first.line > 0 && first.column > 0, "{first:?}");
        assert!(first.active.contains(&bad.uid), "{mode}: {first:?}");
        assert!(image.panic_pairs.iter().any(|pair| pair.uid == bad.uid && pair.count == 1), "{mode}");
        // A panic in a destructor during unwinding runs the hook a third time, to say that it aborts.
        assert_eq!(image.panics, if mode == "double-panic" { 3 } else { 1 }, "{mode}");
        assert!(!image.sites[0].frames.is_empty(), "{mode}: a stack");
        match mode {
            "panic" => {
                assert_eq!(first.message, "index out of bounds: the len is 3 but the index is 5");
                assert_eq!(bad.outcomes.panic, 1, "the guard's drop");
            }
            "thread-panic" => assert_eq!(first.thread.as_deref(), Some("worker-7")),
            _ => {}
        }
    }
}

#[test]
fn a_process_that_dies_in_its_parser_is_named_by_the_version() {
    if common::mode().is_some() {
        return;
    }
    let image = after("loading");
    assert_nothing_is_lost(&image, "loading");
    let features = image.configs.iter().find(|config| config.name == "bot-features").unwrap();
    assert_eq!(features.loading, Some(Hash::of(b"killer\n")));
    let Some(EventKind::Load(load)) = image.events.last().map(|event| &event.kind) else { panic!("{image:?}") };
    assert_eq!((load.result, load.hash), (None, Some(Hash::of(b"killer\n"))));
    assert_eq!(load.previous, Some(Hash::of(BAD)));
    let applied = |event: &&firstbad_protocol::recorder::EventImage| matches!(&event.kind, EventKind::Load(load) if load.result == Some(LoadResult::Applied));
    assert_eq!(image.events.iter().filter(applied).count(), 3);
}

#[test]
fn a_kill_in_the_middle_of_a_move_doubles_and_loses_nothing() {
    const KILLS: u64 = 100;
    if common::mode().is_some() {
        return;
    }
    let (mut requests, mut in_the_middle) = (0, 0);
    for kill in 0..KILLS {
        let directory = tempfile::tempdir().unwrap();
        let mut child = common::child("child", "storm", directory.path()).spawn().unwrap();
        common::wait_for(&mut child, "recorded");
        // The moment of the fault, spread over a few moves; nothing waits for it.
        std::thread::sleep(std::time::Duration::from_micros(kill * 37 % 900));
        child.kill().unwrap();
        child.wait().unwrap();
        let path = &common::recorders(directory.path())[0];
        let image = common::image_of(path);
        let views: u64 = image.versions.iter().map(|version| version.outcomes.ok).sum();
        // A thread counts the total first: each can have died between its two counts.
        assert!((views..=views + STORM_THREADS).contains(&image.totals.ok), "{} of {views}", image.totals.ok);
        assert!(image.torn <= 1 && image.dropped.is_empty(), "{:?}", image.dropped);
        requests += views;
        let bytes = std::fs::read(path).unwrap();
        let word = firstbad_protocol::recorder::layout::header::JOURNAL_KEY * 8;
        in_the_middle += u64::from(bytes[word..word + 8] != [0; 8]);
    }
    println!("{KILLS} kills, {requests} requests, {in_the_middle} in the middle of a move");
}
