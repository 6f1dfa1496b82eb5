//! Health of firstbad itself: what its collector refused or could not store, what senders dropped, which reports were too late, and
//! which hosts are silent. A host that is not seen may be failing.

use super::super::model::{Model, Origin};
use super::super::text;
use super::page::{Page, heading, labelled};
use crate::facts;
use firstbad_collector::Status;
use firstbad_protocol::sentence::moment;
use firstbad_protocol::snapshot::Snapshot;
use ratatui::text::Line;
use std::collections::BTreeMap;

/// Silent hosts named.
const SILENT_NAMED: usize = 40;

/// The page.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, columns: usize) -> Page {
    let size = (columns, usize::MAX);
    let mut lines = seen(model, snapshot, columns);
    lines.push(Line::default());
    match (&model.origin, &model.health.status) {
        (Origin::Replay(_), _) => {
            lines.extend(labelled(model, "SELF", "a replay has no collector: only the data tell", size));
        }
        (_, Some(Ok(status))) => lines.extend(collector(model, status, columns)),
        (_, Some(Err(why))) => lines.extend(labelled(model, "SELF", &format!("the collector was asked: {why}"), size)),
        (_, None) => lines.extend(labelled(model, "SELF", "the collector is being asked", size)),
    }
    let mut page = Page::text(lines);
    page.head = vec![heading(model, "HEALTH of firstbad: what it does not see, refuses or cannot store", columns)];
    page
}

/// What the data say of themselves.
fn seen(model: &Model, snapshot: &Snapshot, columns: usize) -> Vec<Line<'static>> {
    let fleet = snapshot.fleet;
    let size = (columns, usize::MAX);
    let hosts = format!("{} report, {} silent", text::count(fleet.hosts_reporting), text::count(fleet.hosts_silent));
    let mut lines = labelled(model, "HOSTS", &hosts, size);
    if fleet.hosts_silent > 0 {
        lines.extend(labelled(model, "SILENT", &silent(snapshot), size));
    }
    let interval = snapshot.diagnosis.window.report_interval_s;
    let age = match model.data_age_s() {
        Some(age) => format!("{} old; hosts report every {interval} s", text::duration(age)),
        None if model.replay.is_some() => format!("of an earlier time; hosts report every {interval} s"),
        None => "none yet".to_owned(),
    };
    lines.extend(labelled(model, "DATA", &age, size));
    let dropped = match fleet.telemetry_dropped {
        0 => "senders reported no drop".to_owned(),
        dropped => format!("{} events were dropped by senders before they were sent", text::count(dropped)),
    };
    lines.extend(labelled(model, "DROPPED", &dropped, size));
    let late = match fleet.late_rows {
        0 => "no report came too late to be judged".to_owned(),
        late => format!("{} came too late to be judged, or with an impossible time", facts::counted(late, "report")),
    };
    lines.extend(labelled(model, "LATE", &late, size));
    let spots = facts::blind_spots(snapshot, None);
    let label = |index: usize| if index == 0 { "BLIND" } else { "" };
    lines.extend(spots.iter().enumerate().flat_map(|(index, spot)| labelled(model, label(index), spot, size)));
    if spots.is_empty() {
        lines.extend(labelled(model, "BLIND", "none known", size));
    }
    lines
}

/// Names of silent hosts, as far as the snapshot lists them.
fn silent(snapshot: &Snapshot) -> String {
    let listed: Vec<&str> =
        snapshot.hosts.iter().filter(|host| host.silent).map(|host| host.host.as_str()).take(SILENT_NAMED).collect();
    let more = snapshot.fleet.hosts_silent.saturating_sub(listed.len() as u64);
    match (listed.is_empty(), more) {
        (true, _) => "none of them is among the listed hosts".to_owned(),
        (false, 0) => listed.join(", "),
        (false, more) => format!("{} and {} more", listed.join(", "), text::count(more)),
    }
}

/// What the collector says of itself.
fn collector(model: &Model, status: &Status, columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut say = |label: &str, told: &str| lines.extend(labelled(model, label, told, (columns, usize::MAX)));
    say("SELF", &format!("version {}, process {}, since {}", status.version, status.pid, moment(status.started_at)));
    match &status.degraded {
        Some(reason) => say("DEGRADED", &format!("nothing can be stored: {reason}")),
        None => say("STORE", &format!("{} bytes in {}", text::count(status.store_bytes), status.data_dir)),
    }
    say("QUEUE", &format!("{} of {} places taken", status.queue.length, status.queue.capacity));
    say("TAKEN", &counts(&status.received, "nothing was received yet"));
    say("REFUSED", &counts(&status.refused, "nothing was refused"));
    if let Some(recorders) = status.recorders {
        say("READS", &facts::counted(recorders, "recorder"));
    }
    status.recorders_unreadable.iter().for_each(|problem| say("NOT SEEN", problem));
    status.notices.iter().for_each(|notice| say("NOTICE", notice));
    if status.insecure {
        say("INSECURE", "other machines need neither TLS nor credentials; docs/security.md");
    }
    if status.shadow {
        say("SHADOW", "verdicts are recorded, and nobody is alerted");
    }
    lines
}

/// Counts that are not zero, by name.
fn counts(counts: &BTreeMap<String, u64>, none: &str) -> String {
    let told: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| format!("{} {name}", text::count(*count)))
        .collect();
    if told.is_empty() { none.to_owned() } else { told.join(", ") }
}
