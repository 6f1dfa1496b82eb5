//! One clause of a property: a fact, a comparison, a value. The load event of a version gives its facts.

use super::NotAProperty;
use super::quote::{quoted, unquoted};
use std::fmt;
use std::str::FromStr;

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Clause {
    /// A count against a value of its own unit.
    Number {
        /// The count.
        fact: Fact,
        /// The comparison.
        op: Comparison,
        /// The value it is compared with.
        value: i64,
    },
    /// A text of the sender that all bad versions share. The comparison is always `=`.
    Word {
        /// The kind of text.
        fact: WordFact,
        /// Its value. It is untrusted text.
        value: String,
    },
    /// The share of a declared limit that is used up: `limit_usage(rows) > 0.9`.
    LimitUsage {
        /// The limit's name. It is untrusted text.
        limit: String,
        /// The comparison.
        op: Comparison,
        /// The share it is compared with, in thousandths of the limit.
        value: Thousandths,
    },
}

/// A count among the facts of a load.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// Rows, without the header.
    Rows,
    /// Rows that repeat an earlier row.
    DuplicateRows,
    /// Bytes.
    Size,
    /// Fields without content.
    BlankFields,
    /// Columns.
    Columns,
    /// The producer's counter of versions.
    Generation,
    /// A count that a proxy limits under a name of its own. [`Fact::named`] makes it; the name is untrusted text.
    Limited(String),
}

/// A text among the facts of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WordFact {
    /// The producer of the version.
    Source,
    /// The version's human name.
    Label,
}

/// A comparison of a fact with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the comparison of that name")]
pub enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equals,
}

/// A share in thousandths, written as a decimal fraction: `0.9` is 900.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thousandths(pub u64);

/// The counts that have a name in the contract.
const FACTS: [(Fact, &str); 6] = [
    (Fact::Rows, "rows"),
    (Fact::DuplicateRows, "duplicate_rows"),
    (Fact::Size, "size"),
    (Fact::BlankFields, "blank_fields"),
    (Fact::Columns, "columns"),
    (Fact::Generation, "generation"),
];
const COMPARISONS: [(Comparison, &str); 5] = [
    (Comparison::Above, ">"),
    (Comparison::AtLeast, ">="),
    (Comparison::Below, "<"),
    (Comparison::AtMost, "<="),
    (Comparison::Equals, "="),
];
const WORD_FACTS: [(WordFact, &str); 2] = [(WordFact::Source, "source"), (WordFact::Label, "label")];
/// Text before and after the name of a limit in a clause about its usage.
const USAGE: &str = "limit_usage(";

impl Fact {
    /// The count of that name: one of the contract, or one for which a proxy declared a limit.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let known = FACTS.iter().find(|(_, word)| *word == name);
        known.map_or_else(|| Self::Limited(name.to_owned()), |(fact, _)| fact.clone())
    }

    /// Its name among the facts of a load event.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Limited(name) => name,
            known => FACTS.iter().find(|(fact, _)| fact == known).map_or("", |(_, word)| word),
        }
    }
}

impl WordFact {
    /// Its name among the facts of a load event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Label => "label",
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.as_str();
        let is_like_another = name.is_empty() || name.starts_with(USAGE) || name.contains('=');
        f.write_str(&quoted(name, is_like_another))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(COMPARISONS.iter().find(|(known, _)| known == self).map_or("", |(_, sign)| sign))
    }
}

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        f.write_str(format!("{whole}.{rest:03}").trim_end_matches('0'))
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { fact, op, value } => write!(f, "{fact} {op} {value}"),
            Self::Word { fact, value } => write!(f, "{} = {}", fact.as_str(), quoted(value, false)),
            Self::LimitUsage { limit, op, value } => write!(f, "{USAGE}{}) {op} {value}", quoted(limit, false)),
        }
    }
}

impl FromStr for Comparison {
    type Err = NotAProperty;

    fn from_str(text: &str) -> Result<Self, NotAProperty> {
        COMPARISONS.iter().find(|(_, sign)| *sign == text).map(|(op, _)| *op).ok_or(NotAProperty)
    }
}

impl FromStr for Thousandths {
    type Err = NotAProperty;

    fn from_str(text: &str) -> Result<Self, NotAProperty> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
        let whole: u64 = whole.parse().map_err(|_| NotAProperty)?;
        let rest: u64 = format!("{rest:0<3}").parse().map_err(|_| NotAProperty)?;
        let thousandths = whole.checked_mul(1000).filter(|_| rest < 1000).and_then(|whole| whole.checked_add(rest));
        thousandths.map(Self).ok_or(NotAProperty)
    }
}

impl FromStr for Clause {
    type Err = NotAProperty;

    fn from_str(text: &str) -> Result<Self, NotAProperty> {
        for (fact, name) in WORD_FACTS {
            let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(" = "));
            if let Some(value) = value {
                return Ok(Self::Word { fact, value: unquoted(value)? });
            }
        }
        let (left, value) = text.rsplit_once(' ').ok_or(NotAProperty)?;
        let (fact, op) = left.rsplit_once(' ').ok_or(NotAProperty)?;
        let op = op.parse()?;
        if let Some(limit) = fact.strip_prefix(USAGE) {
            let limit = unquoted(limit.strip_suffix(')').ok_or(NotAProperty)?)?;
            return Ok(Self::LimitUsage { limit, op, value: value.parse()? });
        }
        let value = value.parse().map_err(|_| NotAProperty)?;
        Ok(Self::Number { fact: Fact::named(&unquoted(fact)?), op, value })
    }
}
