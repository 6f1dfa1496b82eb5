//! The fleet of a scenario and its configs, as a scenario file says them.

use crate::number::Number;
use serde::Deserialize;

/// The fleet of a scenario; defaults are the default fleet of the signature catalogue, each number varied.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FleetSpec {
    /// Hosts.
    pub hosts: Number,
    /// Regions.
    pub regions: Number,
    /// Share of hosts on the old engine `fl`; the others run `fl2`.
    pub fl_share: Number,
    /// Requests per second and host.
    pub rps: Number,
    /// Spread (log sd) of hosts' rates.
    pub rps_sigma: Number,
    /// Baseline share of failed requests.
    pub error_share: Number,
    /// Gamma shape of the errors' overdispersion: small is wild.
    pub dispersion: Number,
    /// Sd of a region's slow wobble in errors (log).
    pub wobble: Number,
    /// Decoy configs.
    pub decoys: Number,
    /// Seconds between a decoy's generations.
    pub decoy_cadence_s: Number,
    /// Innocent change events per minute.
    pub changes_per_min: Number,
    /// Probability that all hosts report at the same instants.
    pub aligned: f64,
    /// Probability that an agent outlives the process and reports its last counts and its death.
    pub agent: f64,
    /// Probability that a restarted process takes a new instance id.
    pub new_ids: f64,
    /// Whether the score's sentinel is declared, so that zeros come as `sentinel` (probability).
    pub sentinel: f64,
    /// `full`, or `standard`: totals, latency and load events only.
    pub style: String,
    /// Declared request dimension, such as `upstream`, with this many values; empty for none.
    pub cell_key: String,
    /// Values of the request dimension.
    pub cells: Number,
    /// Hosts of a second service `kv` that holds none of the configs.
    pub downstream: Number,
}

impl Default for FleetSpec {
    fn default() -> Self {
        Self {
            hosts: Number::Range([60.0, 160.0]),
            regions: Number::Range([3.0, 7.0]),
            fl_share: Number::Range([0.25, 0.55]),
            rps: Number::Log { log: [15.0, 120.0] },
            rps_sigma: Number::Range([0.2, 0.7]),
            error_share: Number::Log { log: [0.0001, 0.002] },
            dispersion: Number::Range([2.0, 20.0]),
            wobble: Number::Range([0.0, 0.15]),
            decoys: Number::Range([2.0, 5.0]),
            decoy_cadence_s: Number::Range([45.0, 240.0]),
            changes_per_min: Number::Range([0.0, 2.0]),
            aligned: 0.5,
            agent: 0.7,
            new_ids: 0.5,
            sentinel: 0.5,
            style: "full".into(),
            cell_key: String::new(),
            cells: 1.0.into(),
            downstream: 0.0.into(),
        }
    }
}

/// One config: what its ordinary generations look like.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfigSpec {
    /// Name.
    pub name: String,
    /// Seconds between generations; 0 for none but the first.
    pub cadence_s: Number,
    /// Greatest time from publish to a host's load, seconds.
    pub jitter_s: Number,
    /// Rows of an ordinary version.
    pub rows: Number,
    /// Declared limit on rows; 0 for none.
    pub limit_rows: Number,
    /// Share of requests that use it.
    pub use_share: Number,
    /// Whether scores are computed with it.
    pub scores: bool,
    /// Whether ordinary generations repeat the same bytes.
    pub constant: bool,
    /// Whether load events tell facts.
    pub facts: bool,
    /// Whether each version is declared by a `publish` change.
    pub declared: bool,
}

impl Default for ConfigSpec {
    fn default() -> Self {
        Self {
            name: "bot-features".into(),
            cadence_s: Number::Range([180.0, 420.0]),
            jitter_s: Number::Range([10.0, 40.0]),
            rows: Number::Range([40.0, 90.0]),
            limit_rows: Number::Choice { choice: vec![200.0, 200.0, 150.0, 256.0] },
            use_share: Number::Range([0.6, 1.0]),
            scores: true,
            constant: false,
            facts: true,
            declared: false,
        }
    }
}
