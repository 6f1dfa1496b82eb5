//! Places in the code at which panics and other exceptions were reported: how many, since when, on how many hosts, what changed
//! before, and the backtrace where the collector kept one.

use super::super::model::{Backtrace, Model, PanicPlace};
use super::super::site_history::SiteHistory;
use super::super::text;
use super::super::theme::Role;
use super::page::{Extent, LABEL, Page, Row, heading, labelled};
use crate::facts::counted;
use firstbad_protocol::limits::SITE_HOSTS_MAX;
use firstbad_protocol::sentence::{clock_as_of, moment};
use firstbad_protocol::snapshot::{HostView, SiteView, Snapshot};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use ratatui::text::Line;
use std::cmp::Reverse;

/// Hosts that the detail names.
const HOSTS_NAMED: usize = 3;

/// The page.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, columns: usize) -> Page {
    let order = model.screen.orders().get(model.order()).copied().unwrap_or_default();
    let places = counted(snapshot.sites.len() as u64, "place");
    let title = format!("PANICS AND EXCEPTIONS: {places}   enter: backtrace   sorted: {order} (S)");
    let mut sites: Vec<(usize, &SiteView)> = snapshot.sites.iter().enumerate().collect();
    match order {
        "first seen" => sites.sort_by_key(|(_, site)| (site.first_seen.is_none(), site.first_seen)),
        "most hosts" => sites.sort_by_key(|(_, site)| Reverse(site.hosts)),
        "place" => sites.sort_by(|(_, one), (_, other)| one.site.cmp(&other.site)),
        _ => sites.sort_by_key(|(_, site)| Reverse(site.count)),
    }
    let row = |(index, site): (usize, &SiteView)| {
        let first = site.first_seen.map_or_else(|| "not told".to_owned(), |at| clock_as_of(at, snapshot.at));
        let what = format!("{} {}", site.site.as_deref().unwrap_or("no place told"), site.message);
        let (count, hosts) = (text::count(site.count), hosts_told(site));
        let cells = Cells { count: &count, hosts: &hosts, first: &first, what: &what };
        let line = Line::from(model.theme.span(Role::Plain, cells.line(model, columns)));
        Row { also: site.message.clone(), ..Row::new(index, line) }
    };
    let mut page = Page::ordered(sites.into_iter().map(row).collect());
    let titles = Cells { count: "count", hosts: "hosts", first: "first seen", what: "place, message" };
    page.head =
        vec![heading(model, &title, columns), heading(model, &format!(" {}", titles.line(model, columns)), columns)];
    page.nothing = "No panic and no exception was reported.".into();
    page
}

/// One line of the list.
struct Cells<'a> {
    count: &'a str,
    hosts: &'a str,
    first: &'a str,
    what: &'a str,
}

impl Cells<'_> {
    fn line(&self, model: &Model, columns: usize) -> String {
        let (count, hosts, first) = (9, 6, 19);
        let room = columns.saturating_sub(count + hosts + first + 4);
        format!(
            "{} {} {} {}",
            text::pad_left(self.count, count),
            text::pad_left(self.hosts, hosts),
            text::pad(self.first, first),
            text::cut(&text::safe(self.what, model.theme.ascii), room)
        )
    }
}

/// Beyond a bound, hosts are no longer counted.
fn hosts_told(site: &SiteView) -> String {
    match site.hosts {
        0 => "-".to_owned(),
        hosts if hosts >= SITE_HOSTS_MAX as u64 => format!("{hosts}+"),
        hosts => hosts.to_string(),
    }
}

/// Everything that is known of one place.
pub(crate) fn detail(model: &Model, snapshot: &Snapshot, index: usize, extent: Extent) -> Option<Vec<Line<'static>>> {
    let site = snapshot.sites.get(index)?;
    let mut lines = labelled(model, "PLACE", site.site.as_deref().unwrap_or("no event names it"), extent.size(1));
    let message = if site.message.is_empty() { "none was reported: only counts" } else { &site.message };
    lines.extend(labelled(model, "MESSAGE", message, extent.size(2)));
    if let Some(first) = site.first_seen {
        let hosts = if site.hosts == 1 { "host" } else { "hosts" };
        let told = format!(
            "first {}; {} counted; seen on {} {hosts}",
            moment(first),
            text::count(site.count),
            hosts_told(site)
        );
        lines.extend(labelled(model, "SEEN", &told, extent.size(1)));
        lines.extend(labelled(model, "BEFORE", &change_before(snapshot, first), extent.size(1)));
    }
    if extent.is_whole {
        lines.extend(labelled(model, "HOSTS", &most_panics(snapshot), extent.size(2)));
        lines.extend(history(model, snapshot, site, extent));
        let place = site.site.clone().zip(site.first_seen).map(|(site, first_seen)| PanicPlace { site, first_seen });
        lines.extend(backtrace(model, place.as_ref(), extent));
    }
    Some(lines)
}

