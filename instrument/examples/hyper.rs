//! A hyper server, without a framework, whose every request is counted under the rules that it used.
//! `cargo run --features tower --example hyper -- rules.txt`, then `curl -i localhost:3000/private`, then `firstbad recorder list`.

use firstbad_instrument::{Live, tower};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

/// Prefixes of paths that are refused.
type Rules = Vec<String>;

pub(crate) static RULES: Live<Rules> = Live::new("rules").limit("rows", 200);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "rules.txt".to_owned());
    // Before the runtime starts: both block.
    let recorder = firstbad_instrument::init().service("hyper-example").version("1.0").install()?;
    println!("recording to {:?}", recorder.path());
    RULES.load_file(&path, parse).applied()?;
    Ok(serve()?)
}

#[tokio::main]
async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 3000)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = serve_connection(stream).await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}

/// A request whose client goes away is dropped by hyper, and counts as the layer says: by default as an error.
pub(crate) async fn serve_connection(stream: TcpStream) -> hyper::Result<()> {
    let handler = ::tower::service_fn(handle);
    let counted = ::tower::ServiceBuilder::new().layer(tower::Layer::new()).service(handler);
    http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(counted)).await
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Rules, std::str::Utf8Error> {
    Ok(std::str::from_utf8(bytes)?.lines().map(str::to_owned).collect())
}

async fn handle(request: Request<Incoming>) -> Result<Response<String>, http::Error> {
    let path = request.uri().path();
    let (status, text) = match tower::pin(&RULES) {
        Some(rules) if rules.iter().any(|rule| path.starts_with(rule.as_str())) => (403, "refused\n".to_owned()),
        Some(rules) => (200, format!("{} rules let {path} pass\n", rules.len())),
        None => (503, "not ready\n".to_owned()),
    };
    Response::builder().status(status).body(text)
}
