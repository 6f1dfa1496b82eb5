//! Reports as files: what `e` on the screen writes is what `firstbad report` prints.

use crate::report;
use crate::screen::palette::Form;
use crate::screen::runtime::{Contents, Reports};
use firstbad_collector::diagnosis_json;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::Diagnosis;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of earlier reports of one incident that are passed over.
const FILES_MAX: usize = 1_000;

/// Reports as the screen asks for them, into the current directory.
pub(super) fn reports(contents: Contents) -> Reports {
    Arc::new(move |snapshot, id, form| {
        let text = text(snapshot, id, form, &contents).ok_or_else(|| format!("`{id}` is not in the data any more"))?;
        let path = new_file(Path::new("."), id, form, &text);
        path.map(|path| path.display().to_string()).map_err(|error| error.to_string())
    })
}

/// The report of one incident; none if it is not in the snapshot.
fn text(snapshot: &Snapshot, id: &str, form: Form, contents: &Contents) -> Option<String> {
    let whole = &snapshot.diagnosis;
    let incidents: Vec<_> = whole.incidents.iter().filter(|incident| incident.id == id).cloned().collect();
    if incidents.is_empty() {
        return None;
    }
    let only = Diagnosis { incidents, ..whole.clone() };
    Some(match form {
        Form::Markdown => report::markdown::diagnosis(snapshot, &only, Some(contents)),
        Form::Html => report::html::diagnosis(snapshot, &only, Some(contents)),
        Form::Json => diagnosis_json(&only),
        Form::Text => report::text::diagnosis(snapshot, &only),
    })
}

/// Writes a file that was not there before: an earlier report may have been edited.
fn new_file(directory: &Path, id: &str, form: Form, text: &str) -> io::Result<PathBuf> {
    let name: String = super::live::plain_name(id);
    for number in 0..FILES_MAX {
        let again = if number == 0 { String::new() } else { format!("-{number}") };
        let path = directory.join(format!("{name}{again}.{}", form.ending()));
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => {
                opened?.write_all(text.as_bytes())?;
                return Ok(path);
            }
        }
    }
    Err(io::Error::other(format!("{FILES_MAX} reports of {name} are here already")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn each_form_is_written_and_no_earlier_file_is_touched() {
        let directory = tempfile::tempdir().expect("a directory");
        let contents: Contents = Arc::new(|_| Err("not kept".to_owned()));
        let snapshot = fixture::named();
        let id = snapshot.diagnosis.incidents[0].id.clone();
        for form in Form::ALL {
            let text = text(&snapshot, &id, form, &contents).expect("known");
            assert!(text.contains("bot-features"), "{form:?}");
            let first = new_file(directory.path(), &id, form, &text).expect("written");
            let second = new_file(directory.path(), &id, form, "other").expect("written");
            assert_eq!(std::fs::read_to_string(&first).expect("readable"), text);
            assert!(first.ends_with(format!("20251118-112804-errors.{}", form.ending())) && first != second);
        }
        assert!(text(&snapshot, "another", Form::Text, &contents).is_none());
        let outside = new_file(directory.path(), "../../x", Form::Text, "").expect("written");
        assert_eq!(outside.parent(), Some(directory.path()));
    }
}
