//! The engine's whole state: plain data, so that a checkpoint is this struct and nothing else. Which observation changes
//! what is decided in `take`; what is concluded in `judge`.

pub(crate) mod case;
pub(crate) mod class;
pub(crate) mod compact;
pub(crate) mod hard;
pub(crate) mod ids;
pub(crate) mod indexed;
pub(crate) mod load_reports;
pub(crate) mod model;
pub(crate) mod moves;
pub(crate) mod pending_rows;
pub(crate) mod place;
pub(crate) mod reload_window;
pub(crate) mod renderings;
pub(crate) mod restart_times;
pub(crate) mod ring;
pub(crate) mod run;
pub(crate) mod score_bins;
pub(crate) mod silence;
pub(crate) mod strata;
pub(crate) mod symptom;
pub(crate) mod tables;
pub(crate) mod tick_summary;
pub(crate) mod traffic;
pub(crate) mod unit_ids;
pub(crate) mod unit_parts;
pub(crate) mod units;

use crate::numerics::memo::Memo;
use crate::numerics::shape::Shapes;
use crate::numerics::spread::Spread;
use crate::numerics::time::{Instant, Span};
use crate::observation::Name;
use crate::settings::Settings;
use crate::state::case::Case;
use crate::state::ids::{LevelId, UnitId};
use crate::state::indexed::Indexed;
use crate::state::load_reports::Division;
use crate::state::model::{Base, COUNTERS, Factor, Unit, WorldChange};
use crate::state::moves::Earliest;
use crate::state::pending_rows::WaitingRows;
use crate::state::place::Place;
use crate::state::renderings::Renderings;
use crate::state::ring::Ring;
use crate::state::score_bins::ShapeKey;
use crate::state::symptom::{STATIC_AFTER, Symptom};
use crate::state::tables::Tables;
use crate::state::tick_summary::Census;
use crate::state::unit_ids::UnitIds;
use firstbad_protocol::time::SECOND_NS;
use firstbad_protocol::verdict::DisputedVersion;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Report intervals behind the clock until which data may still change a verdict.
pub(crate) const REVISABLE: i64 = 18;

/// Report intervals at the beginning of what is known whose state is taken for the usual one: nothing alarms in them.
/// Source: needless openings do not depend on it between 5 and 40 (measured on quiet fleets); what was there before the
/// fifth report cannot be told from the level.
const WARM_UP: i64 = 5;

/// One panic message at one site.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PanicSeen {
    /// Message, verbatim.
    pub message: Name,
    /// Site.
    pub site: Option<Name>,
    /// First time.
    pub first: Instant,
    /// Events seen.
    pub count: u64,
    /// Units that sent one, at most 64.
    pub units: Vec<UnitId>,
    /// Reason, of a refusal.
    pub reason: Option<Name>,
}

/// When a request is slow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Slow {
    /// Latency above which it is, seconds; infinite before it is known.
    pub above_s: f64,
    /// Requests by the bits of their upper bound, seconds: what that is learned from.
    pub histogram: BTreeMap<u64, f64>,
}

/// Everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub settings: Settings,
    /// Last tick.
    pub now: Option<Instant>,
    /// Report interval, ns.
    pub interval: Span,
    /// Rows by span length in ms: the most frequent is the report interval.
    pub spans: BTreeMap<i64, u64>,
    /// By how many rows the most frequent length leads, and rows since the last tick.
    pub span_lead: u64,
    pub noted: u64,
    pub tables: Tables,
    /// Versions that each host renders for itself.
    pub renderings: Renderings,
    pub units: Indexed<UnitId, Unit>,
    #[serde(skip)]
    pub unit_ids: UnitIds,
    #[serde(skip)]
    pub earliest: Earliest,
    pub ring: Ring,
    /// Rows that wait for the next tick.
    pub waiting: WaitingRows,
    /// Fleet-wide rates by counter.
    pub prior: [Base; COUNTERS],
    /// When a request is slow.
    pub slow: Slow,
    /// Score distribution of the fleet.
    pub shapes: BTreeMap<ShapeKey, Shapes>,
    pub changes: Vec<WorldChange>,
    /// Units kept that they reached, together.
    pub reached: usize,
    pub panics: Vec<PanicSeen>,
    /// Panics by site as `firstbad.panics` counts them: events are kept by few.
    pub panic_counts: BTreeMap<Name, u64>,
    /// Errors of refused loads, by level.
    pub refusals: BTreeMap<LevelId, PanicSeen>,
    /// Reports with a load in them.
    pub divided: Division,
    pub gaps: BTreeMap<Name, u64>,
    pub late_rows: u64,
    pub dropped: u64,
    pub skewed: BTreeMap<UnitId, Span>,
    pub first_event: Option<Instant>,
    /// Beginning of the first report: loads may be told that are much older.
    pub first_row: Option<Instant>,
    pub last_event: Option<Instant>,
    /// Event time at which half of the hosts that are heard stand: behind the tick where a backlog is delivered.
    pub front: Option<Instant>,
    pub instances_seen: u64,
    /// How much more the counts of one host vary than chance, by counter.
    pub spread: [Spread; COUNTERS],
    /// Versions whose cohorts are followed, sorted.
    pub followed: Vec<LevelId>,
    /// Last interval from which expectations were rotated, and how often they were.
    pub rotated: i64,
    pub rotations: u32,
    /// Symptoms, each with its own contrast, and the incidents that they make.
    pub symptoms: Vec<Symptom>,
    pub cases: Vec<Case>,
    /// Symptoms and incidents that there ever were: their identities.
    pub symptoms_ever: u32,
    pub cases_ever: u32,
    /// Versions that an engineer says are not the cause.
    pub disputed: BTreeSet<DisputedVersion>,
    /// New units of each place that have not yet replaced a silent one.
    pub born: BTreeMap<Place, u64>,
    /// Ticks so far.
    pub ticks: u64,
    /// What the last tick saw when it looked over the units.
    #[serde(skip)]
    pub census: Census,
    #[serde(skip)]
    pub memo: Memo,
}

