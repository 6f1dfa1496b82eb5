//! The chart's `values.yaml`: each value with its default and what it is for, in groups of two levels.

use crate::chart::Mistake;
use std::fmt::Write as _;

#[derive(Debug)]
struct Entry {
    /// Empty for a value without a group.
    group: String,
    name: String,
    default: String,
    help: String,
}

/// Values in the order in which they were first named.
#[derive(Debug, Default)]
pub(crate) struct Values {
    entries: Vec<Entry>,
}

impl Values {
    /// Adds a value, once: a value of several places has one default.
    ///
    /// # Errors
    /// If another place gave it another default.
    pub(crate) fn add(&mut self, path: &str, default: &str, help: &str) -> Result<(), Mistake> {
        let (group, name) = path.split_once('.').unwrap_or(("", path));
        if let Some(known) = self.entries.iter().find(|it| it.group == group && it.name == name) {
            let same = known.default == default;
            return if same { Ok(()) } else { Err(Mistake::TwoDefaults { value: path.to_owned() }) };
        }
        let own = |text: &str| text.to_owned();
        self.entries.push(Entry { group: own(group), name: own(name), default: own(default), help: own(help) });
        Ok(())
    }

    /// The file.
    pub(crate) fn text(&self) -> String {
        let mut text = "# Written by `cargo run -p firstbad-deploy` from deploy/kubernetes.\n".to_owned();
        let mut groups: Vec<&str> = Vec::new();
        for entry in &self.entries {
            if !groups.contains(&entry.group.as_str()) {
                groups.push(&entry.group);
            }
        }
        for group in groups {
            let indent = if group.is_empty() { "" } else { "  " };
            if !group.is_empty() {
                let _ = writeln!(text, "{group}:");
            }
            for entry in self.entries.iter().filter(|entry| entry.group == group) {
                let _ = writeln!(text, "{indent}# {}.\n{indent}{}: {}", entry.help, entry.name, entry.default);
            }
        }
        text
    }
}
