//! `firstbad gate`: asks a collector until there is an answer. What the answer is, is decided in `gate`.

use crate::cli::{Common, GateArgs, TextOrJson};
use crate::failure::Failure;
use crate::gate::{Answer, Asked, Gate, Look, Said};
use crate::output::{print, print_json};
use firstbad_collector::Client;
use firstbad_protocol::Untrusted;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Between two looks: the engine judges at most once a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// `firstbad gate`.
///
/// # Errors
/// If the output cannot be written. A collector that cannot be asked is an answer: not known.
pub(super) fn gate(common: &Common, arguments: &GateArgs) -> Result<ExitCode, Failure> {
    let client = super::client(common)?;
    let (config, digits) = (arguments.config.clone(), arguments.hash.0.clone());
    let mut gate = Gate::new(Asked { config, digits, watch_for: arguments.watch_for.0 });
    let began = Instant::now();
    let said = loop {
        // The time is taken before the look, so that none is claimed which was not seen.
        let elapsed = began.elapsed();
        if let Some(said) = look(&mut gate, elapsed, &client) {
            break said;
        }
        std::thread::sleep(LOOK_EVERY);
    };
    match arguments.format {
        TextOrJson::Json => print_json(&said)?,
        TextOrJson::Text => print(&text(&said))?,
    }
    Ok(ExitCode::from(match said.answer {
        Answer::Go => 0,
        Answer::Bad => 1,
        Answer::NotKnown => 2,
    }))
}

fn look(gate: &mut Gate, elapsed: Duration, client: &Client) -> Option<Said> {
    let seen = client.status().and_then(|status| Ok((status, client.snapshot()?)));
    match &seen {
        Ok((status, snapshot)) => gate.look(elapsed, Ok(Look { status, snapshot })),
        Err(error) => gate.look(elapsed, Err(error.to_string())),
    }
}

fn text(said: &Said) -> String {
    let answer = match said.answer {
        Answer::Go => "GO",
        Answer::Bad => "BAD",
        Answer::NotKnown => "NOT KNOWN",
    };
    format!("{answer}: {} {}: {}\n", Untrusted(&said.config), said.hash, said.sentence)
}
