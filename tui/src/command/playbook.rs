//! Playbooks: listed, shown, and matched against recorded verdicts. Nothing here runs anything.

use crate::failure::Failure;
use crate::output::print;
use crate::report;
use firstbad_playbooks::{Library, check, embedded};
use firstbad_protocol::Untrusted;
use firstbad_protocol::limits::SNAPSHOT_BYTES_MAX;
use firstbad_protocol::verdict::Diagnosis;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn library(directory: Option<&Path>) -> Result<Library, Failure> {
    Ok(match directory {
        Some(directory) => Library::read(directory)?,
        None => embedded().clone(),
    })
}

/// `firstbad playbook list`.
///
/// # Errors
/// If the directory does not hold playbooks.
pub(super) fn list(directory: Option<&Path>) -> Result<ExitCode, Failure> {
    let library = library(directory)?;
    let line = |playbook: &firstbad_playbooks::Playbook| {
        format!("{:24} {}\n", Untrusted(&playbook.name).to_string(), Untrusted(&playbook.title))
    };
    print(&library.iter().map(line).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

/// `firstbad playbook show`.
///
/// # Errors
/// If there is no such playbook.
pub(super) fn show(name: &str, directory: Option<&Path>) -> Result<ExitCode, Failure> {
    let library = library(directory)?;
    let Some(playbook) = library.get(name) else {
        return Err(Failure::new(format!("there is no playbook `{name}`")).hint("firstbad playbook list names them"));
    };
    let mut text = format!("{}: {}\n", Untrusted(&playbook.name), Untrusted(&playbook.title));
    text += &format!("severity: {}\nescalate: {}\n\n", playbook.severity.as_str(), Untrusted(&playbook.escalate));
    for (index, action) in playbook.actions.iter().enumerate() {
        let undo = if action.reversible { "can be undone" } else { "cannot be undone" };
        text += &format!("{}. {}\n", index + 1, Untrusted(&action.what));
        text += &format!("   risk ({undo}): {}\n   verify: {}\n", Untrusted(&action.risk), Untrusted(&action.verify));
    }
    text += "\n";
    text.extend(playbook.body.lines().map(|line| format!("{}\n", Untrusted(line))));
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// `firstbad playbook test`.
///
/// # Errors
/// If playbooks or verdicts cannot be read.
pub(super) fn test(verdicts: &[PathBuf], directory: Option<&Path>) -> Result<ExitCode, Failure> {
    let library = library(directory)?;
    let (mut text, mut wrong) = (String::new(), 0);
    for path in verdicts {
        for incident in &read(path)?.incidents {
            let checked = check(&library, incident);
            wrong += u8::from(!checked.is_right());
            let named = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
            let told = format!(
                "{} {}: {} expected, {} matched",
                if checked.is_right() { "ok" } else { "WRONG" },
                checked.incident,
                named(&checked.expected),
                named(&checked.found)
            );
            text += &report::text::line(&told);
            for slot in &checked.unfilled {
                text += &report::text::line(&format!("   its actions cannot fill {{{slot}}}"));
            }
        }
    }
    let count = library.iter().count();
    text += &format!("{count} playbooks parse; {} recorded verdicts, {wrong} wrong\n", verdicts.len());
    print(&text)?;
    Ok(ExitCode::from(u8::from(wrong > 0)))
}

fn read(path: &Path) -> Result<Diagnosis, Failure> {
    let trouble = |error: &dyn std::fmt::Display| {
        Failure::new(format!("cannot read the verdict {}: {error}", path.display()))
            .hint("a verdict is what `firstbad diagnose --format json` prints")
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| trouble(&error))?;
    file.take(SNAPSHOT_BYTES_MAX as u64).read_to_string(&mut text).map_err(|error| trouble(&error))?;
    serde_json::from_str(&text).map_err(|error| trouble(&error))
}
