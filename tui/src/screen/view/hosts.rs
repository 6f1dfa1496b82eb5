//! Hosts, those that fail first: which version each has, since when it is quiet, how often it restarted, and whether it
//! needs a restart.

use super::super::model::Model;
use super::super::text;
use super::super::theme::{Role, Theme};
use super::page::{Copied, Extent, Page, Row, WIDE, heading, labelled};
use crate::census;
use firstbad_protocol::Hash;
use firstbad_protocol::sentence::moment;
use firstbad_protocol::snapshot::{HostView, Snapshot};
use ratatui::text::Line;
use std::cmp::Reverse;

/// The page.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, columns: usize) -> Page {
    let due = census::due(snapshot);
    let cut = census::cut_told(snapshot).map_or_else(String::new, |told| format!(", {told}"));
    let order = model.screen.orders().get(model.order()).copied().unwrap_or_default();
    let sorted = if model.order() == 0 { String::new() } else { format!("; sorted: {order} (S)") };
    let title = format!(
        "HOSTS: {} report, {} silent{cut}; {} to repair (y copies){sorted}",
        text::count(snapshot.fleet.hosts_reporting),
        text::count(snapshot.fleet.hosts_silent),
        due.told()
    );
    let config =
        model.incident().and_then(|incident| incident.cause.as_ref()).and_then(|cause| cause.config.as_deref());
    let versions_title = config.map_or_else(|| "versions".to_owned(), |config| text::safe(config, model.theme.ascii));
    let table = Table { theme: model.theme, snapshot, config, columns };
    let titles = Cells {
        host: "host".to_owned(),
        places: ["region".to_owned(), "build".to_owned()],
        versions: versions_title,
        numbers: ["state", "seen", "starts", "panics"].map(str::to_owned),
    };
    let row = |index: usize| {
        let host = snapshot.hosts.get(index)?;
        // Only a filter looks through it, and it is made for every host of the list.
        let also = if model.filter.text.is_empty() { String::new() } else { searched(host) };
        Some(Row { also, ..Row::new(index, line(table, host)) })
    };
    let mut page = Page::ordered(in_order(snapshot, order).into_iter().filter_map(row).collect());
    page.head = vec![heading(model, &title, columns), heading(model, &format!(" {}", titles.line(columns)), columns)];
    page.nothing = "No host has reported yet.".into();
    page.copied = Copied::Restarts;
    page.cut = census::cut_told(snapshot);
    page
}

/// What a filter looks through: name, dimensions as `key=value`, versions.
pub(crate) fn searched(host: &HostView) -> String {
    let dimensions = host.dimensions.iter().map(|(key, value)| format!("{key}={value}"));
    let versions = host.active.iter().map(|(config, hash)| format!("{config} {hash} {}", hash.short()));
    let parts: Vec<String> = std::iter::once(host.host.clone()).chain(dimensions).chain(versions).collect();
    parts.join(" ")
}

/// Places in the list of hosts, in the order that the person chose.
fn in_order(snapshot: &Snapshot, order: &str) -> Vec<usize> {
    let mut hosts: Vec<(usize, &HostView)> = snapshot.hosts.iter().enumerate().collect();
    match order {
        "name" => hosts.sort_by(|(_, one), (_, other)| one.host.cmp(&other.host)),
        "version" => hosts.sort_by(|(_, one), (_, other)| (&one.active, &one.host).cmp(&(&other.active, &other.host))),
        "longest silent" => hosts.sort_by_key(|(_, host)| host.last_seen),
        "starts" => hosts.sort_by_key(|(_, host)| Reverse(host.restarts)),
        "panics" => hosts.sort_by_key(|(_, host)| Reverse(host.panics)),
        _ => {}
    }
    hosts.into_iter().map(|(place, _)| place).collect()
}

/// The names to hand to whoever restarts hosts: all of them, or a refusal, since part of a list would be taken for the whole.
///
/// # Errors
/// Why there is no list.
pub(crate) fn restarts(snapshot: &Snapshot) -> Result<String, String> {
    let due = census::due(snapshot);
    if due.hosts == 0 {
        return Err("not copied: no host needs a restart".to_owned());
    }
    if !due.names_are_whole() {
        let told = due.told();
        return Err(format!("not copied: {told} hosts are to restart, too many for the list to be whole"));
    }
    Ok(due.names.iter().map(|name| text::safe(name, true) + "\n").collect())
}

