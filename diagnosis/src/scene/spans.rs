//! When each unit of a scene was exposed to what a hypothesis accuses: computed once a hypothesis, for the tally, the
//! contrasts and the contests that hold it against the scene.

use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::patient::{Part, Patient};
use crate::state::ids::DimsId;
use crate::state::model::{Family, Move};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Marks a patient outside a hypothesis' scope.
const OUTSIDE: Part = Part { from: u32::MAX, to: u32::MAX };
/// Marks a patient of which it is forgotten what it had since the onset: it neither accuses nor exonerates.
const UNKNOWN: Part = Part { from: u32::MAX, to: u32::MAX - 1 };

/// Spans of exposure by patient, in the scene's order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    all: Arc<Vec<Window>>,
    of: Vec<Part>,
}

impl Spans {
    /// Spans on one of `levels`; every patient is inside. What was over long before the failing is left out.
    pub(crate) fn on_levels(scene: &Scene<'_>, family: Family<'_>) -> Self {
        let mut spans = Self::of_each(scene, |patient, spans| {
            on_levels(patient, scene.moves(patient), Accused { family, report: scene.interval }, spans)
        });
        for (of, patient) in spans.of.iter_mut().zip(&scene.patients).filter(|(_, patient)| patient.torn) {
            let first = scene.moves(patient).iter().find(|entry| entry.factor == family.factor);
            // Alike for those that fail and those that do not, or what is remembered would tell them apart by itself.
            if first.is_some_and(|first| first.torn && first.at > scene.onset - scene.interval) {
                *of = UNKNOWN;
            }
        }
        spans
    }

    /// The same with all that is remembered, however long ago.
    pub(crate) fn ever_on_levels(scene: &Scene<'_>, family: Family<'_>) -> Self {
        let accused = Accused { family, report: scene.interval };
        Self::of_each(scene, |patient, spans| on_levels(patient, &patient.unit.moves, accused, spans))
    }

    /// Spans of those patients for which there are any to give; the others are out of scope.
    pub(crate) fn of_some(scene: &Scene<'_>, give: impl Fn(usize, &Patient<'_>) -> Option<Vec<Window>>) -> Self {
        let given: Vec<Option<Vec<Window>>> =
            scene.patients.iter().enumerate().map(|(index, patient)| give(index, patient)).collect();
        let mut next = given.iter();
        let mut spans = Self::of_each(scene, |_, spans| spans.extend(next.next().into_iter().flatten().flatten()));
        for (of, given) in spans.of.iter_mut().zip(&given) {
            if given.is_none() {
                *of = OUTSIDE;
            }
        }
        spans
    }

    /// For each patient one span without end, or none; every patient is inside.
    pub(crate) fn since(scene: &Scene<'_>, since: impl Fn(&Patient<'_>) -> Option<Instant>) -> Self {
        Self::of_each(scene, |patient, spans| {
            spans.extend(since(patient).map(|start| Window { start, end: Instant::ENDLESS }))
        })
    }

    fn of_each(scene: &Scene<'_>, mut add: impl FnMut(&Patient<'_>, &mut Vec<Window>)) -> Self {
        let mut all = Vec::with_capacity(scene.patients.len() + scene.patients.len() / 2);
        let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX - 1);
        let mut one = |patient: &Patient<'_>| {
            let from = all.len();
            add(patient, &mut all);
            Part { from: index(from), to: index(all.len()) }
        };
        let of = scene.patients.iter().map(&mut one).collect();
        Self { all: Arc::new(all), of }
    }

    /// The same for the patients whose dimensions are `inside`; the others are out of scope.
    pub(crate) fn within(&self, scene: &Scene<'_>, inside: impl Fn(DimsId) -> bool) -> Self {
        let mut known: BTreeMap<DimsId, bool> = BTreeMap::new();
        let mut is_inside = |dims: DimsId| *known.entry(dims).or_insert_with(|| inside(dims));
        let inside = scene.patients.iter().map(|patient| is_inside(patient.dims));
        let of = inside.zip(&self.of).map(|(inside, own)| if inside { *own } else { OUTSIDE }).collect();
        Self { all: self.all.clone(), of }
    }

    /// Whether it is forgotten what the patient with an index had.
    pub(crate) fn is_forgotten(&self, patient: usize) -> bool {
        self.of.get(patient) == Some(&UNKNOWN)
    }

    /// Spans of the patient with an index; none if it is out of scope.
    pub(crate) fn of(&self, patient: usize) -> Option<&[Window]> {
        self.of.get(patient).filter(|range| **range != OUTSIDE && **range != UNKNOWN)?.of(&self.all)
    }
}

/// What is accused, and how long a report is.
#[derive(Clone, Copy)]
struct Accused<'a> {
    family: Family<'a>,
    report: Span,
}

/// Spans in which a patient was on one of `levels`; adjacent ones are joined. None is shorter than a report: of what began
/// and ended within one it cannot be told where in it that was.
fn on_levels(patient: &Patient<'_>, moves: &[Move], accused: Accused<'_>, spans: &mut Vec<Window>) {
    let Accused { family: Family { factor, levels }, report } = accused;
    let first = spans.len();
    let mut since: Option<Instant> = None;
    for entry in moves.iter().filter(|entry| entry.factor == factor) {
        let inside = levels.contains(&entry.level);
        match (inside, since) {
            (true, None) => {
                let goes_on = spans.len() > first && spans.last().is_some_and(|last| last.end >= entry.at);
                let before = if goes_on { spans.pop() } else { None };
                since = Some(before.map_or(entry.at, |before| before.start));
            }
            (false, Some(from)) => {
                spans.push(Window { start: from, end: entry.at.max(from.saturating_add(report)) });
                since = None;
            }
            _ => {}
        }
    }
    if let Some(from) = since {
        spans.push(Window { start: from, end: Instant::ENDLESS });
    }
    // A refused load, or a death while loading, is exposure of its own: the version was never active.
    let mut own = false;
    for bout in &patient.bouts {
        let known = spans.get(first..).unwrap_or_default();
        if bout.level.is_some_and(|level| levels.contains(&level))
            && !known.iter().any(|span| span.start <= bout.start && bout.start <= span.end)
        {
            spans.push(Window { start: bout.start, end: bout.end.max(bout.start + Span::NS) });
            own = true;
        }
    }
    if own && let Some(known) = spans.get_mut(first..) {
        known.sort_unstable();
    }
}
