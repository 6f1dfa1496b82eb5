//! What stands on the first screen when there is no incident: before any data, how to send some; with data, who reports
//! and which versions run. It says what is seen and never that all is well.

use super::super::model::{Link, Model, Origin};
use super::super::text;
use super::super::theme::Role;
use super::chart;
use super::page::{Page, heading, labelled};
use crate::facts;
use firstbad_protocol::snapshot::{Snapshot, VersionView};
use ratatui::text::Line;

/// Before the first snapshot.
pub(crate) fn waiting(model: &Model, columns: usize) -> Page {
    let mut lines = Vec::new();
    let said = |role, told: &str| -> Vec<Line<'static>> {
        let wrapped = text::wrap(&text::safe(told, model.theme.ascii), columns, 6);
        wrapped.into_iter().map(|line| Line::from(model.theme.span(role, line))).collect()
    };
    let place = match &model.origin {
        Origin::Embedded { .. } => "the embedded collector".to_owned(),
        Origin::Demo => "the demo's collector".to_owned(),
        Origin::Attached(url) => url.clone(),
        Origin::Replay(path) => path.clone(),
    };
    match &model.link {
        Link::Lost { since_ms, attempts, error } => {
            let since = text::duration(model.now_ms.saturating_sub(*since_ms) / 1000);
            lines.extend(said(Role::Bad, &format!("NO CONNECTION to {place} for {since}, {attempts} attempts")));
            lines.extend(said(Role::Plain, error));
            lines.push(Line::default());
            lines.extend(said(
                Role::Plain,
                "Nothing is known about the fleet. The next attempt follows by itself; q quits.",
            ));
            lines.extend(said(Role::Dim, "Check the address (--collector URL or FIRSTBAD_COLLECTOR), that `firstbad collect` runs there, and that port 4319 is open to this machine."));
        }
        Link::Connecting | Link::Live => {
            lines.extend(said(Role::Warn, &format!("Waiting for the first data from {place}.")))
        }
    }
    Page::text(lines)
}

/// With data, without an incident.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, size: (usize, usize)) -> Page {
    let fleet = snapshot.fleet;
    if fleet.hosts_reporting + fleet.hosts_silent + fleet.instances == 0 && snapshot.versions.is_empty() {
        return empty(model, size.0);
    }
    let silent = match fleet.hosts_silent {
        0 => String::new(),
        1 => "; 1 SILENT HOST MAY BE FAILING UNSEEN".to_owned(),
        silent => format!("; {} SILENT HOSTS MAY BE FAILING UNSEEN", text::count(silent)),
    };
    let title = format!("NO INCIDENT in what is seen: {} hosts report{silent}", text::count(fleet.hosts_reporting));
    let rate = format!("{:.0} requests/s", fleet.requests_per_s);
    let failed = fleet
        .failed_share
        .map_or_else(|| "no requests seen".to_owned(), |share| format!("{} fail", text::share(share)));
    let scores = fleet
        .scores_defaulted_share
        .map_or_else(|| "no scores seen".to_owned(), |share| format!("{} of scores not computed", text::share(share)));
    let mut head = vec![heading(model, &title, size.0)];
    head.extend(labelled(model, "NOW", &format!("{rate}, {failed}, {scores}"), (size.0, 1)));
    let spots = facts::blind_spots(snapshot, None);
    let told = if spots.is_empty() { "none known".to_owned() } else { spots.join("; ") };
    head.extend(labelled(model, "BLIND", &told, (size.0, 2)));
    head.extend(chart::chart(model, snapshot, None, (size.0, 6)));
    head.push(Line::default());
    head.push(heading(
        model,
        &version_line(["config", "version", "hosts", "rows", "dup", "failed"], "nearest limit", size.0),
        size.0,
    ));
    let mut page = Page::text(snapshot.versions.iter().map(|version| version_row(model, version, size.0)));
    page.head = head;
    page.nothing = "No version was reported yet: nothing can be blamed on an input.".into();
    page
}

fn version_row(model: &Model, version: &VersionView, columns: usize) -> Line<'static> {
    let fact = |name: &str| version.facts.get(name).map_or_else(|| "-".to_owned(), ToString::to_string);
    let failed = if version.requests == 0 {
        "no data".to_owned()
    } else {
        text::share(version.failed as f64 / version.requests as f64)
    };
    let (usage, headroom) = nearest_limit(version);
    let config = text::safe(&version.config, model.theme.ascii);
    let cells = [
        config.as_str(),
        &version.hash.short(),
        &version.hosts_active.to_string(),
        &fact("rows"),
        &fact("duplicate_rows"),
        &failed,
    ];
    let role = if usage > 1.0 {
        Role::Bad
    } else if usage >= 0.8 {
        Role::Warn
    } else {
        Role::Plain
    };
    Line::from(model.theme.span(role, version_line(cells, &text::safe(&headroom, model.theme.ascii), columns)))
}

/// The limit that is nearest to being passed: how much of it is used, and in words.
fn nearest_limit(version: &VersionView) -> (f64, String) {
    let usage = |name: &str, limit: i64| {
        let value = version.facts.get(name).copied()?;
        (limit > 0).then(|| (value as f64 / limit as f64, format!("{name} {value}/{limit}")))
    };
    let used = version.limits.iter().filter_map(|(name, limit)| usage(name, *limit));
    let (most, told) = used.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, "none declared".to_owned()));
    (most, if most > 1.0 { format!("{told} OVER") } else { told })
}

fn version_line([config, version, hosts, rows, duplicates, failed]: [&str; 6], limit: &str, columns: usize) -> String {
    let told = format!(
        "{} {} {} {} {} {}  {limit}",
        text::pad(config, 18),
        text::pad(version, 12),
        text::pad_left(hosts, 6),
        text::pad_left(rows, 7),
        text::pad_left(duplicates, 5),
        text::pad_left(failed, 7)
    );
    text::cut(&told, columns)
}

fn empty(model: &Model, columns: usize) -> Page {
    let mut lines =
        vec![heading(model, "NO HOST HAS REPORTED YET: nothing is known about any fleet", columns), Line::default()];
    let mut say = |label: &str, told: &str| lines.extend(labelled(model, label, told, (columns, 4)));
    match &model.origin {
        Origin::Embedded { otlp_grpc, otlp_http, recorders, not_seen } => {
            say("RUST", "link firstbad-instrument; a proxy on this machine appears here by itself, no address needed");
            say("", &format!("recorders are looked for in {recorders}"));
            not_seen.iter().for_each(|problem| say("NOT SEEN", problem));
            say("OTLP", &format!("any language: OTEL_EXPORTER_OTLP_ENDPOINT=http://{otlp_http} (gRPC: {otlp_grpc})"));
        }
        Origin::Demo => {
            say("DEMO", "its proxies are starting; the first reports come within seconds");
            return Page::text(lines);
        }
        Origin::Attached(url) => {
            say("AGENT", &format!("on each host: firstbad agent --to {url}"));
            say("OTLP", "any language: OTLP/HTTP to port 4318 or OTLP/gRPC to port 4317 of that collector");
        }
        Origin::Replay(path) => say("FILE", &format!("{path} holds nothing up to this moment; ] goes on in time")),
    }
    say("SEE IT", "firstbad demo plays the outage of 18 November 2025 on this machine, with real processes");
    Page::text(lines)
}
