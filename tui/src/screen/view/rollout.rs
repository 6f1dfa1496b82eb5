//! How a config got through the fleet: the share of hosts on each version over time, and below it every listed host as one sign,
//! grouped by version or by a dimension, so that one sees at a glance what those have in common that fail.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::chart::{Scale, spark};
use super::page::{Kept, Page, Row, heading, plain};
use crate::census;
use crate::facts::counted;
use firstbad_protocol::sentence::clock_as_of;
use firstbad_protocol::snapshot::{HostView, RolloutView, Snapshot, VersionHosts};
use ratatui::text::{Line, Span};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Columns of a version or of a group's name, and of the numbers beside it.
const LABEL: usize = 22;
const NUMBERS: usize = 18;
/// Dimensions by which hosts can be grouped, beside versions.
const DIMENSIONS_MAX: usize = 8;

/// Hosts with something in common.
#[derive(Debug)]
struct Group<'a> {
    name: String,
    /// Text that finds its hosts on the screen of hosts.
    filter: String,
    is_accused: bool,
    hosts: Vec<&'a HostView>,
}

impl Group<'_> {
    fn failing(&self) -> usize {
        self.hosts.iter().filter(|host| host.failing).count()
    }
}

/// The page.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, columns: usize) -> Page {
    let shown = shown(model, snapshot);
    let mut head = over_time(model, snapshot, shown, columns);
    let groupings = groupings(snapshot);
    let by = groupings.get(model.grouping % groupings.len().max(1)).map_or(VERSION, String::as_str);
    let groups = groups(model, snapshot, by);
    let order = model.screen.orders().get(model.order()).copied().unwrap_or_default();
    let cut = census::cut_told(snapshot).map_or_else(String::new, |told| format!(", {told}"));
    let title = format!("HOSTS by {by} (b){cut}  X fails S silent R to repair . else  {order} (S)");
    head.push(Line::default());
    head.push(heading(model, &title, columns));
    let rows = groups.iter().enumerate().map(|(index, group)| Row::new(index, row(model, group, columns))).collect();
    let mut page = Page::ordered(rows);
    page.head = head;
    page.cut = census::cut_told(snapshot);
    page.nothing = "No host has reported yet.".into();
    if !model.filter.text.is_empty() {
        let kept = groups.iter().map(|group| group.hosts.len()).sum();
        page.kept = Some(Kept { rows: kept, of: snapshot.hosts.len() });
        page.nothing = format!("no host matches /{}; esc clears the filter", model.filter.text);
    }
    page
}

/// Text that finds the hosts of the group under the cursor on the screen of hosts.
pub(crate) fn group_under_cursor(model: &Model) -> Option<String> {
    let snapshot = model.snapshot.as_ref()?;
    let groupings = groupings(snapshot);
    let by = groupings.get(model.grouping % groupings.len().max(1))?;
    groups(model, snapshot, by).into_iter().nth(model.cursor()).map(|group| group.filter)
}

/// The rollout that the person chose; at first that of the incident's config.
fn shown<'a>(model: &Model, snapshot: &'a Snapshot) -> Option<&'a RolloutView> {
    snapshot.rollouts.get(place_shown(model, snapshot))
}

fn place_shown(model: &Model, snapshot: &Snapshot) -> usize {
    let config = model.incident().and_then(|incident| incident.cause.as_ref()?.config.as_deref());
    let of_incident = snapshot.rollouts.iter().position(|rollout| Some(rollout.config.as_str()) == config);
    of_incident.unwrap_or(0).wrapping_add(model.rollout) % snapshot.rollouts.len().max(1)
}

/// One line for each version: its share of hosts over time, and how many hosts have it now.
fn over_time(model: &Model, snapshot: &Snapshot, shown: Option<&RolloutView>, columns: usize) -> Vec<Line<'static>> {
    let Some(rollout) = shown else {
        let told = "ROLLOUT: no version was reported yet, or the collector is of an earlier release";
        return vec![heading(model, told, columns)];
    };
    let length = rollout.others.len();
    let end = rollout.from + (length.saturating_sub(1) as f64 * rollout.step_s * 1e9) as i64;
    let configs = match snapshot.rollouts.len() {
        1 => String::new(),
        count => format!(" ({} of {count}, v: next)", place_shown(model, snapshot) + 1),
    };
    let title = format!(
        "ROLLOUT of {}{configs}: share of hosts, {} to {}",
        rollout.config,
        clock_as_of(rollout.from, snapshot.at),
        clock_as_of(end, snapshot.at)
    );
    let mut lines = vec![heading(model, &title, columns)];
    lines.extend(rollout.versions.iter().map(|version| {
        let known = snapshot.versions.iter().find(|known| known.hash == version.hash);
        let is_accused = known.is_some_and(|known| known.accused);
        share_line(model, rollout, &VersionLine::of(version, is_accused), columns)
    }));
    if rollout.others.iter().any(|hosts| *hosts > 0) {
        let name = VersionLine { label: "other versions".into(), role: Role::Dim, hosts: &rollout.others };
        lines.push(share_line(model, rollout, &name, columns));
    }
    lines
}

/// What one line over time shows.
struct VersionLine<'a> {
    label: String,
    role: Role,
    hosts: &'a [u32],
}

impl<'a> VersionLine<'a> {
    fn of(version: &'a VersionHosts, is_accused: bool) -> Self {
        let label = format!("{}{}", version.hash.short(), if is_accused { " BAD" } else { "" });
        Self { label, role: if is_accused { Role::Bad } else { Role::Plain }, hosts: &version.hosts }
    }
}

