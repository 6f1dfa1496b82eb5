//! Which of two loads starts the clock of a delayed failure. If all hosts take both loads in one order with one pause between
//! them, the two clocks agree. If the pause differs from host to host, or a host has only one of the loads, the failure rate
//! depends on the age of the guilty load, and is blurred as a function of the age of the other. `verdict::ties` uses the
//! result.

use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::patient::Patient;
use crate::scene::spans::Spans;

/// Number of cells of age. The last one holds all greater ages.
const CELLS: usize = 48;
/// Minimum width of a cell, ns. Delayed effects are not more exact.
const WIDTH_MIN: Span = Span(5_000_000_000);
/// A cell is at least a report interval divided by this number wide: failures are known by report.
const WIDTH_PART: i64 = 2;
/// Log likelihood subtracted for each cell, because it has a rate of its own (Akaike).
const PRICE: f64 = 1.0;
/// Variance of the hosts' counts divided by that of independent counts.
const DISPERSION: f64 = 1.3;

/// Time at risk, and beginnings, at one age.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    at_risk_s: f64,
    begun: f64,
}

impl Cell {
    /// Log likelihood of the beginnings at the rate that fits best.
    fn ln(self) -> f64 {
        let said =
            if self.begun > 0.0 { self.begun * (libm::log(self.begun / self.at_risk_s.max(1.0)) - 1.0) } else { 0.0 };
        if self.at_risk_s > 0.0 { said - PRICE } else { said }
    }
}

/// Cells by age, and before all of them those without the load.
struct Clock {
    width: Span,
    without: Cell,
    cells: [Cell; CELLS],
}

/// How much better the failing follows the age of `one` than that of `two`, as a log likelihood ratio.
pub(crate) fn follows(scene: &Scene<'_>, one: &Spans, two: &Spans) -> f64 {
    let (one, two) = (Clock::of(scene, one), Clock::of(scene, two));
    (one.ln() - two.ln()) / DISPERSION
}

impl Clock {
    fn of(scene: &Scene<'_>, exposed: &Spans) -> Self {
        let width = WIDTH_MIN.max(scene.interval / WIDTH_PART);
        let mut clock = Self { width, without: Cell::default(), cells: [Cell::default(); CELLS] };
        for (index, patient) in scene.patients.iter().enumerate() {
            if let Some(spans) = exposed.of(index) {
                clock.lives(scene, patient, spans);
            }
        }
        clock
    }

    /// Counts the lives of one patient: the time until its first failure, and the times between two deaths, since a process
    /// that starts again loads its versions again.
    fn lives(&mut self, scene: &Scene<'_>, patient: &Patient<'_>, spans: &[Window]) {
        let mut from = patient.first.max(scene.onset - scene.interval);
        let mut born = Instant::LONG_AGO;
        for bout in &patient.bouts {
            if bout.start >= from {
                self.life(Window { start: from, end: bout.start }, born, spans);
                self.cell(bout.start, born, spans).begun += 1.0;
            }
            if bout.deaths <= 0.0 && !bout.silent || bout.open {
                return;
            }
            (from, born) = (from.max(bout.end), bout.end);
        }
        self.life(Window { start: from, end: patient.seen }, born, spans);
    }

    /// Counts the time at risk of one life, cell by cell.
    fn life(&mut self, life: Window, born: Instant, spans: &[Window]) {
        let mut at = life.start;
        while at < life.end {
            let until = self.ends(at, born, spans).min(life.end);
            self.cell(at, born, spans).at_risk_s += (until - at).seconds();
            at = until;
        }
    }

    /// When a host that is at one age at a time gets to another.
    fn ends(&self, at: Instant, born: Instant, spans: &[Window]) -> Instant {
        match spans.iter().find(|span| span.contains(at)) {
            Some(span) => {
                let since = span.start.max(born).min(at);
                (since + ((at - since) / self.width + 1) * self.width).min(span.end)
            }
            None => spans.iter().map(|span| span.start).find(|start| *start > at).unwrap_or(Instant::ENDLESS),
        }
    }

    fn cell(&mut self, at: Instant, born: Instant, spans: &[Window]) -> &mut Cell {
        let Some(span) = spans.iter().find(|span| span.contains(at)) else { return &mut self.without };
        let age = at - span.start.max(born).min(at);
        let place = usize::try_from(age / self.width).unwrap_or(CELLS).min(CELLS - 1);
        self.cells.get_mut(place).unwrap_or(&mut self.without)
    }

    fn ln(&self) -> f64 {
        self.cells.iter().map(|cell| cell.ln()).sum::<f64>() + self.without.ln()
    }
}