/// The latest change that was reported before the first panic. Its order in time does not make it the cause.
fn change_before(snapshot: &Snapshot, first: Timestamp) -> String {
    // A panic within the load has the time of the load, and clocks differ.
    let before = snapshot.changes.iter().filter(|change| change.at <= first + SECOND_NS);
    let Some(change) = before.max_by_key(|change| change.at) else { return "no change was reported before it".into() };
    let seconds = u64::try_from(first.since(change.at) / SECOND_NS).unwrap_or(0);
    let id = change.id.parse().map_or_else(|_| change.id.clone(), |hash: firstbad_protocol::Hash| hash.short());
    let earlier = if seconds == 0 { "within 1 s".to_owned() } else { format!("{} earlier", text::duration(seconds)) };
    format!("{earlier}: {} {} {id}", change.kind, change.target)
}

/// Hosts with most panics at all places together: a host's panics are not counted by place.
fn most_panics(snapshot: &Snapshot) -> String {
    let mut hosts: Vec<&HostView> = snapshot.hosts.iter().filter(|host| host.panics > 0).collect();
    hosts.sort_by_key(|host| Reverse(host.panics));
    let named: Vec<String> =
        hosts.iter().take(HOSTS_NAMED).map(|host| format!("{} {}", host.host, text::count(host.panics))).collect();
    if named.is_empty() {
        "no listed host counts panics".to_owned()
    } else {
        format!("most at all places: {}", named.join(", "))
    }
}

/// How often the place panicked between the moments that the screen keeps.
fn history(model: &Model, snapshot: &Snapshot, site: &SiteView, extent: Extent) -> Vec<Line<'static>> {
    let known = model.site_history.as_ref().filter(|known| known.site == site.site);
    let growth = known.map(SiteHistory::growth).unwrap_or_default();
    let first = known.and_then(|known| known.points.first());
    let (Some(first), Some(last), Some(most)) =
        (first, growth.last(), growth.iter().max_by_key(|growth| growth.panics))
    else {
        let why = "not known: the screen keeps what it saw since it was opened, and that is one moment";
        return labelled(model, "HISTORY", why, extent.size(1));
    };
    let room = extent.columns.saturating_sub(LABEL).max(1);
    // Where there is no room for all, the latest stand.
    let shown = growth.get(growth.len().saturating_sub(room)..).unwrap_or(&growth);
    let signs: String = shown.iter().map(|growth| sign(model, growth.panics, most.panics.unwrap_or(0))).collect();
    let told = |at: Timestamp| clock_as_of(at, snapshot.at);
    let seconds = last.until.since(first.at) / SECOND_NS / i64::try_from(growth.len()).unwrap_or(1);
    let each = text::duration(u64::try_from(seconds).unwrap_or(0).max(1));
    let most_told = match most.panics.unwrap_or(0) {
        0 => "no panic was counted in it".to_owned(),
        panics => format!("most: {} until {}", text::count(panics), told(most.until)),
    };
    let told = format!("{} to {}, about {each} a sign; {most_told}", told(first.at), told(last.until));
    let mut lines = labelled(model, "HISTORY", &signs, extent.size(1));
    lines.extend(labelled(model, "", &told, extent.size(2)));
    lines
}

/// Panics of one interval as one sign: higher for more, beside the most of any interval.
fn sign(model: &Model, panics: Option<u64>, most: u64) -> char {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const ASCII: [char; 8] = ['1', '2', '3', '4', '5', '6', '7', '8'];
    let heights = if model.theme.ascii { ASCII } else { HEIGHTS };
    match panics {
        None => '?',
        Some(0) => {
            if model.theme.ascii {
                '.'
            } else {
                '·'
            }
        }
        Some(panics) => {
            let height = panics.saturating_mul(8).div_ceil(most.max(1)).clamp(1, 8);
            usize::try_from(height - 1).ok().and_then(|height| heights.get(height)).copied().unwrap_or('?')
        }
    }
}

fn backtrace(model: &Model, place: Option<&PanicPlace>, extent: Extent) -> Vec<Line<'static>> {
    let say = |told: &str| labelled(model, "STACK", told, extent.size(1));
    match &model.backtrace {
        _ if place.is_none() => say("none: no event names this place"),
        Backtrace::Here(of, frames) if Some(of) == place => {
            let label = |index: usize| if index == 0 { "STACK" } else { "" };
            let frames = frames.iter().enumerate();
            frames.flat_map(|(index, frame)| labelled(model, label(index), frame, extent.size(1))).collect()
        }
        Backtrace::Failed(of, why) if Some(of) == place => say(why),
        _ => say("it is being fetched"),
    }
}
