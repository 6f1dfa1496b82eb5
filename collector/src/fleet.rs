//! `firstbad_fleet_*`: what the fleet's observations add up to, by version and without instance, for dashboards. At most
//! eight versions per config have labels of their own; older ones are folded into `other`: what was served of them stays under
//! their own label, and only what was not is counted under `other`, so that no event is seen twice. A label set is served as 0
//! once before its counts, so that `increase` sees its first event. Only this file counts for Prometheus; the engine counts
//! for itself.

mod incidents;
pub(crate) mod scores;
pub(crate) mod text;

use crate::health::Health;
use firstbad_diagnosis::observation::{Load, Observation, Outcomes, Row};
use firstbad_protocol::Hash;
use firstbad_protocol::limits::{CONFIGS_MAX, METRIC_HASHES_MAX};
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::names;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{State, Verdict};
use scores::ScoreCounts;
use std::collections::BTreeMap;
use text::Text;

/// Counts of one version, or of everything without one.
#[derive(Clone, Debug, Default)]
struct VersionCounts {
    outcomes: Outcomes,
    panics: u64,
    loads: BTreeMap<(LoadResult, String), u64>,
    scores: BTreeMap<String, ScoreCounts>,
    /// When it was last heard of, in observations counted: the least recent is folded first.
    heard: u64,
    /// What was served of it last; none before the first scrape.
    served: Option<Box<VersionCounts>>,
}

/// Counts of one config.
#[derive(Clone, Debug, Default)]
struct ConfigCounts {
    versions: BTreeMap<Hash, VersionCounts>,
    other: Option<VersionCounts>,
}

/// Counts of the fleet since this process started.
#[derive(Clone, Debug, Default)]
pub(crate) struct FleetCounts {
    totals: Outcomes,
    panics: u64,
    configs: BTreeMap<String, ConfigCounts>,
    dropped: u64,
    evicted: u64,
    counted: u64,
    /// Whether nobody is to be alerted.
    shadow: bool,
    /// Whether the sums of all versions were served before.
    shown: bool,
}

/// Reasons that a refused load may have (contract.md section 1); a proxy's own words are counted as `other`.
const REASONS: [&str; 4] = ["parse", "parser_panic", "limit", "io"];

/// The reasons under which refused loads are counted.
const REASONS_SERVED: [&str; 5] = ["parse", "parser_panic", "limit", "io", "other"];

impl FleetCounts {
    /// Counts of a collector that only records its verdicts, if `shadow`.
    pub(crate) fn new(shadow: bool) -> Self {
        Self { shadow, ..Self::default() }
    }

    pub(crate) fn count(&mut self, observations: &[Observation]) {
        for observation in observations {
            self.counted = self.counted.saturating_add(1);
            match observation {
                Observation::Row(row) => self.row(row),
                Observation::Load(load) => self.load(load),
                _ => {}
            }
        }
    }

    fn row(&mut self, row: &Row) {
        for total in &row.totals {
            add(&mut self.totals, total.outcomes);
        }
        for (config, hash) in &row.active {
            let _ = self.version(config, hash);
        }
        for view in &row.views {
            if let Some(version) = self.version(&view.config, &view.hash) {
                add(&mut version.outcomes, view.outcomes);
            }
        }
        for panics in &row.panics {
            match &panics.version {
                None => self.panics = self.panics.saturating_add(panics.count),
                Some((config, hash)) => {
                    if let Some(version) = self.version(config, hash) {
                        version.panics = version.panics.saturating_add(panics.count);
                    }
                }
            }
        }
        for scores in &row.scores {
            let Some((config, hash)) = &scores.version else { continue };
            if let Some(version) = self.version(config, hash) {
                version.scores.entry(scores.score.to_string()).or_default().add(scores);
            }
        }
        for load in &row.loads {
            if let Some(version) = self.version(&load.config, &load.hash) {
                version.loaded(load.result, load.reason.as_deref(), load.count);
            }
        }
        self.dropped = self.dropped.saturating_add(row.dropped);
    }

    fn load(&mut self, load: &Load) {
        let Some(result) = load.result else { return };
        if let Some(version) = self.version(&load.config, &load.hash) {
            version.loaded(result, load.reason.as_deref(), 1);
        }
    }

