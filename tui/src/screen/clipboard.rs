//! Copying: through tmux where the screen runs in it, since tmux as it comes ignores what a program sends to the clipboard; else
//! as an escape sequence to the terminal that the person sits at; and into a file what is more than a terminal takes.

use super::message::Copied;
use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Bytes sent to a terminal's clipboard at once: terminals commonly take 100 kB of Base64.
const TERMINAL_BYTES_MAX: usize = 74_000;
/// Files of earlier copies that are passed over before it is given up.
const FILES_MAX: usize = 1_000;

/// Copies `text` whole, or not at all.
///
/// # Errors
/// The system's error text.
pub(super) fn copy(text: &str) -> io::Result<Copied> {
    let is_in_tmux = std::env::var_os("TMUX").is_some_and(|socket| !socket.is_empty());
    // `-w` hands the text on to the terminal's clipboard (tmux 3.2); tmux keeps it in its own buffer as well.
    if is_in_tmux && give(Command::new("tmux").args(["load-buffer", "-w", "-"]), text).is_ok() {
        return Ok(Copied::Tmux(text.len()));
    }
    if text.len() > TERMINAL_BYTES_MAX {
        return into_file(&std::env::temp_dir(), text).map(Copied::File);
    }
    execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))?;
    Ok(Copied::Sent(text.len()))
}

/// Gives `text` to the standard input of `command`.
fn give(command: &mut Command, text: &str) -> io::Result<()> {
    let mut taker = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let written = taker.stdin.take().map_or(Ok(()), |mut input| input.write_all(text.as_bytes()));
    let ended = taker.wait()?;
    written?;
    if ended.success() { Ok(()) } else { Err(io::Error::other(ended.to_string())) }
}

/// Writes `text` into a new file of `directory` that only this user reads, and returns its path.
fn into_file(directory: &Path, text: &str) -> io::Result<String> {
    use std::os::unix::fs::OpenOptionsExt as _;
    for number in 0..FILES_MAX {
        let path = directory.join(format!("firstbad-{}-{number}.txt", std::process::id()));
        // Never through a link or into a file that somebody else put there.
        match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => {
                opened?.write_all(text.as_bytes())?;
                return Ok(path.display().to_string());
            }
        }
    }
    Err(io::Error::other(format!("{} holds {FILES_MAX} earlier copies", directory.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_for_a_terminal_is_written_whole_into_a_new_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let text = "edge-eu-00\n".repeat(10_000);
        let first = into_file(directory.path(), &text).expect("written");
        let second = into_file(directory.path(), "other").expect("written");
        assert_eq!(std::fs::read_to_string(&first).expect("readable"), text);
        assert_ne!(first, second, "an earlier copy stays");
    }

    #[test]
    fn a_program_that_does_not_take_the_text_is_no_success() {
        let shell = |script: &str| give(Command::new("sh").args(["-c", script]), "x");
        assert!(shell("cat >/dev/null; exit 1").is_err());
        assert!(give(&mut Command::new("/nonexistent/tmux"), "x").is_err());
        shell("cat >/dev/null").expect("control: a program that takes it");
    }
}
