//! Runs one seed of scenarios as observations and as a capture, and lists where the verdicts differ: exit code 1 if the
//! wire changed one.

use firstbad_simulator::agreement::Replay;
use firstbad_simulator::overrides::Overrides;
use firstbad_simulator::{agreement, args, scenario};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "agreement FIRSTBAD SCENARIO-GLOB [SEED [HOSTS]]: FIRSTBAD is the binary that reads the captures";

fn main() -> ExitCode {
    match execute() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn execute() -> Result<bool, String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [firstbad, glob, rest @ ..] = words.as_slice() else { return Err(USAGE.into()) };
    let number = |at: usize| rest.get(at).map(|word| word.parse::<u64>().map_err(|_| USAGE.to_owned())).transpose();
    let seed = number(0)?.unwrap_or(1);
    let hosts = number(1)?.and_then(|hosts| usize::try_from(hosts).ok());
    let mut scenarios = scenario::read_all(&scenario::directory())?;
    scenarios.retain(|scenario| args::fits(glob, &scenario.name));
    let (mut wire, mut order) = (0, 0);
    let file = std::env::temp_dir().join(format!("firstbad-agreement-{}.jsonl", std::process::id()));
    for scenario in &scenarios {
        let replay = Replay { firstbad: Path::new(firstbad), capture: &file };
        let found = agreement::of(scenario, seed, Overrides { hosts, ..Overrides::NONE }, replay)?;
        let (of_wire, of_order) = (found.of_the_wire(), found.of_the_order());
        (wire, order) = (wire + usize::from(!of_wire), order + usize::from(!of_order));
        let word = |same: bool| if same { "same" } else { "DIFFERS" };
        println!("{:<40} wire {:<8} order {}", scenario.name, word(of_wire), word(of_order));
        if !(of_wire && of_order) {
            println!(
                "    arrived  {:?}\n    ordered  {:?}\n    captured {:?}",
                found.arrived, found.ordered, found.captured
            );
        }
    }
    let _ = std::fs::remove_file(&file);
    println!("{} scenarios; the wire changes {wire}, the order of arrival {order}", scenarios.len());
    Ok(wire == 0)
}