    /// The counts of a version; none beyond the greatest number of configs.
    fn version(&mut self, config: &str, hash: &Hash) -> Option<&mut VersionCounts> {
        let counted = self.counted;
        // Looked up first: a name is copied only when it is new.
        if !self.configs.contains_key(config) {
            if self.configs.len() >= CONFIGS_MAX {
                return None;
            }
            self.configs.insert(config.to_owned(), ConfigCounts::default());
        }
        let counts = self.configs.get_mut(config)?;
        if !counts.versions.contains_key(hash) && counts.versions.len() >= METRIC_HASHES_MAX {
            counts.fold_oldest();
            self.evicted = self.evicted.saturating_add(1);
        }
        let version = counts.versions.entry(*hash).or_insert_with(VersionCounts::zeros);
        version.heard = counted;
        Some(version)
    }

    /// Prometheus text: counts, and the gauges that the snapshot holds.
    pub(crate) fn render(&mut self, snapshot: &Snapshot) -> String {
        let mut text = Text::default();
        let served = self.served();
        served.render_requests(&mut text);
        served.render_panics(&mut text);
        served.render_loads(&mut text);
        scores::render(served.labelled(), &mut text);
        text.family(&names::METRIC_HASHES_EVICTED).sample(&[], self.evicted);
        render_versions(snapshot, &mut text);
        incidents::render(snapshot, self.shadow, &mut text);
        incidents::render_confidence(snapshot, &mut text);
        text.0
    }

    /// The counts, with 0 for each label set that was not served before; these are from now on.
    fn served(&mut self) -> Self {
        let is_first = !std::mem::replace(&mut self.shown, true);
        for version in self.versions_mut() {
            version.served = Some(Box::new(version.to_serve()));
        }
        let mut served = self.clone();
        if is_first {
            (served.totals, served.panics) = (Outcomes::default(), 0);
        }
        for version in served.versions_mut() {
            if let Some(now) = version.served.take() {
                *version = *now;
            }
        }
        served
    }

    fn versions_mut(&mut self) -> impl Iterator<Item = &mut VersionCounts> {
        self.configs.values_mut().flat_map(|config| config.versions.values_mut().chain(config.other.as_mut()))
    }

    fn render_requests(&self, text: &mut Text) {
        let mut family = text.family(&names::FLEET_REQUESTS);
        let all = std::iter::once((String::new(), String::new(), self.totals))
            .chain(self.labelled().map(|(config, hash, counts)| (config, hash, counts.outcomes)));
        for (config, hash, outcomes) in all {
            let Outcomes { ok, denied, error, panic } = outcomes;
            for (outcome, n) in [("ok", ok), ("denied", denied), ("error", error), ("panic", panic)] {
                family.sample(&[&config, &hash, outcome], n);
            }
        }
    }

    fn render_panics(&self, text: &mut Text) {
        let mut family = text.family(&names::FLEET_PANICS);
        family.sample(&["", ""], self.panics);
        for (config, hash, counts) in self.labelled() {
            family.sample(&[&config, &hash], counts.panics);
        }
    }

    fn render_loads(&self, text: &mut Text) {
        let mut family = text.family(&names::FLEET_CONFIG_LOADS);
        for (config, hash, counts) in self.labelled() {
            for ((result, reason), n) in &counts.loads {
                family.sample(&[&config, &hash, result.as_str(), reason], *n);
            }
        }
    }

    /// Every label set: config, short hash or `other`, counts.
    fn labelled(&self) -> impl Iterator<Item = (String, String, &VersionCounts)> {
        self.configs.iter().flat_map(|(config, counts)| {
            let versions = counts.versions.iter().map(|(hash, version)| (config.clone(), hash.short(), version));
            versions.chain(counts.other.iter().map(|other| (config.clone(), "other".to_owned(), other)))
        })
    }
}

impl ConfigCounts {
    fn fold_oldest(&mut self) {
        let oldest = self.versions.iter().min_by_key(|(_, version)| version.heard).map(|(hash, _)| *hash);
        let Some(version) = oldest.and_then(|hash| self.versions.remove(&hash)) else { return };
        self.other.get_or_insert_with(VersionCounts::zeros).fold(version.not_served());
    }
}

impl VersionCounts {
    /// Nothing counted, every known label set at 0.
    fn zeros() -> Self {
        let results = LoadResult::ALL.into_iter().flat_map(|result| {
            let reasons: &[&str] = if result.is_refusal() { &REASONS_SERVED } else { &[""] };
            reasons.iter().map(move |reason| ((result, (*reason).to_owned()), 0))
        });
        Self { loads: results.collect(), ..Self::default() }
    }

    /// Values for the next scrape. A count that no scrape has read is served as 0 once.
    fn to_serve(&self) -> Self {
        let mut now = Self { served: None, ..self.clone() };
        if self.served.is_none() {
            (now.outcomes, now.panics) = (Outcomes::default(), 0);
            now.loads.values_mut().for_each(|n| *n = 0);
        }
        let before = self.served.as_ref();
        for (score, counts) in &mut now.scores {
            if before.is_none_or(|before| !before.scores.contains_key(score)) {
                *counts = ScoreCounts::default();
            }
        }
        now
    }

