//! Role x route x credential, over the three listeners with TLS. The expected role of each route is written here a second
//! time, on purpose. Control: without a credentials file every one of these calls is answered.

use super::super::support::{Running, log_request};
use super::support::{Set, Shown, VALID, grpc, http, token};
use crate::security::Role::{self, Admin, Ingest, Publisher, Read};
use crate::security::ServeSecurity;
use crate::security::generate::{Authority, Days, Usage};

/// A place to call, who may, and the answer if so.
struct Route {
    listener: Listener,
    method: &'static str,
    path: &'static str,
    needs: Needs,
    answer: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Listener {
    Api,
    Http,
    Grpc,
}

#[derive(Clone, Copy)]
enum Needs {
    Nothing,
    Credential,
    One(Role),
}

const fn api(path: &'static str, needs: Needs, answer: u16) -> Route {
    Route { listener: Listener::Api, method: "GET", path, needs, answer }
}

const fn otlp(method: &'static str, path: &'static str, needs: Needs, answer: u16) -> Route {
    Route { listener: Listener::Http, method, path, needs, answer }
}

const fn grpc_call(path: &'static str, needs: Needs, answer: u16) -> Route {
    Route { listener: Listener::Grpc, method: "", path, needs, answer }
}

const HASH: &str = "/v1/contents/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
/// With a content of another hash.
const CONFIG: &str =
    "/api/v1/configs/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad?config=bot-features";
const ROUTES: [Route; 34] = [
    api("/health", Needs::Nothing, 200),
    api("/ready", Needs::Nothing, 200),
    // The collector of these tests is given no page.
    api("/", Needs::One(Read), 404),
    api("/metrics", Needs::One(Read), 200),
    api("/api/v1/openapi.json", Needs::One(Read), 200),
    api("/api/v1/snapshot", Needs::One(Read), 200),
    api("/api/v1/stream", Needs::One(Read), 200),
    api("/api/v1/diagnosis", Needs::One(Read), 200),
    api("/api/v1/status", Needs::One(Read), 200),
    api("/api/v1/incidents", Needs::One(Read), 200),
    api("/api/v1/export", Needs::One(Read), 200),
    api("/api/v1/incidents/none", Needs::One(Read), 404),
    api("/api/v1/incidents/none/diagnosis", Needs::One(Read), 404),
    api("/api/v1/incidents/none/bundle", Needs::One(Read), 404),
    api("/api/v1/contents/zz", Needs::One(Read), 400),
    api("/api/v1/words", Needs::One(Read), 200),
    api("/api/v1/admin/credentials", Needs::One(Admin), 200),
    Route { method: "POST", ..api("/api/v1/admin/incidents/none/ack", Needs::One(Admin), 404) },
    Route { method: "DELETE", ..api("/api/v1/admin/incidents/none/ack", Needs::One(Admin), 404) },
    Route { method: "POST", ..api("/api/v1/admin/quiet", Needs::One(Admin), 400) },
    Route { method: "DELETE", ..api("/api/v1/admin/quiet/1", Needs::One(Admin), 200) },
    Route { method: "POST", ..api("/api/v1/changes", Needs::One(Publisher), 400) },
    Route { method: "PUT", ..api(CONFIG, Needs::One(Publisher), 422) },
    api("/nothing", Needs::Credential, 404),
    otlp("POST", "/v1/logs", Needs::One(Ingest), 200),
    otlp("POST", "/v1/metrics", Needs::One(Ingest), 200),
    otlp("POST", "/v1/traces", Needs::One(Ingest), 200),
    // Remote write wants protobuf, and these calls send JSON.
    otlp("POST", "/api/v1/write", Needs::One(Ingest), 415),
    otlp("HEAD", HASH, Needs::One(Ingest), 404),
    otlp("GET", "/nothing", Needs::Credential, 404),
    grpc_call("/opentelemetry.proto.collector.logs.v1.LogsService/Export", Needs::One(Ingest), 0),
    grpc_call("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", Needs::One(Ingest), 0),
    grpc_call("/opentelemetry.proto.collector.trace.v1.TraceService/Export", Needs::One(Ingest), 0),
    grpc_call("/nothing", Needs::Credential, 12),
];

/// How far a credential gets.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// No TLS connection.
    NoHandshake,
    /// A connection, and nobody known.
    Unknown,
    /// Known, with one role.
    Role(Role),
}

struct Credential {
    name: String,
    shown: Shown,
    expected: Expected,
}

fn roles() -> [(&'static str, Role, &'static str); 4] {
    [("ingest", Ingest, "kind = \"gateway\""), ("read", Read, ""), ("admin", Admin, ""), ("publisher", Publisher, "")]
}

