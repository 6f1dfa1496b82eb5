//! A server on Pingora, with the crate added as its guides say, for `tests/tests/whole_line`: the same as
//! `tests/examples/line_server` on axum, whose rules it has (`rules.rs` is a link). `.ci/pingora` runs the test with it.

mod rules;

use async_trait::async_trait;
use firstbad_instrument::Outcome;
use firstbad_instrument::pingora::Ctx;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::{ProxyHttp, Session};
use rules::{RULES, parse};
use std::net::TcpListener;
use std::time::Duration;

/// Time between two looks at the file. Chosen: short beside a report interval.
const LOOK_EVERY: Duration = Duration::from_millis(50);

struct Edge;

#[async_trait]
impl ProxyHttp for Edge {
    type CTX = Ctx<()>;

    fn new_ctx(&self) -> Self::CTX {
        Ctx::new(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Self::CTX) -> Result<bool> {
        let authorization = session.get_header("authorization").and_then(|value| value.to_str().ok());
        let status = match ctx.pin(&RULES) {
            Some(rules) => rules.status(authorization),
            None => return Err(Error::new(ErrorType::InternalError)),
        };
        session.write_response_header(Box::new(ResponseHeader::build(status, None)?), true).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        Err(Error::new(ErrorType::ConnectNoRoute))
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Self::CTX) {
        let status = session.response_written().map(|response| response.status.as_u16());
        ctx.finish(Outcome::of_status(status, error.is_some()));
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of the rules file")?;
    let recorder = firstbad_instrument::init().service("edge").install()?;
    for death in recorder.deaths() {
        eprintln!("the last time: {death}");
    }
    RULES.load_file(&path, parse).applied()?;
    let _watcher = RULES.watch(&path, LOOK_EVERY, parse)?;
    // Pingora does not say which port it was given.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    // The test takes the traffic away before it sends SIGTERM, so there is nothing to wait for.
    let mut configuration = ServerConf::default();
    configuration.grace_period_seconds = Some(0);
    configuration.graceful_shutdown_timeout_seconds = Some(1);
    let mut server = Server::new_with_opt_and_conf(None, configuration);
    server.bootstrap();
    let mut service = pingora_proxy::http_proxy_service(&server.configuration, Edge);
    service.add_tcp(&address.to_string());
    server.add_service(service);
    say_when_it_listens(address);
    // Ends the process with status 0 after SIGTERM, without running destructors.
    server.run_forever()
}

/// Prints the address as soon as somebody can connect to it.
fn say_when_it_listens(address: std::net::SocketAddr) {
    std::thread::spawn(move || {
        while std::net::TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        println!("listening on {address}");
    });
}