    /// Counts that no scrape has read.
    fn not_served(mut self) -> Self {
        let Some(served) = self.served.take() else { return self };
        let Outcomes { ok, denied, error, panic } = &mut self.outcomes;
        *ok = ok.saturating_sub(served.outcomes.ok);
        *denied = denied.saturating_sub(served.outcomes.denied);
        *error = error.saturating_sub(served.outcomes.error);
        *panic = panic.saturating_sub(served.outcomes.panic);
        self.panics = self.panics.saturating_sub(served.panics);
        for (key, n) in &mut self.loads {
            *n = n.saturating_sub(served.loads.get(key).copied().unwrap_or(0));
        }
        for (score, counts) in &mut self.scores {
            served.scores.get(score).into_iter().for_each(|served| counts.subtract(served));
        }
        self
    }

    fn loaded(&mut self, result: LoadResult, reason: Option<&str>, n: u64) {
        let reason = match reason {
            _ if !result.is_refusal() => String::new(),
            Some(word) if REASONS.contains(&word) => word.to_owned(),
            _ => "other".to_owned(),
        };
        let count = self.loads.entry((result, reason)).or_default();
        *count = count.saturating_add(n);
    }

    fn fold(&mut self, other: Self) {
        add(&mut self.outcomes, other.outcomes);
        self.panics = self.panics.saturating_add(other.panics);
        for (key, n) in other.loads {
            let count = self.loads.entry(key).or_default();
            *count = count.saturating_add(n);
        }
        for (score, counts) in other.scores {
            self.scores.entry(score).or_default().fold(&counts);
        }
    }
}

const fn add(to: &mut Outcomes, more: Outcomes) {
    to.ok = to.ok.saturating_add(more.ok);
    to.denied = to.denied.saturating_add(more.denied);
    to.error = to.error.saturating_add(more.error);
    to.panic = to.panic.saturating_add(more.panic);
}

/// Gauges of the versions in the snapshot: newest first, at most eight per config.
#[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
fn render_versions(snapshot: &Snapshot, text: &mut Text) {
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    let versions: Vec<_> = snapshot
        .versions
        .iter()
        .filter(|version| {
            let n = shown.entry(&version.config).or_default();
            *n += 1;
            *n <= METRIC_HASHES_MAX
        })
        .map(|version| (version, version.hash.short()))
        .collect();
    let mut family = text.family(&names::FLEET_CONFIG_HOSTS);
    for (version, hash) in &versions {
        family.sample(&[&version.config, hash], version.hosts_active);
    }
    let mut family = text.family(&names::FLEET_CONFIG_FIRST_LOAD_TIMESTAMP);
    for (version, hash) in &versions {
        family.sample(&[&version.config, hash], version.first_seen.0 as f64 / 1e9);
    }
    for (metric, fact) in [(&names::FLEET_CONFIG_ROWS, "rows"), (&names::FLEET_CONFIG_DUPLICATE_ROWS, "duplicate_rows")]
    {
        let mut family = text.family(metric);
        for (version, hash) in &versions {
            if let Some(value) = version.facts.get(fact) {
                family.sample(&[&version.config, hash], value);
            }
        }
    }
    let mut usage: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for version in snapshot.versions.iter().filter(|version| version.hosts_active > 0) {
        for (limit, bound) in &version.limits {
            let Some(value) = version.facts.get(limit).filter(|_| *bound > 0) else { continue };
            let ratio = *value as f64 / *bound as f64;
            let greatest = usage.entry((&version.config, limit)).or_insert(ratio);
            *greatest = greatest.max(ratio);
        }
    }
    let mut family = text.family(&names::FLEET_CONFIG_LIMIT_USAGE);
    for ((config, limit), ratio) in usage {
        family.sample(&[config, limit], ratio);
    }
}

