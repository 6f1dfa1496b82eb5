//! What a scenario file says: the fleet, what is published and changed, what it does, how telemetry is hurt, and which
//! answers are admissible. Drawing concrete numbers from it is `plan`'s business; judging answers is `judge`'s.

pub use crate::catalogue::{directory, read_all};
use crate::number::Number;
use serde::Deserialize;
use std::path::Path;

/// One scenario: a family of runs, one per seed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// File name without extension.
    #[serde(skip)]
    pub name: String,
    /// Signatures it stands for, such as `P1` or `T3 over P1`.
    pub signature: String,
    /// What happens, in a sentence.
    pub summary: String,
    /// Length of event time, minutes.
    #[serde(default = "default_minutes")]
    pub minutes: Number,
    /// Report interval, seconds.
    #[serde(default = "default_interval")]
    pub interval_s: Number,
    /// The fleet.
    #[serde(default)]
    pub fleet: FleetSpec,
    /// The main config; others are decoys.
    #[serde(default)]
    pub config: ConfigSpec,
    /// Further configs with names of their own.
    #[serde(default)]
    pub extra_config: Vec<ConfigSpec>,
    /// Versions published beside the ordinary generations.
    #[serde(default)]
    pub publish: Vec<PublishSpec>,
    /// A generator that is good or bad by turns (P4).
    pub alternation: Option<Alternation>,
    /// Deploys, flags, restarts and other changes.
    #[serde(default)]
    pub change: Vec<ChangeSpec>,
    /// What goes wrong, where and when.
    #[serde(default)]
    pub effect: Vec<EffectSpec>,
    /// What goes wrong with the telemetry.
    #[serde(default)]
    pub fault: Vec<FaultSpec>,
    /// Admissible answers.
    pub expect: Expect,
}

fn default_minutes() -> Number {
    Number::Range([16.0, 22.0])
}

fn default_interval() -> Number {
    Number::Fixed(10.0)
}

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

/// A version published beside the ordinary generations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishSpec {
    /// Word by which effects and answers mean it.
    pub tag: String,
    /// Config; the main one unless said.
    pub config: Option<String>,
    /// When, minutes.
    pub at_min: Number,
    /// Content.
    #[serde(default)]
    pub content: ContentSpec,
    /// `[after_s, share]`: hosts that have it by then, cumulative; all at once when empty.
    #[serde(default)]
    pub stages: Vec<[Number; 2]>,
    /// Whether stages take whole regions rather than random hosts.
    #[serde(default)]
    pub by_region: bool,
    /// Load jitter, if not the config's.
    pub jitter_s: Option<Number>,
    /// What follows: `hold` (no further generation), `repeat` (further generations are like it), `resume` (ordinary ones).
    #[serde(default = "default_then")]
    pub then: String,
    /// Minutes after which ordinary generations resume, with one at once.
    pub for_min: Option<Number>,
    /// Whether no `publish` change declares it.
    #[serde(default)]
    pub undeclared: bool,
    /// Reaches each host in the same instant as the publish with this tag.
    pub with: Option<String>,
    /// Whether hosts refetch the same ordinary generation's number (corrupt in transit).
    #[serde(default)]
    pub same_generation: bool,
}

fn default_then() -> String {
    "repeat".into()
}

/// Content of a published version; what is not said is ordinary.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContentSpec {
    /// Rows.
    pub rows: Option<Number>,
    /// Rows as a multiple of the declared limit.
    pub rows_of_limit: Option<Number>,
    /// Duplicate rows as a share of rows.
    pub duplicate_share: Option<Number>,
    /// Blank fields.
    pub blank_fields: Option<Number>,
    /// Columns.
    pub columns: Option<Number>,
    /// Bytes as a multiple of the ordinary size.
    pub size_factor: Option<Number>,
    /// Producer.
    pub source: Option<String>,
    /// Generations back from the current one.
    pub generations_back: Option<Number>,
}

/// A generator whose nodes are updated one after another: each generation is bad with the share of updated nodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternation {
    /// Tag of the bad generations.
    pub tag: String,
    /// When the first node is updated, minutes.
    pub from_min: Number,
    /// Minutes from there until all nodes are updated.
    pub settle_min: Number,
    /// Minutes at which the good file is restored for good.
    pub restore_min: Option<Number>,
    /// Content of a bad generation.
    pub content: ContentSpec,
    /// Whether each bad generation has a hash of its own.
    #[serde(default)]
    pub fresh: bool,
}

