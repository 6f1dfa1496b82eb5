//! Rows under construction: the points of one resource in one request, by source and span. A span is kept as sent; only
//! the jitter of instruments that are read one after another is taken for the same report.

use super::histogram;
use super::keys::Key;
use super::labels::{Labels, Outcome};
use super::number::PointSpan;
use super::senders::{SAME_REPORT_NS, Sender};
use super::table::AsIs;
use firstbad_diagnosis::observation::{
    Dimensions, Facts, Histogram, LoadCount, Name, NamedBy, Outcomes, PanicCount, Row, Scores, Source, Total, View,
};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{Span, Timestamp};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;

/// Whose row it is.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) instance: Key,
    pub(super) source: Source,
    pub(super) named_by: NamedBy,
    pub(super) dimensions: Dimensions,
}

impl Target {
    /// The source that a resource is.
    pub(super) fn of(sender: &Sender) -> Self {
        let dimensions = Dimensions::clone(&sender.dimensions);
        Self { instance: sender.instance, source: sender.source.clone(), named_by: sender.named_by, dimensions }
    }
}

/// Rows of one resource.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Building>,
    last: usize,
}

/// One row under construction.
#[derive(Debug)]
pub(super) struct Building {
    pub(super) instance: Key,
    pub(super) row: Row,
    /// Place of each cell of totals, views and scores.
    places: HashMap<Key, usize, BuildHasherDefault<AsIs>>,
    /// Declared limits, and usage of limits, by config: which version they belong to is known at the end.
    pub(super) limits: Vec<(Name, Option<Hash>, Name, i64)>,
    pub(super) usages: Vec<(Name, Option<Hash>, Name, f64)>,
}

impl Rows {
    /// The row that covers `span`, or nearly.
    pub(super) fn covering(&mut self, target: &Target, span: PointSpan) -> &mut Building {
        let is_it = |row: &Building| {
            row.instance == target.instance
                && alike(span, row.row.span.start.0, span.start)
                && alike(span, row.row.span.end.0, span.end)
        };
        self.find_or_add(is_it, target, span)
    }

    /// The span of the row that ends at `time`, or nearly.
    pub(super) fn ending(&self, instance: Key, time: i64) -> Option<PointSpan> {
        let is_it = |row: &Building| {
            let span = span_of(&row.row);
            row.instance == instance && alike(span, span.end, time)
        };
        self.find(is_it).and_then(|index| self.rows.get(index)).map(|row| span_of(&row.row))
    }

    /// The latest end of a row before `time`.
    pub(super) fn end_before(&self, instance: Key, time: i64) -> Option<i64> {
        let ends = self.rows.iter().filter(|row| row.instance == instance).map(|row| row.row.span.end.0);
        ends.filter(|end| end.saturating_add(SAME_REPORT_NS) < time).max()
    }

    /// Points come by time or all for one time, so it is mostly the row that was last used, or the one after it.
    fn find(&self, is_it: impl Fn(&Building) -> bool) -> Option<usize> {
        let near = [self.last, self.last + 1].into_iter().find(|index| self.rows.get(*index).is_some_and(&is_it));
        near.or_else(|| self.rows.iter().rposition(&is_it))
    }

    fn find_or_add(&mut self, is_it: impl Fn(&Building) -> bool, target: &Target, span: PointSpan) -> &mut Building {
        self.last = self.find(is_it).unwrap_or(self.rows.len());
        if self.last == self.rows.len() {
            self.rows.push(Building::new(target, span));
        }
        #[expect(clippy::indexing_slicing, reason = "just searched for, or pushed")]
        &mut self.rows[self.last]
    }
}

/// The times that a row covers.
pub(super) fn span_of(row: &Row) -> PointSpan {
    PointSpan { start: row.span.start.0, end: row.span.end.0 }
}

/// Whether two ends of spans as long as `span` belong to one report.
pub(super) fn alike(span: PointSpan, a: i64, b: i64) -> bool {
    a.abs_diff(b) <= (span.end.saturating_sub(span.start) / 8).clamp(0, SAME_REPORT_NS).unsigned_abs()
}