/// Hosts and incidents of the snapshot, into the collector's own gauges; every state is there, at 0 if need be.
#[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
pub(crate) fn set_gauges(health: &Health, snapshot: &Snapshot) {
    health.gauge(&names::COLLECTOR_HOSTS, &["reporting"]).set(snapshot.fleet.hosts_reporting as f64);
    health.gauge(&names::COLLECTOR_HOSTS, &["silent"]).set(snapshot.fleet.hosts_silent as f64);
    for (state, word) in [(State::Open, "open"), (State::Recovering, "recovering"), (State::Resolved, "resolved")] {
        for verdict in [Verdict::Cause, Verdict::Suspect, Verdict::External, Verdict::InsufficientEvidence] {
            let incidents = &snapshot.diagnosis.incidents;
            let n = incidents.iter().filter(|i| i.state == state && i.verdict == verdict).count();
            health.gauge(&names::COLLECTOR_INCIDENTS, &[word, verdict.as_str()]).set(n as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_diagnosis::observation::{PanicCount, Source, View};
    use firstbad_protocol::time::{Span, Timestamp};
    use std::sync::Arc;

    fn empty() -> Snapshot {
        firstbad_diagnosis::Engine::new(firstbad_diagnosis::Settings::default()).snapshot()
    }

    /// A report of `panics` panics under the version of `content`.
    fn row(content: &[u8], panics: u64) -> Observation {
        let span = Span { start: Timestamp(0), end: Timestamp(1) };
        let (config, hash) = (Arc::from("routes"), Hash::of(content));
        let outcomes = Outcomes { panic: panics, ..Outcomes::default() };
        Observation::Row(Row {
            views: vec![View { config: Arc::clone(&config), hash, dimensions: Arc::default(), outcomes }],
            panics: vec![PanicCount { version: Some((config, hash)), site: None, count: panics }],
            ..Row::new(Source::Aggregate, Arc::default(), span)
        })
    }

    fn panics(text: &str, hash: &str) -> Option<u64> {
        let begins = format!("firstbad_fleet_panics_total{{config=\"routes\",config_hash=\"{hash}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&begins)?.parse().ok())
    }

    #[test]
    fn a_new_version_is_served_as_0_once_and_then_with_all_its_counts() {
        let (mut counts, snapshot, hash) = (FleetCounts::new(false), empty(), Hash::of(b"a").short());
        counts.count(&[row(b"a", 7)]);
        assert_eq!(panics(&counts.render(&snapshot), &hash), Some(0));
        assert_eq!(panics(&counts.render(&snapshot), &hash), Some(7));
        counts.count(&[row(b"a", 5), row(b"b", 3)]);
        let text = counts.render(&snapshot);
        assert_eq!((panics(&text, &hash), panics(&text, &Hash::of(b"b").short())), (Some(12), Some(0)));
    }

    #[test]
    fn what_is_folded_into_other_is_counted_there_only_if_no_scrape_was_told_of_it() {
        let (mut counts, snapshot) = (FleetCounts::new(false), empty());
        let content = |version: usize| [u8::try_from(version).unwrap()];
        for version in 0..METRIC_HASHES_MAX {
            counts.count(&[row(&content(version), 9)]);
        }
        counts.render(&snapshot);
        assert_eq!(panics(&counts.render(&snapshot), &Hash::of(&content(0)).short()), Some(9));
        counts.count(&[row(&content(METRIC_HASHES_MAX), 1)]);
        counts.render(&snapshot);
        assert_eq!(
            panics(&counts.render(&snapshot), "other"),
            Some(0),
            "all of the first one was served under its own label"
        );
        // Heard of, not served, and folded: the first one of those left, since the second one is the oldest now.
        counts.count(&[row(&content(1), 5)]);
        for version in METRIC_HASHES_MAX + 1..2 * METRIC_HASHES_MAX + 1 {
            counts.count(&[row(&content(version), 2)]);
        }
        let text = counts.render(&snapshot);
        assert_eq!(panics(&text, &Hash::of(&content(1)).short()), None, "it was folded");
        assert_eq!(panics(&text, "other"), Some(5), "and nothing else of what was folded was new");
    }

    /// A day of a fleet whose input changes every 5 minutes. No label is per host, so the size of the fleet does not matter.
    /// `docs/deploy.md` ("Capacity") has these numbers.
    #[test]
    fn series_at_once_and_in_a_day_of_new_versions_are_within_what_the_docs_say() {
        let (mut counts, snapshot) = (FleetCounts::new(false), empty());
        let (mut most, mut all) = (0, std::collections::BTreeSet::new());
        for version in 0..288_u16 {
            counts.count(&[row(&version.to_be_bytes(), 3)]);
            counts.render(&snapshot);
            let text = counts.render(&snapshot);
            let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next());
            let series: Vec<String> = series.filter(|series| series.contains("config=")).map(str::to_owned).collect();
            most = most.max(series.len());
            all.extend(series);
        }
        println!("{most} series at once, {} in a day", all.len());
        assert_eq!((most, all.len()), (9 * OF_A_VERSION, 289 * OF_A_VERSION));
    }

    /// Requests by 4 outcomes, panics, and loads by result and reason. Each score adds 20: 14 buckets, sum, count and 4 reasons.
    const OF_A_VERSION: usize = 4 + 1 + 12;
}
