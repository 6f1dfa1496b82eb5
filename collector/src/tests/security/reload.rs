//! Files that change under a running collector: certificates, client CAs, credentials. What is refused at start, and what
//! the store leaves for others to read.

use super::super::support::{Running, eventually};
use super::support::{Set, Shown, VALID, http, token, write};
use crate::security::generate::{Authority, Usage};
use crate::settings::Listen;
use crate::{Client, Collector, Settings, StartError};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

fn status(set: &Set, running: &Running, shown: &Shown) -> Option<u16> {
    let url = format!("{}/api/v1/snapshot", running.collector().api_url());
    http(&set.outbound(shown), "GET", &url, b"").ok().map(|answer| answer.status)
}

#[test]
fn a_revoked_token_is_refused_within_seconds_and_its_stream_ends() {
    let set = Set::new();
    let (going, shown) = token("going", "roles = [\"read\"]");
    let (staying, kept) = token("staying", "roles = [\"read\"]");
    set.credentials(&format!("{going}{staying}"));
    let running = set.running();
    assert_eq!(status(&set, &running, &shown), Some(200));
    let url = format!("{}/api/v1/stream", running.collector().api_url());
    let outbound = set.outbound(&shown);
    let agent: ureq::Agent = outbound.agent();
    let stream = outbound.authorized(agent.get(&url)).config().timeout_global(None).build().call().unwrap();
    assert_eq!(stream.status(), 200);
    let reading =
        std::thread::spawn(move || std::io::copy(&mut stream.into_body().into_reader(), &mut std::io::sink()));
    // A faulty file changes nothing: neither does it let anybody in nor does it lock all out.
    set.credentials("[[token]]\nname = 1");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!((status(&set, &running, &shown), status(&set, &running, &kept)), (Some(200), Some(200)));
    let notices = || running.collector().client().status().unwrap().notices.join("");
    assert!(notices().contains("credentials.toml") && notices().contains("stays in force"), "{}", notices());
    set.credentials(&staying);
    let began = Instant::now();
    eventually("the token is refused", || status(&set, &running, &shown) == Some(401));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(notices(), "", "control: a file that can be used is no matter of notice");
    assert_eq!(status(&set, &running, &kept), Some(200), "control: the other one stays");
    eventually("its stream ends", || reading.is_finished());
}

#[test]
fn a_new_certificate_is_served_and_a_withdrawn_client_authority_ends_its_connections() {
    let set = Set::new();
    set.credentials("[[certificate]]\nname = \"c.example\"\nroles = [\"read\"]\n");
    let running = set.running();
    let shown = set.issued("c.example", VALID);
    let client = set.outbound(&shown);
    let url = format!("{}/api/v1/snapshot", running.collector().api_url());
    // One agent keeps its connection open between calls.
    assert_eq!(http(&client, "GET", &url, b"").unwrap().status, 200);
    let other = Authority::new().unwrap();
    set.serve_with(&other);
    write(&set.path("ca.pem"), &other.own.certificate);
    eventually("a client of the old authority is refused", || http(&client, "GET", &url, b"").is_err());
    let issued = other.issue(&["c.example".to_owned()], Usage::Client, VALID).unwrap();
    let renewed = Shown { client: Some(set.client("renewed", &issued)), token: None };
    eventually("one of the new authority is served", || status(&set, &running, &renewed) == Some(200));
}

#[test]
fn the_screen_of_this_process_needs_no_credential_of_its_own() {
    let set = Set::new();
    set.credentials("");
    let running = set.running();
    let collector = running.collector();
    assert!(collector.api_url().starts_with("https://"));
    collector.client().status().unwrap();
    // Control: another client of the same address gets nowhere.
    assert!(Client::new(&collector.api_url()).status().is_err());
    assert_eq!(status(&set, &running, &Shown::default()), Some(401));
}

#[test]
fn beyond_loopback_needs_tls_and_credentials_or_the_word_insecure() {
    let set = Set::new();
    set.credentials("");
    let start = |change: &dyn Fn(&mut Settings)| {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = Settings::on_free_ports(directory.path());
        change(&mut settings);
        Collector::start(settings).map(|collector| collector.client().status().unwrap().insecure)
    };
    let wide: Listen = "0.0.0.0:0".parse().unwrap();
    let whole = set.security();
    let (mut no_tls, mut no_credentials) = (whole.clone(), whole.clone());
    no_tls.tls = None;
    no_credentials.credentials = None;
    for place in 0..3 {
        let widened = |settings: &mut Settings| match place {
            0 => settings.api = wide.clone(),
            1 => settings.otlp_http = Some(wide.clone()),
            _ => settings.otlp_grpc = Some(wide.clone()),
        };
        for half in [&no_tls, &no_credentials] {
            let refused = start(&|settings| {
                settings.security = half.clone();
                widened(settings);
            });
            let error = refused.unwrap_err();
            assert!(matches!(error, StartError::Exposed { .. }), "{error}");
            assert!(error.to_string().contains("--credentials") && error.to_string().contains("--insecure"), "{error}");
        }
        let open = start(&|settings| {
            settings.insecure = true;
            widened(settings);
        });
        assert!(open.unwrap(), "it says that it is open");
        let guarded = start(&|settings| {
            settings.security = whole.clone();
            widened(settings);
        });
        assert!(!guarded.unwrap(), "control: with both it starts, and is not open");
    }
    assert!(!start(&|settings| settings.insecure = true).unwrap(), "loopback alone is open to nobody");
}

#[test]
fn files_of_the_store_are_for_their_owner_alone() {
    let running = Running::start();
    let directory = running.directory.path();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    eventually("the first batch", || directory.join("firstbad.db-wal").exists());
    let files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    // A file that was open to all is closed to others. A directory is left as it is: others may need it.
    let open = tempfile::tempdir().unwrap();
    std::fs::set_permissions(open.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(open.path().join("firstbad.db"), b"").unwrap();
    std::fs::set_permissions(open.path().join("firstbad.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let collector = Collector::start(Settings::on_free_ports(open.path())).unwrap();
    assert_eq!((mode(open.path()), mode(&open.path().join("firstbad.db"))), (0o755, 0o600));
    drop(collector);
    // One that it makes itself is its owner's.
    let made = open.path().join("made");
    drop(Collector::start(Settings::on_free_ports(&made)).unwrap());
    assert_eq!(mode(&made), 0o700);
}
