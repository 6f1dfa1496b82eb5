//! The simple methods of the survey on the same data, asked once, a minute after the true onset: the latest change before
//! the spike, share against error correlation, Adtributor (Bhagwan et al., NSDI 2014: explanatory power and surprise),
//! MacroBase's risk ratio (Bailis et al., SIGMOD 2017). They see failed requests only, as they would on a dashboard.
//! Re-implemented from their formulas in short form; what they say is judged like the engine's answers.

use firstbad_diagnosis::observation::{Observation, Row};
use firstbad_protocol::Hash;
use firstbad_protocol::verdict::{Cause, CauseKind};
use std::collections::{BTreeMap, BTreeSet};

/// Something that could be named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Element {
    Version(String, Hash),
    Binary(String),
    Region(String),
    Change(String),
}

impl Element {
    fn dimension(&self) -> String {
        match self {
            Self::Version(config, _) => config.clone(),
            Self::Binary(_) => "service.version".into(),
            Self::Region(_) => "cloud.region".into(),
            Self::Change(_) => "change".into(),
        }
    }

    fn cause(&self) -> Cause {
        let one = |key: &str, value: &String| BTreeMap::from([(key.to_owned(), value.clone())]);
        let mut cause = Cause {
            kind: CauseKind::Config,
            config: None,
            hashes: Vec::new(),
            property: None,
            also_separates: Vec::new(),
            scope: BTreeMap::new(),
            change: None,
            dimensions: BTreeMap::new(),
        };
        match self {
            Self::Version(config, hash) => (cause.config, cause.hashes) = (Some(config.clone()), vec![*hash]),
            Self::Binary(binary) => (cause.kind, cause.scope) = (CauseKind::Binary, one("service.version", binary)),
            Self::Region(region) => {
                (cause.kind, cause.dimensions) = (CauseKind::Dimension, one("cloud.region", region))
            }
            Self::Change(id) => {
                let change = firstbad_protocol::verdict::Change { id: id.clone(), ..Default::default() };
                (cause.kind, cause.change) = (CauseKind::Change, Some(change));
            }
        }
        cause
    }
}

/// Failed and all requests.
type Cell = (f64, f64);

/// What dashboards would show: failed and all requests by minute and element.
#[derive(Debug, Default)]
pub struct Dashboard {
    minutes: BTreeMap<i64, BTreeMap<Element, Cell>>,
    fleet: BTreeMap<i64, Cell>,
    seen: BTreeSet<Element>,
    last_change: Option<Element>,
    asked: bool,
}

/// Width of the dashboards' cells, seconds.
const CELL_S: i64 = 30;

fn cell_of(nanoseconds: i64) -> i64 {
    nanoseconds.div_euclid(CELL_S * 1_000_000_000)
}

impl Dashboard {
    /// Takes what arrived.
    pub fn take(&mut self, observations: &[Observation]) {
        for observation in observations {
            match observation {
                Observation::Row(row) => self.row(row),
                Observation::Load(load) if load.result.is_none_or(|result| !result.is_refusal()) => {
                    self.first_sight(Element::Version(load.config.to_string(), load.hash));
                }
                Observation::Change(change) if &*change.kind != "publish" => {
                    self.first_sight(Element::Change(change.id.to_string()));
                }
                _ => {}
            }
        }
    }

    fn first_sight(&mut self, element: Element) {
        if self.seen.insert(element.clone()) && !self.asked {
            self.last_change = Some(element);
        }
    }

    fn row(&mut self, row: &Row) {
        let (mut failed, mut all) = (0.0, 0.0);
        for total in &row.totals {
            failed += (total.outcomes.error + total.outcomes.panic) as f64;
            all += (total.outcomes.ok + total.outcomes.error + total.outcomes.panic) as f64;
        }
        let key = cell_of(row.span.end.0);
        let dimension =
            |key: &str| row.dimensions.iter().find(|(k, _)| &***k == key).map(|(_, value)| value.to_string());
        let versions = row.active.iter().map(|(config, hash)| Element::Version(config.to_string(), *hash));
        let binary = dimension("service.version").map(Element::Binary);
        let region = dimension("cloud.region").map(Element::Region);
        let minute = self.minutes.entry(key).or_default();
        for element in versions.chain(binary).chain(region) {
            let cell = minute.entry(element).or_default();
            *cell = (cell.0 + failed, cell.1 + all);
        }
        let fleet = self.fleet.entry(key).or_default();
        *fleet = (fleet.0 + failed, fleet.1 + all);
    }

    /// Remembers that the spike has begun: later changes are not "the latest before it".
    pub fn spike(&mut self) {
        self.asked = true;
    }

