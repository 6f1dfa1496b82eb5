//! Hosts, those that fail first: which version each has, since when it is quiet, how often it restarted, and whether it
//! needs a restart.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Page, heading, labelled};
use firstbad_protocol::Hash;
use firstbad_protocol::snapshot::{HostView, Snapshot};
use ratatui::text::Line;

/// The page.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, columns: usize) -> Page {
    let hosts = &snapshot.hosts;
    let restart: Vec<&HostView> = hosts.iter().filter(|host| host.needs_restart).collect();
    let title = format!(
        "HOSTS: {} report, {} silent; {} need a restart or a good version (y copies)",
        snapshot.fleet.hosts_reporting,
        snapshot.fleet.hosts_silent,
        restart.len()
    );
    let config =
        model.incident().and_then(|incident| incident.cause.as_ref()).and_then(|cause| cause.config.as_deref());
    let versions_title = config.map_or_else(|| "versions".to_owned(), |config| text::safe(config, model.theme.ascii));
    let columns_title = columns_of("host", &versions_title, ["state", "seen", "lives", "panics"], columns);
    let mut page = Page::list(hosts.iter().map(|host| line(model, (snapshot, config), host, columns)));
    page.head = vec![heading(model, &title, columns), heading(model, &format!(" {columns_title}"), columns)];
    page.nothing = "No host has reported yet.".into();
    let names = restart.iter().map(|host| text::safe(&host.host, true) + "\n").collect::<String>();
    page.copied = Some(names).filter(|names| !names.is_empty());
    page
}

fn line(
    model: &Model,
    (snapshot, config): (&Snapshot, Option<&str>),
    host: &HostView,
    columns: usize,
) -> Line<'static> {
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
    let safe = |told: &str| text::safe(told, model.theme.ascii);
    let lives = (host.restarts + 1).to_string();
    let numbers = [state, &seen, &lives, &host.panics.to_string()];
    Line::from(model.theme.span(role, columns_of(&safe(&host.host), &safe(&versions), numbers, columns)))
}

fn columns_of(host: &str, versions: &str, [state, seen, lives, panics]: [&str; 4], columns: usize) -> String {
    let numbers = format!(
        " {} {} {} {}",
        text::pad(state, 7),
        text::pad_left(seen, 6),
        text::pad_left(lives, 5),
        text::pad_left(panics, 7)
    );
    let room = columns.saturating_sub(text::width(&numbers) + 2);
    let host_room = room * 2 / 5;
    format!("{} {}{numbers}", text::pad(host, host_room), text::pad(versions, room.saturating_sub(host_room)))
}

/// Dimensions and full hashes of one host.
pub(crate) fn detail(model: &Model, snapshot: &Snapshot, index: usize, columns: usize) -> Option<Vec<Line<'static>>> {
    let host = snapshot.hosts.get(index)?;
    let pairs: Vec<String> = host.dimensions.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut lines = labelled(model, "HOST", &format!("{} {}", host.host, pairs.join(" ")), (columns, 2));
    for (config, hash) in &host.active {
        lines.extend(labelled(model, "ACTIVE", &format!("{config} {hash}"), (columns, 1)));
    }
    if let Some(loading) = host.loading {
        lines.extend(labelled(model, "LOADING", &format!("{loading} when it was last heard of"), (columns, 2)));
    }
    lines.truncate(6);
    Some(lines)
}
