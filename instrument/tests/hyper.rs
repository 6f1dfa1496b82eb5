//! The layer under a real hyper server on a real socket: answers, a denial, and a connection that a panic ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

#[path = "../examples/hyper.rs"]
#[expect(dead_code, reason = "its main serves for ever")]
mod example;

use firstbad_instrument::testing::outcomes_of;
use firstbad_instrument::tower::{Layer, pin};
use firstbad_instrument::{Live, Origin, Tag};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use tokio::net::TcpListener;

fn start() {
    firstbad_instrument::init().service("edge").for_tests().try_install().unwrap();
}

fn of(tag: Tag) -> [u64; 4] {
    let outcomes = outcomes_of(tag).unwrap();
    [outcomes.ok, outcomes.denied, outcomes.error, outcomes.panic]
}

/// What the server sends until it closes the connection, on a thread of its own.
fn ask(address: SocketAddr, path: &'static str) -> tokio::task::JoinHandle<String> {
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
}

#[tokio::test]
async fn the_example_answers_and_counts_each_request_once() {
    start();
    example::RULES.load_bytes(b"/private\n", &Origin::new(), example::parse).applied().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    for (path, status) in [("/public", "200"), ("/private/a", "403"), ("/public", "200")] {
        let asked = ask(address, path);
        let (stream, _) = listener.accept().await.unwrap();
        example::serve_connection(stream).await.unwrap();
        let answer = asked.await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    assert_eq!(of(example::RULES.tag()), [2, 1, 0, 0]);
}

#[tokio::test]
async fn a_handler_that_panics_or_whose_client_goes_away_is_counted_once() {
    static RULES: Live<()> = Live::new("hyper-endings");
    start();
    let tag = RULES.load_bytes(b"x", &Origin::new(), |_| Ok::<_, String>(())).tag();
    async fn handle(request: Request<Incoming>) -> Result<Response<String>, String> {
        let _rules = pin(&RULES);
        assert!(request.uri().path() != "/panic", "in the handler");
        std::future::pending().await
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async |stream| {
        let counted = tower::ServiceBuilder::new().layer(Layer::new()).service(tower::service_fn(handle));
        http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(counted)).await
    };
    let asked = ask(address, "/panic");
    let (stream, _) = listener.accept().await.unwrap();
    assert!(tokio::spawn(serve(stream)).await.unwrap_err().is_panic());
    assert_eq!(asked.await.unwrap(), "", "the client sees a closed connection");
    assert_eq!(of(tag), [0, 0, 0, 1]);
    let gone = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /slow HTTP/1.1\r\nhost: edge\r\n\r\n").unwrap();
    });
    let (stream, _) = listener.accept().await.unwrap();
    gone.await.unwrap();
    assert!(serve(stream).await.is_err(), "the client closed before the answer");
    assert_eq!(of(tag), [0, 0, 1, 1]);
}