/// Every credential, and the file that knows some of them.
fn credentials(set: &Set) -> (Vec<Credential>, String) {
    let (mut all, mut file) = (Vec::new(), String::new());
    let mut add = |name: &str, shown, expected| all.push(Credential { name: name.to_owned(), shown, expected });
    add("none", Shown::default(), Expected::Unknown);
    for (word, role, rest) in roles() {
        let rest = format!("roles = [\"{word}\"]\n{rest}");
        let (entry, shown) = token(word, &rest);
        file.push_str(&entry);
        add(&format!("token {word}"), shown, Expected::Role(role));
        let name = format!("{word}.example");
        file.push_str(&format!("[[certificate]]\nname = \"{name}\"\n{rest}\n"));
        add(&format!("certificate {word}"), set.issued(&name, VALID), Expected::Role(role));
    }
    let (_, wrong) = token("read", "");
    add("token with a known name and a wrong secret", wrong.clone(), Expected::Unknown);
    let (_, unknown) = token("stranger", "");
    add("token that is not in the file", unknown, Expected::Unknown);
    let garbage = Shown { token: Some("x".to_owned()), client: None };
    add("text that is no token", garbage, Expected::Unknown);
    let (entry, expired) = token("expired", "roles = [\"read\"]\nexpires = \"2025-11-18T11:20:00Z\"");
    file.push_str(&entry);
    add("expired token", expired, Expected::Unknown);
    add("certificate that is not in the file", set.issued("stranger.example", VALID), Expected::Unknown);
    let both = Shown { token: wrong.token, ..set.issued("read.example", VALID) };
    add("wrong token with a good certificate", both, Expected::Unknown);
    let past = Days { from: -30, to: -1 };
    file.push_str("[[certificate]]\nname = \"past.example\"\nroles = [\"read\"]\n");
    add("expired certificate", set.issued("past.example", past), Expected::NoHandshake);
    let foreign = Authority::new().unwrap().issue(&["read.example".to_owned()], Usage::Client, VALID).unwrap();
    let foreign = Shown { client: Some(set.client("foreign", &foreign)), token: None };
    add("certificate of another authority", foreign, Expected::NoHandshake);
    let server = set.authority.issue(&["read.example".to_owned()], Usage::Server, VALID).unwrap();
    let server = Shown { client: Some(set.client("server-as-client", &server)), token: None };
    add("certificate for servers alone", server, Expected::NoHandshake);
    (all, file)
}

/// The code that a call ends with; none: no connection.
fn call(set: &Set, running: &Running, shown: &Shown, route: &Route) -> Option<u16> {
    let collector = running.collector();
    if route.listener == Listener::Grpc {
        let address = collector.addresses().otlp_grpc[0];
        return grpc(set, shown, address, route.path).ok().map(|status| status.parse().unwrap());
    }
    let base = if route.listener == Listener::Api { collector.api_url() } else { collector.otlp_url() };
    let body = match route.path {
        "/v1/logs" => log_request("x"),
        // Without credentials, an administrator says who it is.
        path if path.contains("/admin/") => br#"{"author":"anna"}"#.to_vec(),
        _ => b"{}".to_vec(),
    };
    let answer = http(&set.outbound(shown), route.method, &format!("{base}{}", route.path), &body).ok()?;
    if let Some(token) = &shown.token {
        assert!(!answer.text().contains(token), "{}: a credential is never repeated", route.path);
    }
    Some(answer.status)
}

fn expected(route: &Route, credential: Expected) -> Option<u16> {
    let (unauthenticated, denied) = if route.listener == Listener::Grpc { (16, 7) } else { (401, 403) };
    match (credential, route.needs) {
        (Expected::NoHandshake, _) => None,
        (_, Needs::Nothing) => Some(route.answer),
        (Expected::Unknown, _) => Some(unauthenticated),
        (Expected::Role(_), Needs::Credential) => Some(route.answer),
        (Expected::Role(role), Needs::One(needed)) => Some(if role == needed { route.answer } else { denied }),
    }
}

/// A path of the API as it is described: its variables in braces.
fn is_of(path: &str, described: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (one, other): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), described.split('/').collect());
    one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| one == other || other.starts_with('{'))
}

#[test]
fn the_table_has_every_operation_of_the_api_with_its_role() {
    for operation in &crate::server::api::openapi::OPERATIONS {
        let method = operation.method.to_uppercase();
        let found = ROUTES.iter().find(|route| {
            route.listener == Listener::Api && route.method == method && is_of(route.path, operation.path)
        });
        let found = found.unwrap_or_else(|| panic!("{method} {} is not in the table", operation.path));
        let role = if let Needs::One(role) = found.needs { Some(role) } else { None };
        assert_eq!(role, operation.role, "{method} {}", operation.path);
    }
}

#[test]
fn each_credential_opens_the_routes_of_its_role_and_no_other() {
    let set = Set::new();
    let (all, file) = credentials(&set);
    set.credentials(&file);
    let running = set.running();
    let mut wrong = Vec::new();
    for credential in &all {
        for route in &ROUTES {
            let (got, expected) =
                (call(&set, &running, &credential.shown, route), expected(route, credential.expected));
            if got != expected {
                wrong
                    .push(format!("{} on {} {}: {got:?}, not {expected:?}", credential.name, route.method, route.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let refused = running.collector().client().status().unwrap().refused;
    assert!(refused["unauthenticated"] > 100 && refused["forbidden"] > 50, "{refused:?}");
    let audit = std::fs::read_to_string(running.directory.path().join("audit.log")).unwrap();
    assert!(audit.contains("\"event\":\"denied\"") && audit.contains("\"event\":\"admin\""), "{audit}");
    for token in all.iter().filter_map(|credential| credential.shown.token.as_deref()).filter(|t| t.len() > 8) {
        assert!(!audit.contains(token), "the audit log repeats a credential");
    }
}

#[test]
fn without_a_credentials_file_each_of_these_calls_is_answered() {
    let set = Set::new();
    let tls = set.security().tls.map(|tls| crate::security::TlsFiles { client_ca: None, ..tls });
    let running = Running::with(|settings| settings.security = ServeSecurity { tls, credentials: None });
    for route in &ROUTES {
        assert_eq!(call(&set, &running, &Shown::default(), route), Some(route.answer), "{}", route.path);
    }
}
