//! The formats, their words, and which one a file's name promises. A format that was declared is used; else the name
//! decides; else the content, which `sniff` judges.

use super::sniff;

/// A way to cut bytes into rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Separated by commas (or semicolons, tabs or bars, if all rows are); quoted fields may hold line ends (RFC 4180).
    /// Whether the first row is a header follows from the content.
    Csv,
    /// Separated by tabs, without quotes. Whether the first row is a header follows from the content.
    Tsv,
    /// One JSON value in each line.
    JsonLines,
    /// JSON. The elements of the outermost array are rows, or those of the only array that the outermost object holds directly.
    /// An object with none or several has settings and no rows.
    JsonArray,
    /// YAML. The items of the outermost list are rows, or those of the only list that the outermost mapping holds directly. A
    /// mapping with none or several has settings and no rows.
    YamlList,
    /// One row in each line, without header; comments, blank lines and lone brackets are no rows.
    Lines,
    /// Not text: it has a size and a hash, and no rows.
    Binary,
    /// TOML. The tables of the only `[[list]]` are rows, or the elements of the only array at the outermost level; else it has
    /// settings and no rows.
    Toml,
    /// Sections and `key = value` lines. It has settings and no rows.
    Ini,
    /// Blocks between `-----BEGIN` and `-----END` lines (certificates, keys): each block is a row.
    Pem,
    /// As [`Self::Csv`]; the first row is a header.
    CsvHeader,
    /// As [`Self::Csv`]; every row is data.
    CsvRows,
    /// As [`Self::Tsv`]; the first row is a header.
    TsvHeader,
    /// As [`Self::Tsv`]; every row is data.
    TsvRows,
}

impl Format {
    /// Every format. A recorder keeps the place in this list, so that new formats stand at its end.
    pub const ALL: [Self; 14] = [
        Self::Csv,
        Self::Tsv,
        Self::JsonLines,
        Self::JsonArray,
        Self::YamlList,
        Self::Lines,
        Self::Binary,
        Self::Toml,
        Self::Ini,
        Self::Pem,
        Self::CsvHeader,
        Self::CsvRows,
        Self::TsvHeader,
        Self::TsvRows,
    ];

    /// The word on the wire (`firstbad.content.format`) and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::JsonLines => "jsonl",
            Self::JsonArray => "json",
            Self::YamlList => "yaml",
            Self::Lines => "lines",
            Self::Binary => "binary",
            Self::Toml => "toml",
            Self::Ini => "ini",
            Self::Pem => "pem",
            Self::CsvHeader => "csv-header",
            Self::CsvRows => "csv-rows",
            Self::TsvHeader => "tsv-header",
            Self::TsvRows => "tsv-rows",
        }
    }

    /// The format that a word means.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// The format of `bytes` from a file called `name` (may be empty).
    #[must_use]
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        if std::str::from_utf8(bytes).is_err() && bytes.contains(&0) {
            return Self::Binary;
        }
        Self::of_name(name).unwrap_or_else(|| sniff::format_of(bytes))
    }

    /// The format that a name promises by its extension, if any.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "json" => Some(Self::JsonArray),
            "yaml" | "yml" => Some(Self::YamlList),
            "toml" => Some(Self::Toml),
            "ini" => Some(Self::Ini),
            "pem" => Some(Self::Pem),
            _ => None,
        }
    }

    /// Whether rows are cut into fields by a separator.
    #[must_use]
    pub const fn is_separated(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv | Self::CsvHeader | Self::CsvRows | Self::TsvHeader | Self::TsvRows)
    }
}
