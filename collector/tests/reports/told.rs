//! A process whose reports are kept: it loads a good version, serves, loads a bad one, fails, panics, refuses a third and exits.
use firstbad_instrument::{Config, Live, Origin, Outcome, PreviousHook, Request, Score, export};
use std::time::Duration;

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static FEATURES: Live<usize> = Live::new("bot-features").limit("rows", 3).score(&BOT);
static ROUTES: Config = Config::new("routes");

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
    let arguments: Vec<String> = std::env::args().collect();
    let init = firstbad_instrument::init().service("edge").version("2.1").host("edge-1").instance("edge-1-0");
    let init = init.dimension("process.executable.path", "/usr/bin/edge").recorder_dir(&arguments[1]);
    let recorder = init.previous_hook(PreviousHook::Never).install().unwrap();
    let exporter = arguments.get(2).map(|url| export::to(url).every(Duration::from_secs(2)).start().unwrap());
    let pause = || std::thread::sleep(Duration::from_millis(2500));
    ROUTES.loading(b"/\n", &Origin::new()).applied();
    FEATURES.load_bytes(b"a\nb\nc\n", &Origin::new().label("g1").generation(1), parse).applied().unwrap();
    requests(100, Outcome::Ok);
    pause();
    FEATURES.load_bytes(b"a\nb\nc\na\nb\nc\n", &Origin::new().label("g2").generation(2), parse).applied().unwrap();
    requests(20, Outcome::Ok);
    requests(5, Outcome::Denied); // not in 3508772
    requests(7, Outcome::Error);
    let _ = std::panic::catch_unwind(panic_once);
    let _ = FEATURES.load_bytes(b"torn", &Origin::new(), parse);
    pause();
    requests(3, Outcome::Error);
    pause();
    if let Some(exporter) = exporter { exporter.flush(Duration::from_secs(2)); }
    drop(recorder);
}
