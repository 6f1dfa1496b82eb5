//! A symptom: what one class of outcomes shows since an onset, with its own contrast and its own explanation. Symptoms that
//! one explanation covers make an incident (see `case`).

use crate::numerics::time::Instant;
use crate::observation::Name;
use crate::state::class::Class;
use crate::state::ids::{FactorId, LevelId, UnitId};
use firstbad_protocol::Property;
use firstbad_protocol::verdict::{
    Cause, CauseKind, Change, Input, LastKnownGood, Pattern, RuledOut, State as Stage, Suspect, Verdict,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Report intervals after which what goes on without an explanation is the new normal: baselines learn again.
pub(crate) const STATIC_AFTER: i64 = 60;

/// What explains a symptom: the same explanation of two symptoms makes them one incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub kind: CauseKind,
    pub factor: Option<FactorId>,
    pub levels: Vec<LevelId>,
    pub property: Option<Property>,
    /// Producer of the versions, if versions of the same config from other producers serve well.
    pub producer: Option<Name>,
    /// Dimensions of the units that it is guilty on; empty for all.
    pub scope: BTreeMap<String, String>,
    pub change: Option<Change>,
    pub dimensions: BTreeMap<String, String>,
}

impl Named {
    /// Whether they accuse versions of different configs that come from one producer.
    pub(crate) fn shares_producer(&self, other: &Self) -> bool {
        self.factor != other.factor && self.producer.is_some() && self.producer == other.producer
    }

    /// Whether two explanations are one: the same versions, or versions of one config that nothing tells apart.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let overlaps = self.levels.iter().any(|level| other.levels.contains(level));
        let alike = self.kind == CauseKind::Config
            && (self.property == other.property || self.property.is_none() || other.property.is_none());
        match (self.factor, other.factor) {
            (Some(one), Some(two)) => one == two && (overlaps || alike),
            (None, None) => {
                self.kind == other.kind && self.change == other.change && self.dimensions == other.dimensions
            }
            _ => false,
        }
    }
}

/// Requests that a symptom cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub failed: f64,
    pub denied: f64,
    pub unscored: f64,
    /// Expected of processes that died, hang or fell silent, and never served.
    pub missing: f64,
    /// Requests of the hosts hit, since the onset.
    pub requests: f64,
}

impl Cost {
    /// All that was felt.
    pub(crate) fn felt(&self) -> f64 {
        self.failed + self.denied + self.unscored + self.missing
    }

    /// The greater of both, each for itself: what was seen stays seen.
    pub(crate) fn most(self, other: Self) -> Self {
        Self {
            failed: self.failed.max(other.failed),
            denied: self.denied.max(other.denied),
            unscored: self.unscored.max(other.unscored),
            missing: self.missing.max(other.missing),
            requests: self.requests.max(other.requests),
        }
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            failed: self.failed + other.failed,
            denied: self.denied + other.denied,
            unscored: self.unscored + other.unscored,
            missing: self.missing + other.missing,
            requests: self.requests.max(other.requests),
        }
    }
}

/// Hosts, and the part of those of an explanation beside it, from which what is left is an incident of its own.
pub(crate) const RESIDUE_MIN: usize = 3;
pub(crate) const RESIDUE_PART: usize = 3;
/// Part of the rate of what is explained from which the rest is as bad.
const AS_BAD: f64 = 0.5;

/// One symptom.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Symptom {
    /// Identity, from one.
    pub id: u32,
    pub class: Class,
    /// Event time of the first episode.
    pub onset: Instant,
    /// Last event time at which units failed.
    pub last_bad: Instant,
    /// Most units failing at once, and those that fail now.
    pub most: u64,
    pub now: u64,
    pub resolved: Option<Instant>,
    /// Tick at which it was judged last.
    pub judged: Option<Instant>,
    pub stage: Stage,
    pub pattern: Pattern,
    pub verdict: Verdict,
    pub named: Option<Named>,
    /// Weight with which it was named.
    pub weight: f64,
    pub cause: Option<Cause>,
    pub suspects: Vec<Suspect>,
    pub ruled_out: Vec<RuledOut>,
    pub input: Option<Input>,
    pub good: Option<LastKnownGood>,
    /// Units with an episode of it, sorted.
    pub hosts: Vec<UnitId>,
    pub cost: Cost,
    /// Requests of its own episodes.
    pub trials: f64,
    /// Requests of the fleet from its onset to the interval `counted_to`, and the onset from which they were counted.
    pub fleet_requests: f64,
    pub counted_to: i64,
    pub counted_from: Instant,
    /// Whether any of the episodes is one of failed requests, a death, a panic, a silence.
    pub errors: bool,
    pub deaths: bool,
    pub panics: bool,
    pub silence: bool,
    /// Whether it is worth an incident though nothing explains it.
    pub worth: bool,
    /// The incident that it belongs to, zero before it has one.
    pub case: u32,
}

