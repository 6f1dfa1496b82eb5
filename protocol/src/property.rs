//! A property separates bad versions from clean ones. This file holds the only grammar of its text: `rows > 200`, `empty`,
//! clauses joined by ` and `. JSON holds the text. The engine decides which property a version has.

mod clause;
mod quote;

pub use clause::{Clause, Comparison, Fact, Thousandths, WordFact};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A fact that holds for every bad version and for no clean one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Property {
    /// It has no rows or no bytes.
    Empty,
    /// Its generation is below that of a version loaded before.
    GenerationWentBackwards,
    /// Another version has the same generation.
    SplitWithinGeneration,
    /// No publish event declared it, though every clean version was declared.
    Undeclared,
    /// It is too old: the hosts kept it when the others moved on.
    Stale,
    /// One clause over a fact.
    Clause(Clause),
    /// Several clauses that hold together: two or more.
    All(Vec<Clause>),
    /// Text of another release that the grammar of this release does not accept. It is shown as it is and decides nothing.
    Other(String),
}

/// The properties that are one word.
const WORDS: [(Property, &str); 5] = [
    (Property::Empty, "empty"),
    (Property::GenerationWentBackwards, "generation went backwards"),
    (Property::SplitWithinGeneration, "split within a generation"),
    (Property::Undeclared, "undeclared"),
    (Property::Stale, "stale"),
];

impl Property {
    /// `fact op value`, for a fact that is a count.
    #[must_use]
    pub const fn number(fact: Fact, op: Comparison, value: i64) -> Self {
        Self::Clause(Clause::Number { fact, op, value })
    }

    /// `fact = value`, for a fact that is a text of the sender.
    #[must_use]
    pub fn word(fact: WordFact, value: &str) -> Self {
        Self::Clause(Clause::Word { fact, value: value.to_owned() })
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clause(clause) => clause.fmt(f),
            Self::All(clauses) => {
                for (index, clause) in clauses.iter().enumerate() {
                    f.write_str(if index > 0 { quote::AND } else { "" })?;
                    clause.fmt(f)?;
                }
                Ok(())
            }
            Self::Other(text) => f.write_str(text),
            word => f.write_str(WORDS.iter().find(|(known, _)| known == word).map_or("", |(_, text)| text)),
        }
    }
}

/// A text that the grammar of properties does not accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a property is `<fact> <op> <value>`, clauses joined by ` and `, or one of the words; this is none")]
pub struct NotAProperty;

impl FromStr for Property {
    type Err = NotAProperty;

    /// Accepts exactly the texts that `Display` writes.
    fn from_str(text: &str) -> Result<Self, NotAProperty> {
        if let Some((word, _)) = WORDS.iter().find(|(_, known)| *known == text) {
            return Ok(word.clone());
        }
        let parts = quote::split(text);
        let mut clauses = parts.iter().map(|part| part.parse()).collect::<Result<Vec<Clause>, _>>()?;
        let found = match (clauses.pop(), clauses.is_empty()) {
            (None, _) => return Err(NotAProperty),
            (Some(only), true) => Self::Clause(only),
            (Some(last), false) => {
                clauses.push(last);
                Self::All(clauses)
            }
        };
        // `rows > 007` means the same as `rows > 7`, but two texts of one value would not compare equal.
        if found.to_string() == text { Ok(found) } else { Err(NotAProperty) }
    }
}

impl From<String> for Property {
    fn from(text: String) -> Self {
        text.parse().unwrap_or(Self::Other(text))
    }
}

impl From<&str> for Property {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Property> for String {
    fn from(property: Property) -> Self {
        property.to_string()
    }
}
