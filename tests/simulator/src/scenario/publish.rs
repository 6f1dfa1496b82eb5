//! What is published and changed, as a scenario file says it.

use crate::number::Number;
use serde::Deserialize;

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