impl Symptom {
    /// A symptom of which only class and onset are known.
    pub(crate) fn fresh(id: u32, class: Class, onset: Instant) -> Self {
        Self {
            id,
            class,
            onset,
            last_bad: onset,
            most: 0,
            now: 0,
            resolved: None,
            judged: None,
            stage: Stage::Open,
            pattern: Pattern::Step,
            verdict: Verdict::InsufficientEvidence,
            named: None,
            weight: 0.0,
            cause: None,
            suspects: Vec::new(),
            ruled_out: Vec::new(),
            input: None,
            good: None,
            hosts: Vec::new(),
            cost: Cost::default(),
            trials: 0.0,
            fleet_requests: 0.0,
            counted_to: 0,
            counted_from: Instant::MAX,
            errors: false,
            deaths: false,
            panics: false,
            silence: false,
            worth: true,
            case: 0,
        }
    }

    /// Versions that it accuses.
    pub(crate) fn accused(&self) -> &[LevelId] {
        self.named.as_ref().filter(|_| self.verdict.accuses()).map_or(&[], |named| &named.levels)
    }

    /// Factor that it accuses.
    pub(crate) fn factor(&self) -> Option<FactorId> {
        self.named.as_ref().filter(|_| self.verdict.accuses())?.factor
    }

    /// Takes over what another symptom of the same explanation shows and accuses.
    pub(crate) fn take_in(&mut self, other: Self) {
        let other_scope = other.named.as_ref().map(|named| named.scope.clone()).unwrap_or_default();
        if let (Some(named), Some(more)) = (&mut self.named, other.named) {
            let more: Vec<LevelId> = more.levels.into_iter().filter(|level| !named.levels.contains(level)).collect();
            named.levels.extend(more);
            if named.scope != other_scope {
                named.scope.clear();
            }
        }
        if let (Some(cause), Some(more)) = (&mut self.cause, other.cause) {
            let hashes: Vec<_> = more.hashes.into_iter().filter(|hash| !cause.hashes.contains(hash)).collect();
            cause.hashes.extend(hashes);
            if cause.scope != more.scope {
                cause.scope.clear();
            }
        }
        self.onset = self.onset.min(other.onset);
        self.last_bad = self.last_bad.max(other.last_bad);
        self.hosts.extend(other.hosts);
        self.hosts.sort_unstable();
        self.hosts.dedup();
        // Its episodes are counted with the others from now on.
        self.cost = self.cost.most(other.cost);
    }

    /// What was counted before an explanation was found may be of something else: it is counted again from what that covers.
    pub(crate) fn begin_anew(&mut self) {
        (self.hosts, self.cost, self.most, self.trials) = (Vec::new(), Cost::default(), 0, 0.0);
        (self.errors, self.panics, self.deaths, self.silence) = (false, false, false, false);
        self.pattern = Pattern::Step;
    }

    /// Whether it hits a good part of as many hosts as another, and each nearly as much.
    pub(crate) fn is_as_bad_as(&self, other: &Self) -> bool {
        let rate = |symptom: &Self| if symptom.trials > 0.0 { symptom.cost.felt() / symptom.trials } else { 0.0 };
        let many = self.hosts.len() >= RESIDUE_MIN && self.hosts.len() * RESIDUE_PART >= other.hosts.len();
        many && rate(self) > 0.0 && rate(self) >= AS_BAD * rate(other)
    }

    /// Factor that it names, whether that accuses or not.
    pub(crate) fn suspects_factor(&self) -> Option<FactorId> {
        self.named.as_ref()?.factor
    }

    /// Whether it is open and may yet take in what no symptom explains.
    pub(crate) fn takes_in(&self) -> bool {
        self.resolved.is_none() && !self.verdict.accuses()
    }
}
