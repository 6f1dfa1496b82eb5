//! A process that records under two versions and then dies in the way its first argument names. `tests/deaths.rs` lets it
//! die with panics that unwind and with panics that abort, and reads what it left.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "dying is what it is for")]

use firstbad_instrument::{Live, Origin, Outcome, PreviousHook, Recorder, Request, Score};
use std::future::Future;
use std::io::Write;
use std::task::{Context, Waker};

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static FEATURES: Live<String> = Live::new("bot-features").limit("rows", 3).score(&BOT);

const GOOD: &[u8] = b"a\nb\nc\n";
const BAD: &[u8] = b"a\nb\nc\na\nb\nc\n";

fn parse(bytes: &[u8]) -> Result<String, std::str::Utf8Error> {
    std::str::from_utf8(bytes).map(str::to_owned)
}

/// 100 requests under the good version, then the bad one becomes active.
fn live() -> Recorder {
    let init = firstbad_instrument::init().service("edge").capture_content(false);
    let recorder = init.previous_hook(PreviousHook::Never).install().unwrap();
    FEATURES.load_bytes(GOOD, &Origin::new(), parse).applied().unwrap();
    for score in 0..100 {
        let request = Request::start();
        let features = request.pin(&FEATURES).unwrap();
        features.score(&BOT, score);
        request.finish(Outcome::Ok);
    }
    FEATURES.load_bytes(BAD, &Origin::new(), parse).applied().unwrap();
    recorder
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

fn overflow() {
    #[expect(unconditional_recursion, reason = "this is how to overflow a stack")]
    fn deeper(level: [u64; 512]) -> u64 {
        deeper(std::hint::black_box(level)) + level[1]
    }
    println!("{}", deeper([0; 512]));
}

/// Sends this process a signal until it dies: the handler of the standard library lets the first SIGSEGV pass that is no
/// fault.
fn signal(name: &str) {
    loop {
        let sent = std::process::Command::new("kill").args([name, &std::process::id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

fn panic_in_a_poll() {
    let mut future = Box::pin(FEATURES.tag().wrap(async { panic!("in a poll") }));
    let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

fn eat_memory() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1_u8; 1 << 20]);
    }
}

fn die(how: &str) {
    match how {
        "clean" => {}
        "panic" => panic!("index out of bounds: the len is {} but the index is {}", 3, 5),
        "panic-in-a-guard" => {
            let _features = FEATURES.pin().unwrap();
            panic!("under a guard");
        }
        "panic-in-a-poll" => panic_in_a_poll(),
        "panic-in-a-drop" => drop(PanicsWhenDropped),
        "panic-in-a-thread" => {
            let thread = std::thread::Builder::new().name("worker-7".into()).spawn(|| panic!("in a thread"));
            let _ = thread.unwrap().join();
        }
        "double-panic" => {
            let _second = PanicsWhenDropped;
            panic!("first");
        }
        "long-message" => panic!("{}", "x".repeat(5000)),
        "resume-unwind" => std::panic::resume_unwind(Box::new("no hook is called")),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(3),
        "stack-overflow" => overflow(),
        "stack-overflow-in-a-thread" => drop(std::thread::spawn(overflow).join()),
        "allocation-failure" => println!("{}", vec![1_u8; std::hint::black_box(1 << 46)].len()),
        "out-of-memory" => eat_memory(),
        "sigkill" => signal("-KILL"),
        "sigsegv" => signal("-SEGV"),
        "sigbus" => signal("-BUS"),
        "loading" => {
            let _ = FEATURES
                .load_bytes(b"killer\n", &Origin::new(), |_| -> Result<String, String> { std::process::abort() });
        }
        other => panic!("no such death: {other}"),
    }
}

fn main() {
    let how = std::env::args().nth(1).unwrap_or_default();
    if how == "exec" {
        use std::os::unix::process::CommandExt;
        let _recorder = live();
        let error = std::process::Command::new(std::env::current_exe().unwrap()).arg("tell").exec();
        panic!("{error}");
    }
    let recorder = live();
    for death in recorder.deaths() {
        println!("told: {death}");
    }
    println!("recorded");
    std::io::stdout().flush().unwrap();
    if how == "tell" {
        return;
    }
    die(&how);
}
