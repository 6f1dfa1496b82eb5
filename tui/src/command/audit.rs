//! Places of a release binary that may panic: which of them are listed, which are marked as seen, and the exit code. What
//! a site is, and which are new, is decided in `firstbad_audit`.

mod json;
mod seen;
mod selection;
mod text;

use crate::cli::{AuditArgs, Common, TextOrJson};
use crate::failure::Failure;
use crate::output::{print, print_json};
use firstbad_audit::{Audit, Difference, Options};
use seen::Seen;
use selection::Selection;
use std::path::Path;
use std::process::ExitCode;

/// One audit, as it is printed.
struct Report<'a> {
    arguments: &'a AuditArgs,
    found: Audit,
    selection: Selection<'a>,
    seen: Seen,
    /// What differs from the earlier build, of all crates.
    difference: Option<Difference>,
    blind_spots: Vec<String>,
}

/// `firstbad audit`.
///
/// # Errors
/// If a binary cannot be audited, or what `--seen` names cannot be read.
pub(super) fn audit(common: &Common, arguments: &AuditArgs) -> Result<ExitCode, Failure> {
    let options = Options { debug_file: arguments.debug_file.clone(), ..Options::default() };
    let found = firstbad_audit::audit(&arguments.binary, &options)?;
    // The debug file that was given belongs to one build only.
    let earlier = |path: &Path| firstbad_audit::audit(path, &Options::default());
    let old = arguments.against.as_deref().map(earlier).transpose()?;
    let seen = Seen::read(common, &arguments.seen)?;
    let mut blind_spots = found.blind_spots.clone();
    blind_spots.extend(old.iter().flat_map(|old| &old.blind_spots).map(|spot| format!("the earlier build: {spot}")));
    blind_spots.extend(seen.blind_spot.clone());
    let difference = old.map(|old| firstbad_audit::difference(&old.sites, &found.sites));
    let report = Report { arguments, found, selection: Selection::of(arguments), seen, difference, blind_spots };
    match arguments.format {
        TextOrJson::Text => print(&text::report(&report))?,
        TextOrJson::Json => print_json(&json::report(&report))?,
    }
    let is_new = |difference: &Difference| difference.new.iter().any(|site| report.selection.lists(site));
    Ok(ExitCode::from(u8::from(report.difference.as_ref().is_some_and(is_new))))
}
