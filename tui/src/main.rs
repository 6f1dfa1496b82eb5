//! The `firstbad` binary: command line, terminal UI, reports. It decides words and layout; verdicts come from the engine.

mod advice;
mod difference;
mod facts;
#[cfg(test)]
mod fixture;
mod screen;

fn main() {}
