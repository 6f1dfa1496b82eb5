//! Would this input be safe to push: limits, duplicates, blanks, schema, growth. Limits hold always; of the rest, with
//! `--against`, only what became worse is a finding, because inputs are as they are.

use super::source::{self, Source};
use super::whole;
use crate::cli::{CheckArgs, Common, Limit, TextOrJson};
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::screen::text::count;
use firstbad_protocol::content::{Inspection, inspect};
use firstbad_protocol::{Hash, Untrusted};
use serde_json::json;
use std::process::ExitCode;

/// Growth or shrinkage beyond this factor is a finding: the file of 18 November 2025 doubled.
const GROWTH_MAX: f64 = 1.5;
/// A limit used beyond this share is remarked on.
const NEAR_LIMIT: f64 = 0.8;

/// What is to be known about one file.
struct Checked {
    findings: Vec<(&'static str, String)>,
    remarks: Vec<String>,
}

/// `firstbad check`.
///
/// # Errors
/// If a file cannot be read, or a collector that was named does not answer.
pub(super) fn check(common: &Common, arguments: &CheckArgs) -> Result<ExitCode, Failure> {
    if arguments.file.as_os_str() == "-" && arguments.against.as_deref() == Some("-") {
        return Err(Failure::new("the file and --against are both `-`: standard input is one"));
    }
    let new = source::file(&arguments.file)?;
    let format = whole::format_of(&new, arguments.rows_as)?;
    let old = arguments.against.as_deref().map(|against| source::file_or_hash(common, against)).transpose()?;
    let limits = limits(common, arguments)?;
    let now = inspect(&new.bytes, format);
    let before = old.as_ref().map(|old| inspect(&old.bytes, format));
    let checked = find(&now, before.as_ref(), &limits);
    match arguments.format {
        TextOrJson::Json => print_json(&as_json(arguments, &new, &now, &checked))?,
        TextOrJson::Text => print(&as_text(arguments, &new, &now, &checked))?,
    }
    Ok(ExitCode::from(u8::from(!checked.findings.is_empty())))
}

/// Limits of the command line, and those that the fleet declares if a collector was named. The command line wins.
fn limits(common: &Common, arguments: &CheckArgs) -> Result<Vec<Limit>, Failure> {
    let mut limits = arguments.limits.clone();
    if let (Some(config), Some(_)) = (&arguments.config, &common.collector) {
        let snapshot = super::client(common).snapshot()?;
        let versions = snapshot.versions.iter().filter(|version| version.config == *config);
        for (name, limit) in versions.flat_map(|version| &version.limits) {
            if let Ok(limit) = u64::try_from(*limit)
                && !limits.iter().any(|known| known.name == *name)
            {
                limits.push(Limit { name: name.clone(), limit });
            }
        }
    }
    Ok(limits)
}

fn fact(inspection: &Inspection, name: &str) -> Option<u64> {
    match name {
        "rows" => inspection.rows,
        "size" | "bytes" => Some(inspection.size),
        "columns" => inspection.columns,
        "duplicate_rows" => inspection.duplicate_rows,
        "blank_fields" => inspection.blank_fields,
        _ => None,
    }
}

fn find(now: &Inspection, before: Option<&Inspection>, limits: &[Limit]) -> Checked {
    let mut checked = Checked { findings: Vec::new(), remarks: Vec::new() };
    for limit in limits {
        checked.limit(now, limit);
    }
    checked.rows(now, before);
    checked.schema(now, before);
    if let Some(before) = before {
        checked.growth(now, before);
    }
    checked
}

impl Checked {
    fn limit(&mut self, now: &Inspection, limit: &Limit) {
        let Some(value) = fact(now, &limit.name) else {
            let told = format!("{} cannot be counted in this file, so its limit is not checked", limit.name);
            return self.findings.push(("limit", told));
        };
        let used = value as f64 / (limit.limit as f64).max(1.0);
        let told = format!("{} {} of at most {}", limit.name, count(value), count(limit.limit));
        if value > limit.limit {
            self.findings.push(("limit", format!("{} {} > limit {}", limit.name, count(value), count(limit.limit))));
        } else if used >= NEAR_LIMIT {
            self.remarks.push(format!("{told}: {:.0}% of the limit are used", used * 100.0));
        } else {
            self.remarks.push(told);
        }
    }

