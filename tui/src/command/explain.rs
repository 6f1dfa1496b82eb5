//! Where the numbers of a verdict come from. `--verify` takes the bundle, computes the verdict again on this machine, and
//! compares it byte for byte and number for number.

use crate::cli::{Common, ExplainArgs, TextOrJson};
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::report;
use firstbad_collector::offline::open_bundle;
use firstbad_collector::{Bundle, diagnosis_json};
use firstbad_protocol::Untrusted;
use firstbad_protocol::verdict::Diagnosis;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// One number, as it was given and as it was computed again.
struct Number {
    path: String,
    given: String,
    again: String,
}

impl Number {
    fn agrees(&self) -> bool {
        self.given == self.again
    }
}

/// `firstbad explain`.
///
/// # Errors
/// If the collector or the bundle cannot be read.
pub(super) fn explain(common: &Common, arguments: &ExplainArgs) -> Result<ExitCode, Failure> {
    let is_file = Path::new(&arguments.id).is_file();
    if !is_file && (arguments.id.contains('/') || arguments.id.ends_with(".tar.zst")) {
        return Err(Failure::new(format!("cannot read the bundle {}: no such file", arguments.id))
            .hint("`firstbad bundle ID` writes one; an incident's id has no `/` and no ending"));
    }
    if !arguments.verify && !is_file {
        let client = super::client(common)?;
        let id = super::live::id_of(&client, &arguments.id)?;
        return told(&client.incident_diagnosis(&id)?, Some(&id), arguments.format);
    }
    let bundle = if is_file {
        open_bundle(Path::new(&arguments.id))?
    } else {
        let client = super::client(common)?;
        let id = super::live::id_of(&client, &arguments.id)?;
        Bundle::read(client.bundle(&id)?.as_slice())?
    };
    if arguments.verify {
        return verify(&bundle, arguments.format);
    }
    told(&bundle.diagnose()?, None, arguments.format)
}

fn told(diagnosis: &Diagnosis, id: Option<&str>, format: TextOrJson) -> Result<ExitCode, Failure> {
    let chosen = diagnosis.incidents.iter().filter(|incident| id.is_none_or(|id| incident.id == id));
    match format {
        TextOrJson::Json => print_json(&chosen.collect::<Vec<_>>())?,
        TextOrJson::Text => print(&chosen.map(report::text::explained).collect::<String>())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(bundle: &Bundle, format: TextOrJson) -> Result<ExitCode, Failure> {
    let again = diagnosis_json(&bundle.diagnose()?);
    let same = again == bundle.verdict;
    let numbers = numbers(&bundle.verdict, &again)?;
    match format {
        TextOrJson::Json => {
            let told = |number: &Number| json!({"number": number.path, "given": number.given, "again": number.again, "agrees": number.agrees()});
            print_json(&json!({
                "same_bytes": same,
                "batches": bundle.batches.len(),
                "numbers": numbers.iter().map(told).collect::<Vec<_>>(),
            }))?;
        }
        TextOrJson::Text => print(&table(bundle, same, &numbers))?,
    }
    Ok(ExitCode::from(u8::from(!same)))
}

fn table(bundle: &Bundle, same: bool, numbers: &[Number]) -> String {
    let wide = numbers.iter().map(|number| number.path.len()).max().unwrap_or(0).min(70);
    let mut text = String::new();
    for number in numbers {
        let mark = if number.agrees() { "same" } else { "DIFFERS" };
        let again =
            if number.agrees() { String::new() } else { format!(", computed again: {}", Untrusted(&number.again)) };
        text +=
            &format!("{mark:7} {:wide$} {}{again}\n", Untrusted(&number.path).to_string(), Untrusted(&number.given));
    }
    let differing = numbers.iter().filter(|number| !number.agrees()).count();
    let bytes = if same { "the verdict is the same, byte for byte" } else { "THE VERDICT IS NOT THE SAME" };
    text + &format!(
        "{} numbers computed again from {} committed batches, {differing} differ; {bytes}\n",
        numbers.len(),
        bundle.batches.len()
    )
}

/// Every number of both verdicts, by its place.
fn numbers(given: &str, again: &str) -> Result<Vec<Number>, Failure> {
    let read = |text: &str| -> Result<Value, Failure> {
        serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("the verdict in the bundle is no JSON: {error}")))
    };
    let (mut of_given, mut of_again) = (Vec::new(), Vec::new());
    leaves("", &read(given)?, &mut of_given);
    leaves("", &read(again)?, &mut of_again);
    let mut numbers: Vec<Number> = Vec::new();
    for (path, given) in &of_given {
        let again = of_again.iter().find(|(other, _)| other == path).map_or("absent", |(_, again)| again);
        numbers.push(Number { path: path.clone(), given: given.clone(), again: again.to_owned() });
    }
    for (path, again) in of_again {
        if !of_given.iter().any(|(other, _)| *other == path) {
            numbers.push(Number { path, given: "absent".to_owned(), again });
        }
    }
    Ok(numbers)
}

fn leaves(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Number(number) => found.push((path.to_owned(), number.to_string())),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(&format!("{path}[{index}]"), item, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let separator = if path.is_empty() { "" } else { "." };
                leaves(&format!("{path}{separator}{name}"), member, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_differs_or_is_missing_is_named_by_its_place() {
        let given = r#"{"schema":1,"incidents":[{"impact":{"hosts":3},"suspects":[{"confidence":0.5}]}]}"#;
        let again = r#"{"schema":1,"incidents":[{"impact":{"hosts":4},"suspects":[]}]}"#;
        let numbers = numbers(given, again).expect("JSON");
        let differing: Vec<&str> =
            numbers.iter().filter(|number| !number.agrees()).map(|number| number.path.as_str()).collect();
        assert_eq!(differing, ["incidents[0].impact.hosts", "incidents[0].suspects[0].confidence"]);
        assert_eq!(numbers.len(), 3);
    }
}
