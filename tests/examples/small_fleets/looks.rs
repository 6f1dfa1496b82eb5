//! The answers of `firstbad status --format json`, with the fields by which a run is judged.

use crate::clock::now_ns;
use crate::fleet::Fleet;
use crate::parts::Error;
use serde::Serialize;
use serde_json::Value;
use std::process::{Command, Stdio};

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Look {
    /// Time of the answer, ns since the Unix epoch.
    pub(crate) at_ns: u64,
    /// Number of hosts that the collector knows.
    pub(crate) hosts: u64,
    /// All incidents.
    pub(crate) incidents: Vec<Seen>,
}

/// One incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Seen {
    /// `cause`, `suspect`, `external`, `insufficient_evidence`.
    pub(crate) verdict: String,
    /// The cause that the incident names.
    pub(crate) cause: Option<Named>,
    /// Signals of the incident.
    pub(crate) signals: Vec<String>,
    /// Confidence of the first suspect, 0 to 1.
    pub(crate) confidence: f64,
}

/// The cause that an incident names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Named {
    /// `config`, `binary`, `host`, ..
    pub(crate) kind: String,
    /// Name of the config.
    pub(crate) config: String,
    /// Hashes of the versions, `sha256:..`.
    pub(crate) hashes: Vec<String>,
}

/// Asks the fleet's collector for its diagnosis, as a script would.
///
/// # Errors
/// If the answer holds no diagnosis.
pub(crate) fn look(fleet: &Fleet) -> Result<Look, Error> {
    let mut command = Command::new(&fleet.firstbad);
    command.args(["status", "--format", "json", "--collector", &fleet.api]).stdin(Stdio::null());
    let output = command.output()?;
    let answer: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("firstbad status: {error}; {}", String::from_utf8_lossy(&output.stderr)))?;
    read(now_ns(), &answer).ok_or_else(|| "firstbad status: no diagnosis in its answer".into())
}

/// Reads the diagnosis of an answer; none if it holds none.
pub(crate) fn read(at_ns: u64, answer: &Value) -> Option<Look> {
    let diagnosis = answer.pointer("/snapshot/diagnosis")?;
    let hosts = diagnosis.pointer("/window/hosts")?.as_u64()?;
    let incidents = diagnosis.get("incidents")?.as_array()?.iter().map(seen).collect::<Option<_>>()?;
    Some(Look { at_ns, hosts, incidents })
}

fn seen(incident: &Value) -> Option<Seen> {
    let cause = incident.get("cause").filter(|cause| !cause.is_null());
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let texts = |of: &Value, key: &str| -> Vec<String> {
        let values = of.get(key).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Some(Seen {
        verdict: incident.get("verdict")?.as_str()?.to_owned(),
        cause: cause.map(|cause| Named {
            kind: text(cause, "kind"),
            config: text(cause, "config"),
            hashes: texts(cause, "hashes"),
        }),
        signals: texts(incident, "signals"),
        confidence: incident.pointer("/suspects/0/confidence").and_then(Value::as_f64).unwrap_or(0.0),
    })
}
