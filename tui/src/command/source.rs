//! Bytes that a command was pointed at: a file, standard input, or a version that the collector keeps. Sizes are bounded.

use crate::cli::Common;
use crate::failure::Failure;
use crate::screen::runtime::{Content, Contents};
use firstbad_collector::Client;
use firstbad_protocol::Hash;
use firstbad_protocol::content::Format;
use firstbad_protocol::limits::CHECKED_FILE_BYTES_MAX;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

/// One version to look at.
pub(super) struct Source {
    /// What a person called it.
    pub(super) name: String,
    /// Its bytes; of a version that was kept with its secrets hidden, what is shown of them.
    pub(super) bytes: Vec<u8>,
    /// The version's hash.
    pub(super) hash: Hash,
    /// How its sender said that it is cut into rows.
    told: Option<Format>,
}

impl Source {
    /// The format that its name promises, if any. What a sender said is no promise: its values may be masked since.
    pub(super) fn promised(&self) -> Option<Format> {
        Format::of_name(&self.name)
    }

    /// How it is cut into rows unless somebody says otherwise.
    pub(super) fn format(&self) -> Format {
        self.told.unwrap_or_else(|| Format::of(&self.name, &self.bytes))
    }

    /// Whether its secrets are hidden: its bytes are then not those that the hash is of.
    pub(super) fn masked(&self) -> bool {
        Hash::of(&self.bytes) != self.hash
    }
}

/// What the collector keeps, as screen and report ask for it.
pub(super) fn kept_by(client: &Client) -> Contents {
    let client = client.clone();
    Arc::new(move |hash| {
        let (bytes, told) = client.content_and_format(&hash).map_err(|error| error.to_string())?;
        let format = told.unwrap_or_else(|| Format::of("", &bytes));
        Ok(Content { bytes, format })
    })
}

/// A file, or `-`.
///
/// # Errors
/// If it cannot be read, or is larger than any input.
pub(super) fn file(path: &Path) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let trouble = |error: io::Error| {
        Failure::new(format!("cannot read {name}: {error}"))
            .hint("give a file that exists and can be read, or - for standard input")
    };
    let mut bytes = Vec::new();
    let most = CHECKED_FILE_BYTES_MAX as u64 + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(trouble)?;
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(trouble)?;
    }
    if bytes.len() > CHECKED_FILE_BYTES_MAX {
        return Err(Failure::new(format!(
            "{name} is larger than {CHECKED_FILE_BYTES_MAX} bytes, which is more than is read"
        )));
    }
    Ok(Source { name, hash: Hash::of(&bytes), bytes, told: None })
}

/// A file, or else a hash that the collector keeps.
///
/// # Errors
/// If it is neither.
pub(super) fn file_or_hash(common: &Common, text: &str) -> Result<Source, Failure> {
    if text == "-" || Path::new(text).exists() {
        return file(Path::new(text));
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() < 8 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Failure::new(format!("`{text}` is neither a file nor a hash"))
            .hint("give a path, sha256:<64 hex>, or the first 12 hex digits"));
    }
    let client = super::client(common)?;
    let hash = match text.parse() {
        Ok(hash) => hash,
        Err(_) => whole_hash(&client, digits)?,
    };
    let (bytes, told) = client.content_and_format(&hash).map_err(|error| {
        Failure::new(&error).hint(
            "turn it on with Init::content(Content::Masked) in the proxy and --contents full at the collector (both are the \
             defaults); what is no text, or has more than 4 MiB, is not kept; files always work",
        )
    })?;
    Ok(Source { name: hash.short(), bytes, hash, told })
}

fn whole_hash(client: &Client, digits: &str) -> Result<Hash, Failure> {
    let digits = digits.to_ascii_lowercase();
    let snapshot = client.snapshot()?;
    let mut known: Vec<Hash> = snapshot.versions.iter().map(|version| version.hash).collect();
    for incident in &snapshot.diagnosis.incidents {
        known.extend(incident.cause.iter().flat_map(|cause| cause.hashes.iter().copied()));
        known.extend(incident.last_known_good.iter().map(|good| good.hash));
    }
    known.retain(|hash| hash.hex().starts_with(&digits));
    known.sort_unstable();
    known.dedup();
    match known.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::new(format!("no version that {} knows begins with {digits}", client.base()))
            .hint("firstbad status lists the versions; all 64 digits also find one that left the list")),
        several => {
            Err(Failure::new(format!("{} versions begin with {digits}", several.len())).hint("give more digits"))
        }
    }
}
