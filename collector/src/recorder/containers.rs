//! Recorders of containers that share no volume with this host: the same directories as processes in other mount namespaces
//! see them. Each is held open, so that what was recorded can be told when the container is gone.

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Directories that are held open; each costs two descriptors.
const CONTAINERS_MAX: usize = 256;

/// A directory whatever it is called: device and inode. The same volume may be seen from many namespaces.
type Identity = (u64, u64);

/// Recorder directories within containers.
#[derive(Debug, Default)]
pub(super) struct Containers(BTreeMap<Identity, Opened>);

#[derive(Debug)]
struct Opened {
    root: OwnedFd,
    /// Its open file in `/proc/self/fd`, which leads there also when no process of the container is left.
    path: PathBuf,
    _directory: File,
}

impl Containers {
    /// Looks for `directories` in every other mount namespace, and returns where they can be read. Those whose namespace is
    /// gone stay for as long as they are `in_use`.
    pub(super) fn look(&mut self, directories: &[PathBuf], in_use: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
        let here: BTreeSet<Identity> =
            directories.iter().filter_map(|path| Some(identity(&fs::metadata(path).ok()?))).collect();
        let mut met = BTreeSet::new();
        for process in one_of_each_namespace() {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            for directory in directories {
                let Ok(root) = open(process.join("root"), flags, Mode::empty()) else { break };
                let Some(opened) = open_within(&root, directory, OFlags::DIRECTORY) else { continue };
                let Ok(identity) = opened.metadata().map(|found| identity(&found)) else { continue };
                if here.contains(&identity) || (self.0.len() >= CONTAINERS_MAX && !self.0.contains_key(&identity)) {
                    continue;
                }
                met.insert(identity);
                let path = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
                self.0.entry(identity).or_insert(Opened { root, path, _directory: opened });
            }
        }
        self.0.retain(|identity, opened| met.contains(identity) || in_use(&opened.path));
        self.0.values().map(|opened| opened.path.clone()).collect()
    }

    /// Root of the container whose directory this is; none: it is this host's.
    pub(super) fn root_of(&self, directory: &Path) -> Option<&OwnedFd> {
        self.0.values().find(|opened| opened.path == directory).map(|opened| &opened.root)
    }
}

/// Opens `path` below `root`: a container's links lead nowhere but to its own files.
pub(super) fn open_within(root: &OwnedFd, path: &Path, flags: OFlags) -> Option<File> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve).ok().map(File::from)
}

fn identity(found: &fs::Metadata) -> Identity {
    (found.dev(), found.ino())
}

/// The directory in `/proc` of one process of every mount namespace but our own, of those that we may look into.
fn one_of_each_namespace() -> Vec<PathBuf> {
    let own = fs::read_link("/proc/self/ns/mnt").ok();
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            && let Ok(namespace) = fs::read_link(entry.path().join("ns/mnt"))
            && own.as_ref() != Some(&namespace)
        {
            found.entry(namespace).or_insert_with(|| entry.path());
        }
    }
    found.into_values().collect()
}
