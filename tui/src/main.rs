//! The `firstbad` binary: command line, terminal UI, reports. It decides words and layout; verdicts come from the engine.

mod advice;
mod backtest;
mod bisect;
mod census;
mod cli;
mod command;
mod course;
mod demo;
mod difference;
mod doctor;
mod facts;
mod failure;
mod film;
#[cfg(test)]
mod fixture;
mod gate;
mod output;
mod picture;
mod plain;
mod report;
mod rhythm;
mod rollouts;
mod screen;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    // A part on the demo's stage is this same binary; it must not read our flags or environment.
    if arguments.get(1).is_some_and(|first| first == firstbad_demo::CHILD_COMMAND) {
        return firstbad_demo::child(arguments.get(2..).unwrap_or_default());
    }
    match cli::parse().and_then(|parsed| command::run(&parsed)) {
        Ok(code) => code,
        Err(failure) => failure.say(),
    }
}
