//! The distribution of scores under the accused version laid over that of the others of the same config, so that a shift
//! and a heap at 0 are seen at once.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Page, heading};
use firstbad_protocol::snapshot::{Snapshot, VersionView};
use firstbad_protocol::verdict::Incident;
use ratatui::text::Line;

const BANDS: [&str; 11] =
    ["0", "1-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80-89", "90-100"];

/// The page.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, incident: Option<&Incident>, columns: usize) -> Page {
    let config = incident.and_then(|incident| incident.cause.as_ref()).and_then(|cause| cause.config.as_deref());
    let of_config = |version: &&VersionView| config.is_none_or(|config| version.config == config);
    let scored: Vec<&VersionView> = snapshot
        .versions
        .iter()
        .filter(|version| version.score_deciles.len() == BANDS.len())
        .filter(of_config)
        .collect();
    let (bad, good): (Vec<&VersionView>, Vec<&VersionView>) = scored.iter().partition(|version| version.accused);
    if scored.is_empty() {
        return Page {
            nothing: "No score distribution was reported: nothing is known, which is not zero.".to_owned(),
            ..Page::default()
        };
    }
    let (bad, good) = (added(&bad), added(&good));
    let legend =
        if model.theme.ascii { "# bad only   - good only   = both" } else { "█ bad only   ░ good only   ▓ both" };
    let mut lines: Vec<Line<'static>> = BANDS
        .iter()
        .enumerate()
        .map(|(band, label)| overlay(model, label, [share_of(&bad, band), share_of(&good, band)], columns))
        .collect();
    lines.push(Line::default());
    lines.push(Line::from(model.theme.span(Role::Dim, format!("{:24}{legend}", ""))));
    let mut page = Page::text(lines);
    let title = format!(
        "SCORES of {} under the accused version (bad, {}) and others (good, {})",
        text::safe(config.unwrap_or("of all configs"), model.theme.ascii),
        text::count(bad.iter().sum()),
        text::count(good.iter().sum())
    );
    let columns_title = format!("{:>8} {:>7} {:>7}", "score", "bad", "good");
    page.head = vec![heading(model, &title, columns), heading(model, &columns_title, columns)];
    page
}

fn added(versions: &[&VersionView]) -> [u64; 11] {
    let mut sums = [0; 11];
    for version in versions {
        for (sum, count) in sums.iter_mut().zip(&version.score_deciles) {
            *sum += count;
        }
    }
    sums
}

/// The band's share of all scores; none where there are no scores.
fn share_of(counts: &[u64; 11], band: usize) -> Option<f64> {
    let all: u64 = counts.iter().sum();
    let here = counts.get(band).copied().unwrap_or(0);
    (all > 0).then(|| here as f64 / all as f64)
}

/// Both shares in figures and in one bar: what only the accused version has stands out.
fn overlay(model: &Model, label: &str, [bad, good]: [Option<f64>; 2], columns: usize) -> Line<'static> {
    let theme = model.theme;
    let said = |share: Option<f64>| text::pad_left(&share.map_or_else(|| "none".to_owned(), text::share), 7);
    let room = columns.saturating_sub(26);
    let length = |share: Option<f64>| (share.unwrap_or(0.0) * room as f64).ceil() as usize;
    let (bad_length, good_length) = (length(bad), length(good));
    let both = bad_length.min(good_length);
    let [both_block, bad_block, good_block] = if theme.ascii { ["=", "#", "-"] } else { ["▓", "█", "░"] };
    Line::from(vec![
        theme.span(Role::Plain, format!("{label:>8} {} {} ", said(bad), said(good))),
        theme.span(Role::Plain, both_block.repeat(both)),
        theme.span(Role::Bad, bad_block.repeat(bad_length - both)),
        theme.span(Role::Dim, good_block.repeat(good_length - both)),
    ])
}
