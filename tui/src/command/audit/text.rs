//! An audit for reading: one line for each site, then the sums of what is not listed and what could not be seen.

use super::Report;
use super::selection::{CrateId, Kinds, by_crate};
use crate::report::text::line;
use crate::screen::text::count;
use firstbad_audit::{Difference, Site};
use std::fmt::Write as _;

/// Greatest number of callers on a line; `--format json` has more.
const CALLERS_MAX: usize = 3;
/// Greatest number of places that panicked elsewhere; `--format json` has all.
const ELSEWHERE_MAX: usize = 10;
/// Greatest width to which places are padded, columns: longer ones push their own line only.
const PLACE_WIDTH_MAX: usize = 40;

/// Returns the whole report.
pub(super) fn report(report: &Report<'_>) -> String {
    let found = &report.found;
    let lines_from = match &found.debug_information {
        Some(path) if *path == report.arguments.binary => "lines from its own debug information".to_owned(),
        Some(path) => format!("lines from {}", path.display()),
        None => "no debug information".to_owned(),
    };
    let mut text = line(&format!(
        "{}: {}, build id {}, {lines_from}",
        report.arguments.binary.display(),
        super::json::architecture(found.instructions),
        found.build_id.as_deref().unwrap_or("none")
    ));
    match &report.difference {
        Some(found) => text += &difference(report, found),
        None => {
            let listed: Vec<&Site> = found.sites.iter().filter(|site| report.selection.lists(site)).collect();
            let _ = writeln!(text, "{} listed", number(listed.len()));
            text += &sites(report, "", &listed);
            text += &sums(report, &found.sites);
        }
    }
    text += &elsewhere(report);
    text + &report.blind_spots.iter().map(|spot| line(&format!("BLIND    {spot}"))).collect::<String>()
}

fn number(sites: usize) -> String {
    format!("{} {}", count(sites as u64), if sites == 1 { "site" } else { "sites" })
}

fn difference(report: &Report<'_>, found: &Difference) -> String {
    let listed = |sites: &'_ [Site]| -> Vec<Site> {
        sites.iter().filter(|site| report.selection.lists(site)).cloned().collect()
    };
    let (new, gone) = (listed(&found.new), listed(&found.gone));
    let against = report.arguments.against.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
    let mut text = line(&format!("against {against}: {} new, {} gone", number(new.len()), count(gone.len() as u64)));
    text += &sites(report, "NEW  ", &new.iter().collect::<Vec<_>>());
    text += &sites(report, "GONE ", &gone.iter().collect::<Vec<_>>());
    let (new, gone) = (by_crate(&found.new, &report.selection), by_crate(&found.gone, &report.selection));
    if !new.is_empty() || !gone.is_empty() {
        let total = |crates: &std::collections::BTreeMap<CrateId<'_>, Kinds>| {
            count(crates.values().flat_map(Kinds::values).sum::<usize>() as u64)
        };
        let _ = writeln!(text, "not listed: {} new, {} gone (--all lists them)", total(&new), total(&gone));
        text += &new.iter().map(|(id, kinds)| line(&format!("  new   {}", sum(id, kinds)))).collect::<String>();
        text += &gone.iter().map(|(id, kinds)| line(&format!("  gone  {}", sum(id, kinds)))).collect::<String>();
    }
    text
}

fn sites(report: &Report<'_>, label: &str, sites: &[&Site]) -> String {
    let width = sites.iter().map(|site| place(site).chars().count()).max().unwrap_or(0).min(PLACE_WIDTH_MAX);
    sites.iter().map(|site| line(&format!("{label}{}", one(report, site, width)))).collect()
}

fn one(report: &Report<'_>, site: &Site, width: usize) -> String {
    let mut text = format!("{:width$}  {:13} {}", place(site), site.kind, site.function);
    if let Some(message) = &site.message {
        let _ = write!(text, "  \"{}\"", message.replace('\n', " "));
    }
    if !site.callers.is_empty() {
        let named: Vec<&str> = site.callers.iter().take(CALLERS_MAX).map(String::as_str).collect();
        let _ = write!(text, "  called by {}", named.join(", "));
        let more = site.callers.len() - named.len() + site.callers_left_out;
        if more > 0 {
            let _ = write!(text, " and {more} more");
        }
    }
    if let Some(reports) = site.reports.as_deref().filter(|reports| *reports != place(site)) {
        let _ = write!(text, "  (reported as {reports})");
    }
    match report.seen.panics(site) {
        Some(0) => text += "  SEEN",
        Some(panics) => {
            let _ = write!(text, "  SEEN {} panics", count(panics));
        }
        None => {}
    }
    text
}

fn place(site: &Site) -> String {
    let file = if site.file.is_empty() { "?" } else { &site.file };
    match (site.line, site.column) {
        (0, _) => format!("{file}:?"),
        (line, None) => format!("{file}:{line}"),
        (line, Some(column)) => format!("{file}:{line}:{column}"),
    }
}

fn sums(report: &Report<'_>, sites: &[Site]) -> String {
    let crates = by_crate(sites, &report.selection);
    if crates.is_empty() {
        return String::new();
    }
    let total: usize = crates.values().flat_map(Kinds::values).sum();
    let mut text =
        format!("{} not listed, of {} crates (--all or --crate NAME lists them)\n", number(total), crates.len());
    text.extend(crates.iter().map(|(id, kinds)| line(&format!("  {}", sum(id, kinds)))));
    text
}

fn sum(id: &CrateId<'_>, kinds: &Kinds) -> String {
    let name = id.version.map_or_else(|| id.name.to_owned(), |version| format!("{} {version}", id.name));
    let total = count(kinds.values().sum::<usize>() as u64);
    let mut by_number: Vec<_> = kinds.iter().collect();
    by_number.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let kinds: Vec<String> = by_number.into_iter().map(|(kind, number)| format!("{kind} {number}")).collect();
    format!("{name:28} {total:>6}  {}", kinds.join(", "))
}

fn elsewhere(report: &Report<'_>) -> String {
    let others = report.seen.elsewhere(&report.found.sites);
    let mut text: String = others
        .iter()
        .take(ELSEWHERE_MAX)
        .map(|(place, panics)| line(&format!("SEEN     {place} ({} panics) is no site of this binary", count(*panics))))
        .collect();
    if others.len() > ELSEWHERE_MAX {
        let _ = writeln!(text, "SEEN     {} further places are no sites of this binary", others.len() - ELSEWHERE_MAX);
    }
    if report.seen.was_asked
        && others.is_empty()
        && !report.found.sites.iter().any(|site| report.seen.panics(site).is_some())
    {
        text += "SEEN     no panic\n";
    }
    text
}