    /// What each method names, given the true onset and now.
    #[must_use]
    pub fn answers(&self, onset_ns: i64, now_ns: i64) -> Vec<(&'static str, Option<Cause>)> {
        let (onset, now) = (cell_of(onset_ns), cell_of(now_ns));
        vec![
            ("latest change", self.last_change.as_ref().map(Element::cause)),
            ("share correlation", self.correlation(now).map(|element| element.cause())),
            ("Adtributor", self.adtributor(onset, now).map(|element| element.cause())),
            ("MacroBase risk ratio", self.risk_ratio(now).map(|element| element.cause())),
        ]
    }

    /// The element whose share of traffic goes with the fleet's failed share, if by more than 0.8.
    fn correlation(&self, now: i64) -> Option<Element> {
        let window: Vec<i64> = (now - 30..=now).filter(|key| self.fleet.contains_key(key)).collect();
        let failed: Vec<f64> =
            window.iter().filter_map(|key| self.fleet.get(key)).map(|(bad, all)| bad / all.max(1.0)).collect();
        let elements: BTreeSet<&Element> =
            window.iter().filter_map(|key| self.minutes.get(key)).flat_map(BTreeMap::keys).collect();
        let score = |element: &Element| {
            let share = window.iter().map(|key| {
                let part = self.minutes.get(key).and_then(|minute| minute.get(element)).map_or(0.0, |cell| cell.1);
                part / self.fleet.get(key).map_or(1.0, |cell| cell.1.max(1.0))
            });
            pearson(&share.collect::<Vec<f64>>(), &failed)
        };
        best(elements.into_iter().map(|element| (score(element), element)), 0.8)
    }

    /// Sums over cells.
    fn sums(&self, keys: impl Iterator<Item = i64>) -> BTreeMap<&Element, Cell> {
        let mut sums: BTreeMap<&Element, Cell> = BTreeMap::new();
        for (element, cell) in keys.filter_map(|key| self.minutes.get(&key)).flatten() {
            let sum = sums.entry(element).or_default();
            *sum = (sum.0 + cell.0, sum.1 + cell.1);
        }
        sums
    }

    fn adtributor(&self, onset: i64, now: i64) -> Option<Element> {
        let (before, after) = (self.sums(onset - 20..onset), self.sums(onset..=now));
        let total =
            |keys: std::ops::Range<i64>| keys.filter_map(|key| self.fleet.get(&key)).map(|cell| cell.0).sum::<f64>();
        let (forecast, actual) = (total(onset - 20..onset) / 20.0, total(onset..now + 1) / (now + 1 - onset) as f64);
        let change = actual - forecast;
        if change <= 0.0 {
            return None;
        }
        // By dimension: explanatory power, surprise, elements with their power.
        type Explained<'a> = (f64, f64, Vec<(f64, &'a Element)>);
        let mut dimensions: BTreeMap<String, Explained> = BTreeMap::new();
        for (element, (failed, _)) in &after {
            let now_failed = failed / (now + 1 - onset) as f64;
            let was = before.get(*element).map_or(0.0, |cell| cell.0 / 20.0);
            let power = (now_failed - was) / change;
            let (p, q) = (was / forecast.max(1e-9), now_failed / actual.max(1e-9));
            let half = |x: f64, m: f64| if x > 0.0 { 0.5 * x * (2.0 * x / m).ln() } else { 0.0 };
            let surprise = half(p, p + q) + half(q, p + q);
            let entry = dimensions.entry(element.dimension()).or_default();
            if power > 0.1 {
                entry.0 += power;
                entry.1 += surprise;
                entry.2.push((power, element));
            }
        }
        let explained = dimensions.values().filter(|(power, ..)| *power > 0.67);
        let (_, _, elements) = explained.max_by(|a, b| a.1.total_cmp(&b.1))?;
        best(elements.iter().copied(), 0.67)
    }

    fn risk_ratio(&self, now: i64) -> Option<Element> {
        let sums = self.sums(now - 1..=now);
        let all =
            (now - 1..=now).filter_map(|key| self.fleet.get(&key)).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        let score = |cell: &Cell| {
            let (inside, outside) = (cell.0 / cell.1.max(1.0), (all.0 - cell.0) / (all.1 - cell.1).max(1.0));
            // Without support, or without anything outside to compare with, the ratio says nothing.
            let undefined = cell.0 < 0.05 * all.0 || all.1 - cell.1 < 0.01 * all.1;
            if undefined { 0.0 } else { inside / outside.max(1e-6) }
        };
        best(sums.iter().map(|(element, cell)| (score(cell), *element)), 3.0)
    }
}

fn best<'a>(scored: impl Iterator<Item = (f64, &'a Element)>, least: f64) -> Option<Element> {
    let top = scored.filter(|(score, _)| *score > least).max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(top.1.clone())
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().max(1) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let products =
        a.iter().zip(b).map(|(x, y)| ((x - mean_a) * (y - mean_b), (x - mean_a).powi(2), (y - mean_b).powi(2)));
    let (ab, aa, bb) = products.fold((0.0, 0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1, s.2 + p.2));
    if aa <= 0.0 || bb <= 0.0 { 0.0 } else { ab / (aa * bb).sqrt() }
}
