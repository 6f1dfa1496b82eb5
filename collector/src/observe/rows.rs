//! Gathers what one resource's points say into one row per span. Gauges, which have a moment and no span, join the row that
//! ends then. It adds up; it decides nothing about meaning.

use super::counts::Outcome;
use super::identity::Who;
use firstbad_diagnosis::observation::{
    Dimensions, Facts, Histogram, LoadCount, Name, Observation, PanicCount, Row, Scores, Total, View,
};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{Span, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A version of a config.
pub(super) type Version = (Name, Hash);

/// Rows of one resource in one request.
#[derive(Debug)]
pub(super) struct Rows {
    who: Who,
    rows: BTreeMap<Span, Row>,
    gauges: Vec<(i64, Gauge)>,
    /// End of the last report before this request.
    last_end: i64,
}

/// A value at a moment.
#[derive(Clone, Debug)]
pub(super) enum Gauge {
    Active(Version),
    Fact(Version, &'static str, i64),
    /// A declared limit of a config, whatever version is active.
    Limit(Name, Name, i64),
    InFlight(f64),
    Cpu(f64),
    Memory(f64),
    /// Nothing but the fact that the resource reported.
    Reported,
    Restarted,
}

impl Rows {
    pub(super) fn new(who: Who, last_end: i64) -> Self {
        Self { who, rows: BTreeMap::new(), gauges: Vec::new(), last_end }
    }

    pub(super) fn row(&mut self, span: Span) -> &mut Row {
        let who = &self.who;
        self.rows.entry(span).or_insert_with(|| empty(who, span))
    }

    pub(super) fn gauge(&mut self, time: i64, gauge: Gauge) {
        self.gauges.push((time, gauge));
    }

    pub(super) fn requests(&mut self, span: Span, (outcome, dimensions): (Outcome, &Dimensions), count: u64) {
        let row = self.row(span);
        let at = row.totals.iter().position(|total| Arc::ptr_eq(&total.dimensions, dimensions));
        let total = match at.and_then(|index| row.totals.get_mut(index)) {
            Some(total) => total,
            None => {
                row.totals.push(Total { dimensions: Arc::clone(dimensions), outcomes: Default::default() });
                let Some(total) = row.totals.last_mut() else { return };
                total
            }
        };
        outcome.add(&mut total.outcomes, count);
    }

    /// Requests that used one version: outcome, dimensions and how many.
    pub(super) fn view(
        &mut self,
        span: Span,
        version: &Version,
        (outcome, dimensions, count): (Outcome, &Dimensions, u64),
    ) {
        let row = self.row(span);
        let same = |view: &View| {
            view.hash == version.1 && view.config == version.0 && Arc::ptr_eq(&view.dimensions, dimensions)
        };
        let at = row.views.iter().position(same);
        let view = match at.and_then(|index| row.views.get_mut(index)) {
            Some(view) => view,
            None => {
                let (config, hash) = version.clone();
                row.views.push(View { config, hash, dimensions: Arc::clone(dimensions), outcomes: Default::default() });
                let Some(view) = row.views.last_mut() else { return };
                view
            }
        };
        outcome.add(&mut view.outcomes, count);
    }

    pub(super) fn panics(&mut self, span: Span, panic: PanicCount) {
        if panic.count > 0 {
            self.row(span).panics.push(panic);
        }
    }

    pub(super) fn loads(&mut self, span: Span, load: LoadCount) {
        if load.count > 0 {
            self.row(span).loads.push(load);
        }
    }

    /// The scores of one version and name in one span, to be added to.
    pub(super) fn scores(&mut self, span: Span, version: Option<&Version>, score: &Name) -> Option<&mut Scores> {
        let row = self.row(span);
        let same = |scores: &Scores| scores.version.as_ref() == version && scores.score == *score;
        let index = row.scores.iter().position(same).unwrap_or(row.scores.len());
        if index == row.scores.len() {
            row.scores.push(Scores {
                version: version.cloned(),
                score: Arc::clone(score),
                histogram: Histogram::default(),
                sentinel: 0,
                nan: 0,
                below: 0,
                above: 0,
            });
        }
        row.scores.get_mut(index)
    }

    pub(super) fn latency(&mut self, span: Span, histogram: &Histogram) {
        let row = self.row(span);
        match &mut row.latency {
            // Attribute sets of one metric share their bounds; one that does not is left out rather than bent.
            Some(sum) => drop(super::histogram::add(sum, histogram)),
            None => row.latency = Some(histogram.clone()),
        }
    }

    /// The rows, by time.
    pub(super) fn finish(mut self) -> impl Iterator<Item = Observation> {
        for (time, gauge) in std::mem::take(&mut self.gauges) {
            let end = Timestamp(time);
            let ending = self.rows.range(..).rev().map(|(span, _)| *span).find(|span| span.end == end);
            let start = if self.last_end > 0 && self.last_end < time { Timestamp(self.last_end) } else { end };
            apply(self.row(ending.unwrap_or(Span { start, end })), gauge);
        }
        self.rows.into_values().map(Observation::Row)
    }
}

fn apply(row: &mut Row, gauge: Gauge) {
    match gauge {
        Gauge::Active(version) => {
            if !row.active.contains(&version) {
                row.active.push(version);
            }
        }
        Gauge::Fact(version, name, value) => {
            facts_of(row, &version).numbers.insert(name.into(), value);
        }
        Gauge::Limit(config, name, value) => {
            let versions: Vec<Version> = row.active.iter().filter(|(active, _)| *active == config).cloned().collect();
            for version in versions {
                facts_of(row, &version).limits.insert(Arc::clone(&name), value);
            }
        }
        Gauge::InFlight(value) => *row.in_flight.get_or_insert(0.0) += value,
        Gauge::Cpu(value) => *row.cpu.get_or_insert(0.0) += value,
        Gauge::Memory(value) => *row.memory.get_or_insert(0.0) += value,
        Gauge::Reported => {}
        Gauge::Restarted => row.restarted = true,
    }
}

fn facts_of<'a>(row: &'a mut Row, version: &Version) -> &'a mut Facts {
    let known = row.facts.iter().position(|(config, hash, _)| *hash == version.1 && *config == version.0);
    let index = known.unwrap_or_else(|| {
        row.facts.push((Arc::clone(&version.0), version.1, Facts::default()));
        row.facts.len() - 1
    });
    // The index is that of an element that exists.
    #[expect(clippy::indexing_slicing, reason = "found or pushed just above")]
    &mut row.facts[index].2
}

fn empty(who: &Who, span: Span) -> Row {
    Row {
        source: who.source.clone(),
        dimensions: Arc::clone(&who.dimensions),
        span,
        totals: Vec::new(),
        views: Vec::new(),
        panics: Vec::new(),
        scores: Vec::new(),
        active: Vec::new(),
        loads: Vec::new(),
        latency: None,
        in_flight: None,
        cpu: None,
        memory: None,
        facts: Vec::new(),
        dropped: 0,
        restarted: false,
    }
}
