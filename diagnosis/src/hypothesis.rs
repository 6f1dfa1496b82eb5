//! One explanation of an incident: what it accuses, what each test found of it, and its weight. Tests are in `evidence`;
//! which explanations there are is decided in `verdict::hypotheses`, which may be named in `verdict::judge`.

pub(crate) mod feed;
pub(crate) mod findings;
pub(crate) mod history;
pub(crate) mod judgement;
pub(crate) mod producer;

use crate::hypothesis::feed::Feed;
use crate::hypothesis::findings::{Ages, Excess, Pooled, Separator, Sides, Tally, odds};
use crate::hypothesis::history::History;
use crate::numerics::math::{float, ln_choose, ratio};
use crate::numerics::odds::{LN_10, LN_10_000};
use crate::scene::Scene;
use crate::scene::spans::Spans;
use crate::state::ids::{FactorId, LevelId};
use crate::state::model::Family;
use firstbad_protocol::verdict::CauseKind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Log odds against a config that requests which fail did not use, where all used another.
const UNUSED: f64 = 6.0;

/// One explanation, weighed.
#[derive(Clone, Debug)]
pub(crate) struct Hypothesis {
    pub kind: CauseKind,
    pub factor: Option<FactorId>,
    pub levels: Vec<LevelId>,
    pub change: Option<usize>,
    pub dimensions: BTreeMap<String, String>,
    pub scope: BTreeMap<String, String>,
    pub properties: Vec<Separator>,
    pub tally: Tally,
    /// Log odds: contrast, alignment, reversals, mechanism.
    pub weight: f64,
    /// Of it, from content and loads themselves.
    pub mechanism: f64,
    /// From reversals.
    pub reversal: f64,
    /// From which requests fail, where these are those that used the config alone.
    pub used: Option<Excess>,
    /// From which requests fail, where others than those that used the config do, and all used another.
    pub unused: Option<Excess>,
    /// ln of how seldom so new a version, on hosts that fail at once, is chance.
    pub moment: f64,
    /// What requests before and after the load say, where both are told.
    pub sides: Option<Sides>,
    /// Whether exposure began late enough to be a trigger at all.
    pub recent: bool,
    /// Whether it is a change that reached the whole fleet at once.
    pub everywhere: bool,
    /// ln of the ways to choose as many of the versions that were active.
    pub choices: f64,
    /// What the sums say, where no host shows it alone.
    pub pooled: Option<Pooled>,
    /// What ages at death say, where they are all that is left.
    pub ages: Option<Ages>,
    /// The feed that stopped, where the versions are too old.
    pub feed: Option<Feed>,
    /// Requests over those before the onset, where it is an explanation by traffic.
    pub growth: Option<f64>,
    /// Earlier incidents and earlier stays of its versions.
    pub history: History,
    /// When each unit was exposed, where that was worked out.
    pub spans: Option<Arc<Spans>>,
}

