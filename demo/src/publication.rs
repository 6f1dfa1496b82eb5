//! How a version travels from its producer to the fleet: a file of its own, and a `current` link that is replaced by
//! rename, so that a reader sees one whole version with its name or the other. Who reads it when is decided by `proxy`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The link in a config's directory.
const CURRENT: &str = "current";

/// Where one config is published.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    directory: PathBuf,
}

/// One published version, as a reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// Its number.
    pub(crate) generation: u64,
    /// Its producer.
    pub(crate) source: String,
    /// Its file.
    pub(crate) path: PathBuf,
}

impl Publication {
    /// The publication of `config` below `root`.
    pub(crate) fn new(root: &Path, config: &str) -> Self {
        Self { directory: root.join("published").join(config) }
    }

    /// Makes `bytes` current.
    pub(crate) fn publish(&self, generation: u64, source: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let name = format!("{generation:06}.{source}");
        let being_written = self.directory.join(format!("{name}.new"));
        fs::write(&being_written, bytes)?;
        fs::rename(&being_written, self.directory.join(&name))?;
        let next = self.directory.join("next");
        symlink(&name, &next)?;
        fs::rename(&next, self.directory.join(CURRENT))
    }

    /// What is current.
    pub(crate) fn current(&self) -> io::Result<Published> {
        let name = fs::read_link(self.directory.join(CURRENT))?;
        let name = name.to_string_lossy();
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, format!("`{name}` is no GENERATION.SOURCE"));
        let (generation, source) = name.split_once('.').ok_or_else(malformed)?;
        let generation = generation.parse().map_err(|_| malformed())?;
        Ok(Published { generation, source: source.to_owned(), path: self.directory.join(&*name) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_finds_the_last_version_with_its_number_and_producer() {
        let root = std::env::temp_dir().join(format!("firstbad-publication-{}", std::process::id()));
        let publication = Publication::new(&root, "bot-features");
        for generation in 1..=3 {
            publication.publish(generation, "node-2", format!("rows {generation}").as_bytes()).unwrap();
        }
        let found = publication.current().unwrap();
        assert_eq!((found.generation, found.source.as_str()), (3, "node-2"));
        assert_eq!(fs::read_to_string(found.path).unwrap(), "rows 3");
        fs::remove_dir_all(root).unwrap();
    }
}
