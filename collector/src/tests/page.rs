//! The page at `/`: what it is served with, and that a collector without one says so.

use super::support::Running;
use crate::page::Page;

fn header<'a>(answer: &'a ureq::http::Response<ureq::Body>, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[test]
fn the_page_is_drawn_from_the_latest_snapshot_and_may_load_nothing() {
    let page = Page::new(|snapshot| format!("<p>{} silent</p>", snapshot.fleet.hosts_silent));
    let running = Running::with(|settings| settings.page = Some(page));
    let url = running.collector().api_url();
    let mut answer = ureq::get(format!("{url}/")).call().unwrap();
    assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
    assert!(header(&answer, "content-security-policy").starts_with("default-src 'none';"));
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert_eq!(answer.body_mut().read_to_string().unwrap(), "<p>0 silent</p>");
    assert_eq!(running.get("/other").status, 404);
}

#[test]
fn a_collector_without_a_page_says_who_draws_one() {
    let answer = Running::start().get("/");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("`firstbad collect` does"), "{}", answer.text());
}
