//! Child processes that end with their parent: each ends its own children when its standard input ends.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

/// An error that prevents a run.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// A child process. Dropping it closes the child's standard input and waits for its end.
#[derive(Debug)]
pub(crate) struct Started(pub(crate) Child);

impl Started {
    /// Starts `command` with its standard input and output piped.
    pub(crate) fn of(command: &mut Command) -> Result<Self, Error> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        child.map(Self).map_err(|error| format!("starting {command:?}: {error}").into())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Returns the command that starts this program in another part.
pub(crate) fn myself() -> Result<Command, Error> {
    Ok(Command::new(std::env::current_exe()?))
}

/// Returns the command that starts `program` under a keeper, since `program` does not watch its standard input.
pub(crate) fn kept(program: &Path) -> Result<Command, Error> {
    let mut command = myself()?;
    command.args(["keep", "--"]).arg(program);
    Ok(command)
}

/// Plays the keeper: starts `command`, and ends it when standard input ends. The keeper ends with the command.
///
/// # Errors
/// If the command cannot be started or waited for.
pub(crate) fn keep(command: &[String]) -> Result<ExitCode, Error> {
    let (program, arguments) = command.split_first().ok_or("nothing to keep")?;
    let mut child = Command::new(program).args(arguments).stdin(Stdio::null()).spawn()?;
    end_with_standard_input(child.id());
    Ok(if child.wait()?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Ends the process `pid` when standard input ends. The caller must not have waited for it, or the id may be reused.
fn end_with_standard_input(pid: u32) {
    std::thread::spawn(move || {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
    });
}

/// Ends this process when standard input ends. That closes the pipes of its children, which then end too.
pub(crate) fn end_with_the_parent() {
    std::thread::spawn(|| {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(3);
    });
}

/// Runs a system command.
///
/// # Errors
/// If the command fails, with its error output.
pub(crate) fn system(words: &[&str]) -> Result<(), Error> {
    let (program, arguments) = words.split_first().ok_or("no command")?;
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim()).into())
}
