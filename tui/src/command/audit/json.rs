//! An audit for programs: schema 1 of `docs/audit.md`.

use super::Report;
use super::selection::{CrateId, by_crate};
use firstbad_audit::{Difference, Instructions, Site};
use serde_json::{Value, json};

/// The schema of this output. Additions keep the number.
const SCHEMA: u32 = 1;

/// Returns the whole report.
pub(super) fn report(report: &Report<'_>) -> Value {
    let found = &report.found;
    let listed = found.sites.iter().filter(|site| report.selection.lists(site));
    let elsewhere = report.seen.elsewhere(&found.sites);
    json!({
        "schema": SCHEMA,
        "binary": report.arguments.binary.display().to_string(),
        "architecture": architecture(found.instructions),
        "build_id": found.build_id,
        "debug_information": found.debug_information.as_ref().map(|path| path.display().to_string()),
        "sites": listed.map(|one| site(report, one)).collect::<Vec<_>>(),
        "crates": crates(report, &found.sites),
        "seen_elsewhere": elsewhere.iter().map(|(place, panics)| json!({"site": place, "panics": panics})).collect::<Vec<_>>(),
        "difference": report.difference.as_ref().map(|found| difference(report, found)),
        "blind_spots": report.blind_spots,
    })
}

/// The word for an instruction set, as OpenTelemetry's `host.arch` and the target triples have it.
pub(super) fn architecture(instructions: Instructions) -> &'static str {
    match instructions {
        Instructions::X86 => "x86_64",
        Instructions::Aarch64 => "aarch64",
    }
}

fn site(report: &Report<'_>, site: &Site) -> Value {
    let panics = report.seen.panics(site);
    json!({
        "file": site.file,
        "line": (site.line > 0).then_some(site.line),
        "column": site.column,
        "function": site.function,
        "kind": site.kind.as_str(),
        "message": site.message,
        "origin": site.origin.as_str(),
        "crate": site.crate_name,
        "version": site.version,
        "site": site.reports,
        "callers": site.callers,
        "callers_left_out": site.callers_left_out,
        "copies": site.copies,
        "seen": panics.is_some(),
        "panics": panics,
    })
}

fn crates(report: &Report<'_>, sites: &[Site]) -> Vec<Value> {
    let one = |(id, kinds): (CrateId<'_>, super::selection::Kinds)| {
        let by_kind: serde_json::Map<String, Value> =
            kinds.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect();
        json!({
            "crate": id.name,
            "version": id.version,
            "origin": id.origin.as_str(),
            "sites": kinds.values().sum::<usize>(),
            "kinds": by_kind,
        })
    };
    by_crate(sites, &report.selection).into_iter().map(one).collect()
}

fn difference(report: &Report<'_>, found: &Difference) -> Value {
    let listed = |sites: &[Site]| -> Vec<Value> {
        sites.iter().filter(|one| report.selection.lists(one)).map(|one| site(report, one)).collect()
    };
    json!({
        "against": report.arguments.against.as_ref().map(|path| path.display().to_string()),
        "new": listed(&found.new),
        "gone": listed(&found.gone),
        "new_by_crate": crates(report, &found.new),
        "gone_by_crate": crates(report, &found.gone),
    })
}
