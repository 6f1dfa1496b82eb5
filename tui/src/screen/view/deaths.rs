//! Processes that died, and hosts whose processes started again: what was reported of each, whether or not an incident
//! explains it.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Extent, Page, Row, heading, labelled};
use crate::facts::counted;
use firstbad_protocol::sentence::{clock_as_of, moment};
use firstbad_protocol::snapshot::{DeathView, HostView, Snapshot};
use ratatui::text::Line;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The page: deaths, then hosts that restarted without one.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, columns: usize) -> Page {
    let restarted = restarted(snapshot);
    let hosts: BTreeSet<&str> = snapshot.deaths.iter().map(|death| death.host.as_str()).collect();
    let processes = snapshot.deaths.iter().map(|death| death.deaths).sum();
    let title = format!(
        "DEATHS: {} on {}; {} restarted without one   sorted: {} (S)",
        counted(processes, "death"),
        counted(hosts.len() as u64, "host"),
        text::count(restarted.len() as u64),
        sorted(model)
    );
    let deaths = in_order(model, snapshot);
    let mut rows: Vec<Row> =
        deaths.into_iter().map(|index| Row::new(index, death_line(model, snapshot, index, columns))).collect();
    let place = |host: usize| snapshot.deaths.len() + host;
    rows.extend(restarted.iter().filter_map(|host| {
        let told = snapshot.hosts.get(*host)?;
        let starts = format!("started {}", counted(told.restarts + 1, "time"));
        let cells = Cells { last: "", host: &told.host, deaths: "none", what: &starts };
        Some(Row::new(place(*host), Line::from(model.theme.span(Role::Plain, cells.line(model, columns)))))
    }));
    let mut page = Page::ordered(rows);
    let titles = Cells { last: "last", host: "host", deaths: "deaths", what: "while loading; since" };
    page.head =
        vec![heading(model, &title, columns), heading(model, &format!(" {}", titles.line(model, columns)), columns)];
    page.nothing = "No death and no restart of a process was reported.".into();
    page
}

fn sorted(model: &Model) -> &'static str {
    model.screen.orders().get(model.order()).copied().unwrap_or_default()
}

/// Places of the deaths in the order that the person chose.
fn in_order(model: &Model, snapshot: &Snapshot) -> Vec<usize> {
    let mut places: Vec<(usize, &DeathView)> = snapshot.deaths.iter().enumerate().collect();
    match sorted(model) {
        "most deaths" => places.sort_by_key(|(_, death)| Reverse(death.deaths)),
        "name" => places.sort_by(|(_, one), (_, other)| one.host.cmp(&other.host)),
        _ => places.sort_by_key(|(_, death)| Reverse(death.last)),
    }
    places.into_iter().map(|(place, _)| place).collect()
}

/// Indexes of hosts that restarted without a known death, most restarts first.
fn restarted(snapshot: &Snapshot) -> Vec<usize> {
    let dead: BTreeSet<&str> = snapshot.deaths.iter().map(|death| death.host.as_str()).collect();
    let without = |(_, host): &(usize, &HostView)| host.restarts > 0 && !dead.contains(host.host.as_str());
    let mut places: Vec<(usize, &HostView)> = snapshot.hosts.iter().enumerate().filter(without).collect();
    places.sort_by_key(|(_, host)| Reverse(host.restarts));
    places.into_iter().map(|(place, _)| place).collect()
}

/// One line of the list.
struct Cells<'a> {
    last: &'a str,
    host: &'a str,
    deaths: &'a str,
    what: &'a str,
}

impl Cells<'_> {
    fn line(&self, model: &Model, columns: usize) -> String {
        let safe = |told: &str| text::safe(told, model.theme.ascii);
        let (time, deaths) = (20, 7);
        let room = columns.saturating_sub(time + deaths + 4);
        let host = room * 2 / 5;
        format!(
            "{} {} {} {}",
            text::pad(self.last, time),
            text::pad(&safe(self.host), host),
            text::pad_left(self.deaths, deaths),
            text::pad(&safe(self.what), room.saturating_sub(host))
        )
    }
}

fn death_line(model: &Model, snapshot: &Snapshot, index: usize, columns: usize) -> Line<'static> {
    let Some(death) = snapshot.deaths.get(index) else { return Line::default() };
    let last = clock_as_of(death.last, snapshot.at);
    let cells =
        Cells { last: &last, host: &death.host, deaths: &text::count(death.deaths), what: &since(snapshot, death) };
    let role = if death.goes_on { Role::Bad } else { Role::Plain };
    Line::from(model.theme.span(role, cells.line(model, columns)))
}

/// What the process was loading, and whether the host reports well again.
fn since(snapshot: &Snapshot, death: &DeathView) -> String {
    let of = |hash| snapshot.versions.iter().find(|version| version.hash == hash);
    let loading = death.loading.map_or_else(
        || "no load under way".to_owned(),
        |hash| {
            let config = of(hash).map_or_else(String::new, |version| format!("{} ", version.config));
            let bad = if of(hash).is_some_and(|version| version.accused) { " BAD" } else { "" };
            format!("loading {config}{}{bad}", hash.short())
        },
    );
    let now = if death.goes_on { "NOT WELL SINCE" } else { "reports well again" };
    format!("{now}; {loading}")
}

/// Everything that is known of one death, or of one host that restarted.
pub(crate) fn detail(model: &Model, snapshot: &Snapshot, index: usize, extent: Extent) -> Option<Vec<Line<'static>>> {
    let Some(death) = snapshot.deaths.get(index) else {
        return super::hosts::detail(model, snapshot, index - snapshot.deaths.len(), extent);
    };
    let mut lines = labelled(model, "HOST", &death.host, extent.size(1));
    let deaths = counted(death.deaths, "death");
    let told = format!("{deaths}, first {}, last {}", moment(death.first), moment(death.last));
    lines.extend(labelled(model, "DIED", &told, extent.size(1)));
    lines.extend(labelled(model, "SINCE", &since(snapshot, death), extent.size(2)));
    let host = snapshot.hosts.iter().position(|host| host.host == death.host);
    if let Some(host) = host.filter(|_| extent.is_whole) {
        lines.extend(super::hosts::detail(model, snapshot, host, extent).unwrap_or_default());
    }
    Some(lines)
}