fn share_line(model: &Model, rollout: &RolloutView, line: &VersionLine<'_>, columns: usize) -> Line<'static> {
    let share = |index: usize| {
        let all = rollout.all(index);
        (all > 0).then(|| f64::from(line.hosts.get(index).copied().unwrap_or(0)) / all as f64)
    };
    let points: Vec<Option<f64>> = (0..rollout.others.len()).map(share).collect();
    let width = columns.saturating_sub(LABEL + NUMBERS + 1).max(1);
    let now = line.hosts.last().copied().unwrap_or(0);
    let all = rollout.all(line.hosts.len().saturating_sub(1));
    let numbers = format!("{now} of {all}, {}", points.last().copied().flatten().map_or("-".into(), text::share));
    let spark = spark(Scale { theme: model.theme, width, top: 1.0 }, &points);
    Line::from(vec![
        model.theme.span(line.role, text::pad(&line.label, LABEL)),
        model.theme.span(line.role, text::pad(&spark, width)),
        model.theme.span(line.role, text::pad_left(&numbers, NUMBERS + 1)),
    ])
}

/// The grouping by version; the others are by dimension.
const VERSION: &str = "version";

/// By what hosts can be grouped: versions, region and build, then any other dimension.
fn groupings(snapshot: &Snapshot) -> Vec<String> {
    let usual = ["cloud.region", "service.version"];
    let keys: BTreeSet<&str> =
        snapshot.hosts.iter().flat_map(|host| host.dimensions.keys()).map(String::as_str).collect();
    let others = keys.iter().copied().filter(|key| !usual.contains(key));
    let known = usual.into_iter().filter(|key| keys.contains(key)).chain(others).take(DIMENSIONS_MAX);
    std::iter::once(VERSION).chain(known).map(ToOwned::to_owned).collect()
}

fn groups<'a>(model: &Model, snapshot: &'a Snapshot, by: &str) -> Vec<Group<'a>> {
    let config = shown(model, snapshot).map(|rollout| rollout.config.as_str());
    let mut groups: BTreeMap<String, Group<'a>> = BTreeMap::new();
    for host in snapshot.hosts.iter().filter(|host| model.filter.keeps(&super::hosts::searched(host))) {
        let (name, filter, is_accused) =
            match config.filter(|_| by == VERSION).and_then(|config| host.active.get(config)) {
                Some(hash) => {
                    let accused = snapshot.versions.iter().any(|version| version.hash == *hash && version.accused);
                    (format!("{}{}", hash.short(), if accused { " BAD" } else { "" }), hash.short(), accused)
                }
                None if by == VERSION => ("not known".to_owned(), String::new(), false),
                None => match host.dimensions.get(by) {
                    Some(value) => (value.clone(), format!("{by}={value}"), false),
                    None => ("not told".to_owned(), format!("!{by}="), false),
                },
            };
        let group = || Group { name: name.clone(), filter, is_accused, hosts: Vec::new() };
        groups.entry(name.clone()).or_insert_with(group).hosts.push(host);
    }
    let mut groups: Vec<Group<'a>> = groups.into_values().collect();
    match model.screen.orders().get(model.order()).copied() {
        Some("name") => {}
        Some("most hosts") => groups.sort_by_key(|group| Reverse(group.hosts.len())),
        _ => groups.sort_by_key(|group| Reverse((group.failing(), group.hosts.len()))),
    }
    groups
}

fn row(model: &Model, group: &Group<'_>, columns: usize) -> Line<'static> {
    let name = text::pad(&text::safe(&group.name, model.theme.ascii), LABEL);
    let hosts = counted(group.hosts.len() as u64, "host");
    let numbers = text::pad(&format!("{} of {hosts} fail", group.failing()), NUMBERS + 2);
    let role = if group.is_accused { Role::Bad } else { Role::Plain };
    let mut spans = vec![model.theme.span(role, name), model.theme.span(Role::Plain, format!("{numbers} "))];
    let taken = text::width(&plain(&Line::from(spans.clone())));
    spans.extend(signs(model, &group.hosts, columns.saturating_sub(taken + 2)));
    Line::from(spans)
}

/// The state of a host, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Failing,
    Silent,
    Due,
    Else,
}

impl Sign {
    const fn of(host: &HostView) -> Self {
        match host {
            HostView { failing: true, .. } => Self::Failing,
            HostView { silent: true, .. } => Self::Silent,
            HostView { needs_restart: true, .. } => Self::Due,
            _ => Self::Else,
        }
    }

    const fn look(self) -> (char, Role) {
        match self {
            Self::Failing => ('X', Role::Bad),
            Self::Silent => ('S', Role::Bad),
            Self::Due => ('R', Role::Warn),
            Self::Else => ('.', Role::Plain),
        }
    }
}

/// Hosts as signs, worst first. Where there are more hosts than cells, each sign stands for equally many.
fn signs(model: &Model, hosts: &[&HostView], cells: usize) -> Vec<Span<'static>> {
    let mut signs: Vec<Sign> = hosts.iter().map(|host| Sign::of(host)).collect();
    signs.sort_unstable();
    let each = signs.len().div_ceil(cells.saturating_sub(8).max(1)).max(1);
    let fits = signs.len() <= cells;
    let step = if fits { 1 } else { each };
    // The worst of those that share a sign: one that fails must not vanish among others.
    let shown: Vec<Sign> = signs.chunks(step).filter_map(|shared| shared.first().copied()).collect();
    let mut spans: Vec<Span<'static>> = [Sign::Failing, Sign::Silent, Sign::Due, Sign::Else]
        .into_iter()
        .filter_map(|sign| {
            let (letter, role) = sign.look();
            let count = shown.iter().filter(|shown| **shown == sign).count();
            (count > 0).then(|| model.theme.span(role, letter.to_string().repeat(count)))
        })
        .collect();
    if !fits {
        spans.push(model.theme.span(Role::Dim, format!(" 1:{step}")));
    }
    spans
}
