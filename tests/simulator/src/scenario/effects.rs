//! What goes wrong on hosts and with their telemetry, as a scenario file says it.

use crate::number::Number;
use serde::Deserialize;

/// What goes wrong. All conditions given must hold on a host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectSpec {
    /// `panic`, `error`, `zero`, `drift`, `flagged`, `latency`, `cpu`, `leak`, `hang`, `crash`, `crash_on_load`, `refuse`,
    /// `traffic`, `refetch`.
    pub kind: String,
    /// Strength: a share (panic, error, zero, flagged, hang), a factor (latency, traffic), a level (cpu), a tilt (drift),
    /// a share of the limit per minute (leak), loads per second (refetch).
    #[serde(default = "one")]
    pub strength: Number,
    /// The host runs a version with this tag; `*` means each new version of the main config, whichever it is.
    pub loads: Option<String>,
    /// Config whose requests fail, where no `loads` says so; none means every request.
    pub config: Option<String>,
    /// The host runs this binary.
    pub binary: Option<String>,
    /// The change with this tag reached the host.
    pub change: Option<String>,
    /// The host is in one of the first this many regions of a random order.
    pub regions: Option<Number>,
    /// The host is one of this many random hosts.
    pub hosts: Option<Number>,
    /// The host is in a random share of hosts.
    pub host_share: Option<Number>,
    /// Only requests of the first this many values of the request dimension.
    pub cells: Option<Number>,
    /// Hosts of the downstream service instead of the proxies.
    #[serde(default)]
    pub downstream: bool,
    /// From this minute.
    pub from_min: Option<Number>,
    /// From this many seconds after the publish with this tag (for symptoms that follow without being caused).
    pub after_publish: Option<String>,
    /// For this many minutes.
    pub for_min: Option<Number>,
    /// Seconds from exposure to effect, drawn per host and load.
    #[serde(default = "half")]
    pub after_s: Number,
    /// Seconds that it lasts after each load, where it does not last as long as the version.
    pub for_s: Option<Number>,
    /// Minutes over which it grows to full strength.
    pub ramp_min: Option<Number>,
    /// Share of hosts that stay affected after they left the version, until they restart.
    pub poison_share: Option<Number>,
    /// At full hours of event time instead of `from_min`.
    #[serde(default)]
    pub on_the_hour: bool,
    /// The host refused a newer version of the main config than the one it runs.
    #[serde(default)]
    pub stale: bool,
    /// Text of errors and panics.
    #[serde(default)]
    pub message: Option<String>,
    /// Panic site.
    #[serde(default)]
    pub site: Option<String>,
    /// Effects of the same name draw the same regions, hosts and start.
    #[serde(default)]
    pub group: Option<String>,
}

fn one() -> Number {
    1.0.into()
}

fn half() -> Number {
    0.5.into()
}

/// What goes wrong with the telemetry of a share of the hosts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// `lost`, `late`, `skew`, `jump`, `no_loads`, `late_loads`, `liar`, `flood`, `nan`, `sick_lost`, `no_active`.
    pub kind: String,
    /// Share of hosts.
    #[serde(default = "one")]
    pub host_share: Number,
    /// Probability per report or event, seconds, or size, by kind.
    #[serde(default = "one")]
    pub strength: Number,
    /// From this minute.
    pub from_min: Option<Number>,
    /// For this many minutes.
    pub for_min: Option<Number>,
}