/// What all lines of the list are made with.
#[derive(Clone, Copy)]
struct Table<'a> {
    /// Colours and characters.
    theme: Theme,
    /// What the fleet is like.
    snapshot: &'a Snapshot,
    /// The only config whose version is shown; none shows all.
    config: Option<&'a str>,
    /// Width of a line, cells.
    columns: usize,
}

fn line(table: Table<'_>, host: &HostView) -> Line<'static> {
    let Table { theme, snapshot, config, columns } = table;
    let (state, role) = match host {
        HostView { silent: true, .. } => ("SILENT", Role::Bad),
        HostView { failing: true, .. } => ("FAILING", Role::Bad),
        HostView { needs_restart: true, .. } => ("RESTART", Role::Warn),
        _ => ("ok", Role::Plain),
    };
    let seen_ns = snapshot.at.map_or(0, |at| at.since(host.last_seen).max(0));
    let seen = text::duration_short(u64::try_from(seen_ns / 1_000_000_000).unwrap_or(0));
    let accused = |hash| snapshot.versions.iter().any(|version| version.hash == hash && version.accused);
    let told = |hash: Hash| format!("{}{}", hash.short(), if accused(hash) { " BAD" } else { "" });
    let versions = match config {
        Some(config) => host.active.get(config).map(|hash| told(*hash)),
        None => host
            .active
            .iter()
            .map(|(config, hash)| format!("{config} {}", told(*hash)))
            .reduce(|all, one| all + ", " + &one),
    };
    let versions = versions.unwrap_or_else(|| "none known".to_owned());
    let safe = |told: &str| text::safe(told, theme.ascii);
    let place = |key: &str| safe(host.dimensions.get(key).map_or("", String::as_str));
    let cells = Cells {
        host: safe(&host.host),
        places: ["cloud.region", "service.version"].map(place),
        versions: safe(&versions),
        numbers: [state.to_owned(), seen, (host.restarts + 1).to_string(), host.panics.to_string()],
    };
    Line::from(theme.span(role, cells.line(columns)))
}

/// The parts of one line.
struct Cells {
    host: String,
    /// Region and build; only on a wide screen.
    places: [String; 2],
    versions: String,
    /// State, time since it was seen, starts, panics.
    numbers: [String; 4],
}

impl Cells {
    fn line(&self, columns: usize) -> String {
        let [state, seen, starts, panics] = &self.numbers;
        let numbers = format!(
            " {} {} {} {}",
            text::pad(state, 7),
            text::pad_left(seen, 6),
            text::pad_left(starts, 6),
            text::pad_left(panics, 7)
        );
        let places = match columns {
            WIDE.. => self.places.iter().map(|place| format!(" {}", text::pad(place, 14))).collect(),
            _ => String::new(),
        };
        let room = columns.saturating_sub(text::width(&numbers) + text::width(&places) + 2);
        let host_room = room * 2 / 5;
        let versions = text::pad(&self.versions, room.saturating_sub(host_room));
        format!("{}{places} {versions}{numbers}", text::pad(&self.host, host_room))
    }
}

/// Dimensions and full hashes of one host.
pub(crate) fn detail(model: &Model, snapshot: &Snapshot, index: usize, extent: Extent) -> Option<Vec<Line<'static>>> {
    let host = snapshot.hosts.get(index)?;
    let pairs: Vec<String> = host.dimensions.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut lines = labelled(model, "HOST", &format!("{} {}", host.host, pairs.join(" ")), extent.size(2));
    for (config, hash) in &host.active {
        lines.extend(labelled(model, "ACTIVE", &format!("{config} {hash}"), extent.size(1)));
    }
    if let Some(loading) = host.loading {
        lines.extend(labelled(model, "LOADING", &format!("{loading} when it was last heard of"), extent.size(2)));
    }
    if extent.is_whole {
        let told = format!("{}; starts {}; panics {}", moment(host.last_seen), host.restarts + 1, host.panics);
        lines.extend(labelled(model, "SEEN", &told, extent.size(1)));
    } else {
        lines.truncate(6);
    }
    Some(lines)
}
