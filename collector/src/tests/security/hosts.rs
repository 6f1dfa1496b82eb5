//! A credential speaks for its own hosts, whatever the request says of itself, in each place where a request can name a host.

use super::super::support::{Running, eventually};
use super::support::{Set, Shown, http, token};
use serde_json::{Value, json};

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// A metrics request of a process: its resource, and attributes of its point.
fn metrics(resource: &[Value], point: &[Value]) -> Vec<u8> {
    let now = crate::settings::Clock::default().now().0;
    let point = json!({"asInt": "7", "timeUnixNano": now.to_string(), "startTimeUnixNano": (now - 1_000_000_000).to_string(),
                       "attributes": point});
    let sum = json!({"dataPoints": [point], "aggregationTemporality": 2, "isMonotonic": true});
    let metrics = json!([{"name": "firstbad.requests", "sum": sum}]);
    json!({"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [{"metrics": metrics}]}]})
        .to_string()
        .into_bytes()
}

fn logs(resource: &[Value], record: &[Value]) -> Vec<u8> {
    let now = crate::settings::Clock::default().now().0;
    let record = json!({"timeUnixNano": now.to_string(), "eventName": "firstbad.panic", "attributes": record});
    json!({"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [{"logRecords": [record]}]}]})
        .to_string()
        .into_bytes()
}

fn post(set: &Set, running: &Running, shown: &Shown, sent: (&str, &[u8])) -> u16 {
    let url = format!("{}{}", running.collector().otlp_url(), sent.0);
    http(&set.outbound(shown), "POST", &url, sent.1).unwrap().status
}

#[test]
fn a_host_speaks_for_itself_an_agent_for_its_hosts_and_a_gateway_for_all() {
    let set = Set::new();
    let (host, as_host) = token("h1", "roles = [\"ingest\"]\nkind = \"host\"");
    let (agent, as_agent) = token("agent", "roles = [\"ingest\"]\nkind = \"agent\"\nhosts = [\"h1\", \"h2\"]");
    let (gateway, as_gateway) = token("gateway", "roles = [\"ingest\"]\nkind = \"gateway\"");
    set.credentials(&format!("{host}{agent}{gateway}"));
    let running = set.running();
    let host = |name: &str| vec![attribute("host.name", name), attribute("service.instance.id", "i1")];
    let none = vec![attribute("service.instance.id", "i1")];
    let twice = vec![attribute("host.name", "h1"), attribute("host.name", "h3")];
    let number = vec![json!({"key": "host.name", "value": {"intValue": "3"}})];
    // Resource, attributes of the point or record, and whether the host, the agent and the gateway may send it.
    let cases: [(Vec<Value>, Vec<Value>, [bool; 3]); 9] = [
        (host("h1"), vec![], [true, true, true]),
        (host("h2"), vec![], [false, true, true]),
        (host("h3"), vec![], [false, false, true]),
        (none.clone(), vec![], [false, false, true]),
        (none, host("h1"), [false, false, true]),
        (host("h1"), vec![attribute("host.name", "h3")], [false, false, true]),
        (host("h1"), vec![attribute("host_name", "h3")], [false, false, true]),
        (twice, vec![], [false, false, true]),
        (number, vec![], [false, false, true]),
    ];
    for (resource, own, expected) in &cases {
        for (shown, may) in [&as_host, &as_agent, &as_gateway].into_iter().zip(expected) {
            for (path, body) in [("/v1/metrics", metrics(resource, own)), ("/v1/logs", logs(resource, own))] {
                let status = post(&set, &running, shown, (path, &body));
                assert_eq!(status, if *may { 200 } else { 403 }, "{path} {resource:?} {own:?} as {:?}", shown.token);
            }
        }
    }
    let refused = running.collector().client().status().unwrap().refused;
    let expected = 2 * cases.iter().flat_map(|(_, _, may)| may).filter(|may| !**may).count() as u64;
    assert_eq!(refused["foreign_host"], expected);
}

#[test]
fn however_many_instances_and_services_a_host_invents_it_counts_as_one_host() {
    let set = Set::new();
    let (host, as_host) = token("h1", "roles = [\"ingest\"]\nkind = \"host\"");
    let (gateway, as_gateway) = token("gateway", "roles = [\"ingest\"]\nkind = \"gateway\"");
    set.credentials(&format!("{host}{gateway}"));
    let running = set.running();
    let hosts = || running.collector().publisher().latest().snapshot.fleet.hosts_reporting;
    for n in 0..50 {
        let invented = format!("s{}", n % 10);
        let resource = [
            attribute("host.name", "h1"),
            attribute("service.instance.id", &format!("i{n}")),
            attribute("service.name", &invented),
        ];
        assert_eq!(post(&set, &running, &as_host, ("/v1/metrics", &metrics(&resource, &[]))), 200);
    }
    eventually("the host is seen", || hosts() > 0);
    assert_eq!(hosts(), 1);
    // Control: what a gateway says of other hosts does count.
    for n in 0..5 {
        let resource = [attribute("host.name", &format!("other{n}")), attribute("service.instance.id", "i")];
        assert_eq!(post(&set, &running, &as_gateway, ("/v1/metrics", &metrics(&resource, &[]))), 200);
    }
    eventually("the others are seen", || hosts() == 6);
}
