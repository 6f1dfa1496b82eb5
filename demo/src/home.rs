//! The stage's own directory, and its removal: a janitor process waits for the end of the parent, however that comes
//! (return, ctrl-c, SIGKILL), and removes what is left. What lies in the directory is decided by its users.

use crate::CHILD_COMMAND;
use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// Word for the janitor's part.
pub(crate) const JANITOR_ROLE: &str = "janitor";
/// First part of the directory's name; the janitor removes nothing else.
const PREFIX: &str = "firstbad-demo-";
/// How often the janitor tries while processes that end at the same time still write into the directory.
const REMOVAL_ATTEMPTS: u32 = 50;

/// A directory of the demo's own. Dropping it removes it, unless it is to be kept.
#[derive(Debug)]
pub struct Home {
    directory: PathBuf,
    program: PathBuf,
    janitor: Option<Child>,
}

impl Home {
    /// A new directory below the system's directory for temporary files. `program` is the binary that dispatches
    /// [`CHILD_COMMAND`]. With `keep`, nothing is removed.
    ///
    /// # Errors
    /// If the directory cannot be made or the janitor cannot be started.
    pub fn create(program: &Path, keep: bool) -> io::Result<Self> {
        let unique = crate::clock::now().0.unsigned_abs() % 1_000_000_000;
        let directory = std::env::temp_dir().join(format!("{PREFIX}{}-{unique:09}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&directory)?;
        let janitor = if keep { None } else { Some(hire_janitor(program, &directory)?) };
        let home = Self { directory, program: program.to_owned(), janitor };
        DirBuilder::new().mode(0o700).create(home.recorders())?;
        DirBuilder::new().mode(0o700).create(home.logs())?;
        Ok(home)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Where the fleet's recorders lie: what the collector reads.
    #[must_use]
    pub fn recorders(&self) -> PathBuf {
        self.directory.join("recorders")
    }

    /// Where the collector may keep its store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.directory.join("store")
    }

    /// Where each process's standard error goes.
    pub(crate) fn logs(&self) -> PathBuf {
        self.directory.join("logs")
    }

    /// The last line that the processes of `host` wrote to standard error, or why it is not known.
    pub(crate) fn last_logged(&self, host: &str) -> String {
        match fs::read_to_string(self.logs().join(format!("{host}.log"))) {
            Ok(log) => log.lines().next_back().map_or_else(|| "nothing, it is empty".to_owned(), ToOwned::to_owned),
            Err(error) => format!("(it cannot be read: {error})"),
        }
    }

    /// The binary that dispatches [`CHILD_COMMAND`].
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(mut janitor) = self.janitor.take() {
            // Closing its standard input is the sign; `wait` does that first.
            let _ = janitor.wait();
        }
    }
}

/// The janitor is in a process group of its own, so that ctrl-c does not reach it.
fn hire_janitor(program: &Path, directory: &Path) -> io::Result<Child> {
    Command::new(program)
        .arg(CHILD_COMMAND)
        .arg(JANITOR_ROLE)
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
}

/// The janitor's part: waits until its standard input ends, then removes `directory`.
pub(crate) fn clean_up_after_parent(directory: &str) -> ExitCode {
    let directory = Path::new(directory);
    let ours = directory.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    if !ours || !directory.is_absolute() {
        eprintln!("janitor: `{}` is not a directory of the demo", directory.display());
        return ExitCode::from(2);
    }
    let _ = io::stdin().lock().read_to_end(&mut Vec::new());
    for _ in 0..REMOVAL_ATTEMPTS {
        match fs::remove_dir_all(directory) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return ExitCode::SUCCESS,
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    eprintln!("janitor: could not remove `{}`; remove it by hand", directory.display());
    ExitCode::FAILURE
}
