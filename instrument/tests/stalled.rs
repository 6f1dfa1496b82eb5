//! A reader of stderr that stalls, and a full disk behind it: panics go on being caught at full speed, no thread waits, nothing
//! aborts. The control is the same storm under the default hook alone, which must stall: else the test proves nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::PreviousHook;
use std::process::Stdio;
use std::time::{Duration, Instant};

const PANICS: usize = 3000;
/// How long nobody reads what the child prints.
const STALL: Duration = Duration::from_millis(1500);

#[test]
fn child() {
    let Some(mode) = common::mode() else { return };
    let recorder = (mode != "default").then(|| {
        let init = firstbad_instrument::init().service("stalled").previous_hook(PreviousHook::Limited);
        init.install().unwrap()
    });
    // The pipe is full before the first panic: this is what a stalled reader leaves.
    if mode != "full-disk" {
        fill_stderr();
    }
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..PANICS / 2 {
                    let _ = std::panic::catch_unwind(|| panic!("a line for stderr"));
                }
            });
        }
    });
    println!("took {}", begun.elapsed().as_millis());
    drop(recorder);
}

/// Writes to stderr until it would wait.
fn fill_stderr() {
    #[expect(unsafe_code, reason = "there is no safe non-blocking write to stderr")]
    // SAFETY: system calls on this process's own descriptor and a valid buffer.
    unsafe {
        let flags = libc::fcntl(2, libc::F_GETFL);
        libc::fcntl(2, libc::F_SETFL, flags | libc::O_NONBLOCK);
        while libc::write(2, [0_u8; 512].as_ptr().cast(), 512) > 0 {}
        libc::fcntl(2, libc::F_SETFL, flags);
    }
}

/// Milliseconds that the storm took in a child whose stderr stalls, and how it ended.
fn stalled(mode: &str) -> (u128, bool) {
    let directory = tempfile::tempdir().unwrap();
    let mut child = common::child("child", mode, directory.path()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        // The fault itself: nobody reads.
        std::thread::sleep(STALL);
        let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    });
    let output = child.wait_with_output().unwrap();
    reader.join().unwrap();
    (took(&output), output.status.success())
}

fn took(output: &std::process::Output) -> u128 {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.split("took ").nth(1)).unwrap_or_else(|| panic!("{output:?}"));
    line.trim().parse().unwrap()
}

#[test]
fn no_thread_waits_for_a_stalled_reader_of_stderr() {
    if common::mode().is_some() {
        return;
    }
    let ((ours, ended), (default, _)) = (stalled("ours"), stalled("default"));
    assert!(ended);
    // The default hook's threads wait for the reader; ours never do, however slow the machine.
    assert!(default >= STALL.as_millis() / 2, "the control did not stall: {default} ms");
    assert!(ours < default, "{ours} ms of a storm that the default hook holds up for {default} ms");
}

#[test]
fn a_full_disk_behind_stderr_aborts_nothing() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = common::child("child", "full-disk", directory.path()).stderr(Stdio::from(full)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let image = common::image(directory.path());
    assert_eq!(image.panics, PANICS as u64);
}
