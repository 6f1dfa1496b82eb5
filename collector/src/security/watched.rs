//! A value that is made from files and made again when they change. A file that cannot be used changes nothing: the last
//! good value stays, and the log says why.

use super::SecurityError;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// How often files are looked at. A revoked token is refused within this time and the time of one read.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What tells that a file is another, or has been written since. None: it cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<Option<FileStamp>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct FileStamp {
    inode: u64,
    bytes: u64,
    mode: u32,
    modified_ns: (i64, i64),
    changed_ns: (i64, i64),
}

impl Stamp {
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let one = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some(FileStamp {
                inode: metadata.ino(),
                bytes: metadata.size(),
                mode: metadata.mode(),
                modified_ns: (metadata.mtime(), metadata.mtime_nsec()),
                changed_ns: (metadata.ctime(), metadata.ctime_nsec()),
            })
        };
        Self(paths.iter().map(one).collect())
    }
}

type Load<T> = Box<dyn Fn() -> Result<T, SecurityError> + Send + Sync>;

/// A value from files.
pub(super) struct Watched<T> {
    paths: Vec<PathBuf>,
    load: Load<T>,
    stamp: Mutex<Stamp>,
    current: RwLock<Arc<T>>,
    generation: watch::Sender<u64>,
    /// Why what the files hold now is not in force.
    problem: Mutex<Option<String>>,
}

impl<T> std::fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl<T: Send + Sync> Watched<T> {
    /// Loads the value a first time.
    pub(super) fn new(
        paths: Vec<PathBuf>,
        load: impl Fn() -> Result<T, SecurityError> + Send + Sync + 'static,
    ) -> Result<Self, SecurityError> {
        // Before the files are read: a change during the read is then seen as one.
        let stamp = Mutex::new(Stamp::of(&paths));
        let current = RwLock::new(Arc::new(load()?));
        Ok(Self {
            paths,
            load: Box::new(load),
            stamp,
            current,
            generation: watch::Sender::new(0),
            problem: Mutex::default(),
        })
    }

    /// Why what the files hold now is not in force, if so.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells when there is another value.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }
}

/// Something that looks at files.
pub(crate) trait Fresh: Send + Sync {
    /// Looks, and takes what is new.
    fn look(&self);
    /// Why what the files hold now is not in force, if so.
    fn problem(&self) -> Option<String>;
}

impl<T: Send + Sync> Fresh for Watched<T> {
    fn problem(&self) -> Option<String> {
        Self::problem(self)
    }

    fn look(&self) {
        let now = Stamp::of(&self.paths);
        let mut known = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == now {
            return;
        }
        *known = now;
        let problem = match (self.load)() {
            Ok(value) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                self.generation.send_modify(|generation| *generation += 1);
                tracing::info!(files = ?self.paths, "read again after a change");
                None
            }
            Err(error) => {
                tracing::error!(%error, "a changed file cannot be used; what was read before stays in force");
                Some(format!("{error}: what was read before its change stays in force"))
            }
        };
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

/// Looks at the files of `all` until `stop`.
pub(crate) async fn keep_fresh(all: Vec<Arc<dyn Fresh>>, mut stop: watch::Receiver<bool>) {
    while tokio::time::timeout(LOOK_EVERY, stop.wait_for(|stop| *stop)).await.is_err() {
        let all = all.clone();
        let looked = tokio::task::spawn_blocking(move || all.iter().for_each(|one| one.look())).await;
        if looked.is_err() {
            tracing::error!("a look at certificates and credentials failed");
        }
    }
}
