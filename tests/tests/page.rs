//! The collector's page in a real browser: what it shows of an outage, and that hostile names stay text.
#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use firstbad_tests::capture::{Fault, Fleet, Form};
use firstbad_tests::collector::{Collector, wait_for};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// An outage whose last report ends now.
fn outage() -> String {
    let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let (interval_s, intervals) = (2, 120);
    let start_s = i64::try_from(now_s).expect("a clock before 2262") - interval_s * intervals;
    Fleet { start_s, hosts: 18, interval_s, intervals, fault_at: 70, form: Form::Native, fault: Fault::Oversized }
        .lines()
}

/// The document that Chromium builds from a page, as text.
fn browsed(profile: &Path, arguments: &[&str], url: &str) -> String {
    let run = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--timeout=4000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(arguments)
        .arg(url)
        .output()
        .expect("chromium is installed; ./test installs it");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("UTF-8")
}

#[test]
fn a_browser_shows_what_the_screen_shows_and_runs_nothing_of_it() {
    let directory = tempfile::tempdir().expect("directory");
    let collector = Collector::start(&directory.path().join("data"));
    // A name that would act in a page that takes it for markup.
    let hostile = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>";
    let capture = outage();
    let renamed = serde_json::to_string(hostile).expect("JSON");
    let lines: Vec<String> = capture.lines().map(|line| line.replace("\"bot-features\"", &renamed)).collect();
    assert!(lines.iter().any(|line| line.contains("onerror")), "control: the attack is in what is sent");
    collector.send(lines.iter().map(String::as_str));
    wait_for("an incident", || collector.incidents().into_iter().find(|incident| !incident["cause"].is_null()));
    let url = format!("{}/", collector.api_url());
    let profile = directory.path().join("profile");
    let shown = browsed(&profile, &["--dump-dom"], &url);
    assert!(shown.contains("<title>firstbad: 1 open: "), "{shown}");
    for part in ["</svg>", "hosts failed while on it", "What to do, least risk first", "&lt;script&gt;"] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert!(!shown.contains("<script") && !shown.contains("<img") && !shown.contains("owned</title>"), "{shown}");
    // The control: the same browser runs what a page really holds.
    let page = directory.path().join("control.html");
    std::fs::write(&page, format!("<title>before</title>{hostile}")).expect("written");
    let control = browsed(&profile, &["--dump-dom"], &format!("file://{}", page.display()));
    assert!(control.contains("owned</title>"), "{control}");
}
