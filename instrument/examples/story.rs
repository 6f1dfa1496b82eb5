//! Writes a recorder that holds everything a reader must understand, and keeps it. The golden files of
//! `collector/tests/recorders`, one for each layout, are made with it. `cargo run -p firstbad-instrument --example story -- DIRECTORY`
#![allow(clippy::unwrap_used, clippy::panic, reason = "a program that makes test data may fail loudly")]

use firstbad_instrument::{Config, Live, Origin, Outcome, PreviousHook, Request, Score};

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static FEATURES: Live<usize> = Live::new("bot-features").limit("rows", 3).score(&BOT);
static ROUTES: Config = Config::new("routes");

const GOOD: &[u8] = b"a\nb\nc\n";
const BAD: &[u8] = b"a\nb\nc\na\nb\nc\n";

fn parse(bytes: &[u8]) -> Result<usize, String> {
    if bytes == b"torn" { Err("no line end".to_owned()) } else { Ok(bytes.len()) }
}

fn requests(count: u8, outcome: Outcome) {
    for number in 0..count {
        let request = Request::start();
        let features = request.pin(&FEATURES).unwrap();
        request.uses(ROUTES.active());
        features.score(&BOT, number);
        request.finish(outcome);
    }
}

fn panic_once() {
    let request = Request::start();
    let _features = request.pin(&FEATURES).unwrap();
    panic!("called `Option::unwrap()` on a `None` value");
}

fn main() {
    let directory = std::env::args().nth(1).unwrap();
    let init = firstbad_instrument::init().service("edge").version("2.1").host("edge-1").instance("edge-1-0");
    let init = init.dimension("process.executable.path", "/usr/bin/edge").recorder_dir(directory);
    let recorder = init.capture_content(false).previous_hook(PreviousHook::Never).install().unwrap();
    ROUTES.loading(b"/\n", &Origin::new()).applied();
    FEATURES.load_bytes(GOOD, &Origin::new().label("g1").generation(1), parse).applied().unwrap();
    requests(100, Outcome::Ok);
    FEATURES.load_bytes(BAD, &Origin::new().label("g2").generation(2), parse).applied().unwrap();
    requests(20, Outcome::Ok);
    requests(5, Outcome::Denied);
    requests(7, Outcome::Error);
    let _ = std::panic::catch_unwind(panic_once);
    let _ = FEATURES.load_bytes(b"torn", &Origin::new(), parse);
    drop(recorder);
    std::process::exit(3);
}