impl Building {
    fn new(target: &Target, span: PointSpan) -> Self {
        let span = Span { start: Timestamp(span.start), end: Timestamp(span.end) };
        let empty = Row::new(target.source.clone(), Dimensions::clone(&target.dimensions), span);
        let row = Row { named_by: target.named_by, ..empty };
        Self { instance: target.instance, row, places: HashMap::default(), limits: Vec::new(), usages: Vec::new() }
    }

    /// Requests: of the version that the labels name, else of the total. A version that served nothing in this span is
    /// no view: a cumulative sender repeats every version that it ever had.
    pub(super) fn requests(&mut self, labels: &Labels, outcome: Outcome, count: u64) {
        let outcomes = if let Some((config, hash)) = &labels.version {
            if count == 0 {
                return;
            }
            let view = |outcomes| View {
                config: Name::clone(config),
                hash: *hash,
                dimensions: Dimensions::clone(&labels.dimensions),
                outcomes,
            };
            let views = &mut self.row.views;
            let place = *self.places.entry(labels.cell).or_insert_with(|| {
                views.push(view(Outcomes::default()));
                views.len() - 1
            });
            views.get_mut(place).map(|view| &mut view.outcomes)
        } else {
            let totals = &mut self.row.totals;
            let place = *self.places.entry(labels.cell).or_insert_with(|| {
                totals.push(Total { dimensions: labels.dimensions.clone(), outcomes: Outcomes::default() });
                totals.len() - 1
            });
            totals.get_mut(place).map(|total| &mut total.outcomes)
        };
        let Some(outcomes) = outcomes else { return };
        let sum = match outcome {
            Outcome::Ok => &mut outcomes.ok,
            Outcome::Denied => &mut outcomes.denied,
            Outcome::Error => &mut outcomes.error,
            Outcome::Panic => &mut outcomes.panic,
        };
        *sum = sum.saturating_add(count);
    }

    pub(super) fn panics(&mut self, labels: &Labels, count: u64) {
        let known = |panics: &&mut PanicCount| panics.version == labels.version && panics.site == labels.site;
        if count == 0 {
        } else if let Some(panics) = self.row.panics.iter_mut().find(known) {
            panics.count = panics.count.saturating_add(count);
        } else {
            self.row.panics.push(PanicCount { version: labels.version.clone(), site: labels.site.clone(), count });
        }
    }

    pub(super) fn scores(&mut self, labels: &Labels, histogram: &Histogram) {
        if histogram::total(histogram) == 0 {
            return;
        }
        if let Some(scores) = self.scores_of(labels) {
            if scores.histogram.counts.is_empty() {
                scores.histogram = histogram.clone();
            } else {
                histogram::add(&mut scores.histogram, histogram);
            }
        }
    }

    pub(super) fn defaulted(&mut self, labels: &Labels, pick: fn(&mut Scores) -> &mut u64, count: u64) {
        if count == 0 {
            return;
        }
        if let Some(scores) = self.scores_of(labels) {
            let sum = pick(scores);
            *sum = sum.saturating_add(count);
        }
    }

    fn scores_of(&mut self, labels: &Labels) -> Option<&mut Scores> {
        let score = labels.score.clone().unwrap_or_else(|| "score".into());
        let all = &mut self.row.scores;
        let place = match self.places.entry(labels.score_cell) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                let (histogram, version) = (Histogram::default(), labels.version.clone());
                all.push(Scores { version, score, histogram, sentinel: 0, nan: 0, below: 0, above: 0 });
                *place.insert(all.len() - 1)
            }
        };
        all.get_mut(place)
    }

    pub(super) fn loads(&mut self, loads: LoadCount) {
        if loads.count > 0 {
            self.row.loads.push(loads);
        }
    }

    pub(super) fn latency(&mut self, histogram: Histogram) {
        match &mut self.row.latency {
            _ if histogram::total(&histogram) == 0 => {}
            None => self.row.latency = Some(histogram),
            Some(sum) => histogram::add(sum, &histogram),
        }
    }

    /// The facts of a version, to be added to.
    pub(super) fn facts(&mut self, config: &Name, hash: Hash) -> &mut Facts {
        let all = &mut self.row.facts;
        let known = all.iter().position(|(name, other, _)| name == config && *other == hash);
        let place = known.unwrap_or_else(|| {
            all.push((Name::clone(config), hash, Facts::default()));
            all.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "just found or pushed")]
        &mut all[place].2
    }
}
