//! Directories of recorders: those that are read, and those of other users that nobody asked for. A proxy whose recorder stands
//! where nobody looks is otherwise nowhere to be seen. What is found here is only told, never read: whoever may make a directory
//! under a well-known name could otherwise write what a privileged reader ships.

use super::file;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Places of other users that are told; each user can make one.
const OTHERS_MAX: usize = 32;

/// What stands in a directory of recorders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The directory does not exist.
    Missing,
    /// This user may not list it.
    Denied,
    /// It could be listed, and has so many recorders.
    Recorders(usize),
}

/// One directory where recorders may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory.
    pub path: PathBuf,
    /// Its owner, if it exists.
    pub owner: Option<u32>,
    /// What stands there.
    pub found: Found,
    /// Whether it is one of those that are read.
    pub is_read: bool,
}

impl Place {
    fn of(path: PathBuf, is_read: bool) -> Self {
        let owner = fs::metadata(&path).ok().map(|found| found.uid());
        let found = match fs::read_dir(&path) {
            Ok(entries) => Found::Recorders(entries.flatten().filter(file::is_recorder).count()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Found::Missing,
            Err(_) => Found::Denied,
        };
        Self { path, owner, found, is_read }
    }

    /// What a person should do, so that the recorders there are read; none if nothing keeps them from it.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let path = self.path.display();
        let owner = self.owner.map_or_else(|| "another user".to_owned(), |uid| format!("user {uid}"));
        match (self.is_read, &self.found) {
            (true, Found::Denied) => Some(format!(
                "{path} belongs to {owner} and may not be listed by this one: join its group, or run as root"
            )),
            (false, Found::Denied) => Some(format!(
                "{path} belongs to {owner}, may not be listed by this one and is not looked at: name it with --recorder-dir and \
                 run as root, or give both users one directory (firstbad gen tmpfiles)"
            )),
            (false, Found::Recorders(count)) if *count > 0 => Some(format!(
                "{path} belongs to {owner}, holds {count} recorders and is not looked at: name it with --recorder-dir or \
                 FIRSTBAD_RECORDER_DIR, or give both users one directory (firstbad gen tmpfiles)"
            )),
            _ => None,
        }
    }
}

/// The directories that are read, then those of other users on this host that exist.
#[must_use]
pub fn places(directories: &[PathBuf]) -> Vec<Place> {
    let mut others = vec![PathBuf::from("/run/firstbad")];
    others.extend(below(Path::new("/var/tmp"), |name| Some(name.strip_prefix("firstbad-")?.to_owned()), ""));
    others.extend(below(Path::new("/run/user"), |name| Some(name.to_owned()), "firstbad"));
    all(directories, others)
}

fn all(directories: &[PathBuf], others: Vec<PathBuf>) -> Vec<Place> {
    let read = directories.iter().map(|path| Place::of(path.clone(), true));
    let others = others.into_iter().filter(|path| !directories.contains(path)).map(|path| Place::of(path, false));
    read.chain(others.filter(|place| place.found != Found::Missing).take(OTHERS_MAX)).collect()
}

/// Directories in `parent` whose names hold a user's number, followed by `rest`. A symbolic link is none.
fn below(parent: &Path, user: impl Fn(&str) -> Option<String>, rest: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let is_user = |name: &str| user(name).is_some_and(|user| user.parse::<u32>().is_ok());
    let directories = entries.filter(|entry| {
        entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name().to_str().is_some_and(is_user)
    });
    let mut found: Vec<PathBuf> = directories.map(|entry| entry.path().join(rest)).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorders_of_another_user_are_pointed_to_and_empty_or_missing_places_are_not() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["firstbad-65534", "firstbad-7", "firstbad-junk", "read"] {
            fs::create_dir(at(name)).unwrap();
        }
        std::os::unix::fs::symlink("/etc", at("firstbad-8")).unwrap();
        for name in
            ["firstbad-65534/edge.1.rec", "firstbad-65534/edge.2.rec.done", "firstbad-65534/notes", "read/a.rec"]
        {
            fs::write(at(name), "").unwrap();
        }
        let user = |name: &str| Some(name.strip_prefix("firstbad-")?.to_owned());
        let others = below(root.path(), user, "");
        assert_eq!(others, [at("firstbad-65534"), at("firstbad-7")]);
        let found = all(&[at("read"), at("missing")], [others, vec![at("read"), at("gone")]].concat());
        let seen: Vec<_> = found.iter().map(|place| (place.path.clone(), place.found.clone(), place.is_read)).collect();
        assert_eq!(
            seen,
            [
                (at("read"), Found::Recorders(1), true),
                (at("missing"), Found::Missing, true),
                (at("firstbad-65534"), Found::Recorders(2), false),
                (at("firstbad-7"), Found::Recorders(0), false),
            ]
        );
        let problems: Vec<String> = found.iter().filter_map(Place::problem).collect();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("firstbad-65534") && problems[0].contains("2 recorders"), "{problems:?}");
    }

    #[test]
    fn a_place_that_may_not_be_listed_is_a_problem_wherever_it_is() {
        let denied = |is_read| Place { path: "/run/firstbad".into(), owner: Some(0), found: Found::Denied, is_read };
        assert!(denied(true).problem().is_some_and(|said| said.contains("join its group")));
        assert!(denied(false).problem().is_some_and(|said| said.contains("not looked at")));
    }
}
