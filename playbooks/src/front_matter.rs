//! The form of a playbook file: TOML front matter between two `+++` lines, then Markdown for people. Unknown keys,
//! oversized patterns and missing parts are refused with file, line and column; nothing is guessed.

use crate::rules::{Examples, Rule};
use firstbad_protocol::verdict::{Incident, State};
use serde::Deserialize;

/// Bytes of one playbook file (reliability.md F2).
pub(crate) const FILE_BYTES_MAX: usize = 256 << 10;
const FENCE: &str = "+++";

/// One playbook.
#[derive(Clone, Debug)]
pub struct Playbook {
    /// File name without `.md`; also the name in verdicts and alerts.
    pub name: String,
    /// One line.
    pub title: String,
    /// How soon somebody has to look.
    pub severity: Severity,
    /// When to call somebody else, in a sentence.
    pub escalate: String,
    /// When it applies: any of these.
    pub(crate) rules: Vec<Rule>,
    /// What to do, least risk first.
    pub actions: Vec<Action>,
    /// Markdown for people.
    pub body: String,
}

/// How soon somebody has to look at a failure of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// At once, at any hour.
    Page,
    /// In working hours.
    Ticket,
}

impl Severity {
    /// The word of the front matter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// One thing a person may do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What to do, with slots such as `{config}`.
    #[serde(rename = "do")]
    pub what: String,
    /// The same in at most 50 characters, for a line of a screen; none where `do` is short.
    #[serde(default)]
    pub brief: Option<String>,
    /// What can go wrong, and how far it reaches.
    pub risk: String,
    /// Whether it can be undone.
    pub reversible: bool,
    /// How to see that it worked.
    pub verify: String,
    /// What makes it needless once telemetry shows it; none where telemetry cannot tell.
    #[serde(default)]
    pub until: Option<Until>,
    /// States of the incident in which it is due; empty: in each until the end.
    #[serde(default)]
    pub state: Vec<State>,
}

impl Action {
    /// Whether it is due in this state of an incident that is not over.
    #[must_use]
    pub fn is_due_in(&self, state: State) -> bool {
        self.state.is_empty() || self.state.contains(&state)
    }
}

/// A condition in the telemetry that makes an action needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// No host runs an accused version, and hosts run another one.
    BadVersionGone,
    /// No host needs a restart.
    NoRestartDue,
}

/// A playbook file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {fault}")]
pub struct ParseError {
    /// File, as given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub fault: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: String,
    severity: Severity,
    escalate: String,
    #[serde(default, rename = "match")]
    rules: Vec<Rule>,
    #[serde(default, rename = "action")]
    actions: Vec<Action>,
}

impl Playbook {
    /// Reads the playbook `text` of the file `name`.md; `file` is what errors say.
    ///
    /// # Errors
    /// If the front matter is missing, not TOML of the known form, or holds a pattern beyond the bounds.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Self, ParseError> {
        let refuse = |line, column, fault: String| ParseError { file: file.to_owned(), line, column, fault };
        if text.len() > FILE_BYTES_MAX {
            return Err(refuse(1, 1, format!("{} bytes, at most {FILE_BYTES_MAX} are read", text.len())));
        }
        let missing = || refuse(1, 1, format!("front matter between two lines `{FENCE}` is missing"));
        let rest = text.strip_prefix(FENCE).and_then(|rest| rest.strip_prefix('\n')).ok_or_else(missing)?;
        let (toml_text, body) = rest.split_once("\n+++\n").ok_or_else(missing)?;
        let parsed: FrontMatter = toml::from_str(toml_text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let (line, column) = place(toml_text, offset);
            refuse(line + 1, column, error.message().to_owned())
        })?;
        let mut parsed = parsed;
        let mut rules = std::mem::take(&mut parsed.rules);
        for (index, rule) in rules.iter_mut().enumerate() {
            rule.compile().map_err(|fault| {
                let line = toml_text.lines().enumerate().filter(|(_, line)| line.trim() == "[[match]]").nth(index);
                refuse(line.map_or(1, |(line, _)| line + 2), 1, fault)
            })?;
        }
        if parsed.actions.is_empty() {
            return Err(refuse(1, 1, "a playbook needs at least one [[action]]".to_owned()));
        }
        if parsed.escalate.trim().is_empty() {
            let line = toml_text.lines().position(|line| line.trim_start().starts_with("escalate"));
            return Err(refuse(
                line.map_or(1, |line| line + 2),
                1,
                "`escalate` says when to call somebody else".to_owned(),
            ));
        }
        let body = body.trim().to_owned();
        let FrontMatter { title, severity, escalate, actions, .. } = parsed;
        Ok(Self { name: name.to_owned(), title, severity, escalate, rules, actions, body })
    }

    /// The examples of each rule, in order.
    pub fn examples(&self) -> impl Iterator<Item = Examples<'_>> {
        self.rules.iter().map(Rule::examples)
    }

    /// Whether the rule with this index, from 0, fits `incident`.
    #[must_use]
    pub fn rule_fits(&self, index: usize, incident: &Incident) -> bool {
        self.rules.get(index).is_some_and(|rule| rule.strength(incident).is_some())
    }
}