/// A change in the world.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeSpec {
    /// Word by which effects and answers mean it; also its id.
    pub tag: String,
    /// `deploy`, `flag`, .., or `restart` (no event, just the restart).
    pub kind: String,
    /// What it targets; for a deploy of a binary, its new `service.version`.
    #[serde(default)]
    pub target: String,
    /// When, minutes.
    pub at_min: Number,
    /// Minutes until it is undone; never unless said.
    pub for_min: Option<Number>,
    /// As for a publish; one fleet-wide event when empty.
    #[serde(default)]
    pub stages: Vec<[Number; 2]>,
    /// Whether stages take whole regions.
    #[serde(default)]
    pub by_region: bool,
    /// Binary whose hosts it reaches; all when none.
    pub on_binary: Option<String>,
    /// Whether no event tells of it.
    #[serde(default)]
    pub silent: bool,
    /// Spread of a stage over time, seconds.
    #[serde(default = "default_spread")]
    pub spread_s: Number,
}

fn default_spread() -> Number {
    Number::Range([5.0, 30.0])
}

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

/// What is admissible; fixed before any engine is run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `positive` (a change is guilty), `negative` (none is), `open` (guilty, but abstaining is admissible too).
    pub class: String,
    /// Time to name counts from `exposure` (12 hosts exposed) or `symptom` (first symptom).
    #[serde(default = "default_measure")]
    pub measure: String,
    /// Greatest 95th percentile of the time to name, seconds, if not the gate's; the median may be 0.4 of it.
    pub name_within_s: Option<f64>,
    /// Greatest number of incidents.
    #[serde(default = "default_incidents")]
    pub incidents_max: usize,
    /// Admissible final answers.
    pub answer: Vec<AnswerSpec>,
    /// Answers admissible on the way, beside weaker forms of the final ones.
    #[serde(default)]
    pub interim: Vec<AnswerSpec>,
}

fn default_measure() -> String {
    "exposure".into()
}

fn default_incidents() -> usize {
    1
}

/// One admissible answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerSpec {
    /// `none` (no incident), `cause`, `suspect`, `external`, `insufficient_evidence`.
    pub verdict: Vec<String>,
    /// Kind; empty means no cause or any.
    pub kind: String,
    /// Config; the main one when `tag` is set and nothing is said.
    pub config: Option<String>,
    /// Tag of the versions that may be named.
    pub tag: Option<String>,
    /// Admissible properties: `content` (what separates in this run), `null`, `any`, or literal; `{limit}` is filled in.
    pub property: Vec<String>,
    /// Admissible scopes: `` for none, or `key=value,..`.
    pub scope: Vec<String>,
    /// Admissible dimensions, as scopes; `{region}` means the affected region(s), `{host}` host, `{cell}` request value.
    pub dimensions: Vec<String>,
    /// Tag of the change that must be named.
    pub change: Option<String>,
}

/// Reads one scenario.
///
/// # Errors
/// If the file cannot be read or says something unknown.
pub fn read(path: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("reading {}: {e}", path.display()))?;
    let mut scenario: Scenario = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    scenario.name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(scenario)
}

/// What a scenario says that cannot be meant: unknown kinds, tags that nothing has. Empty when it is sound.
#[must_use]
pub fn faults(scenario: &Scenario) -> Vec<String> {
    let alternating = scenario.alternation.iter().map(|turns| turns.tag.as_str());
    let tags: Vec<&str> =
        scenario.publish.iter().map(|publish| publish.tag.as_str()).chain(alternating).chain(["*"]).collect();
    let changes: Vec<&str> = scenario.change.iter().map(|change| change.tag.as_str()).collect();
    let mut faults = Vec::new();
    let mut known = |what: &str, word: Option<&str>, among: &[&str]| {
        if let Some(word) = word.filter(|word| !among.contains(word)) {
            faults.push(format!("{}: unknown {what} `{word}`", scenario.name));
        }
    };
    for effect in &scenario.effect {
        let kind = Some(effect.kind.as_str()).filter(|word| crate::effect::Kind::from_word(word).is_none());
        known("effect", kind, &[]);
        known("tag", effect.loads.as_deref(), &tags);
        known("tag", effect.after_publish.as_deref(), &tags);
        known("change", effect.change.as_deref(), &changes);
    }
    for answer in scenario.expect.answer.iter().chain(&scenario.expect.interim) {
        known("tag", answer.tag.as_deref(), &tags);
        known("change", answer.change.as_deref(), &changes);
        for word in &answer.verdict {
            known("verdict", Some(word), &["none", "cause", "suspect", "external", "insufficient_evidence"]);
        }
    }
    for fault in &scenario.fault {
        let kinds = [
            "lost",
            "late",
            "skew",
            "jump",
            "far",
            "no_loads",
            "late_loads",
            "liar",
            "flood",
            "nan",
            "sick_lost",
            "no_active",
        ];
        known("fault", Some(&fault.kind), &kinds);
    }
    known("class", Some(&scenario.expect.class), &["positive", "negative", "open"]);
    known("measure", Some(&scenario.expect.measure), &["exposure", "symptom"]);
    faults
}
