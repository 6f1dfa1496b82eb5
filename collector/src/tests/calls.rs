//! OTLP over gRPC, frame by frame: a call is accepted, refused for good, or refused for now, in gRPC's own words.

use super::support::Running;
use axum::body::Bytes;
use prost::Message;

/// Status, message, and whether there was something to say of later.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: String,
    message: String,
    pub(super) body: Vec<u8>,
}

fn call(running: &Running, path: &str, framed: &[u8]) -> Ended {
    call_at(running.collector().addresses().otlp_grpc[0], path, framed)
}

pub(super) fn call_at(address: std::net::SocketAddr, path: &str, framed: &[u8]) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        let request = axum::http::Request::post(format!("http://{address}{path}"));
        let request = request.header("content-type", "application/grpc").header("te", "trailers");
        let request = request.header("grpc-encoding", "gzip").body(()).unwrap();
        let (response, mut body) = client.send_request(request, false).unwrap();
        body.send_data(Bytes::copy_from_slice(framed), true).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers().clone();
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.data().await {
            bytes.extend_from_slice(&chunk.unwrap());
        }
        let trailers = body.trailers().await.unwrap().unwrap_or_default();
        let word = |name: &str| {
            let value = trailers.get(name).or_else(|| headers.get(name));
            value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        Ended { status: word("grpc-status"), message: word("grpc-message"), body: bytes }
    })
}

pub(super) fn framed(compressed: u8, message: &[u8]) -> Vec<u8> {
    let mut framed = vec![compressed];
    framed.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend_from_slice(message);
    framed
}

const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

#[test]
fn calls_end_as_grpc_says() {
    let running = Running::start();
    let request = opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest {
        resource_metrics: vec![opentelemetry_proto::tonic::metrics::v1::ResourceMetrics::default()],
    };
    let message = request.encode_to_vec();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &message).unwrap();
    let gzip = gzip.finish().unwrap();
    let cases: &[(&str, Vec<u8>, &str, &str)] = &[
        (METRICS, framed(0, &message), "0", ""),
        (METRICS, framed(1, &gzip), "0", ""),
        (METRICS, framed(0, b"\x0a\xff"), "3", "byte"),
        (METRICS, framed(1, b"not gzip"), "3", "damaged"),
        (METRICS, framed(2, &message), "3", "neither 0 nor 1"),
        (METRICS, framed(0, &message)[..4].to_vec(), "3", "cut short"),
        (METRICS, [framed(0, &message), framed(0, &message)].concat(), "3", "several"),
        ("/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export", framed(0, b""), "12", "no such service"),
        ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", framed(0, b""), "0", ""),
    ];
    for (path, framed, status, says) in cases {
        let ended = call(&running, path, framed);
        assert_eq!(&ended.status, status, "{path} {framed:?}: {ended:?}");
        assert!(ended.message.contains(says), "{path} {framed:?}: {ended:?}");
        assert_eq!(ended.body.is_empty(), *status != "0", "{ended:?}");
    }
}