/// Line and column, from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(1, |last| last.chars().count() + 1);
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "+++\ntitle = \"t\"\nseverity = \"page\"\nescalate = \"never\"\n";
    const ACTION: &str = "[[action]]\ndo = \"x\"\nrisk = \"none\"\nreversible = true\nverify = \"y\"\n";

    fn fault(text: &str) -> String {
        Playbook::parse("p", "p.md", text).expect_err("must be refused").to_string()
    }

    #[test]
    fn a_fault_names_file_line_and_column() {
        assert!(fault("no fence").starts_with("p.md:1:1: front matter"));
        assert!(fault(&format!("{HEAD}colour = 1\n+++\nb")).starts_with("p.md:5:1: unknown field"));
        let pattern = format!("{HEAD}[[match]]\nproperty = '('\n{ACTION}+++\nb");
        assert!(fault(&pattern).starts_with("p.md:5:1: pattern `(`"), "{}", fault(&pattern));
        let huge = format!("{HEAD}[[match]]\nproperty = '\\w{{1000}}'\n{ACTION}+++\nb");
        assert!(fault(&huge).contains("size limit"), "{}", fault(&huge));
        let nested = format!("{HEAD}[[match]]\nerror = '{}'\n{ACTION}+++\nb", "(".repeat(60) + &")".repeat(60));
        assert!(
            fault(&nested).starts_with("p.md:5:1: pattern") && fault(&nested).contains("nest"),
            "{}",
            fault(&nested)
        );
        assert!(fault(&format!("{HEAD}+++\nb")).contains("[[action]]"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (key, line) in [
            ("title", "title = \"t\"\n"),
            ("severity", "severity = \"page\"\n"),
            ("escalate", "escalate = \"never\"\n"),
        ] {
            let found = fault(&format!("{}{ACTION}+++\nb", HEAD.replace(line, "")));
            assert!(found.starts_with("p.md:") && found.contains(key), "{found}");
        }
        for (key, line) in
            [("do", "do = \"x\"\n"), ("reversible", "reversible = true\n"), ("verify", "verify = \"y\"\n")]
        {
            let found = fault(&format!("{HEAD}{}+++\nb", ACTION.replace(line, "")));
            assert!(found.starts_with("p.md:5:") && found.contains(key), "{found}");
        }
        let empty = fault(&format!("{}{ACTION}+++\nb", HEAD.replace("never", " ")));
        assert!(empty.starts_with("p.md:4:1: `escalate`"), "{empty}");
    }

    #[test]
    fn a_whole_playbook_is_read() {
        let text = format!("{HEAD}[[match]]\nkind = [\"config\"]\n{ACTION}+++\n# Body\n");
        let playbook = Playbook::parse("p", "p.md", &text).expect("valid");
        assert_eq!((playbook.title.as_str(), playbook.body.as_str(), playbook.actions.len()), ("t", "# Body", 1));
    }
}