    fn rows(&mut self, now: &Inspection, before: Option<&Inspection>) {
        if now.rows == Some(0) || now.size == 0 {
            self.findings.push(("empty", "it has no rows".to_owned()));
        }
        for (kind, value, earlier, what) in [
            (
                "duplicates",
                now.duplicate_rows,
                before.map(|before| before.duplicate_rows),
                "rows repeat an earlier row",
            ),
            ("blanks", now.blank_fields, before.map(|before| before.blank_fields), "fields are blank"),
        ] {
            let (value, allowed) = (value.unwrap_or(0), earlier.flatten().unwrap_or(0));
            if value > allowed {
                let compared = earlier.map_or_else(String::new, |_| format!(", {} before", count(allowed)));
                self.findings.push((kind, format!("{} {what}{compared}", count(value))));
            }
        }
        for row in now.duplicates.iter().filter(|_| self.findings.iter().any(|(kind, _)| *kind == "duplicates")) {
            let (first, second) = row.lines;
            self.remarks.push(format!("{} times, first on lines {first} and {second}: {}", row.times, row.text));
        }
        if let Some(keys) = now.duplicate_keys.filter(|keys| *keys > 0) {
            self.remarks.push(format!("{} rows have the first field of an earlier, different row", count(keys)));
        }
        if now.truncated {
            self.findings.push(("truncated", "it has so many rows that not all were compared".to_owned()));
        }
    }

    fn schema(&mut self, now: &Inspection, before: Option<&Inspection>) {
        let allowed = before.map_or(0, |before| before.ragged_rows);
        if now.ragged_rows > allowed {
            let told = format!("{} rows have another number of fields than the first", count(now.ragged_rows));
            self.findings.push(("schema", told));
        }
        if let (Some(columns), Some(Some(earlier))) = (now.columns, before.map(|before| before.columns))
            && columns != earlier
        {
            self.findings.push(("schema", format!("{columns} columns, {earlier} before")));
        }
    }

    fn growth(&mut self, now: &Inspection, before: &Inspection) {
        for (name, value, earlier) in [("rows", now.rows, before.rows), ("bytes", Some(now.size), Some(before.size))] {
            let (Some(value), Some(earlier)) = (value, earlier.filter(|earlier| *earlier > 0)) else { continue };
            let factor = value as f64 / earlier as f64;
            let told = format!("{} {name}, {} before: x{factor:.2}", count(value), count(earlier));
            if !(1.0 / GROWTH_MAX..=GROWTH_MAX).contains(&factor) {
                self.findings.push(("growth", told));
                return;
            }
            self.remarks.push(told);
        }
    }
}

fn as_text(arguments: &CheckArgs, new: &Source, now: &Inspection, checked: &Checked) -> String {
    let known = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), count);
    let config = arguments.config.as_deref().map_or_else(String::new, |config| format!("{}: ", Untrusted(config)));
    let mut text = format!(
        "{config}{} {}\n  {} rows, {} columns, {} bytes, read as {}\n",
        Hash::of(&new.bytes),
        Untrusted(&new.name),
        known(now.rows),
        known(now.columns),
        count(now.size),
        now.format.as_str()
    );
    for (kind, told) in &checked.findings {
        text += &format!("FINDING {kind}: {}\n", Untrusted(told));
    }
    for remark in &checked.remarks {
        text += &format!("  {}\n", Untrusted(remark));
    }
    text + if checked.findings.is_empty() { "clean\n" } else { "DO NOT PUSH before this is understood\n" }
}

fn as_json(arguments: &CheckArgs, new: &Source, now: &Inspection, checked: &Checked) -> serde_json::Value {
    let finding = |(kind, told): &(&str, String)| json!({"kind": kind, "text": told});
    json!({
        "schema": firstbad_protocol::verdict::SCHEMA,
        "file": new.name,
        "config": arguments.config,
        "hash": Hash::of(&new.bytes),
        "format": now.format.as_str(),
        "facts": {
            "rows": now.rows, "duplicate_rows": now.duplicate_rows, "duplicate_keys": now.duplicate_keys,
            "blank_fields": now.blank_fields, "columns": now.columns, "ragged_rows": now.ragged_rows,
            "size": now.size, "rowset_hash": now.rowset,
        },
        "clean": checked.findings.is_empty(),
        "findings": checked.findings.iter().map(finding).collect::<Vec<_>>(),
        "remarks": checked.remarks,
    })
}
