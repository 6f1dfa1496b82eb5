//! The set of playbooks: those embedded in the binary, so that they are there when everything else is down, or those of a
//! directory. Which one fits an incident is decided by the rules; ties go to a user's own, and then to the name that sorts first.

use crate::front_matter::{FILE_BYTES_MAX, ParseError, Playbook};
use firstbad_protocol::verdict::Incident;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Playbooks in one library.
const PLAYBOOKS_MAX: usize = 500;

macro_rules! embed {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../", $name, ".md")))),*] };
}

/// Name and text of every embedded playbook.
const EMBEDDED: &[(&str, &str)] = embed![
    "bad-binary",
    "bad-input",
    "bad-upstream",
    "blank-fields",
    "crash-loop-on-load",
    "delayed-effect",
    "duplicate-rows",
    "empty-input",
    "external-dimension",
    "flag-or-change",
    "hang",
    "input-went-backwards",
    "input-with-binary",
    "insufficient-evidence",
    "memory-growth",
    "one-host",
    "oversized-input",
    "poison-request",
    "refused-by-host",
    "refused-load",
    "resource-exhaustion",
    "score-drift",
    "silent-hosts",
    "silent-zero-scores",
    "split-generation",
    "stale-input",
    "time-boundary",
    "traffic-surge",
    "undeclared-version",
];

/// A library that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A directory or file could not be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file or directory that others may change is not trusted to tell people what to do.
    #[error(
        "{0} is a symbolic link or writable by everyone; playbooks are read only from files that others cannot change"
    )]
    Untrusted(PathBuf),
    /// Too many files.
    #[error("{0} holds more than {PLAYBOOKS_MAX} playbooks")]
    TooMany(PathBuf),
    /// Files with faults, all of them.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Parse(Vec<ParseError>),
}

/// A set of playbooks, sorted by name; a user's own before others.
#[derive(Clone, Debug, Default)]
pub struct Library {
    playbooks: Vec<Playbook>,
}

/// The embedded playbooks.
pub fn embedded() -> &'static Library {
    static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
        // A file that does not parse fails the tests below; in the binary it is left out rather than fatal.
        let parse = |(name, text): &(&str, &str)| Playbook::parse(name, &format!("playbooks/{name}.md"), text).ok();
        Library { playbooks: EMBEDDED.iter().filter_map(parse).collect() }
    });
    &LIBRARY
}

impl Library {
    /// Every playbook, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Playbook> {
        self.playbooks.iter()
    }

    /// These playbooks, and those of `others` whose names are not among them. Where rules fit alike, these come first.
    #[must_use]
    pub fn before(mut self, others: &Self) -> Self {
        let new = others.playbooks.iter().filter(|other| self.get(&other.name).is_none()).cloned();
        let new: Vec<Playbook> = new.collect();
        self.playbooks.extend(new);
        self
    }

    /// The playbook of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Playbook> {
        self.playbooks.iter().find(|playbook| playbook.name == name)
    }

    /// The playbook whose rule states the most conditions that hold.
    #[must_use]
    pub fn matching(&self, incident: &Incident) -> Option<&Playbook> {
        let strength = |playbook: &Playbook| playbook.rules.iter().filter_map(|rule| rule.strength(incident)).max();
        let mut best: Option<((u32, bool), &Playbook)> = None;
        for playbook in &self.playbooks {
            if let Some(found) = strength(playbook)
                && best.is_none_or(|(most, _)| found > most)
            {
                best = Some((found, playbook));
            }
        }
        best.map(|(_, playbook)| playbook)
    }

    /// The playbooks of a directory (`*.md`, except `README.md`).
    ///
    /// # Errors
    /// If the directory or a file cannot be read, may be changed by everyone, or does not parse; all faults are told.
    pub fn read(directory: &Path) -> Result<Self, LibraryError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| LibraryError::Io { path, source }
        };
        refuse_if_others_may_change(directory)?;
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(io(directory))? {
            let path = entry.map_err(io(directory))?.path();
            let is_playbook = path.extension().is_some_and(|extension| extension == "md")
                && path.file_stem().is_some_and(|stem| stem != "README");
            if is_playbook {
                paths.push(path);
            }
            if paths.len() > PLAYBOOKS_MAX {
                return Err(LibraryError::TooMany(directory.to_owned()));
            }
        }
        paths.sort();
        let (mut playbooks, mut faults) = (Vec::new(), Vec::new());
        for path in paths {
            refuse_if_others_may_change(&path)?;
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            match Playbook::parse(&name, &path.to_string_lossy(), &read_bounded(&path).map_err(io(&path))?) {
                Ok(playbook) => playbooks.push(playbook),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(Self { playbooks }) } else { Err(LibraryError::Parse(faults)) }
    }
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn refuse_if_others_may_change(path: &Path) -> Result<(), LibraryError> {
    use std::os::unix::fs::PermissionsExt as _;
    let about = std::fs::symlink_metadata(path).map_err(|source| LibraryError::Io { path: path.to_owned(), source })?;
    if about.file_type().is_symlink() || about.permissions().mode() & 0o002 != 0 {
        return Err(LibraryError::Untrusted(path.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_playbook_parses_and_every_file_is_embedded() {
        for (name, text) in EMBEDDED {
            if let Err(fault) = Playbook::parse(name, &format!("playbooks/{name}.md"), text) {
                panic!("{fault}");
            }
        }
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
        let library = Library::read(directory).expect("playbooks/");
        let names: Vec<&str> = library.iter().map(|playbook| playbook.name.as_str()).collect();
        assert_eq!(names, EMBEDDED.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_everyone_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = std::env::temp_dir().join(format!("firstbad-playbooks-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("create");
        let file = directory.join("p.md");
        std::fs::write(&file, "+++\n").expect("write");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("chmod");
        let refused = Library::read(&directory).map(|_| ());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        let faulty = Library::read(&directory).map(|_| ());
        std::fs::remove_dir_all(&directory).expect("remove");
        assert!(matches!(refused, Err(LibraryError::Untrusted(_))), "{refused:?}");
        assert!(matches!(faulty, Err(LibraryError::Parse(_))), "{faulty:?}");
    }
}
