//! Would this input be safe to push: limits, duplicates, blanks, schema, growth. Limits hold always; of the rest, with
//! `--against`, only what became worse is a finding, because inputs are as they are. What could not be checked is said, and is never
//! called clean.

mod columns;
mod keys;
mod shapes;
mod surroundings;

use super::source::{self, Source};
use super::whole::Whole;
use crate::cli::{CheckArgs, Common, Limit, TextOrJson};
use crate::facts::counted;
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::screen::text::count;
use firstbad_protocol::content::{Format, Inspection};
use firstbad_protocol::{Hash, Untrusted};
use serde_json::json;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Growth or shrinkage beyond this factor is a finding: the file of 18 November 2025 doubled.
const GROWTH_MAX: f64 = 1.5;
/// A limit used beyond this share is remarked on.
const NEAR_LIMIT: f64 = 0.8;
/// Findings of one sort that are listed; the number of the others is said.
const LISTED: usize = 5;

/// One version in the comparison.
pub(super) struct Side<'a> {
    bytes: &'a [u8],
    whole: Whole,
}

/// What is to be known about one file.
#[derive(Default)]
struct Checked {
    findings: Vec<(&'static str, String)>,
    remarks: Vec<String>,
    /// What was not checked, because there is nothing of it to be counted.
    unchecked: Vec<&'static str>,
    /// Whether there was a limit to check.
    has_limits: bool,
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
    let whole = Whole::of(&new, arguments.rows_as)?;
    let old = arguments.against.as_deref().map(|against| source::file_or_hash(common, against)).transpose()?;
    // A version without a name is read as the one that has one.
    let as_new = |old: &Source| arguments.rows_as.or_else(|| old.promised().is_none().then_some(whole.format));
    let before = old.as_ref().map(|old| Whole::of(old, as_new(old))).transpose()?;
    let limits = limits(common, arguments)?;
    if whole.format == Format::Binary && before.is_none() && limits.is_empty() {
        return Err(Failure::new(format!("{} is binary: there is nothing in it that can be checked", new.name))
            .hint("--limit size=BYTES checks its size, --against FILE its growth, --rows-as FORMAT reads it as text"));
    }
    let now = Side { bytes: &new.bytes, whole };
    let before = old.as_ref().zip(before).map(|(old, whole)| Side { bytes: &old.bytes, whole });
    let mut checked = find(&now, before.as_ref(), &limits);
    checked.has_limits = !limits.is_empty();
    if arguments.config.is_some() && limits.is_empty() {
        checked.unchecked.push(match common.collector {
            Some(_) => "limits (this config declares none)",
            None => "limits (--config asks a collector for them, and --collector names none)",
        });
    }
    match arguments.format {
        TextOrJson::Json => print_json(&as_json(arguments, &new, &now.whole, &checked))?,
        TextOrJson::Text => print(&as_text(arguments, &new, &now.whole, &checked))?,
    }
    Ok(ExitCode::from(u8::from(!checked.findings.is_empty())))
}

/// Limits of the command line, and those that the fleet declares if a collector was named. The command line wins.
fn limits(common: &Common, arguments: &CheckArgs) -> Result<Vec<Limit>, Failure> {
    let mut limits = arguments.limits.clone();
    if let (Some(config), Some(_)) = (&arguments.config, &common.collector) {
        let client = super::client(common)?;
        let snapshot = client.snapshot()?;
        let known: BTreeSet<&str> = snapshot.versions.iter().map(|version| version.config.as_str()).collect();
        if !known.contains(config.as_str()) {
            return Err(unknown_config(client.base(), config, &known));
        }
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

/// A name that the collector has never heard of: nothing would be checked, and nothing found.
fn unknown_config(base: &str, config: &str, known: &BTreeSet<&str>) -> Failure {
    let told = match known.len() {
        0 => "it knows none yet".to_owned(),
        _ => format!("it knows {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
    };
    Failure::new(format!("the collector at {base} knows no config `{config}`; {told}"))
        .hint("give the name that the proxies load it under, or --limit NAME=VALUE without --config")
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

fn find(now: &Side<'_>, before: Option<&Side<'_>>, limits: &[Limit]) -> Checked {
    let mut checked = Checked::default();
    checked.remarks.extend(now.whole.guess.clone());
    let (counted, earlier) = (&now.whole.counted, before.map(|before| &before.whole.counted));
    for limit in limits {
        checked.limit(counted, limit);
    }
    if checked.unlike(now) {
        return checked;
    }
    checked.unchecked(now, before);
    checked.rows(counted, earlier);
    if let [only] = now.whole.document.settings.as_slice()
        && only.path.is_empty()
    {
        checked.find("empty", format!("it is the single value {}, and neither a list nor a mapping", only.value));
    }
    if let Some(before) = before.filter(|before| before.whole.format != now.whole.format) {
        let (was, is) = (before.whole.format.as_str(), now.whole.format.as_str());
        checked.find("schema", format!("the format changed: {was} -> {is}; rows are not compared"));
        checked.keys(now, None);
        checked.columns(now, None);
        checked.surroundings(now, None);
    } else {
        checked.keys(now, before);
        checked.columns(now, before);
        checked.shapes(now, before);
        checked.surroundings(now, before);
    }
    if let Some(earlier) = earlier {
        checked.growth(counted, earlier);
    }
    checked
}

impl Checked {
    fn find(&mut self, kind: &'static str, told: String) {
        self.findings.push((kind, told));
    }

    /// Says how many of a sort are not listed.
    fn more(&mut self, found: usize, what: &str) {
        if found > LISTED {
            self.remarks.push(format!(".. and {} more {what}", count((found - LISTED) as u64)));
        }
    }

    /// What has nothing that could be counted.
    fn unchecked(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        let counted = &now.whole.counted;
        if counted.rows.is_none() {
            self.unchecked.push("rows");
        }
        if counted.duplicate_rows.is_none() {
            self.unchecked.push("duplicate rows");
        }
        if now.whole.document.truncated || before.is_some_and(|before| before.whole.document.truncated) {
            self.unchecked.push("columns or settings beyond the bounds");
        }
    }

    fn limit(&mut self, now: &Inspection, limit: &Limit) {
        let Some(value) = fact(now, &limit.name) else {
            let told = format!("{} cannot be counted in this file, so its limit is not checked", limit.name);
            return self.find("limit", told);
        };
        let used = value as f64 / (limit.limit as f64).max(1.0);
        let told = format!("{} {} of at most {}", limit.name, count(value), count(limit.limit));
        if value > limit.limit {
            self.find("limit", format!("{} {} > limit {}", limit.name, count(value), count(limit.limit)));
        } else if used >= NEAR_LIMIT {
            self.remarks.push(format!("{told}: {:.0}% of the limit are used", used * 100.0));
        } else {
            self.remarks.push(told);
        }
    }

    fn rows(&mut self, now: &Inspection, before: Option<&Inspection>) {
        if now.rows == Some(0) || now.size == 0 {
            self.find("empty", "it has no rows".to_owned());
        } else if now.settings == Some(0) {
            self.find("empty", "it has no settings".to_owned());
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
                self.find(kind, format!("{} {what}{compared}", count(value)));
            }
        }
        for row in now.duplicates.iter().filter(|_| self.findings.iter().any(|(kind, _)| *kind == "duplicates")) {
            let (first, second) = row.lines;
            self.remarks.push(format!("{} times, first on lines {first} and {second}: {}", row.times, row.text));
        }
        if now.truncated {
            self.find("truncated", "it has so many rows that not all were compared".to_owned());
        }
    }

    fn growth(&mut self, now: &Inspection, before: &Inspection) {
        for (name, value, earlier) in [("rows", now.rows, before.rows), ("bytes", Some(now.size), Some(before.size))] {
            let (Some(value), Some(earlier)) = (value, earlier.filter(|earlier| *earlier > 0)) else { continue };
            let factor = value as f64 / earlier as f64;
            let told = format!("{} {name}, was {} ({:.0}%)", count(value), count(earlier), factor * 100.0);
            if !(1.0 / GROWTH_MAX..=GROWTH_MAX).contains(&factor) {
                self.findings.push(("size", told));
                return;
            }
            self.remarks.push(told);
        }
    }
}

fn as_text(arguments: &CheckArgs, new: &Source, whole: &Whole, checked: &Checked) -> String {
    let config = arguments.config.as_deref().map_or_else(String::new, |config| format!("{}: ", Untrusted(config)));
    let mut text = format!("{config}{} {}\n  {}\n", Hash::of(&new.bytes), Untrusted(&new.name), facts(&whole.counted));
    for (kind, told) in &checked.findings {
        text += &format!("FINDING {kind}: {}\n", Untrusted(told));
    }
    for remark in &checked.remarks {
        text += &format!("  {}\n", Untrusted(remark));
    }
    text + &conclusion(checked)
}

fn facts(now: &Inspection) -> String {
    let known = |number: Option<u64>, what| number.map_or_else(|| format!("unknown {what}s"), |it| counted(it, what));
    let mut parts = vec![known(now.rows, "row"), known(now.columns, "column")];
    let aside = [("setting", now.settings.unwrap_or(0)), ("comment", now.comments), ("blank line", now.blank_lines)];
    parts.extend(aside.into_iter().filter(|(_, number)| *number > 0).map(|(what, number)| counted(number, what)));
    if now.frames > 0 {
        parts.push(format!("{} that frame others", counted(now.frames, "line")));
    }
    parts.push(counted(now.size, "byte"));
    let header = match (now.format.is_separated(), now.header) {
        (true, true) => ", the first row is the header",
        (true, false) => ", without a header",
        _ => "",
    };
    format!("{}, read as {}{header}", parts.join(", "), now.format.as_str())
}

fn conclusion(checked: &Checked) -> String {
    if !checked.findings.is_empty() {
        return "DO NOT PUSH before this is understood\n".to_owned();
    }
    match checked.unchecked.as_slice() {
        [] if checked.has_limits => "clean\n".to_owned(),
        [] => "clean, but no limit was checked: give those of the reader, such as --limit rows=200\n".to_owned(),
        unchecked => format!("nothing found in what was checked; not checked: {}\n", unchecked.join(", ")),
    }
}

fn as_json(arguments: &CheckArgs, new: &Source, whole: &Whole, checked: &Checked) -> serde_json::Value {
    let finding = |(kind, told): &(&str, String)| json!({"kind": kind, "text": told});
    let now = &whole.counted;
    json!({
        "schema": firstbad_protocol::verdict::SCHEMA,
        "file": new.name,
        "config": arguments.config,
        "hash": Hash::of(&new.bytes),
        "format": now.format.as_str(),
        "facts": {
            "rows": now.rows, "duplicate_rows": now.duplicate_rows, "duplicate_keys": now.duplicate_keys,
            "blank_fields": now.blank_fields, "columns": now.columns, "ragged_rows": now.ragged_rows,
            "size": now.size, "rowset_hash": now.rowset, "header": now.header, "comments": now.comments,
            "blank_lines": now.blank_lines, "settings": now.settings,
        },
        "clean": checked.findings.is_empty() && checked.unchecked.is_empty(),
        "findings": checked.findings.iter().map(finding).collect::<Vec<_>>(),
        "remarks": checked.remarks,
        "not_checked": checked.unchecked,
    })
}