impl State {
    /// Nothing seen yet.
    pub(crate) fn new(settings: Settings) -> Self {
        let interval = Span(settings.report_interval_ns.map_or(10 * SECOND_NS, |ns| ns.max(SECOND_NS)));
        Self {
            settings,
            now: None,
            interval,
            spans: BTreeMap::new(),
            span_lead: 0,
            noted: 0,
            tables: Tables::default(),
            renderings: Renderings::default(),
            units: Indexed::default(),
            unit_ids: UnitIds::default(),
            earliest: Earliest::default(),
            ring: Ring::default(),
            waiting: WaitingRows::default(),
            born: BTreeMap::new(),
            prior: [Base::default(); COUNTERS],
            slow: Slow { above_s: f64::INFINITY, histogram: BTreeMap::new() },
            shapes: BTreeMap::new(),
            changes: Vec::new(),
            reached: 0,
            panics: Vec::new(),
            panic_counts: BTreeMap::new(),
            refusals: BTreeMap::new(),
            divided: Division::default(),
            gaps: BTreeMap::new(),
            late_rows: 0,
            dropped: 0,
            skewed: BTreeMap::new(),
            first_event: None,
            first_row: None,
            last_event: None,
            front: None,
            instances_seen: 0,
            spread: [Spread::default(); COUNTERS],
            followed: Vec::new(),
            rotated: i64::MIN,
            rotations: 0,
            symptoms: Vec::new(),
            cases: Vec::new(),
            symptoms_ever: 0,
            cases_ever: 0,
            disputed: BTreeSet::new(),
            ticks: 0,
            census: Census::default(),
            memo: Memo::default(),
        }
    }

    /// Whether something that is felt is open and not yet the new normal: baselines are frozen then.
    pub(crate) fn open_case(&self) -> bool {
        let last = self.last_event.unwrap_or_default();
        self.symptoms.iter().any(|symptom| {
            let young = last - symptom.onset < STATIC_AFTER * self.interval;
            symptom.resolved.is_none() && symptom.class.is_felt() && (young || symptom.verdict.accuses())
        })
    }

    /// Versions that are or were accused, also by incidents whose symptoms are forgotten.
    pub(crate) fn accused(&self) -> BTreeSet<LevelId> {
        let told = self.cases.iter().filter_map(|case| case.named.as_ref()).flat_map(|named| &named.levels);
        self.symptoms.iter().flat_map(Symptom::accused).chain(told).copied().collect()
    }

    /// Versions whose loads are compared with no other: an engineer disputes that they are the cause, so it is not known
    /// whether they are innocent.
    pub(crate) fn disputed_levels(&self) -> BTreeSet<LevelId> {
        let level = |of: &DisputedVersion| {
            let is_it = |factor: &Factor| matches!(factor, Factor::Config(name) if **name == *of.config);
            let mut factors = self.tables.factors.numbered();
            let factor = factors.find(|(_, factor)| is_it(factor))?.0;
            self.tables.known_level(factor, &of.hash)
        };
        self.disputed.iter().filter_map(level).collect()
    }

    /// When what is known begins to be compared with what was usual.
    pub(crate) fn warm(&self) -> Instant {
        self.first_row.or(self.first_event).unwrap_or_default() + WARM_UP * self.interval
    }

    /// Learns the report interval from the rows' spans; true if it changed.
    pub(crate) fn learn_interval(&mut self) -> bool {
        self.noted = 0;
        if self.settings.report_interval_ns.is_some() {
            self.span_lead = u64::MAX;
            return false;
        }
        let mut most: Vec<(u64, i64)> = self.spans.iter().map(|(ms, count)| (*count, *ms)).collect();
        most.sort_unstable_by(|a, b| b.cmp(a));
        let Some((count, ms)) = most.first() else { return false };
        self.span_lead = count - most.get(1).map_or(0, |(second, _)| *second);
        let learned = Span((ms * 1_000_000).max(SECOND_NS));
        let changed = learned != self.interval;
        self.interval = learned;
        changed
    }

    /// Whether no row taken until now can change the report interval at the next tick.
    pub(crate) fn is_interval_known(&self) -> bool {
        self.noted < self.span_lead
    }
}
