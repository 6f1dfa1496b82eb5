//! Processes that end with their parent: each ends its own children when its standard input ends.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

/// Anything that keeps a run from being played.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// A started part. Dropping it closes its standard input and waits for its end.
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

/// This program, to be started in another part.
pub(crate) fn myself() -> Result<Command, Error> {
    Ok(Command::new(std::env::current_exe()?))
}

/// A program that does not look at its standard input, under a keeper that does.
pub(crate) fn kept(program: &Path) -> Result<Command, Error> {
    let mut command = myself()?;
    command.args(["keep", "--"]).arg(program);
    Ok(command)
}

/// The keeper's part: starts the command, and ends it when standard input ends. If it ends by itself, so does the keeper.
///
/// # Errors
/// If it cannot be started or waited for.
pub(crate) fn keep(command: &[String]) -> Result<ExitCode, Error> {
    let (program, arguments) = command.split_first().ok_or("nothing to keep")?;
    let mut child = Command::new(program).args(arguments).stdin(Stdio::null()).spawn()?;
    end_with_standard_input(child.id());
    Ok(if child.wait()?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Ends the process `pid`, which the caller has not waited for, when standard input ends.
fn end_with_standard_input(pid: u32) {
    std::thread::spawn(move || {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
    });
}

/// Ends this process when standard input does, and with it the pipes of its children, which then end too.
pub(crate) fn end_with_the_parent() {
    std::thread::spawn(|| {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(3);
    });
}

/// Runs a command of the system.
///
/// # Errors
/// If it fails, with what it said.
pub(crate) fn system(words: &[&str]) -> Result<(), Error> {
    let (program, arguments) = words.split_first().ok_or("no command")?;
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim()).into())
}
