//! What clients and the recorder see of two real Pingora proxies when the bad file comes. `logging()` never hears of a request
//! that panics and the client sees a closed connection, yet each is counted, and under the file that it used.
//! `cargo test --manifest-path bench/Cargo.toml -p firstbad-pingora` (A first build of Pingora takes some 136 s of CPU, and cmake.)

use firstbad_instrument::{Hash, Origin, PreviousHook};
use firstbad_pingora::{Engine, FEATURES, LOGGED, parse};
use firstbad_protocol::recorder::{RecorderImage, VersionImage, decode};
use pingora_core::server::Server;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const REQUESTS: u64 = 100;

fn file(rows: usize) -> Vec<u8> {
    let rows = (0..rows).map(|row| format!("feature_{},Float32\n", row % 120));
    std::iter::once("name,type\n".to_owned()).chain(rows).collect::<String>().into_bytes()
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Both engines in one server, on threads of its own, for the life of the test.
fn serve() -> [SocketAddr; 2] {
    let addresses = [free_port(), free_port()];
    std::thread::spawn(move || {
        let mut server = Server::new(None).unwrap();
        server.bootstrap();
        for (engine, address) in [Engine::New, Engine::Old].into_iter().zip(addresses) {
            let mut service = pingora_proxy::http_proxy_service(&server.configuration, engine);
            service.add_tcp(&address.to_string());
            server.add_service(service);
        }
        server.run_forever();
    });
    let begun = Instant::now();
    while addresses.iter().any(|address| TcpStream::connect(address).is_err()) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the proxies never listened");
        std::thread::yield_now();
    }
    addresses
}

/// The answer's status and score; none where the connection was closed without one.
fn get(address: SocketAddr) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let score = answer.lines().find_map(|line| line.strip_prefix("x-bot-score: ")).unwrap_or_default();
    Some((status, score.to_owned()))
}

fn image(path: &Path) -> RecorderImage {
    let bytes = std::fs::read(path).unwrap();
    decode(&bytes, &bytes).unwrap()
}

fn version(image: &RecorderImage, bytes: &[u8]) -> VersionImage {
    image.versions.iter().find(|version| version.hash == Some(Hash::of(bytes))).unwrap().clone()
}

/// Waits until all requests are counted: `logging()` runs after the answer was sent.
fn settled(path: &Path, requests: u64) -> RecorderImage {
    let begun = Instant::now();
    loop {
        let image = image(path);
        let counted = image.totals.ok + image.totals.error + image.totals.panic;
        if counted == requests {
            return image;
        }
        assert!(counted < requests && begun.elapsed() < Duration::from_secs(60), "{counted} of {requests} were counted");
        std::thread::yield_now();
    }
}

#[test]
fn every_panic_in_pingora_is_counted_and_tagged() {
    let directory = tempfile::tempdir().unwrap();
    let init = firstbad_instrument::init().service("fl2").recorder_dir(directory.path());
    let recorder = init.previous_hook(PreviousHook::Never).install().unwrap();
    let path = recorder.path().unwrap();
    let (good, bad) = (file(60), file(240));
    FEATURES.load_bytes(&good, &Origin::new().name("features.csv"), parse).applied().unwrap();
    let [new, old] = serve();
    let ask = |address| (0..REQUESTS).map(move |_| get(address)).collect::<Vec<_>>();

    for address in [new, old] {
        assert!(ask(address).iter().all(|answer| *answer == Some((204, "42".to_owned()))));
    }
    let image = settled(path, 2 * REQUESTS);
    assert_eq!((image.panics, LOGGED.load(Relaxed)), (0, 2 * REQUESTS));
    assert_eq!(version(&image, &good).outcomes.ok, 2 * REQUESTS);

    // The bad file: four times the rows of the good one, more than there is room for.
    let loaded = FEATURES.load_bytes(&bad, &Origin::new().name("features.csv"), parse).applied().unwrap();
    assert!(loaded.findings.contains(&"rows = 240 exceeds the declared limit of 200".to_owned()), "{:?}", loaded.findings);
    assert!(ask(new).iter().all(Option::is_none), "the new engine's clients see closed connections");
    assert!(ask(old).iter().all(|answer| *answer == Some((204, "0".to_owned()))), "the old engine's clients see score 0");
    let image = settled(path, 4 * REQUESTS);
    assert_eq!(LOGGED.load(Relaxed), 3 * REQUESTS, "logging() did not hear of the panics");
    assert_eq!(image.panics, REQUESTS);
    let found = version(&image, &bad);
    assert_eq!((found.outcomes.ok, found.outcomes.error, found.outcomes.panic), (REQUESTS, 0, REQUESTS));
    assert_eq!(found.scores[0].buckets[0], REQUESTS, "every score of the old engine is the sentinel");
    let tagged: u64 = image.panic_pairs.iter().filter(|pair| pair.uid == found.uid).map(|pair| pair.count).sum();
    assert_eq!(tagged, REQUESTS, "each panic is under the bad file");
    assert!(image.panic_texts[0].message.contains("index out of bounds"), "{:?}", image.panic_texts[0]);

    // Back to the good one.
    FEATURES.roll_back(Duration::ZERO).unwrap().applied().unwrap();
    for address in [new, old] {
        assert!(ask(address).iter().all(|answer| *answer == Some((204, "42".to_owned()))));
    }
    assert_eq!(settled(path, 6 * REQUESTS).panics, REQUESTS);
    // The servers never end: leave with what was recorded.
    drop(recorder);
}
