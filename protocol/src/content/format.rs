//! How the bytes of a version are cut into rows. The format is told, or follows from the file's name, or from its first
//! bytes; it is never changed by what comes later in the file.

/// A way to cut bytes into rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-separated with a header row; quoted fields may hold line ends (RFC 4180).
    Csv,
    /// Tab-separated with a header row.
    Tsv,
    /// One JSON value in each line.
    JsonLines,
    /// The elements of a JSON array, or of the only array in a JSON object.
    JsonArray,
    /// The items of a YAML list at the outermost level (`- item`).
    YamlList,
    /// One row in each line, no header.
    Lines,
    /// Not text: it has a size and a hash, and no rows.
    Binary,
}

impl Format {
    /// Every format, in the order of its words in help texts.
    pub const ALL: [Self; 7] =
        [Self::Csv, Self::Tsv, Self::JsonLines, Self::JsonArray, Self::YamlList, Self::Lines, Self::Binary];

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
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "jsonl" | "ndjson" => Self::JsonLines,
            "json" => Self::JsonArray,
            "yaml" | "yml" => Self::YamlList,
            _ => Self::of_first_bytes(bytes),
        }
    }

    fn of_first_bytes(bytes: &[u8]) -> Self {
        let text = bytes.trim_ascii_start();
        let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
        match text.first() {
            Some(b'[') => Self::JsonArray,
            Some(b'{') if first_line.ends_with(b"}") => Self::JsonLines,
            Some(b'{') => Self::JsonArray,
            Some(b'-') if first_line.starts_with(b"- ") => Self::YamlList,
            _ if text.contains(&0) => Self::Binary,
            _ => Self::Lines,
        }
    }

    /// Whether the first row names the columns and is no data.
    #[must_use]
    pub const fn has_header(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv)
    }
}
