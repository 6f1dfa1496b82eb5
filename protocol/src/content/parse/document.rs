//! What a parser found in one version. Lists are bounded; what did not fit is said.

use super::super::Kind;
use super::columns::Column;

/// Settings of one file that are compared. Beyond it, a file is no settings that people keep by hand.
pub(super) const SETTINGS_MAX: usize = 200_000;
/// Repeated keys that are listed.
pub(super) const REPEATED_MAX: usize = 64;

/// One value of a file that holds settings, or of what stands beside a list of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Keys and places from the root, `server.ports[1]`.
    pub path: String,
    /// The value as text.
    pub value: String,
    /// Its kind.
    pub kind: Kind,
    /// Its line.
    pub line: u64,
}

/// A key that stands twice in one mapping; the later one decides what most readers see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedKey {
    /// Keys from the root.
    pub path: String,
    /// Lines of the first place and of the next.
    pub lines: (u64, u64),
}

/// What a parser found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Rows, as the parser counts them; none where there are none to be counted.
    pub rows: Option<u64>,
    /// Columns of the rows, in the order of their first value; of a header, in its order.
    pub columns: Vec<Column>,
    /// Names in the header, as they stand there, if there is one.
    pub header: Option<Vec<String>>,
    /// Settings: all values of a file without rows; of a file with rows, the values beside them.
    pub settings: Vec<Setting>,
    /// Keys that stand twice in one mapping.
    pub repeated_keys: Vec<RepeatedKey>,
    /// Exact count of [`Self::repeated_keys`].
    pub repeated_keys_count: u64,
    /// Whether repeated keys are an accepted way to write a list in this format (INI): only new ones are worth a word then.
    pub repeats_are_usual: bool,
    /// Plain YAML values that YAML 1.1 reads as another type: line and text.
    pub ambiguous: Vec<(u64, String)>,
    /// Whether settings or columns beyond the bounds were left out.
    pub truncated: bool,
}

impl Document {
    pub(super) fn with_rows(mut self, rows: Option<u64>) -> Self {
        self.rows = rows;
        self
    }
}
