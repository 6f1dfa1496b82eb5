//! The stage alone, without collector: `cargo run -p firstbad-demo --example stage -- SCENARIO [SEED] [keep]` prints what
//! happens and, at the end, the ground truth as JSON.

use firstbad_demo::{CHILD_COMMAND, Home, Phase, Scenario, Settings, Stage};
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((CHILD_COMMAND, rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return Ok(firstbad_demo::child(rest));
    }
    let scenario: Scenario = arguments.first().map_or(Ok(Scenario::November), |word| word.parse())?;
    let seed = arguments.get(1).map_or(Ok(1), |seed| seed.parse())?;
    let keep = arguments.iter().any(|argument| argument == "keep");
    let home = Arc::new(Home::create(&std::env::current_exe()?, keep)?);
    println!("{scenario}, seed {seed}, in {}", home.path().display());
    let stage = Stage::start(Arc::clone(&home), Settings { scenario, seed, otlp_http: None })?;
    let started = stage.truth().started;
    while stage.phase() != Phase::Done {
        std::thread::sleep(Duration::from_millis(200));
        for event in stage.take_events() {
            println!("{}", event.line(started));
        }
    }
    let truth = stage.stop();
    println!("{}", serde_json::to_string_pretty(&truth)?);
    Ok(if truth.trouble.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