impl Hypothesis {
    /// The levels that it accuses, if it accuses a version or a binary.
    pub(crate) fn family(&self) -> Option<Family<'_>> {
        Some(Family { factor: self.factor?, levels: &self.levels })
    }

    /// Not yet weighed.
    pub(crate) fn new(kind: CauseKind, tally: Tally) -> Self {
        Self {
            kind,
            factor: None,
            levels: Vec::new(),
            change: None,
            dimensions: BTreeMap::new(),
            scope: BTreeMap::new(),
            properties: Vec::new(),
            tally,
            weight: 0.0,
            mechanism: 0.0,
            reversal: 0.0,
            used: None,
            unused: None,
            moment: 0.0,
            sides: None,
            recent: true,
            everywhere: false,
            choices: 0.0,
            pooled: None,
            ages: None,
            feed: None,
            growth: None,
            history: History::default(),
            spans: None,
        }
    }

    /// Failing share of those exposed.
    pub(crate) fn share(&self) -> f64 {
        ratio(self.tally.exposed.failing, self.tally.exposed.seen)
    }

    /// Failing share of the control.
    pub(crate) fn control_share(&self) -> f64 {
        ratio(self.tally.control.failing, self.tally.control.seen)
    }

    /// Share of failing stretches that began while exposed.
    pub(crate) fn explained(&self) -> f64 {
        self.pooled.map_or_else(|| self.explained_bouts(), |pooled| pooled.explained)
    }

    pub(crate) fn explained_bouts(&self) -> f64 {
        ratio(self.tally.bouts.hits, self.tally.bouts.all)
    }

    /// Log odds from which requests fail.
    pub(crate) fn of_requests(&self) -> f64 {
        self.used.map_or(0.0, odds) - if self.unused.is_some() { UNUSED } else { 0.0 }
    }

    /// Log likelihood ratio of failing that follows each host's own load: by when it began, or by which requests failed.
    pub(crate) fn aligned(&self) -> f64 {
        self.sides.map_or(self.tally.aligned, |sides| self.tally.aligned.max(sides.ratio))
    }

    /// What the requests before and after the load add to what is known by when failing began.
    pub(crate) fn by_sides(&self) -> f64 {
        self.aligned() - self.tally.aligned
    }

    pub(crate) fn weigh(&mut self, candidates: f64) {
        // Where the hosts themselves died of it, or refused it, that all had it says nothing against it.
        let own = self.tally.deaths + self.tally.refusals;
        let told = own >= 5 && own * 10 >= self.tally.bouts.all * 7;
        let contrast = self.tally.risk.ln_e.clamp(if told { 0.0 } else { -10.0 }, 30.0);
        let flips = float(self.tally.flips.agreeing as usize) - 1.0 - 2.0 * float(self.tally.flips.contrary as usize);
        let stopped = self.tally.stops.hits >= 1 && self.tally.stops.hits * 2 > self.tally.stops.all;
        let by_rollouts = if stopped { LN_10 * flips.clamp(0.0, 6.0) } else { 0.0 };
        self.reversal = by_rollouts.max(parted_by_leaving(&self.tally));
        // Of many changes one fits by chance; what the content itself says is not a matter of how many there were.
        let seen = contrast + self.aligned() + self.reversal;
        let corrected = if seen > 0.0 { (seen - libm::log(candidates.max(1.0))).max(0.0) } else { seen };
        // One version that explains everything is a better answer than twelve out of thirty that happen to.
        let many = if self.properties.is_empty() && self.moment <= 0.0 { self.choices } else { 0.0 };
        // What was there long before, or reached everybody at once, has nothing by which it could be told.
        let blunt = if self.recent && !self.everywhere { 0.0 } else { 1.5 };
        let before = self.history.weight();
        self.weight = corrected + self.mechanism + self.of_requests() + self.moment + before - many - blunt;
    }
}

/// Hosts that left, and hosts that stayed, from which both together tell; and the most that they tell.
const LEFT_MIN: u64 = 4;
const STAYED_MIN: u64 = 2;
const PARTED_MOST: f64 = LN_10_000;

/// -ln of the probability that by chance those stopped failing who left, and those went on who stayed: the ways to choose
/// who went on. Only where nearly all did so.
pub(crate) fn parted_by_leaving(tally: &Tally) -> f64 {
    let Tally { stops, stays, .. } = tally;
    let all = stops.hits * 10 >= stops.all * 9 && stays.hits * 10 >= stays.all * 9;
    if !all || stops.all < LEFT_MIN || stays.all < STAYED_MIN {
        return 0.0;
    }
    ln_choose(stops.all + stays.all, stays.all).clamp(0.0, PARTED_MOST)
}

/// Exposure spans of a hypothesis, if it is of a factor.
pub(crate) fn spans(scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<Arc<Spans>> {
    let worked_out = || Some(Arc::new(Spans::on_levels(scene, hypothesis.family()?)));
    hypothesis.spans.clone().or_else(worked_out)
}
